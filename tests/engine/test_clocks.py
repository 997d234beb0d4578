"""Clocks that change twice a year, in twelve zones, and a machine's clock that is set wrong.

Mail may leave in the small hours only, just where clocks change. What the other side took is held
against local time, looked at the other way round than the engine does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from nurture.core.message import Accepted, Outcome, OutgoingMessage
from nurture.core.project import Project, Window
from nurture.core.sequence import EmailStep, Sequence as NurtureSequence, WaitStep
from nurture.store.db import Database
from tests.engine.programme import CONSENT, Programme, row, starter

SMALL_HOURS = Window(
    name="small-hours", days=frozenset(range(1, 8)), start=time(1, 0), until=time(4, 0)
)
PAUSE = timedelta(hours=20)
MAILS = ("guide-delivery", "leak-walk", "dairy-case", "what-leaks-cost")
EUROPE = (
    *("Europe/Berlin", "Europe/London", "Europe/Lisbon", "Europe/Helsinki"),
    *("Atlantic/Azores", "Europe/Athens"),
)
AMERICA = ("America/New_York", "America/Los_Angeles", "America/St_Johns", "America/Havana")
AUSTRALIA = ("Australia/Sydney", "Australia/Lord_Howe")
STEPS = (timedelta(hours=3), timedelta(hours=-2), timedelta(days=2))
"""By how much the machine's clock is set wrong, one after the other."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that the other side took, by the machine's clock."""

    uid: str
    email: str
    template: str
    at: datetime


@dataclass(slots=True)
class Books:
    """The other side: it takes everything and writes down when."""

    name: str = "books"
    group_size: int = 10
    longest_wait: timedelta = timedelta(seconds=1)
    taken: list[Taken] = field(default_factory=list)

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Take the messages."""
        self.taken += [
            Taken(mail.uid, mail.mail.recipient.email, mail.categories[1], now) for mail in messages
        ]
        return [Accepted(provider_id=mail.uid) for mail in messages]

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Do nothing: nothing is kept."""


def small_hours() -> Project:
    """Return the starter with one sequence: four mails, twenty hours apart, in the small hours."""
    project = starter()
    steps: list[EmailStep | WaitStep] = []
    for template in MAILS:
        steps.append(EmailStep(id=template, next=f"after-{template}", template=template))
        steps.append(
            WaitStep(id=f"after-{template}", next=None, seconds=int(PAUSE.total_seconds()))
        )
    linked = [replace(step, next=after.id) for step, after in pairwise(steps)]
    welcome: NurtureSequence = replace(
        project.sequences["welcome"],
        steps=(*linked, steps[-1]), exits=(), window="small-hours", topic="guides",
    )  # fmt: skip
    windows = {**project.workspace.windows, "small-hours": SMALL_HOURS}
    workspace = replace(project.workspace, windows=windows, cap_per_week=7)
    return replace(project, workspace=workspace, sequences={"welcome": welcome})


def clock(begins: datetime, *, pace: timedelta) -> Iterator[datetime]:
    """Tell the machine's time again and again for a week, set wrong now and then."""
    real, wrong = begins, timedelta()
    steps = dict(zip((begins + timedelta(hours=h) for h in (20, 47, 74)), STEPS, strict=True))
    while real < begins + timedelta(days=7):
        for at in [at for at in steps if at <= real]:
            wrong += steps.pop(at)
        yield real + wrong
        real += pace


@pytest.mark.parametrize(
    ("zones", "change"),
    [
        pytest.param(EUROPE, datetime(2026, 3, 29, tzinfo=UTC), id="Europe, spring"),
        pytest.param(EUROPE, datetime(2026, 10, 25, tzinfo=UTC), id="Europe, autumn"),
        pytest.param(AMERICA, datetime(2026, 3, 8, tzinfo=UTC), id="America, spring"),
        pytest.param(AMERICA, datetime(2026, 11, 1, tzinfo=UTC), id="America, autumn"),
        pytest.param(AUSTRALIA, datetime(2026, 10, 4, tzinfo=UTC), id="Australia, spring"),
        pytest.param(AUSTRALIA, datetime(2026, 4, 5, tzinfo=UTC), id="Australia, autumn"),
    ],
)
def test_every_mail_leaves_inside_its_window_once_and_never_early(
    database: Database, zones: tuple[str, ...], change: datetime
) -> None:
    begins = change - timedelta(days=2)
    books = Books()
    programme = Programme(database, now=begins, project=small_hours())
    programme.ways = replace(programme.ways, transport=books)
    captured = (begins - timedelta(days=1)).isoformat()
    told = {"captured_at": captured, "consent": CONSENT.rpartition(",")[0] + f",{captured}"}
    # Where a tick takes longer there are fewer: what a database could get wrong shows in these too.
    quick = database.dialect == "sqlite"
    pace = timedelta(minutes=50 if quick else 100)
    people = {f"p{n}@plant{n}.example": zone for n, zone in enumerate(zones * (1 + quick))}
    programme.bring(*(row(email, time_zone=zone, **told) for email, zone in people.items()))
    for now in clock(begins, pace=pace):
        programme.now = now
        programme.tick()

    assert any(_offset(zone, begins) != _offset(zone, programme.now) for zone in zones)
    assert Counter(mail.email for mail in books.taken) == dict.fromkeys(people, len(MAILS))
    assert len({mail.uid for mail in books.taken}) == len(books.taken), "one twice"
    for email, zone in people.items():
        mails = [mail for mail in books.taken if mail.email == email]
        assert [mail.template for mail in mails] == list(MAILS), "out of order"
        local = [mail.at.astimezone(ZoneInfo(zone)) for mail in mails]
        assert all(time(1) <= at.time() < time(4) for at in local), f"outside of the window: {zone}"
        assert len({at.date() for at in local}) == len(MAILS), f"two on one day: {zone}"
        early = [b for a, b in pairwise(mails) if b.at - a.at < PAUSE]
        assert not early, f"early: {zone}"


def _offset(zone: str, at: datetime) -> timedelta | None:
    return at.astimezone(ZoneInfo(zone)).utcoffset()
