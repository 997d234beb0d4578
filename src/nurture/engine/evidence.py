"""What an explanation quotes beside what an assessment reads: single events, and last week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nurture.core.lead import Gate, Lead
from nurture.core.project import Project
from nurture.core.score import MILLI, Tally, engagement, fit
from nurture.engine.person import Person
from nurture.engine.runtime import asked_by, today
from nurture.store import records
from nurture.store.db import Connection
from nurture.store.history import read_tallies_one_by_one

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The events that scores count, one by one, and since when each gate answers as it does."""

    tallies: Sequence[Tally] = ()
    answered: Mapping[Gate, datetime]
    week_ago: int | None = None
    """Readiness seven days ago; None for whoever was not here yet."""


def read_evidence(connection: Connection, person: Person, *, now: datetime) -> Evidence:
    """Read what an explanation of the person quotes."""
    told = read_tallies_one_by_one(connection, person.lead.id, asked_by(person.project), now=now)
    then = now - WEEK
    return Evidence(
        tallies=[tally for _, tally in told],
        answered={gate: at for at, gate, _, _ in records.verdicts_of(connection, person.lead.id)},
        week_ago=(
            None
            if person.lead.captured_at > then
            else _readiness(person, [tally for at, tally in told if at <= then], then)
        ),
    )


def _readiness(person: Person, tallies: Sequence[Tally], then: datetime) -> int:
    """Return what readiness was, by the rules in force today."""
    rules, day = person.project.qualification, today(person.project, then)
    facts = replace(person.facts, lead=_known_then(person, then), today=day)
    fitting = fit(rules.fit, facts, now=then).score.value
    engaged = engagement(rules.engagement, tallies, day=day.toordinal()).value
    return readiness_of(person.project, fitting, engaged)


def readiness_of(project: Project, fitting: int, engaged: int) -> int:
    """Return readiness from fit and engagement in milli-points."""
    weights = project.qualification.readiness
    sum_ = weights.fit_weight * fitting + weights.engagement_weight * engaged
    return min(max(sum_ // (100 * MILLI), 0), 100)


def _known_then(person: Person, then: datetime) -> Lead:
    known = {key: told.value for key, told in person.provenance.in_force(then).items()}
    own, theirs = (
        {key.partition(".")[2]: value for key, value in known.items() if key.startswith(owner)}
        for owner in ("lead.", "account.")
    )
    return replace(person.lead, profile=own, account=theirs)
