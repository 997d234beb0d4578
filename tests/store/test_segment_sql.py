"""Segments: SQL says of every lead what Python says."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from sqlalchemy import Dialect, make_url, select

from nurture.core.condition import (
    And,
    Compare,
    Condition,
    Constant,
    Contains,
    Facts,
    Happened,
    InSequence,
    Known,
    Not,
    OneOf,
    Operator,
    Or,
    Ref,
    Sent,
    Silent,
    ValueType,
    holds,
)
from nurture.core.event import EventKind
from nurture.core.lead import Stage
from nurture.core.message import MessageState
from nurture.store import history, leads as lead_store, segment_sql
from nurture.store.db import Connection, Database
from nurture.store.history import Asked
from nurture.store.segment_sql import Page
from nurture.store.tables import leads
from tests.store.conditions import STAGE, TEXT_COLUMNS, trees
from tests.store.population import (
    NOW,
    TICK,
    TODAY,
    Crowd,
    crowd,
    ids,
    one,
)

SIZE = 48
TREES = 230
PAIRS = 10_000


def _facts(connection: Connection, made: Crowd) -> dict[int, Facts]:
    people = lead_store.read(connection, ids(made))
    asked = Asked(latest=frozenset(EventKind))
    return history.read_facts(connection, people, asked, now=NOW, today=TODAY)


def _found(connection: Connection, condition: Condition, page: Page | None = None) -> list[int]:
    page = page or Page(limit=1000)
    return segment_sql.matching(connection, condition, page, now=NOW, today=TODAY)


def _agree(connection: Connection, made: Crowd, condition: Condition) -> list[int]:
    """Return the leads that both say the condition holds for."""
    people = _facts(connection, made)
    wanted = [lead_id for lead_id, facts in people.items() if holds(condition, facts, now=NOW)]
    assert _found(connection, condition) == sorted(wanted)
    return wanted


def test_row_14_sql_agrees_with_python_on_whatever_is_asked_of_whomever(
    database: Database,
) -> None:
    made = crowd(SIZE)
    pairs = positive = 0
    with database.write() as connection:
        made.store(connection)
    with database.read() as connection:
        people = _facts(connection, made)

        @settings(max_examples=TREES)
        @given(trees(4))
        def agree(condition: Condition) -> None:
            nonlocal pairs, positive
            wanted = sorted(i for i, facts in people.items() if holds(condition, facts, now=NOW))
            found = _found(connection, condition)
            assert found == wanted, f"after {pairs} pairs, {positive} of them positive"
            number = segment_sql.count(connection, condition, now=NOW, today=TODAY)
            assert number == len(wanted), f"after {pairs} pairs, {positive} of them positive"
            pairs += len(people)
            positive += len(wanted)

        agree()
    assert pairs >= PAIRS, f"only {pairs} pairs of a condition and a lead"
    assert 0.1 < positive / pairs < 0.9, f"{positive} of {pairs} pairs: this proves little"


# --- the rules, one by one ----------------------------------------------------------------------


def _lead_field(type_: ValueType) -> Ref:
    return Ref("lead", "x", type_)


@pytest.mark.parametrize(
    ("stored", "condition", "expected"),
    [
        pytest.param(
            "5", Compare(_lead_field(ValueType.NUMBER), Operator.EQ, 5), False,
            id="the text 5 is not the number 5",
        ),
        pytest.param(
            5, Compare(_lead_field(ValueType.TEXT), Operator.EQ, "5"), False,
            id="the number 5 is not the text 5",
        ),
        pytest.param(
            5.0, Known(_lead_field(ValueType.NUMBER)), False, id="a fraction is no whole number"
        ),
        pytest.param(
            1, Compare(_lead_field(ValueType.BOOL), Operator.EQ, True), False,
            id="the number 1 is not true",
        ),
        pytest.param(
            True, Compare(_lead_field(ValueType.NUMBER), Operator.GE, 1), False,
            id="true is not the number 1",
        ),
        pytest.param(
            "ab", Contains(_lead_field(ValueType.CHOICES), "a"), False,
            id="a text does not hold its letters",
        ),
        pytest.param(
            {"a": 1}, Contains(_lead_field(ValueType.CHOICES), "a"), False,
            id="an object does not hold its keys",
        ),
        pytest.param(
            [["a"]], Contains(_lead_field(ValueType.CHOICES), '["a"]'), False,
            id="a list within a list is no choice",
        ),
        pytest.param("", Known(_lead_field(ValueType.TEXT)), False, id="empty is not known"),
        pytest.param([], Known(_lead_field(ValueType.CHOICES)), False, id="no choice is not known"),
        pytest.param(None, Known(_lead_field(ValueType.TEXT)), False, id="null is not known"),
        pytest.param(0, Known(_lead_field(ValueType.NUMBER)), True, id="zero is known"),
        pytest.param(False, Known(_lead_field(ValueType.BOOL)), True, id="false is known"),
        pytest.param(
            None, Not(Compare(_lead_field(ValueType.TEXT), Operator.EQ, "a")), True,
            id="not of something missing is yes",
        ),
        pytest.param(
            None, Compare(_lead_field(ValueType.TEXT), Operator.NE, "a"), False,
            id="something missing differs from nothing",
        ),
        pytest.param(
            "Z", Compare(_lead_field(ValueType.TEXT), Operator.LT, "a"), True,
            id="capitals come before small letters",
        ),
        pytest.param(
            "\uffee", Compare(_lead_field(ValueType.TEXT), Operator.LT, "😀"), True,
            id="astral letters come last",
        ),
        pytest.param(
            "ä", Compare(_lead_field(ValueType.TEXT), Operator.EQ, "a\u0308"), False,
            id="letters are not composed",
        ),
        pytest.param(
            -(10**12), Compare(_lead_field(ValueType.NUMBER), Operator.LT, -(10**12) + 1), True,
            id="large and negative numbers are exact",
        ),
        pytest.param(None, And(()), True, id="all of nothing"),
        pytest.param(None, Or(()), False, id="any of nothing"),
    ],
)  # fmt: skip
def test_values(
    database: Database, stored: object, condition: Condition, *, expected: bool
) -> None:
    made = one(profile={"x": stored})
    with database.write() as connection:
        made.store(connection)
        assert bool(_agree(connection, made, condition)) is expected


HOUR = timedelta(hours=1)
CLICKED = Happened(EventKind.MESSAGE_CLICKED, "guide", 3600)


@pytest.mark.parametrize(
    ("condition", "event", "expected"),
    [
        pytest.param(CLICKED, {}, True, id="now is within the hour"),
        pytest.param(CLICKED, {"occurred_at": NOW - HOUR + TICK}, True, id="just within"),
        pytest.param(CLICKED, {"occurred_at": NOW - HOUR}, False, id="an hour ago is over"),
        pytest.param(CLICKED, {"occurred_at": NOW + TICK}, False, id="not yet"),
        pytest.param(CLICKED, {"human": False}, False, id="a scanner is nobody"),
        pytest.param(CLICKED, {"subject": "Guide"}, False, id="about something else"),
        pytest.param(CLICKED, {"kind": EventKind.PAGE_VIEWED}, False, id="of another kind"),
        pytest.param(
            Happened(EventKind.MESSAGE_CLICKED), {"subject": "Guide"}, True, id="about anything"
        ),
        pytest.param(
            Happened(EventKind.MESSAGE_CLICKED, ""), {}, False, id="about nothing is not anything"
        ),
    ],
)
def test_events(
    database: Database, condition: Condition, event: dict[str, object], *, expected: bool
) -> None:
    made = one()
    plain = {"kind": EventKind.MESSAGE_CLICKED, "subject": "guide", "human": True}
    made.event(ids(made)[0], **(plain | event))
    with database.write() as connection:
        made.store(connection)
        assert bool(_agree(connection, made, condition)) is expected


@pytest.mark.parametrize(
    ("state", "expected"), [(MessageState.ACCEPTED, True), (MessageState.UNCERTAIN, False)]
)
def test_sent_means_accepted(database: Database, state: MessageState, *, expected: bool) -> None:
    made = one()
    made.message(ids(made)[0], "guide-delivery", state, NOW)
    with database.write() as connection:
        made.store(connection)
        assert bool(_agree(connection, made, Sent("guide-delivery", 1))) is expected


@pytest.mark.parametrize(
    ("captured", "life", "expected"),
    [
        pytest.param(NOW - HOUR, None, True, id="silent since capture"),
        pytest.param(NOW - HOUR + TICK, None, False, id="captured too lately"),
        pytest.param(NOW - 2 * HOUR, NOW - HOUR + TICK, False, id="a sign of life too lately"),
        pytest.param(NOW - HOUR + TICK, NOW - 2 * HOUR, False, id="capture is a sign of life"),
    ],
)
def test_silence(database: Database, captured: object, life: object, *, expected: bool) -> None:
    made = one(captured_at=captured, last_life_at=life)
    with database.write() as connection:
        made.store(connection)
        assert bool(_agree(connection, made, Silent(3600))) is expected


def test_scores_are_asked_in_points_and_stored_in_thousandths(database: Database) -> None:
    made = one(fit=4_999)
    with database.write() as connection:
        made.store(connection)
        below = Compare(Ref("score", "fit", ValueType.NUMBER), Operator.LT, 5)
        assert _agree(connection, made, below)


# --- pages, parameters and plans ----------------------------------------------------------------


def test_pages_are_in_order_and_complete(database: Database) -> None:
    made = crowd(12)
    everybody = sorted(ids(made))
    with database.write() as connection:
        made.store(connection)
        first = _found(connection, Constant(True), Page(limit=5))
        second = _found(connection, Constant(True), Page(limit=100, after_id=first[-1]))
        assert first + second == everybody
        sample = segment_sql.sample(connection, Constant(True), now=NOW, today=TODAY, limit=3)
        assert sample == everybody[:3]


def test_only_the_leads_named_are_looked_at(database: Database) -> None:
    made = crowd(12)
    named = ids(made)[3:6]
    with database.write() as connection:
        made.store(connection)
        assert _found(connection, Constant(True), Page(limit=100, lead_ids=named)) == named
        assert _found(connection, Constant(True), Page(limit=100, lead_ids=[])) == []


def test_an_expression_goes_where_others_select_too(database: Database) -> None:
    made = one(stage=Stage.PROSPECT)
    expression = segment_sql.where(Compare(STAGE, Operator.EQ, "prospect"), now=NOW, today=TODAY)
    with database.write() as connection:
        made.store(connection)
        assert connection.scalars(select(leads.c.uid).where(expression)).all() == ["uid-2"]


SQLITE, POSTGRESQL = (
    make_url(f"{name}://").get_dialect()() for name in ("sqlite", "postgresql+psycopg")
)
HOSTILE = "x' OR 'a'='a"


@pytest.mark.parametrize(
    "condition",
    [
        Compare(_lead_field(ValueType.TEXT), Operator.LT, HOSTILE),
        OneOf(_lead_field(ValueType.CHOICE), (HOSTILE,)),
        Contains(_lead_field(ValueType.CHOICES), HOSTILE),
        Known(Ref("lead", HOSTILE, ValueType.TEXT)),
        Happened(EventKind.MESSAGE_CLICKED, HOSTILE),
        Sent(HOSTILE),
        InSequence(HOSTILE, finished=True),
    ],
    ids=lambda condition: type(condition).__name__,
)
@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=lambda d: d.name)
def test_nothing_an_author_writes_becomes_part_of_the_statement(
    condition: Condition, dialect: Dialect
) -> None:
    statement = segment_sql.where(condition, now=NOW, today=TODAY).compile(dialect=dialect)
    assert HOSTILE not in str(statement)
    assert any(HOSTILE in str(value) for value in statement.params.values())


@pytest.mark.parametrize(
    "ref", [_lead_field(ValueType.TEXT), TEXT_COLUMNS[0]], ids=["profile", "column"]
)
def test_text_is_ordered_by_code_points_whatever_the_database_prefers(ref: Ref) -> None:
    later = segment_sql.where(Compare(ref, Operator.GT, "a"), now=NOW, today=TODAY)
    assert 'COLLATE "C"' in str(later.compile(dialect=POSTGRESQL))
    assert "COLLATE" not in str(later.compile(dialect=SQLITE))


def test_history_is_looked_up_by_lead_in_an_index(database: Database) -> None:
    with database.write() as connection:
        crowd(1500).store(connection)
        if database.dialect == "postgresql":
            # What autovacuum does of its own accord. SQLite has to find the way without it.
            connection.exec_driver_sql("ANALYZE")
        for condition, table in HOT.items():
            plan = _plan(connection, condition)
            assert re.search(LOOKED_UP[database.dialect].format(table=table), plan), plan


HOT: dict[Condition, str] = {
    CLICKED: "events",
    Happened(EventKind.FORM_SUBMITTED): "events",
    Sent("case-study", 3600): "messages",
    InSequence("welcome", finished=False): "enrollments",
    InSequence("welcome", finished=True): "past_enrollments",
}
LOOKED_UP = {
    "sqlite": r"SEARCH {table} USING (COVERING )?INDEX \w+ \(lead_id=",
    "postgresql": r"on {table}.*\n.*Index Cond: \(\(?lead_id = leads.id",
}


def _plan(connection: Connection, condition: Condition) -> str:
    expression = segment_sql.where(condition, now=NOW, today=TODAY)
    statement = select(leads.c.id).where(leads.c.id.in_([400, 401, 402]), expression)
    told = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    return "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {told}"))
