"""A small site in a database: a lead with a mail, a clock that tests move, a server on loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from nurture.core.condition import ValueType
from nurture.core.lead import Stage, Value
from nurture.core.message import MessageState
from nurture.core.project import Field, Form, Project, Template
from nurture.core.token import Grant, Keyring, Purpose, public_id, sign
from nurture.engine import intake, traces
from nurture.engine.intake import Answer
from nurture.engine.links import FORM_LINK_LIFE
from nurture.engine.mailroom import Mailroom
from nurture.engine.runtime import Runtime, Secrets
from nurture.project.load import load_folder
from nurture.store import events, leads, messages, profiles, releases
from nurture.store.db import Database
from nurture.store.tables import leads as leads_table, messages as messages_table, metadata
from nurture.web.app import Site, create_app
from nurture.web.serving import BackgroundServer

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SECRETS = Secrets(
    links=Keyring(current="k1", keys={"k1": b"l" * 32, "k0": b"o" * 32}),
    identity=b"i" * 32,
    pepper=b"p" * 32,
)
TOPICS = {"guides": "Practical guides", "news": "News from the workshop"}


def _field(owner: str, name: str, kind: ValueType, **more: Any) -> Field:
    return Field(owner=owner, name=name, type=kind, label=name, question=f"Your {name}?", **more)


FIELDS = [
    _field("lead", "first_name", ValueType.TEXT),
    _field("lead", "last_name", ValueType.TEXT),
    _field("lead", "role", ValueType.CHOICE, choices={"boss": "Boss", "clerk": "Clerk"}),
    _field("lead", "tools", ValueType.CHOICES, choices={"saw": "A saw", "axe": "An axe"}),
    _field("lead", "note", ValueType.TEXT, help="One sentence is plenty."),
    _field("lead", "revisit_on", ValueType.DATE),
    _field("lead", "member", ValueType.BOOL),
    _field("account", "name", ValueType.TEXT),
    _field("account", "employees", ValueType.NUMBER, minimum=1, maximum=500_000),
    _field(
        "account", "country", ValueType.CHOICE, choices={f"C{n}": f"Land {n}" for n in range(9)}
    ),
    _field("account", "budget", ValueType.NUMBER, bant="budget"),
]


def _form(name: str, ask: Sequence[str], **more: Any) -> Form:
    told: dict[str, Any] = {
        "landing": False,
        "at_most": 3,
        "title": "A few questions",
        "intro": "It takes a minute.",
        "submit": "Send it",
        "thanks_title": "Thank you so much",
        "thanks_text": "That helps.",
    }
    return Form(name=name, ask=tuple(ask), **(told | more))


FORMS = [
    _form(
        "basics", ["account.budget", "lead.role", "account.employees", "lead.tools", "lead.note"]
    ),
    _form("everything", [f.key for f in FIELDS], at_most=99),
    _form(
        "guide",
        ["lead.first_name", "account.name"],
        landing=True,
        title="Get the guide",
        consent_topics=("guides", "news"),
        consent_wording="Yes, send me the guide & news.",
        consent_required=True,
    ),
]
TEMPLATE = Template(
    name="hello",
    version="1",
    subject="Hello {{ lead.first_name }}",
    preheader="",
    html=(
        "<html><head><title>x</title></head><body><p>Hello {{ lead.first_name }}</p>"
        '<p><a href="https://www.example.com/one?a=1&amp;b=2">one</a>'
        '<a href="https://www.example.com/zwei/ü">two</a><a href="{{ form_url }}">form</a>'
        '<a href="{{ unsubscribe_url }}">stop</a></p>{{ company.postal_address }}</body></html>'
    ),
    text="",
    topic="guides",
    buyer_step="problem",
)
LINKS = ("https://www.example.com/one?a=1&b=2", "https://www.example.com/zwei/%C3%BC")


@cache
def starter(public_url: str = "http://127.0.0.1:8321") -> Project:
    """Return the project at the repository's root."""
    return load_folder(ROOT, {"NURTURE_PUBLIC_URL": public_url})


@cache
def small_project(public_url: str = "http://127.0.0.1:8321") -> Project:
    """Return a project whose forms ask for every type of field."""
    base = starter()
    workspace = replace(
        base.workspace,
        public_url=public_url,
        topics=TOPICS,
        free_mail_domains=frozenset({"freemail.example"}),
    )
    return replace(
        base,
        workspace=workspace,
        fields={f.key: f for f in FIELDS},
        forms={f.name: f for f in FORMS},
        templates={TEMPLATE.name: TEMPLATE},
    )


@dataclass(slots=True)
class Clock:
    """A clock that stands still until a test moves it."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        """Return the present instant."""
        return self.at

    def go(self, **by: float) -> None:
        """Let time pass."""
        self.at += timedelta(**by)


@dataclass(slots=True, kw_only=True, repr=False)
class World:
    """One site and what a test does to it."""

    database: Database
    project: Project = field(default_factory=small_project)
    clock: Clock = field(default_factory=Clock)
    rung: list[tuple[int, ...]] = field(default_factory=list)
    runtime: Runtime = field(init=False)
    release_id: int = field(init=False)
    _made: int = 0

    def __post_init__(self) -> None:
        """Put the project in force."""
        self.runtime = Runtime(
            database=self.database, secrets=SECRETS, load=lambda _files: self.project
        )
        with self.database.write() as connection:
            self.release_id = releases.apply(
                connection, content_hash="x", files={}, by="test", now=self.clock()
            )

    def site(self, **settings: Any) -> Site:
        """Return the site as the server would get it."""
        return Site(
            runtime=self.runtime,
            mailroom=Mailroom(secrets=SECRETS),
            clock=self.clock,
            ring=lambda ids: self.rung.append(tuple(ids)),
            **settings,
        )

    @contextmanager
    def serving(self, **settings: Any) -> Iterator[httpx.Client]:
        """Serve the site and yield a browser that follows no redirect by itself."""
        with (
            BackgroundServer(create_app(self.site(**settings))) as server,
            httpx.Client(base_url=server.address, headers={"user-agent": BROWSER}) as browser,
        ):
            yield browser

    def add_lead(
        self,
        email: str = "ada@plant.example",
        *,
        known: Mapping[str, Value] | None = None,
        topics: Sequence[str] = ("guides",),
        stage: Stage = Stage.LEAD,
    ) -> int:
        """Store a lead with some answers and consents."""
        with self.database.write() as connection:
            new = leads.NewLead(
                uid=public_id(SECRETS.identity, email),
                email=email,
                match_key=email,
                time_zone="Europe/Berlin",
                language="en",
                source="fair",
                account_key=f"domain:{email.rpartition('@')[2]}",
                account_name="Plant",
                note="",
                suppressed="",
                captured_at=self.clock(),
            )
            leads.insert_leads(connection, [new], now=self.clock())
            lead_id = leads.ids_by_match_key(connection, [email])[email]
            given = [
                {
                    "lead_id": lead_id,
                    "topic": topic,
                    "basis": "consent",
                    "source": "fair",
                    "wording": "yes",
                    "given_at": self.clock(),
                }
                for topic in topics
            ]
            profiles.give_consent(connection, given)
            connection.execute(
                leads_table.update().where(leads_table.c.id == lead_id).values(stage=stage)
            )
        self.tell(lead_id, known or {}, source="import fair.csv")
        return lead_id

    def tell(self, lead_id: int, known: Mapping[str, Value], *, source: str) -> None:
        """Store answers of the lead."""
        with self.database.write() as connection:
            lead = leads.read(connection, [lead_id])[lead_id]
            told = [
                Answer(
                    lead_id=lead_id,
                    account_id=lead.account_id,
                    key=key,
                    value=value,
                    source=source,
                    occurred_at=self.clock(),
                )
                for key, value in known.items()
            ]
            intake.store_answers(connection, told, project=self.project, now=self.clock())

    def add_mail(self, lead_id: int, *, form: str = "basics", accepted: bool = True) -> str:
        """Store a mail to the lead and return its public id."""
        self._made += 1
        uid = public_id(SECRETS.identity, f"mail/{self._made}")
        with self.database.write() as connection:
            new = messages.NewMessage(
                uid=uid,
                lead_id=lead_id,
                enrollment_id=1,
                release_id=self.release_id,
                sequence="welcome",
                step="s1",
                visit=0,
                template=TEMPLATE.name,
                template_version=TEMPLATE.version,
                topic="guides",
                window="office-hours",
                form=form,
                slots={"lead": {"first_name": "Ada"}, "account": {}},
                expires_at=None,
            )
            messages.plan(connection, [new], now=self.clock())
            if accepted:
                connection.execute(
                    messages_table.update()
                    .where(messages_table.c.uid == uid)
                    .values(state=MessageState.ACCEPTED, accepted_at=self.clock())
                )
        return uid

    def token(
        self, purpose: Purpose, uid: str, *, number: int = 0, expires_at: datetime | None = None
    ) -> str:
        """Sign a link's token."""
        if purpose is Purpose.FORM and expires_at is None:
            expires_at = NOW + FORM_LINK_LIFE
        return sign(SECRETS.links, Grant(purpose=purpose, subject=uid, number=number),
                    expires_at=expires_at)  # fmt: skip

    def lead(self, lead_id: int) -> Any:
        """Return the lead as stored."""
        with self.database.read() as connection:
            return leads.read(connection, [lead_id])[lead_id]

    def events(self, lead_id: int) -> list[tuple[str, str, bool]]:
        """Return kind, subject and humanity of everything that happened to the lead."""
        with self.database.read() as connection:
            return [(str(e.kind), e.subject, e.human) for e in events.of_lead(connection, lead_id)]

    def settle(self) -> None:
        """Let ten minutes pass, and have clicks judged."""
        self.clock.go(minutes=10)
        traces.run(self.runtime, now=self.clock())

    def facts(self, lead_id: int) -> dict[str, tuple[Any, str]]:
        """Return the newest value and source of each fact."""
        with self.database.read() as connection:
            lead = leads.read(connection, [lead_id])[lead_id]
            rows = profiles.facts_of(connection, lead_id, lead.account_id)
        return {row["name"]: (row["value"], row["source"]) for row in rows}

    def rows(self) -> dict[str, int]:
        """Return the number of rows in every table."""
        with self.database.read() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in metadata.sorted_tables
            }

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return everything that is stored but traces: that somebody looked changes nothing."""
        with self.database.read() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(select(table))]
                for table in metadata.sorted_tables
                if table.name != "traces"
            }


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden input."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', page)
    assert found, f"no hidden input {name}"
    return found[1]
