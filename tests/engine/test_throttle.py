"""Mail leaves at the pace that the workspace allows, and what waits is visible with its reason."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.core.gate import LATE
from nurture.core.message import Outcome
from nurture.core.sequence import EmailStep, FormStep, Late, WhenCapped
from nurture.core.throttle import Pacing
from nurture.engine import by_hand, deliver, sending
from nurture.store import switches
from nurture.store.tables import audit, messages
from tests.engine.programme import Programme, starter
from tests.engine.test_deliver_trouble import Mails, Wire, accept, mail, plan, rows, states

ANN = by_hand.Who(name="Ann", reason="the list is clean now")
DOMAIN = starter().workspace.sender_email.partition("@")[2]
BREAKER, SLOW = switches.BREAKER + DOMAIN, switches.SLOW + DOMAIN


def paced(programme: Programme, **pacing: Any) -> Wire:
    """Let mail leave by a wire, at a pace."""
    workspace = replace(programme.project.workspace, pacing=Pacing(sender_domain=DOMAIN, **pacing))
    replaced(programme, replace(programme.project, workspace=workspace))
    wire = Wire()
    programme.ways = replace(programme.ways, transport=wire)
    return wire


def replaced(programme: Programme, project: Any) -> None:
    programme.project = project
    programme.runtime._projects.clear()  # noqa: SLF001 (the same release, otherwise)


def happen(programme: Programme, kind: EventKind, count: int) -> None:
    """Let something come back from the first so many people."""
    for row in rows(programme)[:count]:
        programme.happens(row.lead_id, kind, row.template)


def test_no_minute_sees_more_mails_than_the_rate_allows(programme: Programme) -> None:
    wire = paced(programme, per_minute=10)
    plan(programme, 25)
    first = mail(programme)
    assert states(programme) == {"accepted": 10, "ready": 15}
    assert first.throttled == "rate 10 a minute"
    programme.now += timedelta(seconds=59)
    mail(programme)
    assert len(wire.taken) == 10
    for _ in range(2):
        programme.now += timedelta(seconds=61)
        mail(programme)
    assert states(programme) == {"accepted": 25}


def test_two_workers_share_a_rate(programme: Programme) -> None:
    wire = paced(programme, per_minute=15)
    plan(programme, 40)

    def another_worker_comes(mails: Mails) -> list[Outcome]:
        # While the first group is under way: its tokens are used, and committed.
        done = deliver.run(programme.runtime, programme.ways.mailroom, wire, now=programme.now)
        assert done.accepted == 5
        return accept(mails)

    wire.first = [another_worker_comes]
    mail(programme)
    assert states(programme) == {"accepted": 15, "ready": 25}


def test_workers_in_one_moment_share_a_rate(programme: Programme) -> None:
    began = programme.now - timedelta(days=1)
    paced(programme, per_minute=25, per_other_domain=9, ramp_from=began)
    plan(programme, 60)

    def work(_: int) -> int:
        return sum(
            deliver.run(
                programme.runtime, programme.ways.mailroom, Wire(), now=programme.now, limit=20
            ).accepted
            for _ in range(3)
        )

    with ThreadPoolExecutor(4) as workers:
        assert sum(workers.map(work, range(4))) == 25
    assert states(programme) == {"accepted": 25, "ready": 35}


def test_a_receiving_domain_has_a_rate_of_its_own(programme: Programme) -> None:
    wire = paced(programme, per_domain={"plant1.example": 1}, per_other_domain=50)
    plan(programme, 200)
    mail(programme)
    left = Counter(wire.addresses[uid].partition("@")[2] for uid in wire.taken)
    assert left["plant1.example"] == 1
    assert len(wire.taken) == 198
    (group,) = sending.look(programme.runtime, now=programme.now).held
    assert (group.mails, group.reason) == (2, "rate 1 a minute to plant1.example")
    assert group.last_at - group.first_at == timedelta(minutes=1)
    programme.now = group.last_at
    mail(programme)
    assert len(wire.taken) == 199


def test_a_young_domain_is_warmed_up(lite: Programme) -> None:
    wire = paced(lite, ramp_from=lite.now - timedelta(days=1))
    plan(lite, 100)
    mail(lite)
    assert len(wire.taken) == 28
    found = sending.look(lite.runtime, now=lite.now)
    assert [(limit.why, limit.left) for limit in found.limits] == [
        ("warm-up, day 1: 28 an hour to others", 0)
    ]
    (held,) = found.held
    assert held.mails == 72
    assert held.reason == "warm-up: 28 an hour to others until Wed 2 Sep 2026, 08:00 UTC"
    # The next 28 from nine on, one after the other; the window is open all the while.
    assert held.first_at == lite.now + timedelta(hours=1)
    assert found.empty_at is not None
    assert timedelta() < found.empty_at - held.last_at < timedelta(minutes=5)
    lite.now = held.first_at + timedelta(hours=1)
    mail(lite)
    assert len(wire.taken) == 56


@pytest.mark.parametrize(
    ("kind", "count", "said"),
    [
        (EventKind.MESSAGE_COMPLAINED, 4, "4 complaints among 120 mails of 24 hours are 3.3%"),
        (EventKind.MESSAGE_BOUNCED, 7, "7 hard bounces among 120 mails of 24 hours are 5.8%"),
    ],
)
def test_a_breaker_halts_until_a_person_lifts_it(
    lite: Programme, kind: EventKind, count: int, said: str
) -> None:
    paced(lite, breakers=True, per_minute=120)
    plan(lite, 150)
    mail(lite)
    happen(lite, kind, count)
    lite.now += timedelta(minutes=2)
    assert mail(lite).halted.startswith(said)
    lite.now += timedelta(days=3)
    assert mail(lite).halted, "time lifts nothing"
    (off,) = sending.look(lite.runtime, now=lite.now).off
    assert (off.what, off.until) == (BREAKER, None)
    assert by_hand.resume_sending(lite.runtime, ANN, now=lite.now) == [BREAKER]
    with lite.database.read() as connection:
        (kept,) = connection.execute(select(audit).where(audit.c.action == "sending.resumed"))
    assert (kept.actor, kept.detail) == ("Ann", {"reason": ANN.reason})
    mail(lite)
    assert states(lite)["ready"] == 0
    assert not sending.look(lite.runtime, now=lite.now).off


def test_few_mails_trip_nothing(lite: Programme) -> None:
    paced(lite, breakers=True, per_minute=10)
    plan(lite, 20)
    mail(lite)
    happen(lite, EventKind.MESSAGE_COMPLAINED, 1)
    lite.now += timedelta(minutes=2)
    assert mail(lite).halted == ""
    assert states(lite)["accepted"] == 20


def test_too_many_deferrals_slow_the_domain_down_for_an_hour(lite: Programme) -> None:
    wire = paced(lite, breakers=True, per_minute=110)
    plan(lite, 300)
    mail(lite)
    happen(lite, EventKind.MESSAGE_DEFERRED, 30)
    lite.now += timedelta(minutes=2)
    assert mail(lite).halted == ""
    assert len(wire.taken) == 110, "an hour's worth has left already"
    found = sending.look(lite.runtime, now=lite.now)
    (slowed,) = found.slowed
    assert slowed.reason.startswith("30 deferrals among 110 mails")
    assert slowed.until == lite.now + timedelta(hours=1)
    assert found.limits[-1].why == "slowed down to 60 an hour"
    assert by_hand.resume_sending(lite.runtime, ANN, now=lite.now) == [SLOW]
    mail(lite)
    assert len(wire.taken) == 220


# -- what a step says about its mail -------------------------------------------------------------


def with_steps(programme: Programme, **says: Any) -> None:
    """Let every step that mails say something about its mail."""
    project = programme.project
    sequences = {
        name: replace(
            sequence,
            steps=tuple(
                replace(step, **says) if isinstance(step, EmailStep | FormStep) else step
                for step in sequence.steps
            ),
        )
        for name, sequence in project.sequences.items()
    }
    replaced(programme, replace(project, sequences=sequences))


def late_mails(programme: Programme) -> sending.Sending:
    """Let ten mails be late, and return how sending stands."""
    with_steps(programme, expires_seconds=86400, late=Late.ASK)
    plan(programme, 10)
    programme.now += timedelta(days=2)
    mail(programme)
    return sending.look(programme.runtime, now=programme.now)


def test_late_mail_waits_for_a_word_and_is_sent(programme: Programme) -> None:
    found = late_mails(programme)
    ((_, reason),) = {(row.state, row.reason) for row in rows(programme)}
    assert reason == LATE
    (step,) = found.late
    assert step.mails == 10
    place = f"{step.sequence}/{step.step}"
    done = sending.decide_late(programme.runtime, place, send=True, by="Ann", now=programme.now)
    assert done == ("sent after all", 10)
    mail(programme)
    assert states(programme) == {"accepted": 10}


def test_late_mail_waits_for_a_word_and_is_skipped(lite: Programme) -> None:
    (step,) = late_mails(lite).late
    place = f"{step.sequence}/{step.step}"
    sending.decide_late(lite.runtime, place, send=False, by="Ann", now=lite.now)
    assert states(lite) == {"expired": 10}
    assert {row.reason for row in rows(lite)} == {"late; skipped by order of Ann"}


@pytest.mark.parametrize("whose", ["everybody's", "their own"])
def test_a_pause_in_the_middle_of_a_batch_leaves_late_mail_its_question(
    programme: Programme, whose: str
) -> None:
    wire = paced(programme)
    with_steps(programme, late=Late.ASK)
    plan(programme, 20)
    others, late = rows(programme)[:10], rows(programme)[10:]
    changes: list[tuple[list[Any], dict[str, Any]]] = [
        (others, {"not_before": programme.now + timedelta(days=2)}),
        (late, {"expires_at": programme.now + timedelta(hours=1)}),
    ]
    with programme.database.write() as connection:
        for some, change in changes:
            ids = [each.id for each in some]
            connection.execute(update(messages).where(messages.c.id.in_(ids)).values(**change))
    programme.now += timedelta(days=1)
    mail(programme)
    programme.now += timedelta(days=1, minutes=1)

    def pause(mails: Mails) -> list[Outcome]:
        leads = [switches.OF_A_LEAD + str(each.lead_id) for each in late]
        with programme.database.write() as connection:
            for name in [switches.SENDING] if whose == "everybody's" else leads:
                switches.halt(connection, name, reason="lunch", until=None, now=programme.now)
        return accept(mails)

    wire.first = [pause]
    mail(programme)
    assert states(programme) == {"accepted": 10, "ready": 10}
    (step,) = sending.look(programme.runtime, now=programme.now).late
    place = f"{step.sequence}/{step.step}"
    done = sending.decide_late(programme.runtime, place, send=False, by="Ann", now=programme.now)
    assert done == ("skipped", 10)


def test_a_word_about_mail_that_is_not_late_says_what_is(lite: Programme) -> None:
    with pytest.raises(MisuseError, match="no mail does"):
        sending.decide_late(lite.runtime, "welcome/first", send=True, by="Ann", now=lite.now)


def test_a_newer_mail_takes_the_place_of_one_that_waits(programme: Programme) -> None:
    with_steps(programme, when_capped=WhenCapped.REPLACE)
    plan(programme, 1)
    with programme.database.write() as connection:
        switches.halt(connection, switches.SENDING, reason="outage", until=None, now=programme.now)
    programme.wait(days=4)
    old, new = rows(programme)
    assert (old.state, old.reason) == ("cancelled", f"replaced by {new.template}")
    assert new.state == "ready"
    by_hand.resume_sending(programme.runtime, ANN, now=programme.now)
    programme.wait(days=2)  # over the weekend
    assert states(programme)["accepted"] == 1
    assert rows(programme)[-1].state == "accepted"


def test_by_default_a_mail_waits_for_the_one_before_it(lite: Programme) -> None:
    plan(lite, 1)
    with lite.database.write() as connection:
        switches.halt(connection, switches.SENDING, reason="outage", until=None, now=lite.now)
    lite.wait(days=4)
    assert [row.state for row in rows(lite)] == ["ready"]
