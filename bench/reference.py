"""The reference tick: the least code that does what a tick must, batch by batch.

Claim what is due under a lease (commit), ask three conditions, render with plain Jinja2, insert
message rows (commit), post 1000 mails in one call, mark them sent and advance (commit). Left out is
what makes an engine: consent, caps, suppression, attempts, the reasons, and recovery. Its rate is
what the engine's is divided by.
"""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import jinja2
import orjson
import psycopg
from people import Person, person, project, shown, template

BATCH = 1000
DAY = 86_400
TODAY = 1_790_000_000
LEASE = 300
HEADERS = {"Authorization": "Bearer bench", "Content-Type": "application/json"}
COLUMNS = Person._fields
NUMBERS = {"id", "score", "employees"}

TABLES = (
    "CREATE TABLE lead ({columns})",
    (
        "CREATE TABLE enrolment (id {key}, lead_id bigint NOT NULL, step int NOT NULL,"
        " status text NOT NULL, due bigint NOT NULL, lease bigint NOT NULL DEFAULT 0)"
    ),
    (
        "CREATE TABLE message (id {serial}, enrolment_id bigint, lead_id bigint, step int,"
        " status text, created_at bigint, token text, subject text)"
    ),
    "CREATE INDEX enrolment_due ON enrolment (due) WHERE status = 'active'",
    "CREATE INDEX message_queued ON message (enrolment_id) WHERE status = 'queued'",
    "CREATE UNIQUE INDEX message_token ON message (token)",
    "CREATE INDEX message_lead ON message (lead_id)",
)
CONDITIONS: tuple[Callable[[Person], bool], ...] = (
    lambda lead: lead.score >= 0,
    lambda lead: lead.industry != "competitor",
    lambda lead: lead.role != "student",
)

Claimed = Sequence[tuple[int, Person]]
Record = tuple[int, int, str, str]


class Store(Protocol):
    """The reference's four statements, in the dialect at hand."""

    def fill(self, size: int) -> None:
        """Create the tables with so many enrolled leads, none of them due."""

    def make_due(self, first: int, count: int) -> None:
        """Let so many enrolments be due now."""

    def claim(self, limit: int) -> Claimed:
        """Lease what is due."""

    def queue(self, records: Sequence[Record]) -> None:
        """Insert message rows."""

    def done(self, ids: Sequence[int]) -> None:
        """Mark messages as sent and advance their enrolments."""


class Sqlite:
    """The reference on SQLite."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, timeout=60)
        for pragma in ("journal_mode=wal", "synchronous=normal", "cache_size=-262144"):
            self.db.execute(f"PRAGMA {pragma}")

    def fill(self, size: int) -> None:
        for statement in TABLES:
            self.db.execute(statement.format(columns=_columns("integer"), **_keys("integer")))
        marks = ",".join("?" * len(COLUMNS))
        self.db.execute("BEGIN")
        self.db.executemany(
            f"INSERT INTO lead VALUES ({marks})",
            map(person, range(size)),
        )
        self.db.executemany(
            "INSERT INTO enrolment (id, lead_id, step, status, due) VALUES (?, ?, 1, 'active', ?)",
            ((number, number, TODAY + 30 * DAY) for number in range(size)),
        )
        self.db.execute("COMMIT")
        self.db.execute("ANALYZE")

    def make_due(self, first: int, count: int) -> None:
        self.db.execute(
            "UPDATE enrolment SET due = ? WHERE id BETWEEN ? AND ?",
            (TODAY, first, first + count - 1),
        )

    def claim(self, limit: int) -> Claimed:
        self.db.execute("BEGIN IMMEDIATE")
        ids = self.db.execute(
            "UPDATE enrolment SET status = 'claimed', lease = ? WHERE id IN (SELECT id FROM"
            " enrolment WHERE status = 'active' AND due <= ? ORDER BY due LIMIT ?)"
            " RETURNING id, lead_id",
            (TODAY + LEASE, TODAY, limit),
        ).fetchall()
        rows = self.db.execute(
            "SELECT j.value ->> 0, l.* FROM json_each(?) j JOIN lead l ON l.id = j.value ->> 1",
            (json.dumps(ids),),
        ).fetchall()
        self.db.execute("COMMIT")
        return [(row[0], Person(*row[1:])) for row in rows]

    def queue(self, records: Sequence[Record]) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany(
            "INSERT INTO message (enrolment_id, lead_id, step, status, created_at, token, subject)"
            f" VALUES (?, ?, 3, 'queued', {TODAY}, ?, ?)",
            records,
        )
        self.db.execute("COMMIT")

    def done(self, ids: Sequence[int]) -> None:
        among = (json.dumps(ids),)
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute(
            f"UPDATE enrolment SET status = 'active', step = step + 1, due = due + {30 * DAY},"
            " lease = 0 WHERE id IN (SELECT value FROM json_each(?))",
            among,
        )
        self.db.execute(
            "UPDATE message SET status = 'sent' WHERE status = 'queued'"
            " AND enrolment_id IN (SELECT value FROM json_each(?))",
            among,
        )
        self.db.execute("COMMIT")


class Postgres:
    """The reference on PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.db = psycopg.connect(url, autocommit=True)

    def fill(self, size: int) -> None:
        for statement in TABLES:
            self.db.execute(statement.format(columns=_columns("bigint"), **_keys("bigint")))
        with self.db.cursor().copy("COPY lead FROM STDIN") as copy:
            for number in range(size):
                copy.write_row(person(number))
        self.db.execute(
            "INSERT INTO enrolment (id, lead_id, step, status, due)"
            " SELECT i, i, 1, 'active', %s FROM generate_series(0, %s) i",
            (TODAY + 30 * DAY, size - 1),
        )
        self.db.execute("VACUUM ANALYZE lead")
        self.db.execute("VACUUM ANALYZE enrolment")

    def make_due(self, first: int, count: int) -> None:
        self.db.execute(
            "UPDATE enrolment SET due = %s WHERE id BETWEEN %s AND %s",
            (TODAY, first, first + count - 1),
        )

    def claim(self, limit: int) -> Claimed:
        rows = self.db.execute(
            "WITH d AS (SELECT id, lead_id FROM enrolment WHERE status = 'active' AND due <= %s"
            " ORDER BY due LIMIT %s FOR UPDATE SKIP LOCKED), u AS (UPDATE enrolment e SET"
            " status = 'claimed', lease = %s FROM d WHERE e.id = d.id RETURNING e.id, e.lead_id)"
            " SELECT u.id, l.* FROM u JOIN lead l ON l.id = u.lead_id",
            (TODAY, limit, TODAY + LEASE),
            binary=True,
        ).fetchall()
        return [(row[0], Person(*row[1:])) for row in rows]

    def queue(self, records: Sequence[Record]) -> None:
        lines = [
            f"{enrolment}\t{lead}\t3\tqueued\t{TODAY}\t{token}\t{subject}\n"
            for enrolment, lead, token, subject in records
        ]
        with self.db.cursor().copy(
            "COPY message (enrolment_id, lead_id, step, status, created_at, token, subject)"
            " FROM STDIN"
        ) as copy:
            copy.write("".join(lines))

    def done(self, ids: Sequence[int]) -> None:
        with self.db.transaction():
            self.db.execute(
                "UPDATE enrolment SET status = 'active', step = step + 1, due = due + %s,"
                " lease = 0 WHERE id = ANY(%s)",
                (30 * DAY, list(ids)),
            )
            self.db.execute(
                "UPDATE message SET status = 'sent' WHERE status = 'queued'"
                " AND enrolment_id = ANY(%s)",
                (list(ids),),
            )


def _columns(number: str) -> str:
    kinds = (f"{name} {number if name in NUMBERS else 'text'}" for name in COLUMNS)
    return ", ".join(kinds).replace(f"id {number}", f"id {number} PRIMARY KEY", 1)


def _keys(number: str) -> dict[str, str]:
    identity = " GENERATED ALWAYS AS IDENTITY" if number == "bigint" else ""
    return {"key": f"{number} PRIMARY KEY", "serial": f"{number}{identity} PRIMARY KEY"}


class Tick:
    """The loop: what the engine's rate is held against."""

    def __init__(self, store: Store, port: int) -> None:
        self.store = store
        self.http = http.client.HTTPConnection("127.0.0.1", port)
        mail, workspace = template(), project().workspace
        shown = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
        plain = jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined)  # noqa: S701 (text)
        self.subject = plain.from_string(mail.subject)
        self.html = shown.from_string(mail.html)
        self.text = plain.from_string(mail.text)
        self.base = workspace.public_url
        self.shared = {"company": workspace.company, "sender": {"name": workspace.sender_name}}
        self.sender = workspace.sender_email
        self.seconds = dict.fromkeys(
            ("claim", "decide", "render", "record", "send", "advance"), 0.0
        )
        self.size = (0, 0)

    def run(self) -> int:
        """Work until nothing is due; return how many leads got their mail."""
        total, clock = 0, time.perf_counter
        while True:
            times = [clock()]
            claimed = self.store.claim(BATCH)
            times.append(clock())
            if not claimed:
                return total
            chosen = [item for item in claimed if all(ask(item[1]) for ask in CONDITIONS)]
            times.append(clock())
            mails = [self._render(lead) for _, lead in chosen]
            times.append(clock())
            self.store.queue(
                [(e, p.id, p.token, m[0]) for (e, p), m in zip(chosen, mails, strict=True)]
            )
            times.append(clock())
            self._post([lead for _, lead in chosen], mails)
            times.append(clock())
            self.store.done([enrolment for enrolment, _ in chosen])
            times.append(clock())
            for place, phase in enumerate(self.seconds):
                self.seconds[phase] += times[place + 1] - times[place]
            self.size = len(mails[0][1]), len(mails[0][2])
            total += len(chosen)

    def _render(self, lead: Person) -> tuple[str, str, str]:
        values: dict[str, Any] = {
            **self.shared,
            **shown(lead),
            "unsubscribe_url": f"{self.base}/u/{lead.token}",
            "preferences_url": f"{self.base}/p/{lead.token}",
        }
        return self.subject.render(values), self.html.render(values), self.text.render(values)

    def _post(self, leads: Sequence[Person], mails: Sequence[tuple[str, str, str]]) -> None:
        body = orjson.dumps(
            [
                {
                    "personalizations": [
                        {"to": [{"email": lead.email}], "custom_args": {"m": lead.token}}
                    ],
                    "from": {"email": self.sender},
                    "subject": subject,
                    "content": [
                        {"type": "text/plain", "value": text},
                        {"type": "text/html", "value": html},
                    ],
                }
                for lead, (subject, html, text) in zip(leads, mails, strict=True)
            ]
        )
        self.http.request("POST", "/v3/mail/send", body, HEADERS)
        answer = self.http.getresponse()
        answer.read()
        assert answer.status == http.client.ACCEPTED
