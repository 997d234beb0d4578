"""The engine under the clock: the same people, the same mail, the same sink."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
from people import NOW, SEQUENCE, person, project
from reference import HEADERS
from sqlalchemy import event, insert, update

from nurture.core.message import Accepted, Address, Message, Outcome, OutgoingMessage
from nurture.core.project import Endpoint, Project
from nurture.core.token import Keyring
from nurture.engine import advance, deliver, tick
from nurture.engine.apply import apply
from nurture.engine.handoff import Answer
from nurture.engine.mailroom import Mailroom
from nurture.engine.runtime import Runtime, Secrets
from nurture.project.load import load_files
from nurture.store.db import Connection, Database, open_database
from nurture.store.migrate import upgrade
from nurture.store.tables import accounts, consents, enrollments, leads

GROUP = 1000
CHUNK = 5000
LATER = NOW + timedelta(days=30)
SECRETS = Secrets(
    links=Keyring(current="b1", keys={"b1": b"links" * 7}),
    identity=b"identity" * 4,
    pepper=b"p" * 32,
)


@dataclass(slots=True)
class Clock:
    """Seconds by phase. Database time is time in the driver, commits included."""

    seconds: dict[str, float] = field(default_factory=dict)
    verb: str = ""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.add(name, time.perf_counter() - start)

    def add(self, name: str, seconds: float) -> None:
        key = f"{self.verb} {name}".strip()
        self.seconds[key] = self.seconds.get(key, 0.0) + seconds


class BenchTransport:
    """Posts a whole group in one call, as JSON."""

    name = "bench"
    group_size = GROUP
    longest_wait = timedelta(seconds=30)

    def __init__(self, port: int, clock: Clock) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", port)
        self.clock = clock
        self.size = (0, 0)

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        with self.clock.phase("send"):
            self.http.request("POST", "/v3/mail/send", _body(messages), HEADERS)
            answer = self.http.getresponse()
            answer.read()
            assert answer.status == http.client.ACCEPTED
            self.size = len(messages[0].mail.html), len(messages[0].mail.text)
            return [Accepted(provider_id="sink") for _ in messages]


def _body(messages: Sequence[OutgoingMessage]) -> bytes:
    return orjson.dumps(
        [
            {
                "personalizations": [
                    {
                        "to": [{"email": message.mail.recipient.email}],
                        "custom_args": {"m": message.uid, "a": message.attempt_uid},
                        "headers": dict(message.mail.headers),
                    }
                ],
                "from": {"email": message.mail.sender.email},
                "subject": message.mail.subject,
                "content": [
                    {"type": "text/plain", "value": message.mail.text},
                    {"type": "text/html", "value": message.mail.html},
                ],
            }
            for message in messages
        ]
    )


class TimedMailroom(Mailroom):
    """The mailroom, with the time that rendering takes."""

    __slots__ = ("clock",)
    clock: Clock

    def outgoing(self, project: Project, message: Message, recipient: Address) -> OutgoingMessage:
        start = time.perf_counter()
        outgoing = super().outgoing(project, message, recipient)
        self.clock.add("render", time.perf_counter() - start)
        return outgoing


class NoSender:
    """There are no handoffs here."""

    def post(self, endpoint: Endpoint, uid: str, body: bytes, *, now: datetime) -> Answer:
        raise AssertionError("the benchmark hands nobody over")


class Engine:
    """A database full of enrolled leads, and the verbs that are measured on it."""

    def __init__(self, url: str, port: int) -> None:
        self.database = open_database(url)
        self.runtime = Runtime(
            database=self.database, secrets=SECRETS, load=lambda files: load_files(files, {})
        )
        self.clock = Clock()
        self.transport = BenchTransport(port, self.clock)
        self.mailroom = TimedMailroom(secrets=SECRETS)
        object.__setattr__(self.mailroom, "clock", self.clock)
        _watch(self.database, self.clock)

    def fill(self, size: int) -> None:
        """Store so many enrolled leads, none of them due."""
        upgrade(self.database)
        release = apply(self.runtime, project(), by="bench", now=NOW)
        for first in range(1, size + 1, CHUNK):
            with self.database.write() as connection:
                _enroll(connection, range(first, min(first + CHUNK, size + 1)), release)
        vacuum = "VACUUM ANALYZE" if self.database.dialect == "postgresql" else "ANALYZE"
        with self.database.engine.connect() as plain:
            connection = plain.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(vacuum)

    def make_due(self, first: int, count: int) -> None:
        """Let so many enrollments be due now."""
        with self.database.write() as connection:
            connection.execute(
                update(enrollments)
                .where(enrollments.c.lead_id.between(first + 1, first + count))
                .values(due_at=NOW)
            )

    def run(self) -> int:
        """Decide, render, record and send until nothing is due; return how many got their mail."""
        accepted = 0
        self.clock.verb = "advance"
        with self.clock.phase("whole"):
            while advance.run(self.runtime, now=NOW).enrollments:
                pass
        self.clock.verb = "deliver"
        with self.clock.phase("whole"):
            while (
                done := deliver.run(self.runtime, self.mailroom, self.transport, now=NOW)
            ).claimed:
                accepted += done.accepted
        return accepted

    def idle(self) -> float:
        """Return the seconds that a whole tick takes when nothing is due."""
        ways = tick.Ways(mailroom=self.mailroom, transport=self.transport, sender=NoSender())
        start = time.perf_counter()
        ticked = tick.run(self.runtime, ways, now=NOW)
        taken = time.perf_counter() - start
        assert not ticked.advance["enrollments"], "something was due"
        return taken

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def _watch(database: Database, clock: Clock) -> None:
    """Add up the time in the driver; a connection is used by one thread at a time."""
    begun: list[float] = []

    def start(*_: object) -> None:
        begun.append(time.perf_counter())

    def stop(*_: object) -> None:
        clock.add("database", time.perf_counter() - begun.pop())

    event.listen(database.engine, "before_cursor_execute", start)
    event.listen(database.engine, "after_cursor_execute", stop)
    commit = database.engine.dialect.do_commit

    def timed_commit(connection: object) -> None:
        with clock.phase("database"):
            commit(connection)  # type: ignore[arg-type]

    database.engine.dialect.do_commit = timed_commit  # type: ignore[method-assign, assignment]


def _enroll(connection: Connection, numbers: Sequence[int], release: int) -> None:
    people = [person(number) for number in numbers]
    connection.execute(
        insert(accounts),
        [
            {
                "id": p.id,
                "key": f"bench:{p.id}",
                "name": p.company,
                "profile": {
                    "name": p.company,
                    "industry": p.industry,
                    "employees": p.employees,
                },
                "created_at": NOW,
            }
            for p in people
        ],
    )
    connection.execute(
        insert(leads),
        [
            {
                "id": p.id,
                "uid": p.token,
                "email": p.email,
                "match_key": p.email,
                "time_zone": "Europe/Berlin",
                "account_id": p.id,
                "profile": {
                    "first_name": p.first_name,
                    "role": p.role,
                    "city": p.city,
                    "score": p.score,
                    "joined": p.joined,
                    "renewal": p.renewal,
                    "reading": p.reading.split(","),
                },
                "stage": "lead",
                "temperature": "new",
                "cycle_at": NOW,
                "captured_at": NOW,
            }
            for p in people
        ],
    )
    connection.execute(
        insert(consents),
        [
            {
                "lead_id": p.id,
                "topic": "guides",
                "basis": "consent",
                "source": "bench",
                "wording": "yes",
                "given_at": NOW,
            }
            for p in people
        ],
    )
    connection.execute(
        insert(enrollments),
        [
            {
                "lead_id": p.id,
                "sequence": SEQUENCE,
                "release_id": release,
                "step": "mail",
                "awaiting": "turn",
                "due_at": LATER,
                "since": NOW,
                "entered_at": NOW,
                "jumps": {},
            }
            for p in people
        ],
    )
