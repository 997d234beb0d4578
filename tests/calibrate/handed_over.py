"""Three hundred handoffs of which the truth is known, told through the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import update

from nurture.core.condition import ValueType
from nurture.core.event import EventKind, NewEvent
from nurture.core.project import Band, Field, FitModel, FitRule, Project
from nurture.store import events, handoffs, leads, profiles
from nurture.store.db import Connection
from nurture.store.handoffs import NewHandoff
from nurture.store.leads import NewLead
from nurture.store.profiles import NewFact
from nurture.store.tables import handoffs as handoff_rows
from tests.core.builders import project

SALES = "inside-sales"
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
DECIDED = START + timedelta(days=30)
NUMBER = 300
LARGE = 200

RULES = (
    FitRule(
        id="employees",
        key="account.employees",
        bands=(
            Band(low=1, high=49, points=30),
            Band(low=50, high=None, points=0),
        ),
    ),
)
FIELDS = {
    field.key: field
    for field in (
        Field(owner="account", name="employees", type=ValueType.NUMBER, label="Employees"),
        Field(owner="lead", name="role", type=ValueType.CHOICE, label="Role"),
        Field(
            owner="lead", name="first_name", type=ValueType.TEXT, label="First name", personal=True
        ),
    )
}
PROJECT: Project = replace(
    project(fit=FitModel(rules=RULES, exclusions=(), grades={"A": 70, "B": 45, "C": 20})),
    fields=FIELDS,
)


def is_won(number: int) -> bool:
    """Large companies win four times in five, small ones once in five."""
    return (number % 5 != 0) if is_large(number) else number % 5 == 0


def is_large(number: int) -> bool:
    return number % 2 == 0


def decided_at(number: int) -> datetime:
    """Thirty are handed over on each of ten days."""
    return DECIDED + timedelta(days=number // 30)


def tell(connection: Connection) -> None:
    """Write the story of three hundred handoffs."""
    ids = capture(connection)
    know(connection, ids, "employees", before=True)
    do(connection, ids)
    hand_over(connection, ids)


def capture(connection: Connection) -> list[int]:
    """Store three hundred leads; return their ids."""
    new = [
        NewLead(
            uid=f"uid-{number}",
            email=f"{number}@plant.example",
            match_key=f"{number}@plant.example",
            time_zone="Europe/Berlin",
            language="en",
            source="fair" if number % 3 else "web",
            account_key=f"lead:{number}",
            account_name="",
            note="",
            suppressed="",
            captured_at=START,
        )
        for number in range(NUMBER)
    ]
    leads.insert_leads(connection, new, now=START)
    found = leads.ids_by_uid(connection, [lead.uid for lead in new])
    return [found[lead.uid] for lead in new]


def know(connection: Connection, ids: list[int], name: str, *, before: bool) -> None:
    """Record how large each company is, or after the decision what would give the outcome away."""
    accounts = {lead.id: lead.account_id for lead in leads.read(connection, ids).values()}
    profiles.add_facts(
        connection,
        [
            NewFact(
                lead_id=lead_id,
                account_id=accounts[lead_id],
                name=name,
                value=(LARGE if is_large(number) else 20)
                if before
                else (9_000 if is_won(number) else 1),
                source="test",
                occurred_at=START,
                # A fact may claim to be old and still be news.
                recorded_at=START if before else decided_at(number) + timedelta(days=1),
                valid_until=None,
            )
            for number, lead_id in enumerate(ids)
        ],
    )


def do(connection: Connection, ids: list[int]) -> None:
    """Let winners click before the decision, and losers just as often after it."""
    for days, wins in ((-2, True), (1, False)):
        happens(
            connection,
            {n: lead_id for n, lead_id in enumerate(ids) if is_won(n) is wins},
            EventKind.MESSAGE_CLICKED,
            after=timedelta(days=days),
        )


def happens(
    connection: Connection, who: dict[int, int], kind: EventKind, *, after: timedelta
) -> None:
    """Let the same happen to each of them, so long after their handoff."""
    for at in sorted({decided_at(number) for number in who}):
        new = [
            NewEvent(
                lead_id=lead_id,
                kind=kind,
                subject=SALES,
                occurred_at=at + after,
                source="test",
                source_key=f"{kind} {number}",
            )
            for number, lead_id in who.items()
            if decided_at(number) == at
        ]
        events.append(connection, new, now=at + after, zone=BERLIN)


def hand_over(connection: Connection, ids: list[int]) -> None:
    """Hand everybody over, and let sales answer."""
    numbers = dict(enumerate(ids))
    for at in sorted({decided_at(number) for number in numbers}):
        new = [
            NewHandoff(
                uid=f"handoff-{number}",
                lead_id=lead_id,
                cycle=1,
                endpoint=SALES,
                readiness=number % 100,
            )
            for number, lead_id in numbers.items()
            if decided_at(number) == at
        ]
        handoffs.create(connection, new, now=at)
    for wins, kinds in (
        (True, [EventKind.HANDOFF_ACCEPTED, EventKind.HANDOFF_LOST]),
        (False, [EventKind.HANDOFF_REJECTED]),
    ):
        who = {number: lead_id for number, lead_id in numbers.items() if is_won(number) is wins}
        for hours, kind in enumerate(kinds, 2):
            happens(connection, who, kind, after=timedelta(hours=hours))
        connection.execute(
            update(handoff_rows)
            .where(handoff_rows.c.lead_id.in_(who.values()))
            .values(
                answer=kinds[-1],
                answer_reason="too small" if not wins else "",
                delivered_at=DECIDED,
                answered_at=DECIDED + timedelta(days=100),
            )
        )


def by_number(connection: Connection) -> dict[int, int]:
    uids = {f"uid-{number}": number for number in range(NUMBER)}
    found = leads.ids_by_uid(connection, list(uids))
    return {uids[uid]: lead_id for uid, lead_id in found.items()}
