"""Where a command works: project folder, database, clock; and how it opens them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.bootstrap import App, Settings

PROFILE = "NURTURE_PROFILE"
HOME = "NURTURE_HOME"
DATABASE = "NURTURE_DATABASE"
MARK = "nurture.yaml"
"""The file by which a folder is known to be a project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the common options say."""

    folder: Path | None = None
    database: str | None = None
    now: str | None = None
    json: bool = False

    @property
    def home(self) -> Path:
        """The project's folder."""
        return (self.folder or Path(os.environ.get(HOME, "."))).resolve()

    def settings(self) -> Settings:
        """Return the settings, or say what is missing before anything is made in a wrong folder."""
        from nurture.bootstrap import SECRET_VARIABLE, settings

        known = self.database or os.environ.get(DATABASE)
        if not (self.home / MARK).is_file() and not (known and os.environ.get(SECRET_VARIABLE)):
            raise MisuseError(
                f"{self.home}: there is no {MARK} here; make a project with `nurture init FOLDER`, "
                f"or name its folder with --folder or {HOME}"
            )
        moment = self.moment()
        clock = None if moment is None else (lambda: moment)
        return settings(self.home, self.database, clock=clock)

    def moment(self) -> datetime | None:
        """Return the time that `--now` sets, None without it. Only a test may set a clock."""
        if self.now is None:
            return None
        if os.environ.get(PROFILE) != "test":
            raise MisuseError(
                f"--now sets a test clock, which is refused outside a test: set {PROFILE}=test "
                "if this really is one, else leave --now out"
            )
        try:
            moment = datetime.fromisoformat(self.now)
        except ValueError:
            raise MisuseError(
                f"--now {self.now}: write a time like 2026-09-01T10:00+02:00"
            ) from None
        if moment.tzinfo is None:
            raise MisuseError(f"--now {self.now}: add a zone, as in 2026-09-01T10:00+02:00")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise MisuseError(f"--now {self.now}: no clock shows that in UTC") from None

    def clock(self) -> datetime:
        """Return the present instant, for commands that open nothing."""
        from nurture.bootstrap import wall_clock

        return self.moment() or wall_clock()


def place_of(context: typer.Context) -> Place:
    """Return what the common options of this command say."""
    place: Place = context.obj
    return place


@contextmanager
def opened(place: Place, *, make: bool = False) -> Iterator[App]:
    """Open the app. With `make`, a database is made or brought up to date where needed."""
    from nurture.bootstrap import check_secret, start
    from nurture.store.migrate import upgrade

    given = place.settings()
    if not make:
        _must_exist(given.database_url)
    with start(given, migrate=False) as app:
        if _may_upgrade(app, make=make):
            upgrade(app.database)
        check_secret(app.database, app.runtime.secrets)
        yield app


def _must_exist(url: str) -> None:
    file = url.removeprefix("sqlite:///")
    if file != url and not Path(file).is_file():
        raise MisuseError(f"{file}: there is no database yet; run `nurture apply` first")


def _may_upgrade(app: App, *, make: bool) -> bool:
    """Say whether the schema has to be brought up to date; refuse what cannot be worked with."""
    from nurture.store.migrate import expected_version, is_known, schema_version

    have, want = schema_version(app.database), expected_version()
    if have == want:
        return False
    if have is not None and not is_known(have):
        raise MisuseError(
            f"{app.database.url}: its schema ({have}) is newer than this version of nurture "
            f"knows ({want}); install the newer version"
        )
    if not make:
        what = "has no tables yet" if have is None else f"has an old schema ({have}, not {want})"
        raise MisuseError(f"{app.database.url}: the database {what}; run `nurture apply`")
    return True


def person_acting(by: str | None) -> str:
    """Return who is at work: as named, else by the name of the account."""
    import getpass

    if by:
        return by
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"
