"""A person's word over the rules: kept, shown, listed for review, and taken back."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import event

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.core.lead import Stage, Temperature, Verdict
from nurture.engine import erase, feedback, overriding, story
from nurture.engine.by_hand import Who
from nurture.engine.overriding import Term
from nurture.store import events, handoffs, records
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


def test_by_the_rules_is_asked_from_before_the_first_of_several_moves_by_hand(
    programme: Programme, ada: int
) -> None:
    for stage in ("prospect", "opportunity"):
        programme.now += timedelta(hours=1)
        overriding.move(programme.runtime, ada, BO, stage, now=programme.now)
    assert reviewed(programme) == [("stage", "opportunity", "lead")]


def test_a_review_asks_no_more_for_many_than_for_one(lite: Programme) -> None:
    emails = [f"p{n}@plant{n}.example" for n in range(4)]
    lite.bring(*(row(email) for email in emails))
    lite.tick()

    def statements() -> int:
        asked: list[str] = []
        with lite.database.read() as connection:
            event.listen(connection, "before_cursor_execute", lambda *a: asked.append(a[2]))
            overriding.review(lite.runtime, connection, now=lite.now)
        return len(asked)

    overriding.move(lite.runtime, lite.lead(emails[0]), BO, "prospect", now=lite.now)
    one = statements()
    for email in emails[1:]:
        overriding.move(lite.runtime, lite.lead(email), BO, "prospect", now=lite.now)
    assert statements() == one


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


class TestWhatEndsAWord:
    """Sales' last word ends what was said before it, for the rules and for whoever looks."""

    def hand_over(self, programme: Programme, lead_id: int) -> str:
        """Let the lead be delivered to sales; return the handoff's id."""
        programme.tells(lead_id, account__compressors=3, lead__role="plant-manager")
        programme.tick()
        programme.tick()
        with programme.database.read() as connection:
            [handoff] = handoffs.of_lead(connection, lead_id)
        assert handoff.state == "delivered"
        return handoff.uid

    def answers(self, programme: Programme, uid: str, *kinds: str) -> None:
        """Let sales answer, two hours apart."""
        for kind in kinds:
            programme.now += timedelta(hours=2)
            told = {"type": f"handoff.{kind}", "data": {"handoff_id": uid, "reason": "timing"}}
            body = json.dumps(told).encode()
            feedback.take(programme.runtime, "inside-sales", body, kind, now=programme.now)
            programme.tick()

    def test_a_stage_does_not_come_back_after_sales_gave_the_lead_back(
        self, programme: Programme, ada: int
    ) -> None:
        programme.tells(ada, lead__authority="user")
        overriding.move(programme.runtime, ada, BO, "prospect", now=programme.now)
        overriding.waive(programme.runtime, ada, BO, "nurtured", now=programme.now)
        uid = self.hand_over(programme, ada)
        self.answers(programme, uid, "recycled")
        programme.wait(days=1)
        standing = programme.standing(ada)
        assert (standing["stage"], standing["cycle"]) == ("lead", 2)
        assert reviewed(programme) == []
        assert "By hand:" not in said(programme, ada)

    def test_a_word_about_somebody_lost_is_over(self, programme: Programme, ada: int) -> None:
        overriding.waive(programme.runtime, ada, BO, "nurtured", now=programme.now)
        overriding.move(programme.runtime, ada, BO, "prospect", now=programme.now)
        uid = self.hand_over(programme, ada)
        self.answers(programme, uid, "accepted", "lost")
        assert programme.standing(ada)["stage"] == "lost"
        assert [what for what, _, _ in reviewed(programme)] == ["nurtured"]
        programme.now += timedelta(hours=1)
        overriding.move(programme.runtime, ada, BO, "lead", now=programme.now)
        assert programme.standing(ada)["stage"] == "lead"

    def test_a_waiver_counts_for_the_cycle_in_which_it_was_given(
        self, programme: Programme, ada: int
    ) -> None:
        for gate in ("nurtured", "stakeholder"):
            overriding.waive(programme.runtime, ada, BO, gate, now=programme.now)
        uid = self.hand_over(programme, ada)
        self.answers(programme, uid, "rejected")
        for _ in range(3):
            programme.now += timedelta(days=1)
            programme.happens(ada, EventKind.MESSAGE_CLICKED, "leak-walk")
            programme.tick()
        standing = programme.standing(ada)
        assert (standing["stage"], standing["verdict_nurtured"]) == ("lead", "unknown")
        with programme.database.read() as connection:
            assert len(handoffs.of_lead(connection, ada)) == 1
        assert reviewed(programme) == []

    def test_an_old_word_about_the_stage_silences_no_question(
        self, programme: Programme, ada: int
    ) -> None:
        overriding.move(programme.runtime, ada, BO, "prospect", now=programme.now)
        programme.now += timedelta(days=420)
        programme.tick()
        programme.tick()
        assert programme.standing(ada)["stage"] == "inactive"
        programme.now += timedelta(hours=1)
        programme.happens(ada, EventKind.MESSAGE_REPLIED, "leak-walk")
        programme.tick()
        programme.qualify(ada)
        programme.tick()
        assert programme.standing(ada)["stage"] == "opportunity"
        assert reviewed(programme) == []
        programme.tells(ada, lead__pain="none")
        programme.tick()
        with programme.database.read() as connection:
            titles = [task.title for task in records.open_tasks(connection)]
        assert any(title.startswith("Still at the stage Opportunity?") for title in titles)
