"""Lists and rows in one statement: what goes in is what is found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Update, insert, select, update

from nurture.store import sets
from nurture.store.db import Connection, Database, stored
from nurture.store.messages import NewMessage, plan
from nurture.store.sets import Given, among, among_given
from nurture.store.tables import decisions, messages

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
ODD = [
    *("", " ", "'", '"', "\\", '\\"', '"\\', "{", "}", "a,b", "NULL", "null", "None", "%s", ":x"),
    *("line\nbreak", "Größe", "\N{PARTY POPPER}", '","'),
]
CHANGED = [
    *(decisions.c.id, decisions.c.outcome, decisions.c.enrollment_id, decisions.c.at),
    decisions.c.inputs,
]


def changed(given: Given) -> Update:
    return (
        update(decisions)
        .where(decisions.c.id == given["id"])
        .values({place.name: given[place.name] for place in CHANGED[1:]})
    )


def note(connection: Connection, outcomes: Sequence[str]) -> None:
    connection.execute(
        insert(decisions),
        [
            {"id": i, "lead_id": 1, "at": NOON, "rule": "rule", "outcome": outcome, "inputs": {}}
            for i, outcome in enumerate(outcomes, 1)
        ],
    )


def test_a_list_of_texts_finds_each_as_it_is(database: Database) -> None:
    asked, place = select(decisions.c.outcome).order_by(decisions.c.id), decisions.c.outcome
    with database.write() as connection:
        note(connection, ODD)
        found = connection.scalars(asked.where(among(place, ODD))).all()
        given = connection.scalars(asked.where(among_given(place, "odd")), {"odd": ODD}).all()
        others = connection.scalars(asked.where(among(place, [f"{text}?" for text in ODD]))).all()
        none = connection.scalars(asked.where(among_given(place, "odd")), {"odd": []}).all()
    assert (found, given, others, none) == (ODD, ODD, [], [])


@pytest.mark.parametrize(
    "rows",
    [
        [(i, text, i, stored(NOON), {"said": text}) for i, text in enumerate(ODD, 1)],
        [(i, '"\\', None, stored(LATER), {}) for i in range(1, 4)],
        [(1, "x", None, stored(NOON), {}), (2, "x", 7, stored(LATER), {"a": ["b"]})],
        [(2, "x", 7, stored(LATER), {})],
    ],
    ids=["all differ", "all alike", "some alike", "one"],
)
def test_each_row_changes_to_what_was_given_for_it(
    database: Database, rows: Sequence[sets.Row]
) -> None:
    with database.write() as connection:
        note(connection, ["before"] * len(ODD))
        count = sets.change(connection, changed, CHANGED, rows)
        found = connection.execute(
            select(*CHANGED).where(decisions.c.outcome != "before").order_by(decisions.c.id)
        ).all()
    assert count == len(rows)
    assert [(i, text, by, stored(at), inputs) for i, text, by, at, inputs in found] == list(rows)


def mail(uid: str, shown: str) -> NewMessage:
    return NewMessage(
        uid=uid,
        lead_id=1,
        enrollment_id=1,
        release_id=1,
        sequence="welcome",
        step="guide",
        visit=0,
        template="guide",
        template_version="1",
        topic="guides",
        window="office-hours",
        form="",
        slots={"lead": {"first_name": shown}},
        expires_at=None,
    )


def test_what_is_there_already_stays_and_the_rest_is_added(database: Database) -> None:
    with database.write() as connection:
        plan(connection, [mail("a", "first")], now=NOON)
        plan(connection, [mail("a", "second"), mail("b", '"\\,{}')], now=LATER)
        found = connection.execute(select(messages.c.uid, messages.c.slots).order_by("uid")).all()
    assert [(uid, slots["lead"]["first_name"]) for uid, slots in found] == [
        ("a", "first"),
        ("b", '"\\,{}'),
    ]
