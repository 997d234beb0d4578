"""The backtest as plain values for JSON: the same cases and seed always give the same bytes."""

from __future__ import annotations

from nurture.calibrate.backtest import Backtest, Field, Part
from nurture.calibrate.cases import LeftOut
from nurture.calibrate.measure import Auc

DECIMALS = 6
"""More would only show which machine did the sums."""

Json = dict[str, object]


def to_json(found: Backtest) -> Json:
    """Return all figures under their names."""
    return {
        "title": found.title,
        "outcome": found.outcome,
        "split": str(found.plan.split),
        "seed": found.plan.seed,
        **_sorting(found),
        **_chances(found),
        "trained": _part(found.trained),
        "tested": _part(found.tested),
        "drift": {
            "base_rate": [_round(found.trained.rate), _round(found.tested.rate)],
            "psi_points": _round(found.psi_points),
            "psi_fields": {one.cut.field: _round(one.psi) for one in found.fields},
        },
        "leaks": [
            {"field": leak.field, "auc": _round(leak.auc.value), "reason": leak.reason}
            for leak in found.leaks
        ],
        "points": [_field(one) for one in found.fields],
        "answers": [
            {
                "answer": one.answer,
                "reason": one.reason,
                "handoffs": one.cases,
                "mean_readiness": _round(one.mean_readiness),
            }
            for one in found.cases.answers
        ],
        "left_out": {
            "columns": [_left_out(one) for one in found.left_out],
            "rows": [_left_out(one) for one in found.cases.rows_left_out],
            "rows_count": found.cases.rows_left_out_count,
        },
    }


def _sorting(found: Backtest) -> Json:
    best = found.at_capacity
    return {
        "auc": _round(found.auc.value),
        "auc_interval": _interval(found.auc),
        "lift_top_decile": _round(found.lift_top_decile),
        "share_of_wins_top_20": _round(found.share_of_wins_top_20),
        "at_capacity": None if best is None else _part(best) | {"precision": _round(best.rate)},
        "deciles": [
            _part(part) | {"lift": _round(part.rate / found.tested.rate)} for part in found.tenths
        ],
        "today": {
            name: {"auc": _round(one.value), "auc_interval": _interval(one)}
            for name, one in found.today.items()
        },
    }


def _chances(found: Backtest) -> Json:
    return {
        "brier": _round(found.brier),
        "brier_of_average": _round(found.brier_of_average),
        "brier_level_reset": _round(found.brier_level_reset),
        "calibration": {
            "intercept": _round(found.calibration.intercept),
            "slope": _round(found.calibration.slope),
        },
        "reliability": [
            _part(band.part)
            | {"foretold": _round(band.foretold), "points": [band.low_points, band.high_points]}
            for band in found.reliability
        ],
    }


def _round(number: float) -> float:
    # + 0.0 turns a negative nothing into nothing.
    return round(float(number), DECIMALS) + 0.0


def _interval(found: Auc) -> list[float]:
    return [_round(found.low), _round(found.high)]


def _part(part: Part) -> Json:
    low, high = part.interval
    return {
        "cases": part.cases,
        "won": _round(part.won),
        "rate": _round(part.rate),
        "rate_interval": [_round(low), _round(high)],
    }


def _left_out(one: LeftOut) -> Json:
    return {"where": one.where, "reason": one.reason}


def _field(one: Field) -> Json:
    bins = zip(
        one.cut.slots,
        one.evidence.cases.tolist(),
        one.evidence.won.tolist(),
        one.evidence.weight.tolist(),
        one.points,
        strict=True,
    )
    return {
        "field": one.cut.field,
        "kind": "number" if one.cut.is_number else "choice",
        "information_value": _round(one.evidence.information_value),
        "auc": _round(one.auc.value),
        "auc_interval": _interval(one.auc),
        "bins": [
            {
                "label": slot.label,
                "low": None if slot.low is None else slot.low / slot.unit,
                "high": None if slot.high is None else slot.high / slot.unit,
                "values": list(slot.values),
                "cases": cases,
                "won": won,
                "rate": _round(won / cases) if cases else None,
                "weight_of_evidence": _round(weight),
                "points": points,
            }
            for slot, cases, won, weight, points in bins
        ],
    }
