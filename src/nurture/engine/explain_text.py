"""Say an explained score in sentences: the same for the terminal, the page and the dossier."""

from __future__ import annotations

from collections.abc import Iterator

from nurture.core.lead import Verdict
from nurture.core.score import MILLI
from nurture.engine.explained import UNKNOWN_BAND, Axis, GateExplained, ScoreExplained, ScoreRow
from nurture.engine.moments import Zones, say_day, say_time
from nurture.engine.words import VERDICT_SAYS, Words, both

OF = "of 100"


def summary(told: ScoreExplained, words: Words, zones: Zones) -> list[str]:
    """Return where the lead stands and why, a sentence a line, to be read aloud."""
    return [
        *_scores(told),
        *_ahead(told),
        *_standing(told, words, zones),
        *_qualifying(told),
    ]


def agreement(told: ScoreExplained) -> str:
    """Say by whose rules this was worked out."""
    signed = both(f"{name} for {team}" for team, name in told.signed.items())
    return f"By version {told.version} of what {signed or 'nobody'} signed."


def _scores(told: ScoreExplained) -> Iterator[str]:
    known = f"{told.coverage_percent} % of what fit asks for is known"
    yield f"Fit is {rounded(told.fit.value)} {OF}, grade {told.grade}; {known}."
    if told.unmet:
        yield f"The grade is {told.grade} whatever the points, because of {both(told.unmet)}."
    yield f"Engagement is {rounded(told.engagement.value)} {OF}, band {told.band}."
    yield f"Together that is cell {told.cell} of the grid of fit and engagement."
    if told.readiness_band == UNKNOWN_BAND:
        yield "Readiness to buy is unknown: nothing is known yet that it could rest on."
        return
    ready = told.readiness.value // MILLI
    said = f"Readiness to buy is {ready} {OF}: {told.readiness_band}"
    if told.trend is None:
        since = "; seven days ago we did not know them"
    elif not told.trend.change:
        since = f"; it was {told.trend.week_ago} seven days ago, too"
    else:
        way = "up" if told.trend.change > 0 else "down"
        since = f"; {way} from {told.trend.week_ago} seven days ago"
    yield f"{said}{since}."
    sure = told.confidence
    yield f"Our confidence in it is {sure.word}: {sure.percent} % of what it rests on is known."


def _ahead(told: ScoreExplained) -> Iterator[str]:
    crossing = told.next_crossing
    if crossing is None:
        yield "Silence alone takes no score below a limit."
        return
    name = f"band {crossing.band}" if crossing.band.isdigit() else crossing.band
    yield (
        f"If nothing is heard from them, {crossing.axis} falls below {crossing.limit} "
        f"({name}) on {say_day(crossing.on)}."
    )


def _standing(told: ScoreExplained, words: Words, zones: Zones) -> Iterator[str]:
    found = told.temperature
    why = found.because or found.rule
    yield f"Stage {words.stage(told.stage)}, temperature {found.temperature}: {why}."
    for missed in found.missed:
        yield f"Not {missed.temperature}: {missed.because}."
    for one in told.overrides:
        until = f", until {zones.day(one.until)}" if one.until else ""
        did = (
            f"waived the gate {one.what}"
            if one.value == "pass"
            else f"set the {one.what} to {one.value}"
        )
        why = f": {one.reason}" if one.reason else ""
        yield f"{one.by} {did} on {zones.day(one.at)}{until}{why}."


def _qualifying(told: ScoreExplained) -> Iterator[str]:
    match told.changes:
        case ():
            return
        case (only,):
            yield f"The smallest change that would qualify them: {only}."
        case several:
            yield f"To qualify they need {len(several)} things: {'; '.join(several)}."


def gate_line(gate: GateExplained, home: str) -> str:
    """Say a gate's answer, since when, and what it rests on."""
    since = f" since {say_time(gate.since, home)}" if gate.since else ""
    said = f"{gate.gate} {VERDICT_SAYS[gate.verdict]}{since}"
    if gate.waived is not None and gate.verdict is Verdict.PASS:
        return f"{said}, waived by {gate.waived.said}"
    if gate.instead and gate.verdict is Verdict.FAIL:
        return f"{said}; instead we can offer {both(gate.instead)}"
    return said


def row_line(row: ScoreRow) -> str:
    """Say what a row lost on its way, in words; '' if it counts in full."""
    losses = (
        (row.over_day, "over the limit per day"),
        (row.over_count, "over the limit in all"),
        (row.faded, "faded"),
        (row.over_group, "over the limit of the group"),
        (row.over_score, "over the limit of the score"),
    )
    return ", ".join(f"{rounded(abs(lost))} {why}" for lost, why in losses if lost)


def evidence_of(row: ScoreRow, axis: Axis) -> str:
    """Name the events or facts that the row rests on by their numbers."""
    kind = "fact" if axis.name == "fit" else "event"
    return ", ".join(f"{kind} {number}" for number in row.evidence)


def rounded(milli: int) -> str:
    """Return milli-points as points without needless decimals."""
    return f"{milli / MILLI:.3f}".rstrip("0").rstrip(".")
