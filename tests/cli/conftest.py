"""A project that has lived for a while, and a shell to try the command line on a copy of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nurture.bootstrap.starter import copy_starter
from nurture.cli.run import run
from nurture.core.event import EventKind
from nurture.core.message import Accepted, Outcome, OutgoingMessage, Uncertain
from nurture.store import leads, records
from nurture.store.db import open_database
from nurture.store.migrate import upgrade
from tests.engine.programme import TUESDAY, Programme, row
from tests.receivers import Receiver

ADA, BO, CY, DEE, EVE = (f"{name}@plant.example" for name in ("ada", "bo", "cy", "dee", "eve"))
SECRET = "a secret that is used in tests and nowhere else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs commands in one project folder at one test time."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    now: datetime = TUESDAY

    def __call__(self, *words: str, now: datetime | None = None) -> Did:
        """Run a command in the folder, at the time at which the project stands."""
        at = (now or self.now).isoformat()
        return self.plainly(*words, "--folder", str(self.folder), "--now", at)

    def plainly(self, *words: str) -> Did:
        """Run a command as it is."""
        self.capture.readouterr()
        code = run(words)
        captured = self.capture.readouterr()
        return Did(code=code, out=captured.out, err=captured.err)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this a test, which may set a clock."""
    monkeypatch.setenv("NURTURE_PROFILE", "test")
    monkeypatch.setenv("NURTURE_SECRET", SECRET)
    monkeypatch.setenv("NURTURE_DNS", "off")


@pytest.fixture(scope="session")
def fresh_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project as `init` makes it."""
    folder = tmp_path_factory.mktemp("fresh") / "project"
    copy_starter(folder)
    return folder


@pytest.fixture(scope="session")
def lived_project(
    fresh_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, datetime]:
    """Return a project that has been at work for a while, and the time at which it stands.

    Ada was handed to sales. Bo, in Helsinki, waits for a form. Nobody may write to Cy. Dee's first
    mail is in doubt. Eve is in the inactive file.
    """
    folder = tmp_path_factory.mktemp("lived") / "project"
    shutil.copytree(fresh_project, folder)
    (folder / ".nurture").mkdir()
    database = open_database(f"sqlite:///{folder / '.nurture' / 'nurture.db'}")
    upgrade(database)
    programme = Programme(database)
    _live(programme)
    database.close()
    return folder, programme.now


def _live(programme: Programme) -> None:
    def doubtful(message: OutgoingMessage) -> Outcome:
        if message.mail.recipient.email == DEE and message.categories[1] == "guide-delivery":
            return Uncertain(reason="the connection broke")
        return Accepted(provider_id="p")

    programme.post.answer = doubtful
    programme.bring(
        row(ADA),
        row(BO, first_name="Bo", company="Other Oy", country="FI", time_zone="Europe/Helsinki"),
        row(CY, first_name="Cy", company="Third AB", consent=",,,,"),
        row(DEE, first_name="Dee", company="Fourth Ltd", country="GB", time_zone="Europe/London"),
        row(EVE, first_name="Eve", company="Fifth BV", country="NL", downloaded=""),
    )
    programme.tick()
    ada, eve = programme.lead(ADA), programme.lead(EVE)
    programme.now += timedelta(hours=3)
    programme.happens(ada, EventKind.MESSAGE_CLICKED, "guide-delivery")
    with programme.database.write() as connection:
        leads.archive(connection, [eve], now=programme.now)
    programme.now += timedelta(days=2)
    programme.tick()
    programme.qualify(ada)
    programme.tick()
    with programme.database.write() as connection:
        records.ask_about_lead(
            connection,
            lead_id=programme.lead(BO),
            title="Call Bo",
            team="prospect development",
            due_at=programme.now + timedelta(days=1),
            now=programme.now,
        )


@pytest.fixture
def shell(
    lived_project: tuple[Path, datetime], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Return a shell in a copy of the project that has lived."""
    folder, now = lived_project
    shutil.copytree(folder, tmp_path / "project")
    return Shell(folder=tmp_path / "project", capture=capsys, now=now)


@pytest.fixture
def fresh_shell(fresh_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return a shell in a copy of a new project."""
    shutil.copytree(fresh_project, tmp_path / "project")
    return Shell(folder=tmp_path / "project", capture=capsys)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a receiver of webhooks."""
    with Receiver().running() as running:
        yield running
