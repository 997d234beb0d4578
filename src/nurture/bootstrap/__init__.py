"""The composition root: settings, clock and wiring. The only module that reads the wall clock."""

from __future__ import annotations

import hmac
import os
import secrets as random_source
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from nurture.bootstrap.collector import spare_collector
from nurture.core.errors import MisuseError
from nurture.core.project import Project
from nurture.core.token import Keyring, public_id
from nurture.engine.runtime import Runtime, Secrets
from nurture.project.essentials import read_essentials
from nurture.project.load import load_files, load_folder
from nurture.store import installation
from nurture.store.db import Database, open_database
from nurture.store.migrate import upgrade

Clock = Callable[[], datetime]

STATE_FOLDER = ".nurture"
DATABASE = "nurture.db"
DEMO_MARKER = "demo"
SECRET_VARIABLE = "NURTURE_SECRET"
OLD_SECRETS_VARIABLE = "NURTURE_OLD_SECRETS"
SHORTEST_SECRET = 32


def wall_clock() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)


def clock_of(state: Path) -> Clock:
    """Return the wall clock; in a demo's folder one that goes on from the demo's last moment.

    Its virtual days may lie ahead of ours, and what is in its ledger must not be in the future.
    """
    marker = state / DEMO_MARKER
    try:
        ended = datetime.fromisoformat(marker.read_text().splitlines()[-1])
        written = datetime.fromtimestamp(marker.stat().st_mtime, UTC)
    except (OSError, ValueError, IndexError):
        return wall_clock
    ahead = max(ended - written, timedelta())
    return lambda: wall_clock() + ahead


def mark_demo(state: Path, ended: datetime | None = None) -> None:
    """Say in the folder that it is a demo's, and where its time ended."""
    lines = ["This folder is a demo; the next demo overwrites it."]
    if ended is not None:
        lines += ["What is done here later happens after this moment:", ended.isoformat()]
    (state / DEMO_MARKER).write_text("\n".join(lines) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where things are. `env` is what `${NAME}` in project files may refer to."""

    folder: Path
    database_url: str
    secret: str = field(repr=False)
    old_secrets: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: Clock = wall_clock

    @property
    def state(self) -> Path:
        """The folder for what the project's files are not: database, outbox, secret."""
        return self.folder / STATE_FOLDER

    @property
    def outbox(self) -> Path:
        """Where the outbox transport writes mails."""
        return self.state / "outbox"


def settings(
    folder: Path | None = None,
    database_url: str | None = None,
    *,
    env: Mapping[str, str] | None = None,
    clock: Clock | None = None,
) -> Settings:
    """Return settings from arguments, then the environment, then defaults beside the project."""
    env = dict(os.environ) if env is None else dict(env)
    home = (folder or Path(env.get("NURTURE_HOME", "."))).resolve()
    url = database_url or env.get("NURTURE_DATABASE")
    if not url:
        url = f"sqlite:///{home / STATE_FOLDER / DATABASE}"
    old = [part.strip() for part in env.get(OLD_SECRETS_VARIABLE, "").split(",")]
    return Settings(
        folder=home,
        database_url=url,
        secret=env.get(SECRET_VARIABLE, "").strip() or _kept_secret(home / STATE_FOLDER),
        old_secrets=tuple(part for part in old if part),
        env=env,
        clock=clock or clock_of(home / STATE_FOLDER),
    )


def _kept_secret(folder: Path) -> str:
    """Return the secret kept beside the project, made on first use and readable by us alone."""
    path = folder / "secret"
    if not path.exists():
        if (folder / DATABASE).exists():
            raise MisuseError(
                f"{path} is gone, and {folder / DATABASE} was written with it: put it back, or set"
                f" {SECRET_VARIABLE}. With another secret nobody's opt-out would be recognized"
            )
        keep_secret(path, random_source.token_hex(32))
    secret = path.read_text().strip()
    if len(secret) < SHORTEST_SECRET:
        raise MisuseError(f"{path} must hold at least {SHORTEST_SECRET} characters")
    return secret


def keep_secret(path: Path, secret: str) -> None:
    """Write the secret where nobody else can read it, unless somebody was quicker."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write(secret + "\n")


def derive(secret: str, *old: str) -> Secrets:
    """Return the separate keys that come from the secrets, newest first.

    The newest signs links, every one verifies them. Public ids and the suppression hash stay with
    the oldest: with another key, nobody's opt-out or erasure would be recognized any more.
    """
    root = old[-1] if old else secret
    if len(secret) < SHORTEST_SECRET:
        raise MisuseError(f"{SECRET_VARIABLE} must have at least {SHORTEST_SECRET} characters")
    keys = {_key_id(item): _derived(item, "links") for item in (secret, *old)}
    return Secrets(
        links=Keyring(current=_key_id(secret), keys=keys),
        identity=_derived(root, "identity"),
        pepper=_derived(root, "pepper"),
    )


def _derived(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), f"nurture/{purpose}".encode(), "sha256")


def _key_id(secret: str) -> str:
    return _derived(secret, "key id")[:3].hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything wired together."""

    settings: Settings
    runtime: Runtime

    @property
    def database(self) -> Database:
        """The open database."""
        return self.runtime.database

    def now(self) -> datetime:
        """Return the present instant by the app's clock."""
        return self.settings.clock()

    def project_in_force(self) -> Project:
        """Return the project of the release in force."""
        with self.database.read() as connection:
            return self.runtime.in_force(connection).project

    def project_on_disk(self) -> Project:
        """Load the project's files as they are on disk now."""
        return load_folder(self.settings.folder, self.settings.env)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close at the end."""
        self.close()


def start(given: Settings, *, migrate: bool = True) -> App:
    """Open the database (and bring its schema up to date) and wire the engine."""
    if given.database_url.startswith("sqlite:///"):
        Path(given.database_url.removeprefix("sqlite:///")).parent.mkdir(
            parents=True, exist_ok=True
        )
    spare_collector()
    derived = derive(given.secret, *given.old_secrets)
    database = open_database(given.database_url)
    if migrate:
        upgrade(database)
        check_secret(database, derived)
    runtime = Runtime(
        database=database,
        secrets=derived,
        load=lambda files: load_files(files, given.env),
        salvage=lambda files: read_essentials(files, given.env),
    )
    return App(settings=given, runtime=runtime)


def check_secret(database: Database, derived: Secrets) -> None:
    """Keep what the stop list's key is known by; raise MisuseError if it is another one."""
    mark = public_id(derived.pepper, "this is the key of the stop list")
    with database.read() as connection:
        known = installation.value_of(connection, installation.STOP_LIST_KEY)
    if known is None:
        with database.write() as connection:
            known = installation.keep(connection, installation.STOP_LIST_KEY, mark)
    if known != mark:
        raise MisuseError(
            f"this database was written with another secret: set {SECRET_VARIABLE} to that one, or"
            f" name it last in {OLD_SECRETS_VARIABLE}. With a new one alone, nobody's opt-out or"
            " erasure would be recognized"
        )
