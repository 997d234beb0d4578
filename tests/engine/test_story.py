"""A lead's story says what happened, why, and what comes next, in plain words and exact times."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nurture.core.event import EventKind
from nurture.core.message import Accepted, Refused, Uncertain
from nurture.engine import by_hand, feedback
from nurture.engine.story import LineKind, Story, tell
from nurture.store import handoffs
from tests.engine.programme import Programme, row

BO = "bo@plant.example"
ANN = by_hand.Who(name="Ann", reason="is on holiday")


def story_of(programme: Programme, email: str = BO) -> Story:
    """Tell the lead's story now."""
    with programme.database.read() as connection:
        return tell(programme.runtime, connection, programme.lead(email), now=programme.now)


def why(story: Story, what: str) -> str:
    """Return why the one line came about that begins so."""
    (line,) = [line for line in story.lines if line.what.startswith(what)]
    return line.why


def coming(story: Story, what: str) -> tuple[datetime | None, str]:
    """Return when and why the one thing comes that begins so."""
    (line,) = [line for line in story.next if line.what.startswith(what)]
    return line.at, line.why


@pytest.fixture
def bo(lite: Programme) -> Programme:
    """Bring in Bo from Helsinki, who asked for the guide and got it."""
    lite.bring(row(BO, first_name="Bo", country="FI", time_zone="Europe/Helsinki"))
    lite.tick()
    return lite


class TestWhatHappened:
    def test_where_somebody_came_from_and_what_they_brought(self, bo: Programme) -> None:
        said = why(story_of(bo), "Came to us; source: website")
        assert said.startswith("from the import of leads.csv, line 2; brought First name: Bo")
        assert "Country: Finland; Employees: 320" in said

    def test_what_was_agreed_to_in_its_own_words(self, bo: Programme) -> None:
        assert why(story_of(bo), "May be sent mail about 'Practical guides") == (
            'basis: consent, a form: "Yes, write to me."'
        )

    def test_which_rule_let_them_into_a_sequence(self, bo: Programme) -> None:
        assert why(story_of(bo), "Entered 'From the guide to a conversation' (welcome)") == (
            "they are in the segments 'Guide readers' and 'With us' and not in 'Gone quiet'"
        )

    def test_a_gate_with_its_evidence_and_where_it_is_from(self, bo: Programme) -> None:
        said = why(story_of(bo), "The gate organization passes")
        assert "Employees is 320 (from the import of leads.csv, Thu 20 Aug 2026)" in said
        assert "Country is Finland" in said

    def test_a_mail_with_the_wait_before_it(self, bo: Programme) -> None:
        bo.wait(days=2)
        assert why(story_of(bo), "Sent the mail 'three-quick-questions'") == (
            "the wait of 2 days was over; step 'basics' of "
            "'From the guide to a conversation' (welcome)"
        )

    def test_a_mail_with_the_path_that_led_to_it(self, bo: Programme) -> None:
        bo.wait(days=7)
        assert why(story_of(bo), "Sent the mail 'what-leaks-cost'").startswith(
            "no answer to the form 'Three quick questions' (profile-basics) in 4 days; "
            "no other path fitted; step 'cost'"
        )

    def test_a_short_hold_is_left_out_and_its_reasons_kept(self, bo: Programme) -> None:
        bo.now = datetime(2026, 9, 5, 8, 0, tzinfo=UTC)
        bo.tick()
        bo.now = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)
        bo.tick()
        story = story_of(bo)
        (held,) = [line for line in story.lines if line.what.startswith("Held back")]
        assert held.minor
        assert "the window 'office-hours' is open" in held.what
        assert "the wait of 2 days was over" in why(story, "Sent the mail 'three-quick-questions'")

    def test_clicks_of_people_count_and_of_machines_do_not(self, bo: Programme) -> None:
        lead_id = bo.lead(BO)
        bo.happens(lead_id, EventKind.MESSAGE_CLICKED, "guide-delivery")
        bo.happens(lead_id, EventKind.MESSAGE_CLICKED, "guide-delivery", human=False)
        story = story_of(bo)
        assert why(story, "Clicked a link in 'guide-delivery'") == ""
        assert why(story, "A mail scanner followed a link") == "a machine's click counts nothing"

    def test_the_same_several_times_a_day_is_one_line(self, bo: Programme) -> None:
        for _ in range(3):
            bo.happens(bo.lead(BO), EventKind.PAGE_VIEWED, "pricing")
        assert why(story_of(bo), "Looked at the page 'pricing' (3 times that day)") == ""

    def test_a_reply_is_quoted_on_one_line_without_escapes(self, bo: Programme) -> None:
        text = "Call\nme \x1b[31mnow"
        lead_id = bo.lead(BO)
        bo.happens(lead_id, EventKind.MESSAGE_REPLIED, "guide-delivery", detail={"text": text})
        assert why(story_of(bo), "Replied to 'guide-delivery'") == '"Call me [31mnow"'

    def test_becoming_a_prospect_names_every_value_that_counted(self, bo: Programme) -> None:
        bo.now += timedelta(hours=1)
        bo.tells(bo.lead(BO), lead__authority="decider")
        bo.tick()
        story = story_of(bo)
        said = why(story, "Became a prospect (from Lead)")
        assert said.startswith("all three gates pass: Employees is 320 (from the import of ")
        assert 'Part in the decision is "I would decide, alone or with others" (said in' in said
        (gate,) = [line for line in story.lines if line.what == "The gate stakeholder passes"]
        assert gate.minor

    def test_being_ruled_out_names_the_value(self, bo: Programme) -> None:
        bo.tells(bo.lead(BO), account__industry="competitor")
        bo.tick()
        assert "competitor: Industry is" in why(story_of(bo), "Was ruled out (from Lead)")

    def test_an_opt_out_ends_the_sequence_and_says_so(self, bo: Programme) -> None:
        bo.now += timedelta(hours=1)
        bo.happens(bo.lead(BO), EventKind.MESSAGE_UNSUBSCRIBED, "guide-delivery")
        bo.tick()
        story = story_of(bo)
        assert why(story, "Unsubscribed in 'guide-delivery'").startswith("no mail leaves")
        assert why(story, "Left 'From the guide to a conversation' (welcome): suppressed")
        assert coming(story, "No mail leaves to this address")[1].startswith("unsubscribed")

    def test_two_months_without_an_answer_end_in_the_inactive_file(self, bo: Programme) -> None:
        bo.wait(days=110)
        assert (
            why(story_of(bo), "Went to the inactive file (from Lead)") == "archived: unresponsive"
        )

    def test_a_colleagues_answer_is_told_as_theirs(self, bo: Programme) -> None:
        bo.bring(row("mia@plant.example", first_name="Mia", employees="", captured_at=""))
        bo.now += timedelta(hours=1)
        bo.tells(bo.lead("mia@plant.example"), account__compressors=3)
        assert why(story_of(bo), "Learned from a colleague: Compressors: 3")

    def test_lines_are_in_order_of_time_and_causes_come_first(self, bo: Programme) -> None:
        story = story_of(bo)
        assert [line.at for line in story.lines] == sorted(line.at for line in story.lines)
        kinds = [line.kind for line in story.lines]
        assert kinds.index(LineKind.CAME) == 0
        assert kinds.index(LineKind.GATE) < kinds.index(LineKind.SEQUENCE)


class TestSales:
    def test_a_handoff_is_told_from_qualified_to_answered(self, programme: Programme) -> None:
        programme.bring(row(BO, time_zone="Europe/Helsinki"))
        programme.tick()
        programme.now += timedelta(days=14)
        programme.qualify(programme.lead(BO))
        programme.tick()
        story = story_of(programme)
        (handed,) = [line for line in story.lines if line.what.startswith("Handed to sales")]
        assert (
            "received Tue 15 Sep 2026, 11:00 Europe/Helsinki (10:00 Europe/Berlin)" in handed.what
        )
        assert "the dossier was" in handed.why
        at, _ = coming(story, "Sales (inside-sales) has until then to answer")
        assert at == programme.now + timedelta(hours=24)
        assert coming(story, "Gets no mail while sales has them")[0] is None
        programme.wait(days=2)
        late = story_of(programme)
        assert why(late, "Sales (inside-sales) had not answered in time")
        assert coming(late, "Sales (inside-sales) should have answered by then")[0] == at
        assert coming(late, "Inside sales")[0]

    def test_who_is_given_back_is_a_lead_again(self, programme: Programme) -> None:
        programme.bring(row(BO))
        programme.tick()
        programme.now += timedelta(days=14)
        lead_id = programme.lead(BO)
        programme.qualify(lead_id)
        programme.tick()
        answer(programme, "recycled", reason="no money before spring")
        programme.tick()
        story = story_of(programme)
        assert why(story, "Sales gave the lead back") == '"no money before spring"'
        assert "no money before spring" in why(story, "Is a lead again")


def answer(programme: Programme, verb: str, **data: str) -> None:
    """Let sales answer the only handoff."""
    with programme.database.read() as connection:
        (handoff,) = handoffs.listing(connection)
    body = json.dumps({"type": f"handoff.{verb}", "data": {"handoff_id": handoff.uid, **data}})
    programme.now += timedelta(hours=1)
    feedback.take(programme.runtime, "inside-sales", body.encode(), f"id-{verb}", now=programme.now)


class TestMails:
    def test_a_mail_in_doubt_waits_for_evidence_or_a_person(self, lite: Programme) -> None:
        lite.post.answer = lambda _: Uncertain(reason="the connection broke")
        lite.bring(row(BO))
        lite.tick()
        story = story_of(lite)
        said = "Planned the mail 'guide-delivery'; nobody knows yet whether it left: the connection"
        assert why(story, said)
        assert "nurture message resolve" in coming(story, "Nobody knows whether the mail")[1]

    def test_a_mail_that_is_tried_again_says_when(self, lite: Programme) -> None:
        lite.post.answer = lambda _: Refused(reason="mailbox full", permanent=False)
        lite.bring(row(BO))
        lite.tick()
        story = story_of(lite)
        assert why(story, "Planned the mail 'guide-delivery'; it has not left yet")
        at, reason = coming(story, "The mail 'guide-delivery' leaves")
        assert reason == "mailbox full"
        assert at is not None
        assert at > lite.now

    def test_a_mail_that_could_not_be_sent_says_why(self, lite: Programme) -> None:
        lite.post.answer = lambda _: Refused(reason="no such mailbox", permanent=True)
        lite.bring(row(BO))
        lite.tick()
        assert why(story_of(lite), "Planned the mail 'guide-delivery'; it could not be sent: no")


class TestWhatComesNext:
    def test_a_wait_says_until_when_and_what_then(self, bo: Programme) -> None:
        at, said = coming(story_of(bo), "Waits 2 days, until then")
        assert at == bo.now + timedelta(days=2)
        assert said.endswith("with the mail 'three-quick-questions' with the form 'profile-basics'")

    def test_an_open_form_says_how_long_it_waits(self, bo: Programme) -> None:
        bo.wait(days=2)
        at, said = coming(story_of(bo), "Waits for the answer to the form 'Three quick questions'")
        assert at == bo.now + timedelta(days=4)
        assert "then it goes on with a choice between 4 paths" in said

    @pytest.mark.parametrize("days", [0, 2, 7])
    def test_what_is_foretold_is_what_happens(self, bo: Programme, days: int) -> None:
        bo.wait(days=days)
        (line,) = [line for line in story_of(bo).next if line.what.startswith("If nothing happens")]
        mail = line.what.removeprefix("If nothing happens until then: the mail '").partition("'")[0]
        before = bo.templates_sent()
        assert line.at is not None
        bo.now = line.at - timedelta(minutes=1)
        bo.tick()
        assert bo.templates_sent() == before
        bo.now = line.at
        bo.tick()
        assert bo.templates_sent() == [*before, mail]

    def test_a_date_that_comes_by_itself_ends_a_wait(self, lite: Programme) -> None:
        lite.bring(row(BO))
        lead_id = lite.lead(BO)
        lite.tick()
        lite.wait(days=12)
        lite.tells(
            lead_id, lead__authority="decider", lead__blocker="money", lead__unblock_on="2026-12-01"
        )
        lite.wait(days=25)
        story = story_of(lite)
        longest, _ = coming(story, "Waits until Blocker gone on is within the next 21 days")
        at, said = coming(story, "If nothing happens until then: the mail 'your-date-is-near'")
        # Three weeks ahead of the date, as soon as the window opens; not when the wait runs out.
        assert at == datetime(2026, 11, 10, 7, 30, tzinfo=UTC)
        assert longest is not None
        assert longest > at
        assert "what it waited for came true: Blocker gone on is within" in said

    def test_a_hold_has_its_reason_and_no_date(self, lite: Programme) -> None:
        lite.bring(row(BO, consent=",,,,"))
        lite.tick()
        story = story_of(lite)
        assert coming(story, "Held: no consent for guides")[0] is None
        assert coming(story, "No mail may be sent")[0] is None

    def test_who_is_in_no_sequence_is_told_what_each_wants(self, lite: Programme) -> None:
        lite.bring(row(BO, employees="9"))
        lite.wait(days=8)
        _, said = coming(story_of(lite), "Is in no sequence")
        assert "(welcome): left Mon 7 Sep 2026, and nobody enters it twice" in said
        assert "(nurture): it wants that the gate organization does not fail" in said

    def test_the_next_look_is_the_one_that_is_stored(self, bo: Programme) -> None:
        at, said = coming(story_of(bo), "Is looked at again")
        assert at == bo.standing(bo.lead(BO))["check_at"]
        assert said != "to see whether anything has changed by then"

    def test_a_pause_says_who_and_until_when(self, bo: Programme) -> None:
        until = bo.now + timedelta(days=3)
        by_hand.pause_lead(bo.runtime, bo.lead(BO), ANN, until=until, now=bo.now)
        assert coming(story_of(bo), "Paused by hand until then") == (until, "Ann: is on holiday")

    def test_a_halt_of_all_sending_is_told(self, bo: Programme) -> None:
        by_hand.pause_sending(bo.runtime, ANN, until=None, now=bo.now)
        assert coming(story_of(bo), "All sending is paused") == (None, "Ann: is on holiday")


class TestErased:
    def test_nothing_personal_is_left_to_tell(self, bo: Programme) -> None:
        bo.happens(bo.lead(BO), EventKind.MESSAGE_REPLIED, "guide-delivery", detail={"text": "Bo"})
        lead_id = bo.lead(BO)
        by_hand.erase(bo.runtime, lead_id, replace(ANN, reason=""), now=bo.now)
        with bo.database.read() as connection:
            story = tell(bo.runtime, connection, lead_id, now=bo.now)
        text = story.as_text(minor=True)
        assert "Asked us to forget them, and we did." in text
        assert "Nothing: the lead is erased and cannot come back" in text
        for personal in (BO, "Bo", "Berg", "Yes, write to me"):
            assert personal not in text


def test_as_text_names_both_zones(bo: Programme) -> None:
    text = story_of(bo).as_text()
    assert "What happened (times in Europe/Helsinki and Europe/Berlin)" in text
    assert "Tue 1 Sep 2026, 11:00 | Tue 1 Sep 2026, 10:00  Sent the mail 'guide-delivery'" in text


def test_the_provider_may_accept_much_later(lite: Programme) -> None:
    lite.post.answer = lambda _: Refused(reason="busy", permanent=False)
    lite.bring(row(BO))
    lite.tick()
    lite.post.answer = lambda _: Accepted(provider_id="p")
    lite.now += timedelta(hours=2)
    lite.tick()
    said = "Planned the mail 'guide-delivery'; it left Tue 1 Sep 2026, 12:00 Europe/Berlin"
    assert why(story_of(lite), said)
