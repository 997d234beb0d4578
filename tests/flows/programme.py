"""A project folder with a database in which all kinds of work are due."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nurture
from nurture.bootstrap import App, settings, start
from nurture.bootstrap.starter import copy_starter
from nurture.core.event import EventKind, NewEvent
from nurture.engine import importing, intake
from nurture.engine.apply import apply
from nurture.store import leads

SECRET = "needle-of-a-secret-that-nobody-else-may-ever-see"
DUE = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
"""A Tuesday, ten o'clock in Berlin: every window is open."""

READY_ADDRESS = "zebulon.brauntuch@planted-brewery.example"
GUEST_ADDRESS = "tiburtius@quellwasser-guests.example"
PLANTED = ("Xanthippe", "Quellwasser", "Melusine", READY_ADDRESS, GUEST_ADDRESS)
"""Names and addresses that occur nowhere else; no copy of them may end up in Prefect."""
FILE_NAME = "people that Melusine met.csv"
"""Whoever names a file names people in it."""

CRM_SECRET = "whsec_ZGVtbyBvbmx5OiBzaWducyB3aGF0IHdlIHNlbmQgdG8gc2FsZXM="
NOBODY_LISTENS = "127.0.0.1:9"

_CONSENT = {
    "topics": "guides;product-news",
    "consent_basis": "consent",
    "consent_source": "a form",
    "consent_wording": "Yes, write to me.",
    "consent_at": "2026-08-01T10:00:00Z",
    "captured_at": "2026-08-01T10:00:00Z",
}
_PLANT = {
    "time_zone": "Europe/Berlin",
    "country": "DE",
    "employees": "320",
    "compressor_kw": "160",
    "industry": "food",
    "role": "plant-manager",
}
_GUEST = {"first_name": "Xanthippe", "last_name": "Quellwasser", **_PLANT, **_CONSENT}


def prepare(folder: Path) -> None:
    """Make a folder from the starter, with its leads and one who is ready for sales."""
    copy_starter(folder)
    with opened(folder) as app:
        project = app.project_on_disk()
        apply(app.runtime, project, by="the tests", now=DUE)
        content = (folder / "data" / "leads.csv").read_bytes()
        importing.import_csv(app.runtime, project, content, now=DUE)
        ready = {"email": READY_ADDRESS, "authority": "decider", **_GUEST}
        importing.import_csv(app.runtime, project, _table([ready]), now=DUE)
        with app.database.write() as connection:
            lead_id = leads.ids_by_match_key(connection, [READY_ADDRESS])[READY_ADDRESS]
            touches = [_touch(lead_id, day) for day in (1, 6, 11, 16, 21)]
            intake.record(app.runtime, connection, touches, project=project, now=DUE)


def fill_inbox(folder: Path) -> None:
    """Put a list of leads where the flow looks for them, with one row that cannot be used."""
    inbox = folder / ".nurture" / "inbox"
    inbox.mkdir(parents=True)
    guests = [
        {"email": GUEST_ADDRESS, **_GUEST},
        {"email": "not an address of Melusine's", **_GUEST},
    ]
    (inbox / FILE_NAME).write_bytes(_table(guests))


def opened(folder: Path) -> App:
    """Open the folder's database as the flows do."""
    return start(settings(folder, env={"NURTURE_SECRET": SECRET, **_crm(NOBODY_LISTENS)}))


def environment(folder: Path, *, crm: str = NOBODY_LISTENS, **more: str) -> dict[str, str]:
    """Return the environment for processes that work on the folder."""
    kept = {name: os.environ[name] for name in ("LANG", "PATH", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "HOME": str(folder.parent),
        "PYTHONPATH": str(Path(nurture.__file__).parents[1]),
        "DO_NOT_TRACK": "1",
        "NURTURE_HOME": str(folder),
        "NURTURE_SECRET": SECRET,
        "NURTURE_PROFILE": "test",
        **_crm(crm),
        **more,
    }


def conduct() -> list[str]:
    """Return the command that conducts."""
    return [sys.executable, "-m", "flows.conduct"]


def _table(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _touch(lead_id: int, day: int) -> NewEvent:
    return NewEvent(
        lead_id=lead_id,
        kind=EventKind.CALL_LOGGED,
        occurred_at=datetime(2026, 8, 1, 9, 0, tzinfo=UTC) + timedelta(days=day),
        source="test",
        source_key=f"touch/{day}",
    )


def _crm(address: str) -> Mapping[str, str]:
    return {"CRM_WEBHOOK_URL": f"http://{address}/crm", "CRM_WEBHOOK_ALLOW": address}
