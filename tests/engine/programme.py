"""The starter programme in a database, with transports that remember and a clock tests move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select

from nurture.core.event import EventKind, NewEvent
from nurture.core.message import Accepted, Outcome, OutgoingMessage
from nurture.core.project import Endpoint, Project
from nurture.core.token import Keyring
from nurture.engine import intake, tick
from nurture.engine.apply import apply
from nurture.engine.handoff import Answer
from nurture.engine.importing import Imported, import_csv
from nurture.engine.mailroom import Mailroom
from nurture.engine.runtime import Runtime, Secrets
from nurture.project.load import load_folder
from nurture.store import leads
from nurture.store.db import Database
from nurture.store.tables import leads as leads_table

ROOT = Path(__file__).parents[2]
TUESDAY = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
"""10:00 in Berlin, on a working day: every window is open."""
MONTHS = timedelta(days=60)
SECRETS = Secrets(
    links=Keyring(current="k1", keys={"k1": b"l" * 32}), identity=b"i" * 32, pepper=b"p" * 32
)
CONSENT = 'guides;product-news,consent,a form,"Yes, write to me.",2026-08-20T10:00:00Z'
HEADER = (
    "email,first_name,last_name,company,country,time_zone,source,employees,compressor_kw,"
    "topics,consent_basis,consent_source,consent_wording,consent_at,captured_at,downloaded,notes"
)


@cache
def starter() -> Project:
    """Return the project at the repository's root."""
    return load_folder(ROOT, {})


def row(email: str, *, downloaded: str = "leak-guide", **cells: str) -> str:
    """Return one line of a lead list; consent is given unless `consent` says otherwise."""
    told = {
        "first_name": "Ada",
        "last_name": "Berg",
        "company": "Berg Foods GmbH",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "source": "website",
        "employees": "320",
        "compressor_kw": "160",
        "consent": CONSENT,
        "captured_at": "2026-08-20T10:00:00Z",
        "notes": "",
    } | cells
    return ",".join(
        [email, *(told[n] for n in HEADER.split(",")[1:9]), told["consent"], told["captured_at"],
         downloaded, told["notes"]]
    )  # fmt: skip


class Post:
    """A mail transport that remembers, and answers as it is told."""

    name = "post"
    group_size = 50
    longest_wait = timedelta(seconds=30)

    def __init__(self) -> None:
        self.sent: list[OutgoingMessage] = []
        self.answer: Callable[[OutgoingMessage], Outcome] = lambda _: Accepted(provider_id="p")
        self.forgotten: list[str] = []

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Take the messages."""
        outcomes = [self.answer(message) for message in messages]
        self.sent.extend(
            m for m, o in zip(messages, outcomes, strict=True) if isinstance(o, Accepted)
        )
        return outcomes

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Remember what was to be removed."""
        self.forgotten.extend(uid for uid, _ in mails)


class Crm:
    """A receiver of handoffs that remembers, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.answer = Answer(kind="delivered", status=204, detail="")

    def post(self, endpoint: Endpoint, uid: str, body: bytes, *, now: datetime) -> Answer:
        """Take one webhook."""
        self.got.append((uid, body))
        return self.answer


@dataclass(slots=True)
class Programme:
    """The starter programme at work."""

    database: Database
    now: datetime = TUESDAY
    post: Post = field(default_factory=Post)
    crm: Crm = field(default_factory=Crm)
    project: Project = field(default_factory=starter)
    runtime: Runtime = field(init=False)
    ways: tick.Ways = field(init=False)
    _events: int = 0

    def __post_init__(self) -> None:
        """Put the project in force."""
        self.runtime = Runtime(database=self.database, secrets=SECRETS, load=lambda _: self.project)
        self.ways = tick.Ways(
            mailroom=Mailroom(secrets=SECRETS),
            transport=self.post,
            sender=self.crm,
            parsers={"sendgrid": lambda _: ((), ())},
        )
        apply(self.runtime, self.project, by="test", now=self.now)

    def bring(self, *rows: str, name: str = "leads.csv") -> Imported:
        """Import lead-list lines."""
        content = "\n".join([HEADER, *rows]) + "\n"
        return import_csv(self.runtime, self.project, content.encode(), now=self.now, name=name)

    def lead(self, email: str) -> int:
        """Return the id of the lead with the address."""
        with self.database.read() as connection:
            return leads.ids_by_match_key(connection, [email.casefold()])[email.casefold()]

    def standing(self, lead_id: int) -> Mapping[str, Any]:
        """Return the lead's row."""
        with self.database.read() as connection:
            found = connection.execute(select(leads_table).where(leads_table.c.id == lead_id))
            return dict(found.one()._mapping)

    def tick(self, lead_ids: Sequence[int] | None = None) -> tick.Ticked:
        """Do everything that is due."""
        return tick.run(self.runtime, self.ways, now=self.now, lead_ids=lead_ids)

    def wait(self, **by: float) -> None:
        """Let time pass, with a tick every six hours, or every day if it is months."""
        until = self.now + timedelta(**by)
        step = timedelta(hours=6) if timedelta(**by) < MONTHS else timedelta(days=1)
        while self.now < until:
            self.now = min(self.now + step, until)
            self.tick()

    def happens(self, lead_id: int, kind: EventKind, subject: str = "", **more: Any) -> None:
        """Record that something happened now."""
        self._events += 1
        event = NewEvent(
            lead_id=lead_id,
            kind=kind,
            subject=subject,
            occurred_at=more.pop("at", self.now),
            source="test",
            source_key=more.pop("key", str(self._events)),
            **more,
        )
        with self.database.write() as connection:
            intake.record(self.runtime, connection, [event], project=self.project, now=self.now)

    def tells(self, lead_id: int, **values: Any) -> None:
        """Store answers: `lead__role="..."` for lead.role."""
        with self.database.write() as connection:
            person = leads.read(connection, [lead_id])[lead_id]
            answers = intake.answers_about(
                person,
                [(key.replace("__", "."), value) for key, value in values.items()],
                source="form test",
                occurred_at=self.now,
            )
            intake.store_answers(connection, answers, project=self.project, now=self.now)

    def qualify(self, lead_id: int) -> None:
        """Let the lead become a nurtured prospect: decider, pain, four touches in twelve days."""
        self.tells(
            lead_id, lead__authority="decider", lead__pain="severe", lead__interest="see-it",
            lead__role="plant-manager", account__compressors=3, account__industry="food",
        )  # fmt: skip
        for days in (12, 8, 4, 0):
            at = self.now - timedelta(days=days)
            self.happens(lead_id, EventKind.MESSAGE_CLICKED, "leak-walk", at=at)

    def templates_sent(self) -> list[str]:
        """Return which mails left, in order."""
        return [message.categories[1] for message in self.post.sent]
