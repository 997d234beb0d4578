"""A shadow run of another qualification: who would change, by which rule, and nothing is stored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select

from nurture.calibrate import compare as shadow
from nurture.calibrate.compare import Compared, Difference, Outcome, Side, Step, compare
from nurture.calibrate.ledger import Target
from nurture.calibrate.measure import auc, auc_gained
from nurture.core.condition import Constant
from nurture.core.lead import Gate
from nurture.core.project import Band, FitModel, FitRule, Project
from nurture.store.db import Database
from nurture.store.tables import metadata
from tests.calibrate.handed_over import PROJECT, RULES, tell
from tests.engine.programme import Programme, row, starter

BO, CY, DI = "bo@large.example", "cy@small.example", "di@unknown.example"


@pytest.fixture
def programme(database: Database) -> Programme:
    """Return three leads in play: Bo of a large plant, Cy of a small one, Di of an unknown one."""
    made = Programme(database)
    sizes = {BO: "320", CY: "90", DI: ""}
    made.bring(*(row(who, company=who, employees=size) for who, size in sizes.items()))
    made.tick()
    return made


def larger_counts_more(project: Project) -> Project:
    """Return the project in which large plants give 25 points more."""
    model = project.qualification.fit
    rules = tuple(
        replace(rule, bands=tuple(replace(band, points=_more(band)) for band in rule.bands))
        if rule.key == "account.employees"
        else rule
        for rule in model.rules
    )
    return with_fit(project, replace(model, rules=rules))


def _more(band: Band) -> int:
    return band.points + 25 if band.low <= 320 <= (band.high or 320) else band.points


def with_fit(project: Project, model: FitModel) -> Project:
    """Return the project with other rules of fit."""
    return replace(project, qualification=replace(project.qualification, fit=model))


def compared(programme: Programme, draft: Project, movers: int = 10) -> Compared:
    """Compare the draft with what is in force."""
    return compare(programme.runtime, draft, now=programme.now, movers=movers)


def fit_of(side: Side) -> int:
    """Return the fit in points."""
    return side.fit // 1000


def test_the_same_rules_change_nobody(programme: Programme) -> None:
    signed = replace(starter().qualification, version=2, signatures=())
    found = compared(programme, replace(starter(), qualification=signed))
    assert (found.same, found.leads, found.changed) == (True, 3, 0)
    assert (found.aspects, found.movers) == ((), ())
    assert found.versions == (1, 2)


def test_whoever_moves_is_named_with_the_rule_that_makes_the_difference(
    programme: Programme,
) -> None:
    found = compared(programme, larger_counts_more(starter()))
    assert (found.same, found.leads, found.changed) == (False, 3, 1)
    (mover,) = found.movers
    assert mover.email == BO
    assert fit_of(mover.after) - fit_of(mover.before) == 25
    assert [one.rule for one in mover.because] == ["employees"]
    (why,) = mover.because
    assert why == Difference(
        axis="fit", rule="employees", before=why.after - 25_000, after=why.after
    )


def test_every_aspect_that_changes_is_counted_by_its_ways(programme: Programme) -> None:
    model = replace(starter().qualification.fit, grades={"A": 99, "B": 98, "C": 97})
    found = compared(programme, with_fit(starter(), model))
    now = {who: programme.standing(programme.lead(who))["grade"] for who in (BO, CY, DI)}
    ways = {one.name: one for one in found.aspects}
    lower = [grade for grade in now.values() if grade in "ABC"]
    assert ways["grade"].leads == len(lower) == found.changed > 0
    assert sum(step.leads for step in ways["grade"].steps) == len(lower)
    assert {step.before for step in ways["grade"].steps} == set(lower)
    assert ways["cell"].leads == len(lower)
    assert found.movers == (), "nobody's points change"


def test_a_gate_that_nobody_passes_any_more_is_told_from_pass_to_fail(programme: Programme) -> None:
    rules = starter().qualification
    never = Constant(value=False)
    gates = tuple(
        replace(gate, when=never) if gate.gate is Gate.ORGANIZATION else gate
        for gate in rules.gates
    )
    draft = replace(starter(), qualification=replace(rules, gates=gates))
    ways = {one.name: one.steps for one in compared(programme, draft).aspects}
    told = {step.before: step for step in ways["gate organization"]}
    assert told["pass"] == Step(before="pass", after="fail", leads=2)


def test_only_the_largest_movers_are_kept_and_batches_make_no_difference(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = FitRule(id="anybody", key="account.country", values={"DE": 40})
    model = FitModel(rules=(rule,), exclusions=(), grades={"A": 70, "B": 45, "C": 20})
    whole = compared(programme, with_fit(starter(), model))
    monkeypatch.setattr(shadow, "BATCH", 1)
    found = compared(programme, with_fit(starter(), model), movers=2)
    assert found.movers == whole.movers[:2]
    assert replace(found, movers=()) == replace(whole, movers=())


def test_a_shadow_run_stores_nothing(programme: Programme) -> None:
    before = _everything(programme)
    compared(programme, larger_counts_more(starter()))
    assert _everything(programme) == before


def _everything(programme: Programme) -> dict[str, list[object]]:
    with programme.database.read() as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(table))]
            for name, table in metadata.tables.items()
        }


def test_both_are_held_against_the_same_decided_handoffs(database: Database) -> None:
    signed = replace(PROJECT.qualification, signatures=starter().qualification.signatures)
    before = replace(PROJECT, qualification=signed)
    made = Programme(database, project=before)
    with database.write() as connection:
        tell(connection)
    bands = (Band(low=1, high=49, points=0), Band(low=50, high=None, points=30))
    draft = with_fit(before, replace(signed.fit, rules=(replace(RULES[0], bands=bands),)))
    accepted, sold = compared(made, draft).outcomes
    fits = next(one for one in accepted.sorts if one.score == "fit")
    assert (accepted.target, accepted.cases, accepted.won) == (Target.ACCEPTED, 300, 150)
    assert (fits.before.value, fits.after.value) == pytest.approx((0.2, 0.8))
    assert fits.gained.value == pytest.approx(0.6)
    assert 0.4 < fits.gained.low < fits.gained.high < 0.8
    engaged = next(one for one in accepted.sorts if one.score == "engagement")
    assert engaged.gained.low == engaged.gained.value == engaged.gained.high == 0
    assert sold == Outcome(target=Target.WON, cases=300, won=0, sorts=())


def test_what_is_gained_is_the_difference_of_two_areas_with_its_own_range() -> None:
    chance = np.random.default_rng(3)
    won = np.arange(400) < 150
    weak = chance.normal(size=400) + won * 0.5
    strong = weak + won * 0.5
    found = auc_gained(won, weak, strong)
    assert found.value == pytest.approx(auc(won, strong).value - auc(won, weak).value)
    apart = auc(won, strong).high - auc(won, weak).low
    assert 0 < found.low < found.high < apart, "the same cases: nearer than two ranges would say"
