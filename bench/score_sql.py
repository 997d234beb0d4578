"""The same scores in one plain SQL statement: what the engine's rescore is held against.

It counts limits per day and in all, half-lives and the limits of groups as `core/score.py` does,
to the thousandth of a point. Left out is what makes an engine: gates, stages, temperature, the next
look, and storing any of it.
"""

from __future__ import annotations

from nurture.core.project import EngagementGroup, EngagementModel, EngagementRule

_ALL = """
WITH rule(grp, rule, points, per_day, in_all, half_life) AS (VALUES {rules}),
grp(grp, low, high) AS (VALUES {groups}),
taken AS ({taken}),
in_day AS (
    SELECT t.lead_id, t.grp, t.rule, t.day, least(t.n, r.per_day) AS n,
        r.points, r.in_all, r.half_life
    FROM taken t JOIN rule r USING (grp, rule)
),
counted AS (
    SELECT *, greatest(least(n, in_all - coalesce(sum(n) OVER (
        PARTITION BY lead_id, grp, rule ORDER BY day DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)), 0) AS kept
    FROM in_day
),
worth AS (
    SELECT lead_id, grp, sum(kept * CASE WHEN half_life IS NULL THEN points * 1000 ELSE
        round((points * 1000)::float8 * power(0.5::float8, ({day} - day)::float8 / half_life))
        END) AS w
    FROM counted GROUP BY lead_id, grp
)
SELECT lead_id,
    least(greatest(sum(least(greatest(w, low), high)), 0), {maximum})::bigint AS engagement
FROM worth JOIN grp USING (grp) GROUP BY lead_id
"""
NO_LIMIT = 2_000_000_000


def scores_sql(model: EngagementModel, *, day: int, until: int, among: str = "") -> str:
    """Return the statement; `until` in microseconds, `among` a further condition on events."""
    rules = [
        f"({g}, {r}, {rule.points}, {rule.max_per_day or NO_LIMIT}, {rule.max_count or NO_LIMIT}, "
        f"{'NULL::float8' if group.half_life_days is None else f'{group.half_life_days}::float8'})"
        for g, group in enumerate(model.groups)
        for r, rule in enumerate(group.rules)
    ]
    groups = [f"({g}, {x.minimum * 1000}, {x.maximum * 1000})" for g, x in enumerate(model.groups)]
    taken = " UNION ALL ".join(
        _taken(g, group, until, among) for g, group in enumerate(model.groups)
    )
    return _ALL.format(
        rules=", ".join(rules),
        groups=", ".join(groups),
        taken=taken,
        day=day,
        maximum=model.maximum * 1000,
    )


def _taken(number: int, group: EngagementGroup, until: int, among: str) -> str:
    cases = " ".join(f"WHEN {_takes(rule)} THEN {r}" for r, rule in enumerate(group.rules))
    wanted = " OR ".join(f"({_takes(rule)})" for rule in group.rules)
    return (
        f"SELECT lead_id, {number} AS grp, CASE {cases} END AS rule, day, count(*) AS n FROM events"
        f" WHERE human AND occurred_at <= {until} AND ({wanted}){among} GROUP BY 1, 2, 3, 4"
    )


def _takes(rule: EngagementRule) -> str:
    about = f" AND subject = '{rule.subject}'" if rule.subject else ""
    return f"kind = '{rule.kind}'{about}"
