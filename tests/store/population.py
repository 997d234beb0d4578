"""A crowd of leads with every odd value and every edge of a time window, stored in a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from sqlalchemy import insert

from nurture.core.condition import Ref, ValueType
from nurture.core.enrollment import Awaiting
from nurture.core.event import EventKind
from nurture.core.lead import Gate, Stage, Temperature, Trait, Verdict
from nurture.core.message import MessageState
from nurture.store.db import Connection
from nurture.store.tables import (
    accounts,
    enrollments,
    events,
    leads,
    messages,
    past_enrollments,
    releases,
)

NOW = datetime(2026, 9, 1, 8, 0, 0, 123456, tzinfo=UTC)
TODAY = NOW.date()
TICK = timedelta(microseconds=1)

WINDOWS = (1, 3600, 14 * 86400, 60 * 86400)
_EDGES = [
    NOW - timedelta(seconds=window) + shift
    for window in WINDOWS
    for shift in (-TICK, 0 * TICK, TICK)
]
PAST = (*_EDGES, NOW - timedelta(days=3650), NOW - TICK, NOW)
MOMENTS = (*PAST, NOW + TICK, NOW + timedelta(days=1))

TEXTS = (
    "a", "A", "b", "aa", "a ", " a", "ä", "a\u0308", "ß", "ss", "z", "Z", "中", "\uffee", "😀", "𐐀",
    "e\u0301\u0302", "\u200d", "10", "9", "5", "true", "null", "'", '"', "\\", "%", "_", "?", ":a",
)  # fmt: skip
NUMBERS = (-(10**12), -51, -5, -1, 0, 1, 4, 5, 6, 49, 50, 10**12, 2**53 + 1)
CHOICES = ("a", "b", "ä", "😀", "5")
DATES = tuple((TODAY + timedelta(days=d)).isoformat() for d in (-400, -1, 0, 1, 6, 7, 8, 30, 31))

RIGHT: dict[ValueType, tuple[Any, ...]] = {
    ValueType.TEXT: TEXTS,
    ValueType.NUMBER: NUMBERS,
    ValueType.BOOL: (True, False),
    ValueType.DATE: DATES,
    ValueType.CHOICE: CHOICES,
    ValueType.CHOICES: (["a"], ["a", "b"], ["ä", "😀"], ["5"], list(CHOICES), [""]),
}
WRONG: dict[ValueType, tuple[Any, ...]] = {
    ValueType.TEXT: (5, True, ["a"], 5.5, {"a": "a"}),
    ValueType.NUMBER: ("5", True, 5.0, 5.5, [5], "", {}),
    ValueType.BOOL: (1, 0, "true", "", [True]),
    ValueType.DATE: (20260901, True, [TODAY.isoformat()]),
    ValueType.CHOICE: (5, False, ["a"]),
    ValueType.CHOICES: ("a", 5, {"a": 1}, True, [5, None, ["a"]]),
}

FIELDS = tuple(
    Ref(owner, f"my_{type_}", type_) for owner in ("lead", "account") for type_ in ValueType
)

KINDS = (EventKind.MESSAGE_CLICKED, EventKind.FORM_SUBMITTED, EventKind.PAGE_VIEWED)
SUBJECTS = ("", "guide", "Guide", "ä")
TEMPLATES = ("guide-delivery", "case-study")
SEQUENCES = ("welcome", "nurture", "ä😀")
MILLIS = (0, 1, 4_999, 5_000, 5_001, 49_000, 50_000, 99_999, 100_000)


@dataclass(slots=True)
class Crowd:
    """Rows in the making. What is not said is drawn from the random source."""

    random: Random = field(default_factory=lambda: Random(7))
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def profile(self, owner: str) -> dict[str, Any]:
        """Return a profile in which much is missing, empty or of the wrong type."""
        profile: dict[str, Any] = {}
        for ref in FIELDS:
            roll = self.random.random()
            if ref.owner != owner or roll < 0.12:
                continue
            if roll < 0.2:
                profile[ref.name] = self.random.choice((None, "", []))
            else:
                pool = WRONG if roll < 0.32 else RIGHT
                profile[ref.name] = self.random.choice(pool[ref.type])
        return profile

    def account(self) -> int:
        """Add an account and return its id."""
        number = next(self.numbers)
        row = {"id": number, "key": f"name:{number}", "profile": self.profile("account")}
        self.add("accounts", row | {"created_at": NOW})
        return number

    def lead(self, account_id: int, **said: object) -> int:
        """Add a lead, with whatever it went through, and return its id."""
        number, pick = next(self.numbers), self.random.choice
        row = {
            "id": number,
            "uid": f"uid-{number}",
            "email": pick(("", "a@example.org", "Ä@example.org")),
            "time_zone": pick(("Europe/Berlin", "America/New_York")),
            "language": pick(("en", "de", "")),
            "source": pick(("", "fair", "Fair", "ä", "😀")),
            "account_id": account_id,
            "profile": self.profile("lead"),
            "stage": pick([stage for stage in Stage if stage is not Stage.ERASED]),
            "temperature": pick(list(Temperature)),
            "grade": pick("ABCD?"),
            "fit": pick(MILLIS),
            "engagement": pick(MILLIS),
            "readiness": pick((0, 5, 49, 50, 100)),
            **{f"verdict_{gate}": pick(list(Verdict)) for gate in Gate},
            **{f"trait_{trait}": pick((0, 1, 2, 3)) for trait in Trait},
            "cycle_at": NOW,
            "captured_at": pick(PAST),
            "last_life_at": pick((None, *PAST)),
        }
        self.add("leads", row | said)
        return number

    def live(self, lead_id: int) -> None:
        """Let the lead click, get mail, and pass through sequences."""
        some, pick = self.random.randint, self.random.choice
        for _ in range(some(0, 5)):
            self.event(lead_id, occurred_at=pick(MOMENTS))
        for _ in range(some(0, 3)):
            self.message(lead_id, pick(TEMPLATES), pick(list(MessageState)), pick(MOMENTS))
        for sequence in self.random.sample(SEQUENCES, some(0, 2)):
            row: dict[str, Any] = {
                "sequence": sequence,
                "awaiting": Awaiting.TURN,
                "due_at": NOW,
                "since": NOW,
            }
            self.add("enrollments", _passage(lead_id) | row | {"jumps": {}})
        for _ in range(some(0, 2)):
            row = {"sequence": pick(SEQUENCES), "ended_at": NOW, "reason": "finished"}
            self.add("past_enrollments", _passage(lead_id) | row)

    def event(self, lead_id: int, **said: object) -> None:
        """Add an event, usually of a person."""
        row = {
            "lead_id": lead_id,
            "kind": self.random.choice(KINDS),
            "subject": self.random.choice(SUBJECTS),
            "occurred_at": NOW,
            "recorded_at": NOW,
            "day": TODAY.toordinal(),
            "source": "test",
            "source_key": str(next(self.numbers)),
            "human": self.random.random() < 0.8,
        }
        self.add("events", row | said)

    def message(self, lead_id: int, template: str, state: MessageState, at: datetime) -> None:
        """Add a message."""
        number = next(self.numbers)
        texts = ("sequence", "step", "template_version", "topic", "window")
        row: dict[str, Any] = {
            **dict.fromkeys(texts, "any"),
            "uid": f"message-{number}",
            "visit": number,
            "lead_id": lead_id,
            "enrollment_id": 1,
            "release_id": 1,
            "template": template,
            "slots": {},
            "state": state,
            "not_before": at,
            "planned_at": at,
            "accepted_at": at if state is MessageState.ACCEPTED else None,
        }
        self.add("messages", row)

    def add(self, table: str, row: dict[str, Any]) -> None:
        """Add a row."""
        self.rows.setdefault(table, []).append(row)

    def store(self, connection: Connection) -> None:
        """Write everything, in the order of the references."""
        release = {"content_hash": "1", "files": {}, "applied_at": NOW, "applied_by": "test"}
        connection.execute(insert(releases), [{"id": 1} | release])
        order = (accounts, leads, events, messages, enrollments, past_enrollments)
        for table in order:
            if self.rows.get(table.name):
                connection.execute(insert(table), self.rows[table.name])


def _passage(lead_id: int) -> dict[str, Any]:
    return {"lead_id": lead_id, "release_id": 1, "step": "first", "entered_at": NOW}


def crowd(size: int, *, seed: int = 7) -> Crowd:
    """Return so many leads at a quarter as many accounts."""
    made = Crowd(random=Random(seed))
    homes = [made.account() for _ in range(max(size // 4, 1))]
    for _ in range(size):
        made.live(made.lead(made.random.choice(homes)))
    return made


def one(**said: object) -> Crowd:
    """Return a crowd of one lead that nothing happened to, with the columns that are said."""
    made = Crowd()
    plain = {"profile": {}, "captured_at": NOW, "last_life_at": None}
    made.lead(made.account(), **(plain | said))
    return made


def ids(made: Crowd) -> Sequence[int]:
    """Return the ids of all leads, in their order."""
    return [row["id"] for row in made.rows["leads"]]
