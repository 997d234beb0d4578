"""Mail that SendGrid keeps for a while: whatever answer is lost, it goes out once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from nurture.core.doubt import Evidence
from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.core.fence import FREE_AFTER, IN_TIME
from nurture.core.message import MessageState, Outcome, OutgoingMessage
from nurture.engine import by_hand, doubt, fence, held, settling, tick
from nurture.engine.fence import MOST_REFUSALS, Recall
from nurture.store import dispatch
from nurture.store.tables import fences, leads, messages
from nurture.transports.sendgrid_fence import SendGridFencedTransport, SendGridKeeper
from tests.engine.programme import TUESDAY, Programme, row
from tests.engine.test_deliver_trouble import rows
from tests.engine.test_echo import Provider, Told
from tests.transports.keeping import BATCH, CANCELLED, SEND, SILENCE, Answer, Keeping

ADA = "ada@berg-foods.example"
FENCE = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
ONE = f"{CANCELLED}/"


class Line(SendGridFencedTransport):
    """The transport, in a worker that may die when the mail is out of its hands."""

    dies = False

    def _send(self, message: OutgoingMessage, now: datetime) -> Outcome:
        outcome = super()._send(message, now)
        if self.dies:
            raise SystemExit
        return outcome


@dataclass
class Fenced:
    """A programme whose mail goes to a stand-in for SendGrid."""

    programme: Programme
    there: Keeping
    line: Line

    def plan(self, *people: str) -> None:
        """Bring people in and plan a mail for each."""
        self.programme.bring(*(row(each) for each in people or [ADA]))
        ways = self.programme.ways
        tick.think(self.programme.runtime, ways, tick.Ticked(), now=self.now, limit=100)

    def mail(self, wait: timedelta = timedelta()) -> dict[str, int]:
        """Settle what is in doubt and send what is ready, after so long."""
        self.programme.now += wait
        total = tick.Ticked()
        ways = self.programme.ways
        tick.settle(self.programme.runtime, ways, total, now=self.now)
        tick.mail(self.programme.runtime, ways, total, now=self.now, limit=100)
        return total.deliver

    def loses(self, method: str, path: str) -> None:
        """Let the next such answer be lost: what it answers is done."""
        self.answers(method, path, SILENCE)

    def answers(self, method: str, path: str, *answers: Answer) -> None:
        """Give these answers to the next such calls."""
        rest = list(answers)

        def say(*call: str) -> Answer | None:
            return rest.pop(0) if rest and call == (method, path) else None

        self.there.says = say

    @property
    def now(self) -> datetime:
        """The programme's time."""
        return self.programme.now

    @property
    def row(self) -> Any:
        """The one mail."""
        (found,) = rows(self.programme)
        return found

    @property
    def marks(self) -> list[Any]:
        """The fences."""
        with self.programme.database.read() as connection:
            return list(connection.execute(select(fences).order_by(fences.c.epoch)))


@contextmanager
def kept(programme: Programme) -> Iterator[Fenced]:
    """Let the programme's mail be kept for half an hour."""
    there = Keeping()
    there.clock = lambda: programme.now
    with (
        there.running(),
        closing(Line(there.settings, fence=FENCE)) as line,
        closing(SendGridKeeper(there.settings)) as keeper,
    ):
        recall = Recall(keeper=keeper, fence=FENCE)
        evidences = doubt.Evidences(transport=line.name, rules=Evidence(), recall=recall)
        programme.ways = replace(programme.ways, transport=line, evidences=evidences)
        yield Fenced(programme, there, line)


@pytest.fixture
def everywhere(programme: Programme) -> Iterator[Fenced]:
    """Return a programme whose mail is kept, on each database."""
    with kept(programme) as made:
        yield made


@pytest.fixture
def fenced(lite: Programme) -> Iterator[Fenced]:
    """Return a programme whose mail is kept, for rules that no database can change."""
    with kept(lite) as made:
        yield made


def test_a_mail_is_kept_under_an_id_of_its_own_that_was_written_down_first(fenced: Fenced) -> None:
    seen: list[Any] = []

    def look(method: str, path: str) -> None:
        if path == SEND:
            seen.extend((each.batch_id, each.send_at) for each in fenced.marks)

    fenced.there.says = look
    fenced.plan()
    assert fenced.mail()["accepted"] == 1
    (taken,) = fenced.there.taken
    assert seen == [(taken.batch_id, taken.send_at)]
    assert taken.send_at == TUESDAY + FENCE
    assert fenced.there.calls == {("POST", BATCH): 1, ("POST", SEND): 1}


def test_a_mail_whose_answer_is_lost_is_called_back_and_goes_out_once(fenced: Fenced) -> None:
    fenced.loses("POST", SEND)
    fenced.plan()
    assert fenced.mail()["uncertain"] == 1
    done = fenced.mail(2 * MINUTE)
    assert (done["called_back"], done["accepted"]) == (1, 1)
    first, second = fenced.there.taken
    assert first.batch_id != second.batch_id
    assert fenced.there.goes_out() == {fenced.row.uid: 1}
    assert second.send_at == TUESDAY + 2 * MINUTE + FENCE


def test_a_mail_whose_worker_was_killed_is_called_back_and_goes_out_once(
    everywhere: Fenced,
) -> None:
    fenced = everywhere
    fenced.plan()
    fenced.line.dies = True
    with suppress(SystemExit):
        fenced.mail()
    fenced.line.dies = False
    wait = fenced.line.longest_wait + 2 * MINUTE
    done = fenced.mail(wait)
    assert (done["reaped"], done["called_back"], done["accepted"]) == (1, 1, 1)
    assert fenced.there.goes_out() == {fenced.row.uid: 1}


def test_a_lost_answer_to_the_cancellation_is_asked_for_again(everywhere: Fenced) -> None:
    fenced = everywhere
    fenced.loses("POST", SEND)
    fenced.plan()
    fenced.mail()
    fenced.loses("POST", CANCELLED)
    assert fenced.mail(MINUTE)["called_back"] == 0
    assert fenced.row.state == "uncertain"
    done = fenced.mail(MINUTE)
    # The second one is refused because of the first, and a look shows that it stands.
    assert (done["called_back"], done["accepted"]) == (1, 1)
    assert fenced.there.calls["GET", ONE] == 1
    assert fenced.there.goes_out() == {fenced.row.uid: 1}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((400, {"errors": [{"message": "max limit reached"}]}), id="no room"),
        pytest.param((403, {}), id="the key may not"),
        pytest.param((500, {}), id="its own error"),
    ],
)
def test_a_refused_cancellation_leaves_the_doubt(fenced: Fenced, answer: Answer) -> None:
    fenced.loses("POST", SEND)
    fenced.plan()
    fenced.mail()
    fenced.answers("POST", CANCELLED, answer)
    assert fenced.mail(MINUTE)["called_back"] == 0
    assert fenced.row.state == "uncertain"
    assert len(fenced.there.taken) == 1


def test_a_tick_that_has_thought_for_long_still_calls_back(fenced: Fenced) -> None:
    fenced.loses("POST", SEND)
    fenced.plan()
    fenced.mail()
    began, fenced.programme.now = fenced.now, fenced.now + 5 * MINUTE
    runtime, evidences = fenced.programme.runtime, fenced.programme.ways.evidences
    done = doubt.settle(runtime, evidences, now=began, clock=lambda: fenced.now)
    assert done.called_back == 1
    assert fenced.row.reason == "called back in time"


def test_places_are_given_back_for_a_minute_and_the_next_pass_goes_on(fenced: Fenced) -> None:
    runtime, evidences = fenced.programme.runtime, fenced.programme.ways.evidences
    fenced.there.says = lambda _, path: SILENCE if path == SEND else None
    fenced.plan(*(f"p{n}@plant{n}.example" for n in range(3)))
    fenced.mail()
    fenced.there.says = lambda _method, _path: None
    assert doubt.settle(runtime, evidences, now=fenced.now).called_back == 3

    def slowly(method: str, _path: str) -> None:
        if method == "DELETE":
            fenced.programme.now += 2 * MINUTE

    fenced.there.says = slowly
    fenced.programme.now += FENCE + FREE_AFTER + MINUTE
    for freed in (1, 2, 3, 3):
        doubt.settle(runtime, evidences, now=fenced.now, clock=lambda: fenced.now)
        assert fenced.there.calls["DELETE", ONE] == freed


def test_when_there_is_no_room_the_others_stay_in_doubt(fenced: Fenced) -> None:
    fenced.there.room = 2
    fenced.there.says = lambda _, path: SILENCE if path == SEND else None
    fenced.plan(*(f"p{n}@plant{n}.example" for n in range(9)))
    assert fenced.mail()["uncertain"] == 9
    fenced.there.says = lambda _method, _path: None
    assert fenced.mail(MINUTE)["called_back"] == 2
    assert fenced.there.calls["POST", CANCELLED] == 2 + MOST_REFUSALS
    assert sum(each.state == "uncertain" for each in rows(fenced.programme)) == 7
    assert fenced.there.goes_out() == {each.uid: 1 for each in rows(fenced.programme)}


def test_it_is_too_late_ten_minutes_before_it_leaves(fenced: Fenced) -> None:
    fenced.loses("POST", SEND)
    fenced.plan()
    fenced.mail()
    (stays,) = held.look(
        fenced.programme.runtime, fenced.programme.ways.evidences, limit=9, now=fenced.now
    ).mails
    assert stays.settles == "the provider may keep it until then: it is called back, or leaves"
    assert stays.at == TUESDAY + FENCE
    assert fenced.mail(FENCE - IN_TIME + timedelta(seconds=1))["called_back"] == 0
    assert fenced.there.calls["POST", CANCELLED] == 0
    assert fenced.row.state == "uncertain"
    with pytest.raises(MisuseError, match="may leave the provider at 2026-09-01 08:30 UTC still"):
        settling.settle(
            fenced.programme.runtime, [fenced.row.uid], by_hand.Who(name="Ida"), sent=False,
            now=fenced.now,
        )  # fmt: skip


def test_a_clock_that_was_set_back_calls_nothing_back_too_late(fenced: Fenced) -> None:
    fenced.loses("POST", SEND)
    fenced.plan()
    fenced.mail()
    fenced.there.clock = lambda: TUESDAY + FENCE - 9 * MINUTE
    assert fenced.mail(MINUTE)["called_back"] == 0
    assert fenced.row.state == "uncertain"


@pytest.mark.parametrize(
    ("answer", "until"),
    [
        pytest.param((500, {}), timedelta(seconds=30), id="its own error"),
        pytest.param((201, {"batch_id": "a b"}), timedelta(seconds=30), id="no id in the answer"),
        pytest.param(SILENCE, timedelta(seconds=30), id="no answer"),
        pytest.param((429, {}), timedelta(minutes=1), id="too many requests"),
        pytest.param((404, {}), timedelta(minutes=15), id="no such place"),
        pytest.param((401, {}), None, id="a wrong key"),
    ],
)
def test_without_an_id_nothing_leaves_and_nothing_is_given_up(
    fenced: Fenced, answer: Answer, until: timedelta | None
) -> None:
    fenced.answers("POST", BATCH, answer)
    fenced.plan()
    assert fenced.mail()["accepted"] == 0
    assert fenced.there.calls["POST", SEND] == 0
    assert (fenced.row.state, fenced.row.tries, fenced.row.epoch) == ("ready", 0, 0)
    again = fenced.mail(until or timedelta(hours=1))["accepted"]
    assert again == (until is not None)


def test_ids_that_were_not_needed_serve_the_next_mails(fenced: Fenced) -> None:
    fenced.plan(*(f"p{n}@plant{n}.example" for n in range(3)))
    with fenced.programme.database.write() as connection:
        stopped = fenced.programme.lead("p0@plant0.example")
        connection.execute(
            update(leads).where(leads.c.id == stopped).values(suppressed="unsubscribed")
        )
    assert fenced.mail()["accepted"] == 2
    fenced.plan("late@plant9.example")
    assert fenced.mail()["accepted"] == 1
    assert fenced.there.calls["POST", BATCH] == 3
    assert len({each.batch_id for each in fenced.there.taken}) == 3


@pytest.mark.parametrize(
    "kind", [EventKind.MESSAGE_UNSUBSCRIBED, EventKind.MESSAGE_COMPLAINED], ids=str
)
def test_whoever_wants_no_more_mail_does_not_get_what_is_still_kept(
    fenced: Fenced, kind: EventKind
) -> None:
    fenced.plan()
    fenced.mail()
    fenced.programme.happens(fenced.programme.lead(ADA), kind, "leak-walk")
    assert fenced.mail(MINUTE)["withheld"] == 1
    assert fenced.row.state == "suppressed"
    assert fenced.row.reason.startswith("called back: ")
    assert fenced.there.goes_out() == {}


def test_what_is_kept_for_another_spelling_of_the_mailbox_does_not_go_out_either(
    everywhere: Fenced,
) -> None:
    fenced = everywhere
    fenced.plan("ada.berg@gmail.com", "adaberg+leaks@gmail.com", "bo@gmail.com")
    assert fenced.mail()["accepted"] == 3
    lead = fenced.programme.lead("ada.berg@gmail.com")
    fenced.programme.happens(lead, EventKind.MESSAGE_UNSUBSCRIBED, "leak-walk")
    assert fenced.mail(MINUTE)["withheld"] == 2
    (goes_out,) = rows(fenced.programme, "accepted")
    assert goes_out.lead_id == fenced.programme.lead("bo@gmail.com")


def test_doubts_that_nobody_can_end_keep_no_mail_to_the_stopped_from_being_called_back(
    fenced: Fenced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fence, "MOST_CALLS", 3)
    lost = iter([SILENCE] * 4)
    fenced.there.says = lambda _, path: next(lost, None) if path == SEND else None
    fenced.plan(*(f"p{n}@plant{n}.example" for n in range(5)))
    fenced.mail()
    (kept,) = rows(fenced.programme, "accepted")
    with fenced.programme.database.write() as connection:
        in_doubt = messages.c.state == MessageState.UNCERTAIN
        soon = fenced.now + FENCE - MINUTE
        connection.execute(update(messages).where(in_doubt).values(expires_at=soon))
    fenced.programme.happens(kept.lead_id, EventKind.MESSAGE_UNSUBSCRIBED, "leak-walk")
    assert fenced.mail(MINUTE)["withheld"] == 1


@pytest.mark.parametrize("who", [ADA, "a.d.a+leaks@gmail.com"], ids=["they", "another spelling"])
def test_mail_in_doubt_to_the_stopped_is_called_back_though_it_could_not_leave_again(
    everywhere: Fenced, who: str
) -> None:
    fenced, said = everywhere, ADA if who == ADA else "ada@gmail.com"
    fenced.loses("POST", SEND)
    fenced.plan(who)
    fenced.mail()
    assert fenced.row.state == "uncertain"
    fenced.programme.bring(row(said), name="more")
    with fenced.programme.database.write() as connection:
        soon = fenced.now + FENCE - MINUTE
        connection.execute(update(messages).values(expires_at=soon))
    lead = fenced.programme.lead(said)
    fenced.programme.happens(lead, EventKind.MESSAGE_UNSUBSCRIBED, "leak-walk")
    assert fenced.mail(MINUTE)["withheld"] == 1
    assert (fenced.row.state, fenced.there.goes_out()) == ("suppressed", {})


def test_what_is_kept_is_called_back_however_long_the_others_take(fenced: Fenced) -> None:
    programme, slow = fenced.programme, timedelta(seconds=20)
    lost = iter([SILENCE])

    def say(_: str, path: str) -> Answer | None:
        if path != SEND:
            return None
        programme.now += slow
        return next(lost, None)

    fenced.there.says = say
    fenced.plan(*(f"p{n}@plant{n}.example" for n in range(90)))
    ways, total = replace(programme.ways, clock=lambda: programme.now), tick.Ticked()
    tick.mail(programme.runtime, ways, total, now=programme.now, limit=10)
    assert programme.now >= TUESDAY + FENCE
    done = total.deliver
    assert (done["uncertain"], done["called_back"], done["accepted"]) == (1, 1, 90)
    assert set(fenced.there.goes_out().values()) == {1}


def test_cancellations_that_are_always_refused_hold_up_no_others(fenced: Fenced) -> None:
    there = fenced.there
    there.says = lambda _, path: SILENCE if path == SEND else None
    fenced.plan(*(f"p{n}@plant{n}.example" for n in range(6)))
    fenced.mail()
    there.foreign = {each.batch_id for each in there.taken[:MOST_REFUSALS]}
    there.says = lambda _method, _path: None
    assert sum(fenced.mail(MINUTE)["called_back"] for _ in range(15)) == 3


def test_of_the_erased_nothing_goes_out_that_is_still_kept(everywhere: Fenced) -> None:
    fenced = everywhere
    fenced.plan()
    fenced.mail()
    lead = fenced.programme.lead(ADA)
    by_hand.erase(fenced.programme.runtime, lead, by_hand.Who(name="Ida"), now=fenced.now)
    assert fenced.mail(MINUTE)["withheld"] == 1
    assert (fenced.row.state, fenced.row.reason) == ("suppressed", "called back: erased")
    assert fenced.there.goes_out() == {}


def called_back(fenced: Fenced) -> str:
    """Let a mail be called back, and let nothing send it again yet; return its id."""
    fenced.loses("POST", SEND)
    fenced.plan()
    fenced.mail()
    fenced.programme.now += MINUTE
    runtime, evidences = fenced.programme.runtime, fenced.programme.ways.evidences
    assert doubt.settle(runtime, evidences, now=fenced.now).called_back == 1
    assert (fenced.row.state, fenced.row.reason) == ("ready", "called back in time")
    return str(fenced.row.uid)


@pytest.mark.parametrize(
    ("kind", "at", "state"),
    [
        pytest.param("message.processed", MINUTE, "ready", id="that it was taken proves nothing"),
        pytest.param("message.dropped", FENCE, "suppressed", id="a drop says no more of it"),
        pytest.param("message.processed", FENCE, "accepted", id="that it was worked does"),
        pytest.param("message.delivered", FENCE, "accepted", id="so does that it arrived"),
    ],
)
def test_what_is_reported_of_a_mail_that_was_called_back(
    everywhere: Fenced, kind: str, at: timedelta, state: str
) -> None:
    fenced = everywhere
    uid = called_back(fenced)
    fenced.programme.now = TUESDAY + FENCE
    Provider(fenced.programme).post(Told("1", kind, uid, TUESDAY + at))
    assert fenced.row.state == state


def test_an_answer_that_comes_after_the_mail_was_called_back_does_not_count(
    everywhere: Fenced,
) -> None:
    fenced = everywhere
    called_back(fenced)
    late = dispatch.Settlement(
        message_id=fenced.row.id,
        epoch=1,
        state=MessageState.ACCEPTED,
        outcome="accepted",
        provider_id="m1",
        fenced=True,
    )
    with fenced.programme.database.write() as connection:
        dispatch.settle(connection, [late], now=fenced.now)
    assert fenced.row.state == "ready"
    assert fenced.mail()["accepted"] == 1
    assert fenced.there.goes_out() == {fenced.row.uid: 1}


def test_a_place_is_given_back_when_its_mail_is_thrown_away(everywhere: Fenced) -> None:
    fenced = everywhere
    called_back(fenced)
    fenced.mail(FENCE)
    assert fenced.there.calls["DELETE", ONE] == 0
    fenced.mail(FREE_AFTER)
    assert fenced.there.calls["DELETE", ONE] == 1
    assert [each.freed_at is None for each in fenced.marks] == [False, True]
    fenced.mail(FREE_AFTER)
    assert fenced.there.calls["DELETE", ONE] == 1


def test_a_mail_leaves_in_its_window_though_it_is_handed_over_before(fenced: Fenced) -> None:
    # 17:10 in Berlin: the window ends at 17:30, before the mail would leave.
    fenced.programme.now = datetime(2026, 9, 1, 15, 10, tzinfo=UTC)
    fenced.plan()
    with fenced.programme.database.write() as connection:
        connection.execute(update(messages).values(window="office-hours"))
    assert fenced.mail()["postponed"] == 1
    opens = datetime(2026, 9, 2, 6, 30, tzinfo=UTC)
    assert fenced.row.not_before == opens - FENCE
    fenced.programme.now = opens - FENCE
    assert fenced.mail()["accepted"] == 1
    (taken,) = fenced.there.taken
    assert taken.send_at == opens
