"""Late answers and late wishes: what is certain counts, and a pause means what has not left."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from nurture.core.message import Outcome, Refused
from nurture.engine import deliver, tick
from nurture.store import by_hand, messages, pauses, switches
from tests.engine.programme import Programme
from tests.engine.test_deliver_trouble import (
    ADA,
    DEADLINE,
    MANY,
    Mails,
    Wire,
    accept,
    mail,
    plan,
    rows,
    states,
)


@pytest.fixture
def wire(programme: Programme) -> Wire:
    """Let the programme's mail leave by the wire."""
    made = Wire()
    programme.ways = replace(programme.ways, transport=made)
    return made


@pytest.mark.parametrize(
    ("permanent", "state"), [(True, "failed"), (False, "ready")], ids=["for good", "for now"]
)
def test_a_refusal_that_comes_after_the_reaper_still_counts(
    programme: Programme, wire: Wire, *, permanent: bool, state: str
) -> None:
    def refuse_late(mails: Mails) -> list[Outcome]:
        later = programme.now + DEADLINE + timedelta(seconds=1)
        reaped, _ = deliver.settle_doubt(programme.runtime, now=later)
        assert reaped == len(mails)
        return [Refused(reason="mailbox full", permanent=permanent) for _ in mails]

    wire.first = [refuse_late]
    plan(programme, 4)
    mail(programme)
    assert states(programme) == {state: 4}
    assert len(wire.offered) == 4


def test_a_refusal_that_comes_later_still_undoes_nothing_that_was_settled_meanwhile(
    programme: Programme, wire: Wire
) -> None:
    """A person had half of the mails sent again and counted the other half as sent."""

    def refuse_late(mails: Mails) -> list[Outcome]:
        later = programme.now + DEADLINE + timedelta(seconds=1)
        deliver.settle_doubt(programme.runtime, now=later)
        ids = [row.id for row in rows(programme, "uncertain")]
        with programme.database.write() as connection:
            assert by_hand.send_again(connection, ids[:5], reason="again", now=later) == 5
            messages.accept(connection, dict.fromkeys(ids[5:], "seen"), now=later)
        done = deliver.run(programme.runtime, programme.ways.mailroom, wire, now=later)
        assert done.accepted == 5
        return [Refused(reason="no such mailbox", permanent=True) for _ in mails]

    wire.first = [refuse_late]
    plan(programme, 10)
    mail(programme)
    assert states(programme) == {"accepted": 10}
    assert len(wire.offered) == 15


def test_a_pause_holds_back_the_groups_that_have_not_begun_to_leave(
    programme: Programme, wire: Wire
) -> None:
    def pause(mails: Mails) -> list[Outcome]:
        with programme.database.write() as connection:
            switches.halt(
                connection, switches.SENDING, reason="wrong price", until=None, now=programme.now
            )
        return accept(mails)

    wire.first = [accept, pause]
    plan(programme, 50)
    assert mail(programme).halted == "wrong price"
    assert states(programme) == {"accepted": 20, "ready": 30}
    assert len(wire.offered) == 20


def test_a_lead_paused_while_its_batch_leaves_gets_no_mail_until_it_goes_on(
    programme: Programme, wire: Wire
) -> None:
    plan(programme, 20)
    ada = programme.lead(ADA)
    last = rows(programme)[-1]

    def pause_last(mails: Mails) -> list[Outcome]:
        with programme.database.write() as connection:
            pauses.pause(connection, last.lead_id, reason="on leave", until=None, now=programme.now)
        return accept(mails)

    wire.first = [pause_last]
    mail(programme)
    assert states(programme) == {"accepted": 19, "ready": 1}
    assert rows(programme, "ready")[0].lead_id == last.lead_id != ada
    with programme.database.write() as connection:
        pauses.resume(connection, last.lead_id)
    mail(programme)
    assert states(programme) == {"accepted": 20}


def test_each_group_has_its_own_deadline(programme: Programme, wire: Wire) -> None:
    seen: list[datetime] = []
    begun = programme.now

    def clock() -> datetime:
        seen.append(begun + timedelta(minutes=len(seen)))
        return seen[-1]

    plan(programme, 30)
    programme.ways = replace(programme.ways, clock=clock)
    tick.mail(programme.runtime, programme.ways, tick.Ticked(), now=begun, limit=MANY)
    assert len({each.closed_at for each in rows(programme, "accepted")}) == 3
