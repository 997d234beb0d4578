"""Cases from our own ledger: what was known at each handoff, and what sales made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import numpy as np
import pandas as pd

from nurture.calibrate.backtest import Backtest, Plan, backtest
from nurture.calibrate.bins import Slot
from nurture.calibrate.cases import Cases, Flags, LeftOut, Said
from nurture.calibrate.field_columns import columns_of
from nurture.calibrate.half_life import Behaviour
from nurture.calibrate.measure import auc
from nurture.calibrate.suggest import Origin
from nurture.core.condition import Facts, holds, refs_of
from nurture.core.errors import RefusedInput
from nurture.core.event import SIGNS_OF_LIFE, EventKind
from nurture.core.known import Known, Statement, known
from nurture.core.lead import Lead, Value, first_standing
from nurture.core.policy import zone
from nurture.core.project import EngagementGroup, Field, FitRule, Project
from nurture.core.score import Tally, engagement, fit, profile_value
from nurture.reports.reasons import folded
from nurture.reports.wording import many
from nurture.store import outcomes
from nurture.store.db import Connection
from nurture.store.reporting import hold_still

SOURCE = "source"


class Target(StrEnum):
    """What counts as a win: sales took the lead on, or sold."""

    ACCEPTED = "accepted"
    WON = "won"


_ENDED_UNSOLD = frozenset(
    {EventKind.HANDOFF_REJECTED, EventKind.HANDOFF_RECYCLED, EventKind.HANDOFF_LOST}
)
"""Answers that end a handoff without a sale; anything else may still be won."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One handoff with everything that was known at its moment."""

    facts: Facts
    at: datetime
    day: int
    tallies: tuple[Tally, ...]
    readiness: int
    won: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The decided handoffs in the order of time, how many are still open, and what sales said."""

    target: Target
    decided: tuple[Decided, ...]
    open: int
    answers: tuple[Said, ...]


def read_ledger(connection: Connection, project: Project, target: Target) -> Ledger:
    """Read all answered handoffs in a handful of set queries, the first of their transaction."""
    hold_still(connection)
    return ledger_of(connection, project, target)


def ledger_of(connection: Connection, project: Project, target: Target) -> Ledger:
    """Read them in a transaction that holds still already."""
    home = zone(project.workspace.time_zone)
    rows = outcomes.decided(connection)
    told = _told(connection, project)
    asked = {rule.kind for group in project.qualification.engagement.groups for rule in group.rules}
    tallies: dict[int, list[Tally]] = {}
    kinds = asked | SIGNS_OF_LIFE | {EventKind.SCORE_ADJUSTED}
    for row in outcomes.done_then(connection, sorted(kinds)):
        tallies.setdefault(row["id"], []).append(_tally(row))
    found = []
    for row in rows:
        won = _won(row, target)
        if won is None:
            continue
        today = row["created_at"].astimezone(home).date()
        values = known(told.get(row["id"], ()), row["created_at"])
        found.append(
            Decided(
                facts=Facts(lead=_as_of_then(row, values), today=today),
                at=row["created_at"],
                day=today.toordinal(),
                tallies=tuple(tallies.get(row["id"], ())),
                readiness=row["readiness"],
                won=won,
            )
        )
    pending = outcomes.unanswered(connection) + len(rows) - len(found)
    return Ledger(target=target, decided=tuple(found), open=pending, answers=_answers(rows))


def _answers(rows: Sequence[outcomes.Row]) -> tuple[Said, ...]:
    """Return answers by reason, the most frequent first; words about one person are folded."""
    readiness: dict[tuple[str, str], list[int]] = {}
    for answer in sorted({row["answer"] for row in rows}):
        own = [row for row in rows if row["answer"] == answer]
        for row, reason in zip(own, folded([row["answer_reason"] for row in own]), strict=True):
            readiness.setdefault((answer, reason), []).append(row["readiness"])
    found = [
        Said(
            answer=answer.removeprefix("handoff."),
            reason=reason,
            cases=len(values),
            mean_readiness=sum(values) / len(values),
        )
        for (answer, reason), values in readiness.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.cases, one.answer, one.reason)))


def _won(row: outcomes.Row, target: Target) -> bool | None:
    """Return how it ended, None if that is not known yet."""
    if target is Target.ACCEPTED:
        return bool(row["taken_on"])
    if row["won"]:
        return True
    return False if row["answer"] in _ENDED_UNSOLD else None


def _told(connection: Connection, project: Project) -> dict[int, list[Statement]]:
    """Return what had been told by each handoff, without personal fields."""
    tested = [field for field in project.fields.values() if not field.personal]
    return outcomes.told_then(
        connection,
        of_lead=[field.name for field in tested if field.owner == "lead"],
        of_account=[field.name for field in tested if field.owner == "account"],
    )


def _tally(row: outcomes.Row) -> Tally:
    return Tally(
        kind=EventKind(row["kind"]),
        subject=row["subject"],
        day=row["day"],
        count=row["count"],
        points=row["points"],
    )


def _as_of_then(row: outcomes.Row, values: Mapping[str, Known]) -> Lead:
    profiles: dict[str, dict[str, Value]] = {"lead": {}, "account": {}}
    for key, one in values.items():
        owner, _, name = key.partition(".")
        profiles[owner][name] = one.held.value
    return Lead(
        id=row["id"],
        uid="",
        version=0,
        email="",
        time_zone="",
        language="",
        source=row["source"],
        account_id=0,
        profile=profiles["lead"],
        account=profiles["account"],
        standing=first_standing(),
        topics=frozenset(),
        suppressed="",
        locked=False,
        captured_at=row["created_at"],
        last_life_at=None,
    )


# -- the backtest of the rules in force ----------------------------------------------------------


def backtest_ledger(
    ledger: Ledger, project: Project, plan: Plan
) -> tuple[Backtest, dict[str, Origin]]:
    """Test suggested points and, beside them, the scores that the rules in force gave then."""
    columns, origins, forced = _columns(ledger.decided, project)
    still_open = LeftOut(
        where=many(ledger.open, "handoff"), reason="sales has not said yet how it ends"
    )
    cases = Cases(
        title=f"handoffs that sales {'answered' if ledger.target is Target.ACCEPTED else 'closed'}",
        outcome=str(ledger.target),
        columns=pd.DataFrame(columns, dtype=object),
        won=won_of(ledger),
        without_rule=tuple(name for name in columns if name not in origins),
        rows_left_out=(still_open,) if ledger.open else (),
        rows_left_out_count=ledger.open,
        columns_left_out=tuple(_not_tested(project)),
        answers=ledger.answers,
        remedy="come back when sales has answered more",
    )
    model = project.qualification
    weekly, total = model.handoff.capacity_per_week, len(ledger.decided)
    # Three tenths are tested on: with less than a week's worth of them the question makes no sense.
    of_week = weekly if 10 * weekly < 3 * total else None
    found = backtest(
        cases,
        replace(plan, rules=forced, capacity=of_week if plan.capacity is None else plan.capacity),
    )
    tested = [one for one, kept in zip(ledger.decided, found.test, strict=True) if kept]
    scores = {
        "fit": [fit(model.fit, one.facts, now=one.at).score.value for one in tested],
        "engagement": [
            engagement(model.engagement, one.tallies, day=one.day).value for one in tested
        ],
        "readiness": [one.readiness for one in tested],
    }
    won = cases.won[found.test]
    today = {name: auc(won, np.array(values, dtype=float)) for name, values in scores.items()}
    return replace(found, today=today), origins


def won_of(ledger: Ledger) -> Flags:
    """Return how each handoff ended."""
    return np.array([one.won for one in ledger.decided], dtype=bool)


def _columns(
    decided: Sequence[Decided], project: Project
) -> tuple[dict[str, list[str]], dict[str, Origin], dict[str, tuple[Slot, ...]]]:
    """Return texts by column: one a rule in force, then each field that no rule reads."""
    columns: dict[str, list[str]] = {}
    origins: dict[str, Origin] = {}
    forced: dict[str, tuple[Slot, ...]] = {}
    rules = project.qualification.fit.rules
    for rule in rules:
        name = f"rule {rule.id}"
        columns[name] = [_answer(rule, one) for one in decided]
        origins[name] = Origin(
            id=rule.id,
            key=rule.key,
            when=rule.text if rule.when else "",
            personas=rule.personas,
        )
        forced[name] = _slots(rule)
    facts = [one.facts for one in decided]
    for field in project.fields.values():
        if field.personal or _is_read(field, rules):
            continue
        for column in columns_of(field, facts):
            columns[column.name] = list(column.texts)
            if column.origin is not None:
                origins[column.name] = column.origin
            if column.slots:
                forced[column.name] = column.slots
    columns[SOURCE] = [one.facts.lead.source for one in decided]
    origins[SOURCE] = Origin(id=SOURCE)
    return columns, origins, forced


def _answer(rule: FitRule, one: Decided) -> str:
    if rule.when is not None:
        return "yes" if holds(rule.when, one.facts, now=one.at) else "no"
    value = profile_value(rule.key, one.facts)
    if isinstance(value, tuple):
        # Of several choices the best one counts.
        return max(value, key=lambda key: (rule.values.get(key, rule.otherwise), key))
    return _text(value)


def _text(value: Value | None) -> str:
    return "" if value is None else str(value)


def _slots(rule: FitRule) -> tuple[Slot, ...]:
    if rule.when is not None:
        found = [Slot(values=("yes",))]
    elif rule.bands:
        found = [Slot(low=band.low, high=band.high) for band in rule.bands]
    else:
        found = [Slot(values=(value,)) for value in rule.values]
    return (*found, Slot(rest=True), Slot(missing=True))


def _is_read(field: Field, rules: Sequence[FitRule]) -> bool:
    conditions = (rule.when for rule in rules if rule.when is not None)
    read = {ref.text for condition in conditions for ref in refs_of(condition)}
    return field.key in read or any(rule.key == field.key for rule in rules)


def _not_tested(project: Project) -> list[LeftOut]:
    return [
        LeftOut(where=field.key, reason="it is personal")
        for field in project.fields.values()
        if field.personal
    ]


# -- behaviour -----------------------------------------------------------------------------------


def behaviour(ledger: Ledger, group: EngagementGroup | None = None) -> Behaviour:
    """Return what people did before their handoff: all signs of life, or what a group counts."""
    case: list[int] = []
    days: list[int] = []
    points: list[int] = []
    for number, one in enumerate(ledger.decided):
        for tally in one.tallies:
            worth = _worth(tally, group)
            if worth:
                case.append(number)
                days.append(one.day - tally.day)
                points.append(worth * tally.count)
    if not case:
        what = f"the group “{group.id}”" if group is not None else "any group"
        raise RefusedInput(f"nobody did anything that counts for {what} before a handoff")
    return Behaviour(
        case=np.array(case, dtype=np.int64),
        days_ago=np.array(days, dtype=float),
        points=np.array(points, dtype=float),
        won=won_of(ledger),
    )


def _worth(tally: Tally, group: EngagementGroup | None) -> int:
    if group is None:
        return int(tally.kind in SIGNS_OF_LIFE)
    rule = next(
        (r for r in group.rules if r.kind is tally.kind and r.subject in ("", tally.subject)), None
    )
    return 0 if rule is None else rule.points
