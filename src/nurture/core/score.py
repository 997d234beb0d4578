"""Fit and engagement: scores as functions of facts, with the rows that add up to them.

Engagement follows the usual half-life form: an event d days ago is worth
`points * 0.5 ** (d / half_life)`. Days are whole days of the workspace's calendar, so a score
changes at midnight or by an event, never in between, and the day of the next threshold crossing
can be found by search instead of polling. Every event is rounded by itself, to integer
milli-points: from there on all sums are exact, in whatever order they are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from nurture.core.condition import Facts, holds, judge
from nurture.core.event import EventKind
from nurture.core.lead import UNKNOWN_GRADE, Value, Verdict
from nurture.core.project import (
    EngagementGroup,
    EngagementModel,
    EngagementRule,
    FitModel,
    FitRule,
    Readiness,
    Required,
)

MILLI = 1000
GRADED_FROM_PERCENT = 50
"""With less of the fit weight known than this, a low score is called unknown, not bad."""
LOOKED_BACK = timedelta(days=3 * 366)
"""How far back deeds are read of whom nobody knows who did them."""
_LAST_DAY = date(9000, 1, 1).toordinal()
LOWEST = "D"
"""The worst grade: little fits, or a requirement is not met."""
MANUAL = "manual"
"""The group of points that sequences and people gave: no limit, no decay."""
FIT = "fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """So many human events of one kind and subject on one day (ordinal, workspace zone).

    `event_id` names the one event where somebody wants to see them one by one: the score is the
    same either way.
    """

    kind: EventKind
    subject: str
    day: int
    count: int
    points: int = 0
    event_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One row of an explained score, in milli-points; the `net` of all rows is the score.

    What was lost on the way from `raw` to `net`: `over_day` and `over_count` to the limits of the
    rule, `faded` to time, `over_group` and `over_score` to the limits of the group and the whole.
    Limits keep the newest, so the oldest rows lose first. `count` is how many events counted.
    """

    group: str
    rule: str
    event_id: int | None
    day: int | None
    count: int
    raw: int
    over_day: int
    over_count: int
    faded: int
    over_group: int
    over_score: int
    net: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score in milli-points and the rows that explain it."""

    value: int
    rows: tuple[Contribution, ...]


@dataclass(slots=True)
class _Row:
    """A contribution in the making: `net` shrinks as the limits take from it."""

    group: str
    rule: str
    points: int
    day: int | None
    event_id: int | None
    happened: int
    in_day: int
    counted: int
    worth: int = 0
    over_group: int = 0
    over_score: int = 0
    net: int = 0

    def lose(self, share: int, *, to_group: bool) -> None:
        """Give up a share of the points to the limit of the group, or of the whole score."""
        self.net -= share
        if to_group:
            self.over_group += share
        else:
            self.over_score += share

    def settled(self) -> Contribution:
        """Return the row as it came out."""
        each = self.points * MILLI
        return Contribution(
            group=self.group,
            rule=self.rule,
            event_id=self.event_id,
            day=self.day,
            count=self.counted,
            raw=each * self.happened,
            over_day=each * (self.happened - self.in_day),
            over_count=each * (self.in_day - self.counted),
            faded=each * self.counted - self.worth,
            over_group=self.over_group,
            over_score=self.over_score,
            net=self.net,
        )


def engagement(model: EngagementModel, tallies: Sequence[Tally], *, day: int) -> Score:
    """Return the engagement score on the day, from what had happened up to that day."""
    rows = _worth(model, [tally for tally in tallies if tally.day <= day], day)
    return Score(value=sum(row.net for row in rows), rows=tuple(row.settled() for row in rows))


def _worth(model: EngagementModel, past: Sequence[Tally], day: int) -> list[_Row]:
    rows: list[_Row] = []
    for group in model.groups:
        own = _rows_of(group, past)
        for row in own:
            row.worth = row.net = row.counted * _worth_each(
                row.points, group.half_life_days, day - (row.day or day)
            )
        _hold(own, group.id, group.minimum, group.maximum, to_group=True)
        rows.extend(own)
    rows.extend(_adjusted(past))
    _hold(rows, "engagement", 0, model.maximum, to_group=False)
    return rows


def _rows_of(group: EngagementGroup, past: Sequence[Tally]) -> list[_Row]:
    """Return what each rule counts, newest first; what it is worth depends on the day.

    Within a group an event counts once, for the first rule that takes it.
    """
    taken: dict[str, list[Tally]] = {}
    for tally in past:
        for rule in group.rules:
            if takes(rule, tally):
                taken.setdefault(rule.id, []).append(tally)
                break
    return [
        row
        for rule in group.rules
        if rule.id in taken
        for row in _counted(group, rule, taken[rule.id])
    ]


def takes(rule: EngagementRule, tally: Tally) -> bool:
    """Say whether the rule is about such events."""
    return rule.kind is tally.kind and rule.subject in ("", tally.subject)


def _counted(
    group: EngagementGroup, rule: EngagementRule, tallies: Iterable[Tally]
) -> Iterable[_Row]:
    """Yield how many events count within the rule's limits; the newest count first."""
    on_day: dict[int, int] = {}
    left = rule.max_count
    for tally in sorted(tallies, key=_newest_first):
        in_day = tally.count
        if rule.max_per_day is not None:
            used = on_day.get(tally.day, 0)
            in_day = min(in_day, rule.max_per_day - used)
            on_day[tally.day] = used + in_day
        counted = in_day
        if left is not None:
            counted = min(counted, left)
            left -= counted
        yield _Row(
            group=group.id,
            rule=rule.id,
            points=rule.points,
            day=tally.day,
            event_id=tally.event_id,
            happened=tally.count,
            in_day=in_day,
            counted=counted,
        )


def _newest_first(tally: Tally) -> tuple[int, int, str]:
    return -tally.day, -(tally.event_id or 0), tally.subject


def _worth_each(points: int, half_life_days: int | None, age_days: int) -> int:
    if half_life_days is None:
        return points * MILLI
    left: float = 0.5 ** (age_days / half_life_days)
    return round(points * MILLI * left)


def _adjusted(past: Sequence[Tally]) -> Iterable[_Row]:
    for tally in sorted(past, key=_newest_first):
        if tally.kind is EventKind.SCORE_ADJUSTED and tally.points:
            row = _plain_row(MANUAL, "adjusted", tally.points, count=tally.count)
            row.day, row.event_id = tally.day, tally.event_id
            yield row


def _plain_row(group: str, rule: str, points: int, *, count: int = 1) -> _Row:
    """Return a row without limits and decay."""
    worth = points * count * MILLI
    return _Row(
        group=group, rule=rule, points=points, day=None, event_id=None,
        happened=count, in_day=count, counted=count, worth=worth, net=worth,
    )  # fmt: skip


def _hold(rows: list[_Row], name: str, low: int, high: int, *, to_group: bool) -> None:
    """Hold the sum between the limits: the oldest rows of the side that is too long lose first."""
    total = sum(row.net for row in rows)
    excess = total - min(max(total, low * MILLI), high * MILLI)
    if not excess:
        return
    too_long = [row for row in rows if row.net and (row.net > 0) == (excess > 0)]
    for row in sorted(too_long, key=lambda row: row.day or 0):
        share = min(row.net, excess) if excess > 0 else max(row.net, excess)
        row.lose(share, to_group=to_group)
        excess -= share
        if not excess:
            return
    # Limits that leave zero out give or take points though nothing happened.
    row = _plain_row(name, "limit", 0, count=0)
    row.lose(excess, to_group=to_group)
    rows.append(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Fit in milli-points, its rows, the share of the weight that is known, and the grade."""

    score: Score
    coverage_percent: int
    grade: str


def fit(model: FitModel, facts: Facts, *, now: datetime) -> Fit:
    """Return the fit of the lead's profile. What is not known counts nothing either way."""
    rows: list[_Row] = []
    known_weight = weight = 0
    for rule in model.rules:
        points, known = _fit_points(rule, facts, now)
        top = most_of(rule)
        weight += top
        known_weight += top if known else 0
        if points:
            rows.append(_plain_row(FIT, rule.id, points))
    _hold(rows, FIT, 0, 100, to_group=False)
    value = sum(row.net for row in rows)
    coverage = 100 * known_weight // weight if weight else 0
    return Fit(
        score=Score(value=value, rows=tuple(row.settled() for row in rows)),
        coverage_percent=coverage,
        grade=LOWEST if unmet(model, facts, now=now) else _grade(model, value // MILLI, coverage),
    )


def readiness(weights: Readiness, *, fit: int, engagement: int) -> int:
    """Return readiness from 0 to 100 of milli-points of fit and engagement."""
    total = weights.fit_weight * fit + weights.engagement_weight * engagement
    return min(max(total // (100 * MILLI), 0), 100)


def unmet(model: FitModel, facts: Facts, *, now: datetime) -> tuple[Required, ...]:
    """Return the requirements that are known not to be met; what is not known is no such thing."""
    return tuple(
        rule for rule in model.required if judge(rule.when, facts, now=now) is Verdict.FAIL
    )


def _grade(model: FitModel, points: int, coverage_percent: int) -> str:
    """Grade by thresholds; a low score for want of answers is "?", not the worst grade."""
    for grade, low in sorted(model.grades.items(), key=lambda item: -item[1]):
        if points >= low:
            return grade
    return LOWEST if coverage_percent >= GRADED_FROM_PERCENT else UNKNOWN_GRADE


def _fit_points(rule: FitRule, facts: Facts, now: datetime) -> tuple[int, bool]:
    """Return what the rule gives, and whether what it asks is known: a "no" is known too."""
    if rule.when is not None:
        known = judge(rule.when, facts, now=now) is not Verdict.UNKNOWN
        return (rule.points if holds(rule.when, facts, now=now) else 0), known
    value = profile_value(rule.key, facts)
    if value is None:
        return 0, False
    if rule.bands:
        if not isinstance(value, int):
            return 0, False
        points = next(
            (
                b.points
                for b in rule.bands
                if b.low <= value and (b.high is None or value <= b.high)
            ),
            0,
        )
        return points, True
    keys = value if isinstance(value, tuple) else (str(value),)
    return max((rule.values.get(key, rule.otherwise) for key in keys), default=0), True


def profile_value(key: str, facts: Facts) -> Value | None:
    """Return the value of `lead.x` or `account.x`, None if it is not known."""
    owner, _, name = key.partition(".")
    profile = facts.lead.profile if owner == "lead" else facts.lead.account
    value = profile.get(name)
    return None if value in ("", ()) else value


def most_of(rule: FitRule) -> int:
    """Return the most points that the rule can give."""
    if rule.when is not None:
        return max(rule.points, 0)
    options = [band.points for band in rule.bands] + [*rule.values.values(), rule.otherwise]
    return max(*options, 0)


def crossing_day(
    model: EngagementModel, tallies: Sequence[Tally], thresholds: Iterable[int], *, day: int
) -> int | None:
    """Return the first day after `day` on which the score leaves its place among the thresholds.

    Thresholds are milli-points. Groups with negative points never decay (the checker refuses
    it), so without new events the score only falls and a binary search finds the day.
    """
    value_on = _fading(model, [tally for tally in tallies if tally.day <= day])
    value = value_on(day)
    below = [threshold for threshold in thresholds if 0 < threshold <= value]
    if not below:
        return None
    nearest = max(below)
    low, high = day, min(day + horizon_days(model), _LAST_DAY)
    if value_on(high) >= nearest:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if value_on(middle) >= nearest:
            low = middle
        else:
            high = middle
    return high


def horizon_days(model: EngagementModel) -> int:
    """Return after how many days every point that fades is worth nothing: 17 halvings of 60."""
    return max(
        (
            group.half_life_days * (2 * MILLI * max(rule.points, 0)).bit_length()
            for group in model.groups
            if group.half_life_days is not None
            for rule in group.rules
        ),
        default=0,
    )


def _fading(model: EngagementModel, past: Sequence[Tally]) -> Callable[[int], int]:
    """Return the score as a function of the day: which events count is worked out once."""
    groups = [
        (group, [(row.counted, row.points, row.day or 0) for row in _rows_of(group, past)])
        for group in model.groups
    ]
    given = sum(row.net for row in _adjusted(past))

    def value_on(day: int) -> int:
        total = given
        for group, counted in groups:
            fade = group.half_life_days
            worth = sum(n * _worth_each(points, fade, day - at) for n, points, at in counted if n)
            total += min(max(worth, group.minimum * MILLI), group.maximum * MILLI)
        return min(max(total, 0), model.maximum * MILLI)

    return value_on
