"""Compile conditions to SQL: the reading of the tree that answers for sets of leads.

It says of every lead what `core.condition.holds` says of the same lead's facts; a property test
holds the two together. No term is ever NULL: under NOT a NULL would lose the row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    FromClause,
    Function,
    Numeric,
    Select,
    Text,
    and_,
    case,
    cast,
    collate,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import TypeEngine

from nurture.core.condition import (
    And,
    Compare,
    Condition,
    Constant,
    Contains,
    DatePast,
    DateWithin,
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
    refs_of,
    scaled,
)
from nurture.core.event import EventKind
from nurture.core.lead import Gate, Trait, Value
from nurture.core.message import MessageState
from nurture.store import lists
from nurture.store.db import Connection
from nurture.store.tables import accounts, enrollments, events, leads, messages, past_enrollments


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which of the matching leads: with ids above `after_id`, and only of `lead_ids` if named."""

    limit: int
    after_id: int = 0
    lead_ids: Sequence[int] | None = None


def count(connection: Connection, condition: Condition, *, now: datetime, today: date) -> int:
    """Return how many leads the condition holds for."""
    query = select(func.count()).select_from(source(condition))
    return connection.scalar(query.where(where(condition, now=now, today=today))) or 0


def sample(
    connection: Connection, condition: Condition, *, now: datetime, today: date, limit: int
) -> list[int]:
    """Return the ids of the first leads that the condition holds for."""
    return matching(connection, condition, Page(limit=limit), now=now, today=today)


def latest(
    connection: Connection, condition: Condition, *, now: datetime, today: date, limit: int
) -> list[int]:
    """Return the ids of the leads heard from last among those that the condition holds for."""
    life = func.coalesce(leads.c.last_life_at, leads.c.captured_at)
    query = (
        select(leads.c.id)
        .select_from(source(condition))
        .where(where(condition, now=now, today=today))
        .order_by(life.desc(), leads.c.id.desc())
        .limit(limit)
    )
    return list(connection.scalars(query))


def matching(
    connection: Connection, condition: Condition, page: Page, *, now: datetime, today: date
) -> list[int]:
    """Return the ids of one page of the leads that the condition holds for, in their order.

    For the next page, pass the last id as `after_id`.
    """
    return list(connection.scalars(_matching(condition, page, now=now, today=today)))


def _matching(
    condition: Condition, page: Page, *, now: datetime, today: date
) -> Select[tuple[int]]:
    query = (
        select(leads.c.id)
        .select_from(source(condition))
        .where(leads.c.id > page.after_id, where(condition, now=now, today=today))
        .order_by(leads.c.id)
        .limit(page.limit)
    )
    return query if page.lead_ids is None else query.where(leads.c.id.in_(page.lead_ids))


def source(condition: Condition) -> FromClause:
    """Return what the condition is asked of: leads, joined with accounts where it reads them."""
    if any(ref.owner == "account" for ref in refs_of(condition)):
        return leads.join(accounts, accounts.c.id == leads.c.account_id)
    return leads


def where(condition: Condition, *, now: datetime, today: date) -> ColumnElement[bool]:
    """Return the condition over `leads`; joined with `accounts` if it reads the account."""
    match condition:
        case And(terms):
            return and_(true(), *(where(term, now=now, today=today) for term in terms))
        case Or(terms):
            return or_(false(), *(where(term, now=now, today=today) for term in terms))
        case Not(term):
            return not_(where(term, now=now, today=today))
        case Happened() | Sent() | Silent() | InSequence():
            return _history_leaf(condition, now)
        case DateWithin() | DatePast():
            return _date_leaf(condition, today)
        case Constant(value):
            return true() if value else false()
        case Compare(ref, how, value):
            return _definite(_ORDER[how](_value(ref), _literal(ref, value)), ref)
        case OneOf(ref, values):
            return _definite(_value(ref).in_([_literal(ref, value) for value in values]), ref)
        case Contains(ref, choice):
            return _contains(ref, choice)
        case Known(ref):
            return _some(ref) if ref.type is ValueType.CHOICES else _value(ref).is_not(None)
        case _ as unknown:
            assert_never(unknown)


# --- what happened ------------------------------------------------------------------------------


def _history_leaf(
    leaf: Happened | Sent | Silent | InSequence, now: datetime
) -> ColumnElement[bool]:
    match leaf:
        case Happened(kind, subject, within):
            happened = [events.c.lead_id == leads.c.id, events.c.kind == str(kind)]
            if subject is not None:
                happened.append(events.c.subject == subject)
            if kind is EventKind.LIST_ADDED:
                happened.append(lists.stands(now))
            human = events.c.human.is_(True)
            return exists().where(*happened, human, *_recent(events.c.occurred_at, within, now))
        case Sent(template, within):
            sent = [messages.c.lead_id == leads.c.id, messages.c.state == MessageState.ACCEPTED]
            if template is not None:
                sent.append(messages.c.template == template)
            return exists().where(*sent, *_recent(messages.c.accepted_at, within, now))
        case Silent(seconds):
            since = now - timedelta(seconds=seconds)
            life = func.coalesce(leads.c.last_life_at, leads.c.captured_at)
            return and_(leads.c.captured_at <= since, life <= since)
        case InSequence(sequence, finished):
            passages = past_enrollments if finished else enrollments
            return exists().where(passages.c.lead_id == leads.c.id, passages.c.sequence == sequence)
        case _ as unknown:
            assert_never(unknown)


def _recent(
    at: Column[datetime], within_seconds: int | None, now: datetime
) -> list[ColumnElement[bool]]:
    if within_seconds is None:
        return [at <= now]
    return [at <= now, at > now - timedelta(seconds=within_seconds)]


# --- values -------------------------------------------------------------------------------------


_ORDER: dict[Operator, Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]] = {
    Operator.EQ: lambda value, other: value == other,
    Operator.NE: lambda value, other: value != other,
    Operator.LT: lambda value, other: _ordered(value) < other,
    Operator.LE: lambda value, other: _ordered(value) <= other,
    Operator.GT: lambda value, other: _ordered(value) > other,
    Operator.GE: lambda value, other: _ordered(value) >= other,
}

_COLUMNS: dict[tuple[str, str], Column[Any]] = {
    ("", "stage"): leads.c.stage,
    ("", "temperature"): leads.c.temperature,
    ("", "grade"): leads.c.grade,
    ("", "readiness"): leads.c.readiness,
    ("score", "fit"): leads.c.fit,
    ("score", "engagement"): leads.c.engagement,
    **{("verdict", str(gate)): leads.c[f"verdict_{gate}"] for gate in Gate},
    **{("trait", str(trait)): leads.c[f"trait_{trait}"] for trait in Trait},
}
"""References that always have a value."""

_OPEN_COLUMNS: dict[tuple[str, str], Column[Any]] = {
    ("", "source"): leads.c.source,
    ("lead", "source"): leads.c.source,
    ("lead", "email"): leads.c.email,
    ("lead", "time_zone"): leads.c.time_zone,
    ("lead", "language"): leads.c.language,
}
"""References whose value is empty while it is not known."""

_LITERAL_TYPES: dict[ValueType, TypeEngine[Any]] = {
    ValueType.NUMBER: BigInteger(),
    ValueType.BOOL: Boolean(),
}


def _literal(ref: Ref, value: Value) -> ColumnElement[Any]:
    type_ = _LITERAL_TYPES.get(ref.type, Text())
    return literal(scaled(ref, value), type_)


def _definite(comparison: ColumnElement[bool], ref: Ref) -> ColumnElement[bool]:
    """Return the comparison with "no" for NULL; where none can arise, as an index can use it."""
    if (ref.owner, ref.name) in _COLUMNS:
        return comparison
    return func.coalesce(comparison, false())


def _value(ref: Ref) -> ColumnElement[Any]:
    """Return the value of the reference, NULL while it is not known."""
    key = (ref.owner, ref.name)
    if key in _COLUMNS:
        return _COLUMNS[key]
    if key in _OPEN_COLUMNS:
        return func.nullif(_OPEN_COLUMNS[key], "", type_=Text())
    match ref.type:
        case ValueType.TEXT | ValueType.DATE | ValueType.CHOICE:
            return _text(ref)
        case ValueType.NUMBER:
            return _number(ref)
        case ValueType.BOOL:
            return _bool(ref)
        case ValueType.CHOICES:
            raise AssertionError(f"{ref.text} holds several values: ask Contains or Known")
        case _ as unknown:
            assert_never(unknown)


def _date_leaf(leaf: DateWithin | DatePast, today: date) -> ColumnElement[bool]:
    day = _ordered(_value(leaf.ref))
    if isinstance(leaf, DatePast):
        return _definite(day <= today.isoformat(), leaf.ref)
    last = today + timedelta(days=leaf.days)
    return _definite(day.between(today.isoformat(), last.isoformat()), leaf.ref)


# --- profiles: JSON -----------------------------------------------------------------------------
# A value of another JSON type than the field has is not known, as in `core.condition.value_of`.


class _ByDialect(FunctionElement[Any]):
    """The first expression on SQLite, the second on PostgreSQL."""

    inherit_cache = True

    def __init__(self, sqlite: ColumnElement[Any], postgresql: ColumnElement[Any]) -> None:
        super().__init__(sqlite, postgresql)
        self.type = sqlite.type


@compiles(_ByDialect, "sqlite")
def _on_sqlite(element: _ByDialect, compiler: SQLCompiler, **options: object) -> str:
    return compiler.process(element.clauses.clauses[0], **options)


@compiles(_ByDialect, "postgresql")
def _on_postgresql(element: _ByDialect, compiler: SQLCompiler, **options: object) -> str:
    return compiler.process(element.clauses.clauses[1], **options)


def _ordered(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return text so that it is ordered by code points, as SQLite and Python do anyway."""
    return _ByDialect(value, collate(value, "C")) if isinstance(value.type, Text) else value


def _text(ref: Ref) -> ColumnElement[Any]:
    on_sqlite = func.nullif(_sqlite_value(ref, Text()), "", type_=Text())
    on_postgresql = func.nullif(_postgresql_text(ref), "", type_=Text())
    return _ByDialect(
        case((_sqlite_kind(ref) == "text", on_sqlite)),
        case((_postgresql_kind(ref) == "string", on_postgresql)),
    )


def _number(ref: Ref) -> ColumnElement[Any]:
    """Return the whole number; PostgreSQL has one kind for these and for fractions."""
    number = cast(_postgresql_text(ref), Numeric())
    return _ByDialect(
        case((_sqlite_kind(ref) == "integer", _sqlite_value(ref, BigInteger()))),
        # Nested, as only a case within a case keeps the cast from other kinds.
        case((_postgresql_kind(ref) == "number", case((func.scale(number) == 0, number)))),
    )


def _bool(ref: Ref) -> ColumnElement[Any]:
    return _ByDialect(
        case((_sqlite_kind(ref).in_(["true", "false"]), _sqlite_value(ref, Boolean()))),
        case((_postgresql_kind(ref) == "boolean", cast(_postgresql_text(ref), Boolean()))),
    )


def _contains(ref: Ref, choice: str) -> ColumnElement[bool]:
    items = func.json_each(*_sqlite_place(ref)).table_valued("type", "value")
    among = exists().where(items.c.type == "text", items.c.value == choice)
    return _ByDialect(
        case((_sqlite_kind(ref) == "array", among), else_=false()),
        case(
            (_postgresql_kind(ref) == "array", _postgresql_item(ref).has_key(choice)), else_=false()
        ),
    )


def _some(ref: Ref) -> ColumnElement[bool]:
    """Say whether a reference of several choices holds any."""
    length = func.json_array_length(*_sqlite_place(ref), type_=BigInteger())
    postgresql_length = func.jsonb_array_length(_postgresql_item(ref), type_=BigInteger())
    return _ByDialect(
        case((_sqlite_kind(ref) == "array", length > 0), else_=false()),
        case((_postgresql_kind(ref) == "array", postgresql_length > 0), else_=false()),
    )


def _profile(ref: Ref) -> Column[Any]:
    return leads.c.profile if ref.owner == "lead" else accounts.c.profile


def _sqlite_place(ref: Ref) -> tuple[Column[Any], str]:
    return _profile(ref), f'$."{ref.name}"'


def _sqlite_kind(ref: Ref) -> ColumnElement[str]:
    return func.json_type(*_sqlite_place(ref), type_=Text())


def _sqlite_value(ref: Ref, type_: Text | BigInteger | Boolean) -> ColumnElement[Any]:
    return func.json_extract(*_sqlite_place(ref), type_=type_)


def _postgresql_item(ref: Ref) -> Function[Any]:
    return func.jsonb_extract_path(_profile(ref), ref.name, type_=JSONB())


def _postgresql_kind(ref: Ref) -> ColumnElement[str]:
    return func.jsonb_typeof(_postgresql_item(ref), type_=Text())


def _postgresql_text(ref: Ref) -> ColumnElement[str]:
    return func.jsonb_extract_path_text(_profile(ref), ref.name, type_=Text())
