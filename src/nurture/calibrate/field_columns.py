"""Fields as columns of a backtest: each type in a form that a rule could ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field as default
from datetime import date

from nurture.calibrate.bins import Slot
from nurture.calibrate.suggest import Origin
from nurture.core.condition import Facts, ValueType
from nurture.core.project import Field
from nurture.core.score import profile_value

YES, NO = "yes", "no"
ANSWERED = (Slot(values=(YES,)), Slot(rest=True), Slot(missing=True))
PAST, LATER = "past", "later"
SOON_DAYS = (30, 90)
"""A date ahead is near, nearer than a quarter, or later: `soon` can ask for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a field said at each decision. Without `origin` no rule can ask for it."""

    name: str
    texts: Sequence[str]
    origin: Origin | None
    slots: tuple[Slot, ...] = default(default=())


def columns_of(field: Field, decided: Sequence[Facts]) -> Iterator[Column]:
    """Yield the columns of a field that no rule reads."""
    values = [profile_value(field.key, facts) for facts in decided]
    name = field.key.replace(".", "-").replace("_", "-")
    match field.type:
        case ValueType.CHOICES:
            for choice in field.choices:
                yield Column(
                    name=f"{field.key} has {choice}",
                    texts=[_among(choice, value) for value in values],
                    origin=Origin(id=f"{name}-{choice}", when=f"'{choice}' in {field.key}"),
                    slots=ANSWERED,
                )
        case ValueType.TEXT:
            yield Column(
                name=f"{field.key} is known",
                texts=[NO if value is None else YES for value in values],
                origin=Origin(id=f"{name}-known", when=f"known({field.key})"),
                slots=ANSWERED,
            )
        case ValueType.DATE:
            ages = [_age(value, facts.today) for value, facts in zip(values, decided, strict=True)]
            yield Column(
                name=field.key,
                texts=[_when(age) for age in ages],
                origin=Origin(id=name, key=field.key, cases=_asked(field.key)),
                slots=(
                    *(Slot(values=(label,)) for label in _asked(field.key)),
                    Slot(rest=True),
                    Slot(missing=True),
                ),
            )
            yield Column(
                name=f"{field.key} in days before the decision",
                texts=["" if age is None else str(age) for age in ages],
                origin=None,
            )
        case ValueType.BOOL:
            yield Column(
                name=field.key,
                texts=["" if value is None else str(value) for value in values],
                origin=Origin(id=name, when=f"{field.key} == true"),
                slots=(Slot(values=("True",)), *ANSWERED[1:]),
            )
        case ValueType.NUMBER | ValueType.CHOICE:
            yield Column(
                name=field.key,
                texts=["" if value is None else str(value) for value in values],
                origin=Origin(id=name, key=field.key),
            )


def _among(choice: str, value: object) -> str:
    if not isinstance(value, tuple):
        return ""
    return YES if choice in value else NO


def _age(value: object, today: date) -> int | None:
    """Return how many days ago the date was, less than 0 if it lies ahead."""
    try:
        return (today - date.fromisoformat(str(value))).days
    except ValueError:
        return None


def _when(age: int | None) -> str:
    if age is None:
        return ""
    if age >= 0:
        return PAST
    return next((_within(days) for days in SOON_DAYS if -age <= days), LATER)


def _within(days: int) -> str:
    return f"within {days} days"


def _asked(key: str) -> Mapping[str, str]:
    """Return for each bin of a date the condition that asks for it and for no other bin."""
    asked = {PAST: f"past({key})"}
    nearer = f"not past({key})"
    for days in SOON_DAYS:
        soon = f"soon({key}, '{days}d')"
        asked[_within(days)] = f"{soon} and {nearer}"
        nearer = f"not past({key}) and not {soon}"
    return asked
