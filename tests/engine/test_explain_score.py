"""The explained score: what sales is told, read aloud, everywhere the same."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select

from nurture.core.event import EventKind
from nurture.core.lead import Gate, Temperature, Verdict
from nurture.core.policy import zone
from nurture.core.score import MILLI
from nurture.engine.explain_json import explained_json
from nurture.engine.explain_score import explain_lead
from nurture.engine.explained import ScoreExplained
from nurture.engine.person import look_at
from nurture.project.load import load_files
from nurture.project.signing import TEAMS, Signing, signed_text
from nurture.store.db import Database
from nurture.store.tables import events, facts
from tests.engine.programme import Programme, row, starter

BO = "bo@plant.example"


@pytest.fixture
def bo(lite: Programme) -> Programme:
    """Bring in Bo, who asked for the guide twelve days ago."""
    lite.bring(row(BO))
    lite.tick()
    return lite


def explained(programme: Programme, email: str = BO) -> ScoreExplained:
    """Explain the lead's scores now."""
    with programme.database.read() as connection:
        lead_id = programme.lead(email)
        return explain_lead(programme.runtime, connection, lead_id, now=programme.now)


def as_json(programme: Programme, *, most_rows: int | None = None) -> dict[str, Any]:
    """Return the same in plain values."""
    told = explained(programme)
    with programme.database.read() as connection:
        person = look_at(programme.runtime, connection, programme.lead(BO), now=programme.now)
    return explained_json(told, person.words, person.zones, most_rows=most_rows)


def said(programme: Programme) -> str:
    """Return the sentences."""
    return "\n".join(as_json(programme)["said"])


def test_every_axis_has_its_own_number_and_the_cell_names_both(bo: Programme) -> None:
    found = explained(bo)
    assert (found.grade, found.band, found.cell) == ("B", "3", "B3")
    assert found.readiness_band == "later"
    assert "Together that is cell B3 of the grid of fit and engagement." in said(bo)
    assert found.version == 1
    assert found.signed == {"marketing": "Ada Lindholm", "sales": "Jonas Brandt"}


def test_every_row_names_an_event_of_the_ledger_and_its_day(bo: Programme) -> None:
    bo.happens(bo.lead(BO), EventKind.MESSAGE_CLICKED, "leak-walk")
    with bo.database.read() as connection:
        kinds = {one.id: one.kind for one in connection.execute(select(events))}
        told = {one.id: one.name for one in connection.execute(select(facts))}
    found = explained(bo)
    assert {line.rule: [kinds[i] for i in line.evidence] for line in found.engagement.rows} == {
        "click": ["message.clicked"],
        "guide": ["form.submitted"],
    }
    assert found.engagement.rows[0].on == bo.now.date()
    assert {line.rule: {told[i] for i in line.evidence} for line in found.fit.rows} == {
        "employees": {"employees"},
        "enough-air": {"compressor_kw"},
        "near-us": {"country"},
    }


def test_row_03_points_for_a_persona_name_it_and_the_answer_that_tells_it(
    sqlite_database: Database,
) -> None:
    rules = starter().files["qualification.yaml"]
    begin = rules.index("    - {id: role, when:")
    end = rules.index("\n", begin)
    rule = "    - {id: role, persona: [plant-manager, energy-manager], points: 15}"
    edited = rules[:begin] + rule + rules[end:]
    edited = edited.replace("version: 1", "version: 2", 1)
    for team in TEAMS:
        edited = signed_text(edited, Signing(team=team, name="Ada", on=date(2026, 9, 1)))
    files = {**starter().files, "qualification.yaml": edited}
    bo = Programme(sqlite_database, project=load_files(files, {}))
    bo.bring(row(BO))
    assert explained(bo).not_known == ("Industry", "Role")
    bo.tells(bo.lead(BO), lead__role="operations-director")
    (found,) = [line for line in explained(bo).fit.rows if line.rule == "role"]
    assert found.net == 15 * MILLI
    assert found.what.startswith("persona Plant manager: Role is Operations director (")
    assert len(found.evidence) == 1


def test_what_fit_would_count_is_named_while_it_is_not_known(bo: Programme) -> None:
    assert explained(bo).not_known == ("Industry", "Role")
    bo.tells(bo.lead(BO), lead__role="plant-manager", account__industry="food")
    assert explained(bo).not_known == ()
    assert explained(bo).coverage_percent == 100


def test_the_trend_is_against_seven_days_ago(bo: Programme) -> None:
    before = explained(bo).readiness.value // MILLI
    bo.now += timedelta(days=7)
    bo.happens(bo.lead(BO), EventKind.FORM_SUBMITTED, "book-a-walkthrough")
    found = explained(bo)
    assert found.trend is not None
    assert found.trend.week_ago == before
    assert found.trend.change == found.readiness.value // MILLI - before > 0
    assert f"up from {before} seven days ago" in said(bo)


def test_whoever_came_in_this_week_has_no_trend(lite: Programme) -> None:
    lite.bring(row(BO, captured_at="2026-08-30T10:00:00Z"))
    lite.tick()
    assert explained(lite).trend is None
    assert "seven days ago we did not know them" in said(lite)


def test_confidence_is_low_while_little_is_known(lite: Programme) -> None:
    lite.bring(row(BO, employees="", compressor_kw="", downloaded=""))
    lite.tick()
    found = explained(lite)
    assert (found.grade, found.confidence.word) == ("?", "low")
    assert found.cell == "?3"


@pytest.mark.parametrize(
    "happened",
    [
        ("book-a-walkthrough",),
        ("profile-basics", "plant-details"),
        ("plant-details", "book-a-walkthrough"),
    ],
    ids=len,
)
def test_on_the_day_of_the_crossing_and_not_before_the_limit_is_crossed(
    bo: Programme, happened: tuple[str, ...]
) -> None:
    for form in happened:
        bo.happens(bo.lead(BO), EventKind.FORM_SUBMITTED, form)
    crossing = explained(bo).next_crossing
    assert crossing is not None
    assert f"{crossing.axis} falls below {crossing.limit}" in said(bo)
    midnight = datetime.combine(crossing.on, time(0), tzinfo=zone("Europe/Berlin"))
    values = []
    for at in (midnight - timedelta(seconds=1), midnight):
        bo.now = at.astimezone(bo.now.tzinfo)
        values.append(getattr(explained(bo), crossing.axis).value)
    assert values[1] < crossing.limit * MILLI <= values[0]


def test_the_change_that_would_qualify_does_qualify(bo: Programme) -> None:
    stakeholder, touches = explained(bo).changes
    assert stakeholder.startswith("the gate stakeholder passes if Part in the decision is")
    assert touches == "they have to know us better: 3 more touches"
    bo.tells(bo.lead(BO), lead__authority="influencer")
    bo.tick()
    assert explained(bo).changes == (touches,)
    assert f"The smallest change that would qualify them: {touches}." in said(bo)


def test_a_gate_that_fails_names_the_number_that_is_wanted(lite: Programme) -> None:
    lite.bring(row(BO, employees="9"))
    lite.tick()
    assert explained(lite).changes[0] == (
        "the gate organization passes if Employees is at least 50"
    )


def test_two_answers_are_named_where_one_is_not_enough(lite: Programme) -> None:
    lite.bring(row(BO, employees="9", country="US"))
    lite.tick()
    first = explained(lite).changes[0]
    assert first.startswith("the gate organization passes if Employees is at least 50 and Country")


def test_the_rules_of_temperature_that_missed_say_why(bo: Programme) -> None:
    bo.qualify(bo.lead(BO))
    bo.tells(bo.lead(BO), lead__blocker="money", lead__unblock_on="2026-12-01")
    bo.tick()
    found = explained(bo).temperature
    assert found.temperature is Temperature.WARM
    assert "No money for it this year" in found.because
    assert [missed.temperature for missed in found.missed] == ["closed", "hot"]
    assert "they did not answer the form 'Let us listen to your plant'" in found.missed[1].because
    assert "Not closed: they did not ask to be forgotten." in said(bo)


def test_a_gate_says_since_when_and_by_whose_answer(bo: Programme) -> None:
    bo.tells(bo.lead(BO), lead__authority="decider")
    bo.tick()
    (gate,) = [one for one in explained(bo).gates if one.gate is Gate.STAKEHOLDER]
    assert (gate.verdict, gate.since) == (Verdict.PASS, bo.now)
    assert "from form test" in gate.evidence[0] or "in the form" in gate.evidence[0]


def test_what_travels_is_short_and_still_adds_up(bo: Programme) -> None:
    for hours in range(60):
        at = bo.now - timedelta(hours=hours)
        bo.happens(bo.lead(BO), EventKind.PAGE_VIEWED, f"page-{hours}", at=at)
    bo.tick()
    told = as_json(bo, most_rows=40)["engagement"]
    assert len(told["rows"]) == 41
    assert told["rows"][-1]["what"].endswith("others, added up")
    for line in told["rows"]:
        gone = ("over_day", "over_count", "faded", "over_group", "over_score")
        assert line["raw"] - sum(line[part] for part in gone) == line["net"]
    assert sum(line["net"] for line in told["rows"]) == told["value"]


def test_the_dossier_holds_the_same_explanation(bo: Programme) -> None:
    bo.qualify(bo.lead(BO))
    bo.tick()
    bo.tick()
    ((_, body),) = bo.crm.got
    told, now = json.loads(body)["data"]["explain"], as_json(bo, most_rows=40)
    for part in ("as_of", "said", "cell", "engagement", "fit", "readiness", "changes"):
        assert told[part] == now[part], part


def test_the_sentences_name_no_key_that_only_a_programmer_knows(bo: Programme) -> None:
    bo.qualify(bo.lead(BO))
    bo.tick()
    text = unescape(said(bo))
    for key in ("lead.", "account.", "milli", "None", "_"):
        assert key not in text, text
