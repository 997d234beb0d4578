"""A person's word over the rules: kept, shown, listed for review, and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.core.lead import Stage, Temperature, Verdict
from nurture.engine import erase, overriding, story
from nurture.engine.by_hand import Who
from nurture.engine.overriding import Term
from nurture.store import events
from tests.engine.programme import Programme, row

ADA = "ada@berg-foods.example"
BO = Who(name="Bo", reason="met her at the fair")


@pytest.fixture
def ada(programme: Programme) -> int:
    programme.bring(row(ADA))
    programme.tick()
    return programme.lead(ADA)


def said(programme: Programme, lead_id: int) -> str:
    with programme.database.read() as connection:
        return story.tell(programme.runtime, connection, lead_id, now=programme.now).as_text()


def reviewed(programme: Programme) -> list[tuple[str, str, str]]:
    with programme.database.read() as connection:
        found = overriding.review(programme.runtime, connection, now=programme.now)
    return [(one.what, one.value, one.rules_say) for one in found]


def test_row_48_a_stage_set_by_hand_wins_shows_and_is_listed(
    programme: Programme, ada: int
) -> None:
    moved = overriding.move(programme.runtime, ada, BO, "prospect", now=programme.now)
    assert moved is Stage.PROSPECT
    programme.tells(ada, lead__authority="user")
    programme.wait(days=2)
    assert programme.standing(ada)["stage"] == "prospect"
    assert 'Bo: "met her at the fair"' in said(programme, ada)
    assert "By hand: stage Prospect (Bo: met her at the fair)." in said(programme, ada)
    assert reviewed(programme) == [("stage", "prospect", "lead")]


def test_a_move_that_is_not_allowed_says_which_are(programme: Programme, ada: int) -> None:
    with pytest.raises(MisuseError, match=r"no move to opportunity; allowed: prospect, customer"):
        overriding.move(programme.runtime, ada, BO, "opportunity", now=programme.now)
    with pytest.raises(MisuseError, match='did you mean "prospect"'):
        overriding.move(programme.runtime, ada, BO, "prospekt", now=programme.now)
    with pytest.raises(MisuseError, match="nurture lead erase"):
        overriding.move(programme.runtime, ada, BO, "erased", now=programme.now)


def test_what_is_taken_back_or_over_leaves_the_rules_to_decide(
    programme: Programme, ada: int
) -> None:
    programme.qualify(ada)
    until = programme.now + timedelta(days=3)
    overriding.move(programme.runtime, ada, BO, "lead", Term(until=until), now=programme.now)
    programme.tick()
    assert programme.standing(ada)["stage"] == "lead"
    programme.wait(days=3)
    assert programme.standing(ada)["stage"] == "opportunity"
    overriding.move(programme.runtime, ada, BO, "lead", now=programme.now)
    programme.now += timedelta(hours=1)
    overriding.take_back(programme.runtime, ada, BO, "stage", now=programme.now)
    assert programme.standing(ada)["stage"] == "opportunity"
    assert reviewed(programme) == []
    with pytest.raises(MisuseError, match="nothing stands by hand about 'stage'"):
        overriding.take_back(programme.runtime, ada, BO, "stage", now=programme.now)


def test_a_waiver_answers_an_open_gate_in_a_name(programme: Programme, ada: int) -> None:
    answer = overriding.waive(programme.runtime, ada, BO, "stakeholder", now=programme.now)
    assert answer is Verdict.PASS
    assert programme.standing(ada)["stage"] == "prospect"
    assert "the gate stakeholder is waived (Bo: met her at the fair)" in said(programme, ada)
    programme.tells(ada, lead__authority="user")
    programme.tick()
    assert programme.standing(ada)["stage"] == "lead"
    with pytest.raises(MisuseError, match="--even-if-it-fails"):
        overriding.waive(programme.runtime, ada, BO, "stakeholder", now=programme.now)
    later = programme.now + timedelta(hours=1)
    even = Term(even_fail=True)
    overriding.waive(programme.runtime, ada, BO, "stakeholder", even, now=later)
    assert programme.standing(ada)["stage"] == "prospect"


def test_a_temperature_is_set_for_prospects_only(programme: Programme, ada: int) -> None:
    with pytest.raises(MisuseError, match="only prospects and later"):
        overriding.set_temperature(programme.runtime, ada, BO, "hot", now=programme.now)
    overriding.move(programme.runtime, ada, BO, "prospect", now=programme.now)
    with pytest.raises(MisuseError, match="nurture lead erase"):
        overriding.set_temperature(programme.runtime, ada, BO, "closed", now=programme.now)
    found = overriding.set_temperature(programme.runtime, ada, BO, "hot", now=programme.now)
    assert found is Temperature.HOT
    assert ("temperature", "hot", "new") in reviewed(programme)


def test_every_word_is_an_event_with_who_and_why(programme: Programme, ada: int) -> None:
    overriding.commit(programme.runtime, ada, BO, now=programme.now)
    overriding.waive(programme.runtime, ada, BO, "nurtured", now=programme.now)
    with programme.database.read() as connection:
        found = events.of_lead(connection, ada)
    kept = {e.kind: (e.subject, e.detail) for e in found if e.source == "by hand"}
    detail = {"by": "Bo", "reason": "met her at the fair"}
    assert kept == {
        EventKind.COMMITMENT_GIVEN: ("", detail),
        EventKind.GATE_WAIVED: ("nurtured", detail),
    }


def test_nothing_of_it_outlives_an_erasure(programme: Programme, ada: int) -> None:
    overriding.move(programme.runtime, ada, BO, "prospect", now=programme.now)
    with programme.database.write() as connection:
        erase.erase_leads(programme.runtime, connection, [ada], reason="test", now=programme.now)
    assert reviewed(programme) == []
    with pytest.raises(MisuseError, match="is erased"):
        overriding.move(programme.runtime, ada, BO, "lead", now=programme.now)
