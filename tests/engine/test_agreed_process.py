"""One agreed process: BANT after the opportunity, sealed handoffs, the same decisions on replay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, select

from nurture.core.event import EventKind
from nurture.core.lead import Stage
from nurture.engine import by_hand, rebuild
from nurture.engine.by_hand import Who
from nurture.engine.definitions import definitions
from nurture.engine.forms import questions
from nurture.project.check import check_files
from nurture.store import leads
from nurture.store.db import Database
from nurture.store.tables import (
    decisions,
    handoffs,
    messages,
    past_enrollments,
    stage_moves,
    tasks,
    verdicts,
)
from tests.engine.programme import Programme, row, starter

ADA, BO, CY = (f"{name}@berg-foods.example" for name in ("ada", "bo", "cy"))
BANT = ("account.budget_range", "account.signatory", "account.scope", "account.decision_timeline")


# --- row 20: budget, authority, need and timeline come last ---------------------------------------


@pytest.mark.parametrize("key", BANT)
def test_row_20_no_gate_before_opportunity_may_rest_on_bant(key: str) -> None:
    files = dict(starter().files)
    gate = "account.compressor_kw >= 75 or account.compressors >= 2"
    files["qualification.yaml"] = files["qualification.yaml"].replace(
        f'"{gate}"\n    ask', f'"({gate}) and known({key})"\n    ask'
    )
    told = [str(finding) for finding in check_files(files, {}).errors]
    assert any(f'B001 the gate "opportunity" rests on {key}' in each for each in told), told


def test_row_20_a_form_asks_for_bant_after_the_upgrade_and_not_before(lite: Programme) -> None:
    lite.bring(row(ADA))
    form = replace(lite.project.forms["plant-details"], ask=("account.compressors", *BANT))
    form = replace(form, at_most=9)

    def asked() -> list[str]:
        with lite.database.read() as connection:
            person = leads.read(connection, [lite.lead(ADA)])[lite.lead(ADA)]
        return [field.key for field in questions(lite.project, form, person)]

    lite.tick()
    assert asked() == ["account.compressors"]
    lite.qualify(lite.lead(ADA))
    lite.tick()
    assert lite.standing(lite.lead(ADA))["stage"] == Stage.OPPORTUNITY
    assert asked() == [*BANT]


# --- row 40: what was handed over stays as it was -------------------------------------------------


def hand_over(programme: Programme) -> dict[str, Any]:
    """Hand Ada over and return what sales got."""
    programme.bring(row(ADA))
    programme.tick()
    programme.now += timedelta(days=14)
    programme.qualify(programme.lead(ADA))
    programme.tick()
    told: dict[str, Any] = json.loads(programme.crm.got[-1][1])["data"]
    return told


def test_row_40_the_handoff_says_by_which_agreement_and_by_which_answers(lite: Programme) -> None:
    told = hand_over(lite)
    assert set(told["gates"].values()) == {"pass"}
    assert told["stage"]["definition_version"] == lite.project.qualification.version
    assert told["stage"]["release"] == lite.project.content_hash
    signers = {(one["team"], one["name"]) for one in told["stage"]["signed_by"]}
    assert signers == {(s.team, s.name) for s in lite.project.qualification.signatures}


def test_row_40_what_is_learned_later_changes_no_snapshot(programme: Programme) -> None:
    hand_over(programme)
    ((uid, sent),) = programme.crm.got
    lead = programme.lead(ADA)
    programme.now += timedelta(hours=2)
    programme.tells(lead, account__employees=12, lead__authority="none", lead__pain="mild")
    programme.happens(lead, EventKind.PAGE_VIEWED, "careers")
    programme.tick()
    assert programme.standing(lead)["verdict_organization"] == "fail"
    by_hand.replay_handoff(programme.runtime, uid, Who(name="Cy"), now=programme.now)
    programme.tick()
    assert programme.crm.got == [(uid, sent), (uid, sent)]


def test_row_40_the_same_ledger_gives_the_same_snapshot(
    sqlite_database: Database, postgres_database: Database
) -> None:
    here, there = Programme(sqlite_database), Programme(postgres_database)
    assert hand_over(here) == hand_over(there)


# --- row 45: the same process for everybody -------------------------------------------------------

RECORDS: Mapping[Table, tuple[str, ...]] = {
    decisions: ("lead_id", "at", "sequence", "step", "rule", "outcome", "inputs"),
    stage_moves: ("lead_id", "at", "before", "after", "reason", "evidence"),
    verdicts: ("lead_id", "gate", "verdict", "at", "evidence"),
    messages: ("uid", "step", "template", "planned_at", "state", "slots"),
    past_enrollments: ("lead_id", "sequence", "step", "entered_at", "ended_at", "reason"),
    tasks: ("lead_id", "step", "title", "team", "created_at", "due_at"),
    handoffs: ("uid", "state", "body"),
}


def live(programme: Programme) -> dict[str, list[tuple[str, ...]]]:
    """Let three people go their ways for six weeks; return everything that was decided."""
    programme.bring(row(ADA), row(BO, employees="20"), row(CY, downloaded=""))
    programme.wait(days=3)
    programme.happens(programme.lead(BO), EventKind.MESSAGE_CLICKED, "guide-delivery")
    programme.wait(days=11)
    programme.qualify(programme.lead(ADA))
    programme.happens(programme.lead(CY), EventKind.FORM_SUBMITTED, "book-a-walkthrough")
    programme.wait(days=28)
    found = {}
    with programme.database.read() as connection:
        for table, columns in RECORDS.items():
            rows = connection.execute(select(*(table.c[name] for name in columns)))
            found[table.name] = sorted(tuple(map(_text, each)) for each in rows)
    return found


def _text(value: object) -> str:
    # One database keeps the keys of JSON in an order of its own.
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value)


def test_row_45_a_replay_of_the_same_ledger_decides_the_same(
    sqlite_database: Database, postgres_database: Database
) -> None:
    once, again = live(Programme(sqlite_database)), live(Programme(postgres_database))
    assert all(once.values()), "of everything something was decided"
    for table, rows in once.items():
        assert rows == again[table], table


def test_row_45_what_is_stored_is_what_the_ledger_gives_once_more(lite: Programme) -> None:
    live(lite)
    sealed = [body for _, body in lite.crm.got]
    done = rebuild.run(lite.runtime, now=lite.now)
    lite.tick()
    # Points fade between two looks; everything that rests on them was looked at in time.
    assert {one.field for one in done.moved} <= {"engagement", "readiness"}
    assert (done.leads > 0, done.wrong) == (True, ())
    assert [body for _, body in lite.crm.got] == sealed


def test_row_45_the_definitions_say_who_agreed_to_what_stands_here() -> None:
    said = definitions(starter())
    assert said.open_teams == ()
    assert {one.team for one in said.signatures if one.current} == {"marketing", "sales"}
