"""What the figures of a backtest mean, in words that need no statistics."""

from __future__ import annotations

from nurture.calibrate.backtest import RECORDED_AFTER, Backtest, Split
from nurture.calibrate.measure import Auc
from nurture.reports.wording import count, percent

_GRADES = (
    (0.6, "hardly better than a coin"),
    (0.7, "weak, though better than chance"),
    (0.8, "useful"),
    (0.9, "good"),
)
SHIFTED, MOVED = 0.25, 0.1
"""From these values of the stability index on, people are others, or somewhat others."""
_CALIBRATED = 1.05


def grade(found: Auc) -> str:
    """Say in a word or two how well something sorts."""
    return next((said for below, said in _GRADES if found.value < below), "suspiciously good")


def pairs(found: Auc) -> str:
    """Say what an AUC means."""
    return (
        f"Take one win and one other case at random: in {100 * found.value:.0f} of 100 such pairs "
        "the win has more points. A coin would manage 50."
    )


def interval(found: Auc) -> str:
    """Say between which values an AUC lies."""
    return f"{found.low:.2f} to {found.high:.2f}"


def verdict(found: Backtest) -> str:
    """Say how good the points are, and what that is worth."""
    told = f"The suggested points are {grade(found.auc)}. {pairs(found.auc)} "
    told += (
        f"Whoever works only on the best fifth meets {percent(found.share_of_wins_top_20)} of all "
        "wins."
    )
    if found.today:
        now = ", ".join(f"{name} {one.value:.2f}" for name, one in found.today.items())
        told += f" The scores in force sorted the same cases with an AUC of: {now}."
    return told


def suspected(found: Backtest) -> int:
    """Count the leaks that nobody has declared."""
    return sum(leak.reason != RECORDED_AFTER for leak in found.leaks)


def how(found: Backtest) -> str:
    """Say how the cases to test on were set apart."""
    if found.plan.split is Split.TIME:
        return "The first 70 % of the cases in time were learned from, the rest came after them."
    return (
        "70 % of the wins and 70 % of the others were drawn to learn from, by the seed "
        f"{found.plan.seed}: the same seed gives the same figures."
    )


def chances(found: Backtest) -> str:
    """Say whether the chances that points stand for came true."""
    told = (
        f"The mean square error (Brier) is {found.brier:.3f}; telling everybody the average would "
        f"have {found.brier_of_average:.3f}."
    )
    if found.brier > _CALIBRATED * found.brier_level_reset:
        told += (
            f" The order holds, the level does not: with the level set right it would be "
            f"{found.brier_level_reset:.3f}."
        )
    return told


def drift(found: Backtest) -> str:
    """Say whether the cases tested are like those learned from."""
    before, after = found.trained, found.tested
    told = f"{percent(before.rate)} won among the cases learned from, {percent(after.rate)} later."
    if found.plan.split is Split.RANDOM:
        return (
            f"{percent(before.rate)} and {percent(after.rate)} won in the two parts. They were "
            "drawn at random, so this says nothing about time: try --split time."
        )
    moved = [one.cut.field for one in found.fields if one.psi >= SHIFTED]
    if moved:
        return f"{told} Other people than before by: {', '.join(moved)}."
    return f"{told} No field has changed much."


def at_capacity(found: Backtest) -> str:
    """Say how many of the best so many win; '' if nobody asked."""
    best = found.at_capacity
    if best is None:
        return ""
    low, high = best.interval
    return (
        f"Of the best {count(best.cases)} of {count(found.tested.cases)} cases "
        f"{percent(best.rate)} won (likely {percent(low)} to {percent(high)}); on average "
        f"{percent(found.tested.rate)} do."
    )
