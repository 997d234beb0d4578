"""What a person decides by hand holds against whatever the engine does meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.core.lead import Stage
from nurture.core.message import MessageState, Uncertain
from nurture.engine import by_hand, rebuild, settling, verify
from nurture.store import enrollments, events, leads, messages as mails, pauses
from nurture.store.tables import audit, leads as leads_table, messages
from tests.engine.programme import Programme, row

BO = "bo@plant.example"
ANN = by_hand.Who(name="Ann", reason="because of Bo")


@pytest.fixture
def bo(programme: Programme) -> Programme:
    """Bring in Bo, who asked for the guide and got it."""
    programme.bring(row(BO))
    programme.tick()
    return programme


def kept(programme: Programme) -> bool:
    """Say whether every promise is kept."""
    return not any(one.broken for one in verify.run(programme.runtime, now=programme.now))


class TestPause:
    def test_no_step_is_taken_and_no_mail_leaves(self, bo: Programme) -> None:
        by_hand.pause_lead(bo.runtime, bo.lead(BO), ANN, until=None, now=bo.now)
        bo.wait(days=10)
        assert bo.templates_sent() == ["guide-delivery"]
        assert kept(bo)

    def test_a_planned_mail_waits_too(self, bo: Programme) -> None:
        bo.post.answer = lambda _: Uncertain(reason="x")
        bo.wait(days=2)
        uid = doubtful(bo)
        settling.settle(bo.runtime, [uid], ANN, sent=False, now=bo.now)
        by_hand.pause_lead(bo.runtime, bo.lead(BO), ANN, until=None, now=bo.now)
        bo.now += timedelta(days=1)
        assert bo.tick().deliver.get("claimed", 0) == 0

    def test_an_event_does_not_end_it(self, bo: Programme) -> None:
        by_hand.pause_lead(bo.runtime, bo.lead(BO), ANN, until=None, now=bo.now)
        bo.happens(bo.lead(BO), EventKind.FORM_SUBMITTED, "book-a-walkthrough")
        bo.wait(days=4)
        assert bo.templates_sent() == ["guide-delivery"]

    def test_others_are_not_concerned(self, bo: Programme) -> None:
        bo.bring(row("cy@plant.example", company="Cy"))
        by_hand.pause_lead(bo.runtime, bo.lead(BO), ANN, until=None, now=bo.now)
        bo.tick()
        assert len(bo.templates_sent()) == 2

    def test_it_ends_when_it_said(self, bo: Programme) -> None:
        until = bo.now + timedelta(days=3)
        by_hand.pause_lead(bo.runtime, bo.lead(BO), ANN, until=until, now=bo.now)
        bo.now = until
        bo.tick()
        assert bo.templates_sent()[-1] == "three-quick-questions"

    def test_resuming_goes_on(self, bo: Programme) -> None:
        by_hand.pause_lead(bo.runtime, bo.lead(BO), ANN, until=None, now=bo.now)
        bo.wait(days=3)
        by_hand.resume_lead(bo.runtime, bo.lead(BO), ANN, now=bo.now)
        bo.tick()
        assert bo.templates_sent()[-1] == "three-quick-questions"

    def test_the_opt_out_of_a_paused_lead_holds(self, bo: Programme) -> None:
        by_hand.pause_lead(bo.runtime, bo.lead(BO), ANN, until=None, now=bo.now)
        bo.happens(bo.lead(BO), EventKind.MESSAGE_UNSUBSCRIBED, "guide-delivery")
        bo.wait(days=3)
        by_hand.resume_lead(bo.runtime, bo.lead(BO), ANN, now=bo.now)
        bo.wait(days=10)
        assert bo.templates_sent() == ["guide-delivery"]
        assert kept(bo)

    def test_it_goes_with_an_erasure(self, bo: Programme) -> None:
        lead_id = bo.lead(BO)
        by_hand.pause_lead(bo.runtime, lead_id, ANN, until=None, now=bo.now)
        by_hand.erase(bo.runtime, lead_id, ANN, now=bo.now)
        with bo.database.read() as connection:
            assert pauses.pause_of(connection, lead_id, now=bo.now) is None


def doubtful(programme: Programme) -> str:
    """Return the id of the mail in doubt."""
    with programme.database.read() as connection:
        uid: str = connection.execute(
            select(messages.c.uid).where(messages.c.state == MessageState.UNCERTAIN)
        ).scalar_one()
        return uid


class TestLeaving:
    def test_a_passage_ends_with_the_reason(self, bo: Programme) -> None:
        left = by_hand.leave_sequences(bo.runtime, bo.lead(BO), ANN, sequence=None, now=bo.now)
        assert left == ["welcome"]
        bo.wait(days=3)
        assert "three-quick-questions" not in bo.templates_sent()
        assert kept(bo)

    def test_a_decision_under_way_comes_too_late(self, bo: Programme) -> None:
        lead_id = bo.lead(BO)
        bo.now += timedelta(days=2)
        with bo.database.write() as connection:
            claimed = enrollments.claim(
                connection, now=bo.now, lease=timedelta(minutes=2), limit=10
            ).rows
        assert claimed
        by_hand.leave_sequences(bo.runtime, lead_id, ANN, sequence="welcome", now=bo.now)
        with bo.database.write() as connection:
            seen = {one.id: one.version for one in claimed}
            assert enrollments.unchanged(connection, seen) == set()

    def test_who_is_in_none_cannot_leave(self, bo: Programme) -> None:
        with pytest.raises(MisuseError, match="is not in the sequence 'nurture'"):
            by_hand.leave_sequences(bo.runtime, bo.lead(BO), ANN, sequence="nurture", now=bo.now)


class TestReviving:
    def test_the_inactive_come_back(self, bo: Programme) -> None:
        lead_id = bo.lead(BO)
        with bo.database.write() as connection:
            leads.archive(connection, [lead_id], now=bo.now)
        bo.now += timedelta(days=1)
        by_hand.revive(bo.runtime, lead_id, ANN, now=bo.now)
        bo.tick()
        assert bo.standing(lead_id)["stage"] == Stage.LEAD

    def test_nobody_else_does(self, bo: Programme) -> None:
        with pytest.raises(MisuseError, match="only who is in the inactive file"):
            by_hand.revive(bo.runtime, bo.lead(BO), ANN, now=bo.now)


class TestDoubt:
    @pytest.fixture
    def uid(self, programme: Programme) -> str:
        programme.post.answer = lambda _: Uncertain(reason="x")
        programme.bring(row(BO))
        programme.tick()
        return doubtful(programme)

    def test_sent_counts_as_sent(self, programme: Programme, uid: str) -> None:
        settling.settle(programme.runtime, [uid[:8]], ANN, sent=True, now=programme.now)
        assert kept(programme)
        programme.wait(days=2)
        with pytest.raises(MisuseError, match="there is no doubt to settle"):
            settling.settle(programme.runtime, [uid], ANN, sent=False, now=programme.now)

    def test_again_is_one_more_attempt_of_the_same_mail(
        self, programme: Programme, uid: str
    ) -> None:
        programme.post.answer = type(programme.post)().answer
        programme.now += timedelta(days=1)
        settling.settle(programme.runtime, [uid], ANN, sent=False, now=programme.now)
        programme.tick()
        assert [message.uid for message in programme.post.sent] == [uid]
        assert kept(programme)

    @pytest.mark.parametrize("sent", [True, False], ids=["as sent", "again"])
    def test_what_a_report_settled_in_the_same_moment_is_not_settled_again(
        self, programme: Programme, uid: str, monkeypatch: pytest.MonkeyPatch, *, sent: bool
    ) -> None:
        with programme.database.write() as connection:
            (seen,) = settling.named(connection, [uid])
            assert mails.accept(connection, {seen.id: "p"}, now=programme.now) == 1
            assert mails.accept(connection, {seen.id: "p"}, now=programme.now) == 0
        monkeypatch.setattr(settling, "named", lambda *_: [seen])
        with pytest.raises(MisuseError, match="was settled just now by a report"):
            settling.settle(programme.runtime, [uid], ANN, sent=sent, now=programme.now)
        with programme.database.read() as connection:
            kinds = [each.kind for each in events.of_lead(connection, programme.lead(BO))]
        assert EventKind.MESSAGE_RESOLVED not in kinds


class TestRebuild:
    def test_nothing_is_wrong_after_any_life(self, bo: Programme) -> None:
        bo.wait(days=9)
        bo.tells(bo.lead(BO), lead__authority="decider", account__compressors=3)
        bo.tick()
        found = rebuild.run(bo.runtime, now=bo.now)
        assert found.wrong == ()
        assert found.leads == 1

    def test_a_profile_that_facts_do_not_give_is_found(self, bo: Programme) -> None:
        lead_id = bo.lead(BO)
        with bo.database.write() as connection:
            leads.store_profiles(connection, {lead_id: {"role": "student"}})
        found = rebuild.run(bo.runtime, now=bo.now)
        assert found.wrong == (
            f"lead {bo.standing(lead_id)['uid']}: the stored profile is not what its facts say",
        )
        assert rebuild.run(bo.runtime, now=bo.now, dry_run=True).wrong == ()

    def test_a_stage_moved_by_nobody_shows(self, bo: Programme) -> None:
        lead_id = bo.lead(BO)
        with bo.database.write() as connection:
            connection.execute(
                update(leads_table).where(leads_table.c.id == lead_id).values(grade="D")
            )
        found = rebuild.run(bo.runtime, now=bo.now)
        assert [(one.field, one.before) for one in found.moved] == [("grade", "D")]


def test_every_act_leaves_an_audit_row_that_names_no_lead_by_name(bo: Programme) -> None:
    lead_id = bo.lead(BO)
    by_hand.pause_lead(bo.runtime, lead_id, ANN, until=None, now=bo.now)
    by_hand.resume_lead(bo.runtime, lead_id, ANN, now=bo.now)
    by_hand.pause_sending(bo.runtime, ANN, until=None, now=bo.now)
    # About nobody: why mail may leave again is kept with the row.
    by_hand.resume_sending(bo.runtime, replace(ANN, reason="provider is back"), now=bo.now)
    by_hand.erase(bo.runtime, lead_id, ANN, now=bo.now)
    with bo.database.read() as connection:
        rows = connection.execute(select(audit).where(audit.c.actor == "Ann")).all()
    assert [row.action for row in rows] == [
        "lead.paused", "lead.resumed", "sending.paused", "sending.resumed", "lead.erasure_ordered",
    ]  # fmt: skip
    assert not any("Bo" in str(row.detail) or "Bo" in row.subject for row in rows)
    assert "provider is back" in str(rows[3].detail)
