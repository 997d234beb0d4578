"""An explained score as JSON: what `--json`, the dossier and the webhook's `data.explain` hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nurture.core.score import MILLI
from nurture.engine.explain import Node
from nurture.engine.explain_text import agreement, gate_line, row_line, summary
from nurture.engine.explained import Axis, GateExplained, ScoreExplained, ScoreRow
from nurture.engine.moments import Zones
from nurture.engine.words import Words

MOST_ROWS = 40
"""Rows of an axis that a webhook shows; the rest is added up in one, so that all still add up."""
_PARTS = ("raw", "over_day", "over_count", "faded", "over_group", "over_score", "net")


def explained_json(
    told: ScoreExplained, words: Words, zones: Zones, *, most_rows: int | None = None
) -> dict[str, Any]:
    """Return the explanation with everything in plain values; points are thousandths.

    `most_rows` keeps it short where it travels; trees of rules stay at home then, too.
    """
    crossing, trend, look = told.next_crossing, told.trend, told.next_look
    return {
        "uid": told.uid,
        "as_of": told.as_of.isoformat(),
        "unit": "thousandths of a point",
        "model": {"version": told.version, "signed": dict(told.signed), "said": agreement(told)},
        "said": summary(told, words, zones),
        "stage": str(told.stage),
        "grade": told.grade,
        "coverage_percent": told.coverage_percent,
        "not_known": list(told.not_known),
        "unmet": list(told.unmet),
        "band": told.band,
        "cell": told.cell,
        "readiness_band": told.readiness_band,
        "confidence": {"percent": told.confidence.percent, "word": told.confidence.word},
        "trend": {"week_ago": trend.week_ago, "change": trend.change} if trend else None,
        **{axis.name: _axis(axis, most_rows) for axis in told.axes},
        "gates": [_gate(gate, zones, tree=most_rows is None) for gate in told.gates],
        "traits": [
            {"trait": str(t.trait), "value": t.value, "minimum": t.minimum, "because": t.because}
            for t in told.traits
        ],
        "temperature": {
            "is": str(told.temperature.temperature),
            "rule": told.temperature.rule,
            "because": told.temperature.because,
            "missed": [
                {"is": str(m.temperature), "rule": m.rule, "because": m.because}
                for m in told.temperature.missed
            ],
        },
        "overrides": [
            {
                "what": one.what,
                "value": one.value,
                "by": one.by,
                "reason": one.reason,
                "at": one.at.isoformat(),
                "until": one.until.isoformat() if one.until else None,
                "event": one.event_id,
            }
            for one in told.overrides
        ],
        "changes": list(told.changes),
        "missing": list(told.missing),
        "next_crossing": (
            {
                "axis": crossing.axis,
                "limit": crossing.limit,
                "band": crossing.band,
                "on": crossing.on.isoformat(),
            }
            if crossing
            else None
        ),
        "next_look": {"at": look.at.isoformat(), "why": look.why} if look else None,
        "stored": {
            "fit": told.stored.fit,
            "engagement": told.stored.engagement,
            "readiness": told.stored.readiness,
        },
    }


def _axis(axis: Axis, most: int | None) -> dict[str, Any]:
    shown = axis.rows if most is None else axis.rows[:most]
    kind = "fact" if axis.name == "fit" else "event"
    rows = [_row(row, kind) for row in shown]
    rest = axis.rows[len(shown) :]
    if rest:
        rows.append(_rest(rest))
    return {"value": axis.value, "points": axis.value / MILLI, "rows": rows}


def _row(row: ScoreRow, kind: str) -> dict[str, Any]:
    return {
        "group": row.group,
        "rule": row.rule,
        "what": row.what,
        "evidence": [f"{kind} {number}" for number in row.evidence],
        "on": row.on.isoformat() if row.on else None,
        "count": row.count,
        **{part: getattr(row, part) for part in _PARTS},
        "lost": row_line(row),
    }


def _rest(rows: Sequence[ScoreRow]) -> dict[str, Any]:
    return {
        "group": "",
        "rule": "others",
        "what": f"{len(rows)} others, added up",
        "evidence": [],
        "on": None,
        "count": sum(row.count for row in rows),
        **{part: sum(getattr(row, part) for row in rows) for part in _PARTS},
        "lost": "",
    }


def _gate(gate: GateExplained, zones: Zones, *, tree: bool) -> dict[str, Any]:
    waived = gate.waived
    told = {
        "gate": str(gate.gate),
        "verdict": str(gate.verdict),
        "since": gate.since.isoformat() if gate.since else None,
        "said": gate_line(gate, zones.home),
        "rule": gate.rule,
        "evidence": list(gate.evidence),
        "ask": list(gate.ask),
        "instead": list(gate.instead),
        "waived": {"by": waived.by, "reason": waived.reason} if waived else None,
    }
    return told | {"tree": _node(gate.tree) if gate.tree else None} if tree else told


def _node(node: Node) -> dict[str, Any]:
    return {
        "text": node.text,
        "answer": str(node.answer),
        "because": node.because,
        "parts": [_node(part) for part in node.parts],
    }
