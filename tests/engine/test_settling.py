"""After an incident: many mails in doubt settled by a person's word, and nothing but those."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.core.message import Accepted, MessageState, Uncertain
from nurture.engine import held, settling
from nurture.engine.by_hand import Who
from nurture.engine.doubt import Evidences
from nurture.store.doubts import Selection
from nurture.store.tables import audit, events, messages
from tests.engine.programme import TUESDAY, Programme, row

ANN = Who(name="Ann", reason="the log has none of them")
EARLY, LATE = "abc", "de"
HOUR = timedelta(hours=1)


def states(programme: Programme) -> dict[str, int]:
    with programme.database.read() as connection:
        counts = select(messages.c.state, func.count()).group_by(messages.c.state)
        return dict(connection.execute(counts).tuples().all())


def incident(programme: Programme) -> Programme:
    """Bring three into doubt, two hours later two more; one left before it, and one waits."""
    programme.bring(row("z@plant.example"), name="z")
    programme.tick()
    programme.post.answer = lambda _: Uncertain(reason="the connection broke")
    for names in (EARLY, LATE):
        programme.bring(*[row(f"{name}@plant.example") for name in names], name=names)
        programme.tick()
        programme.now += 2 * HOUR
    programme.post.answer = lambda _: Accepted()
    assert states(programme) == {"accepted": 1, "uncertain": 5}
    return programme


def settle(programme: Programme, wanted: Selection, count: int, *, sent: bool = True) -> None:
    settled = settling.settle_all(
        programme.runtime, wanted, ANN, count=count, sent=sent, now=programme.now
    )
    assert len(settled) == count


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        pytest.param(Selection(), 5, id="everything"),
        pytest.param(Selection(transport="post"), 5, id="by its transport"),
        pytest.param(Selection(transport="smtp"), 0, id="by another transport"),
        pytest.param(Selection(before=TUESDAY + HOUR), 3, id="before a time"),
        pytest.param(Selection(after=TUESDAY + HOUR), 2, id="after a time"),
        pytest.param(Selection(sequence="welcome"), 5, id="of a sequence"),
        pytest.param(Selection(sequence="leak-walk"), 0, id="of another sequence"),
        pytest.param(Selection(sequence="welcome", step="nowhere"), 0, id="of another step"),
        pytest.param(Selection(parked=True), 0, id="that are parked"),
    ],
)
def test_what_is_shown_is_what_is_settled(lite: Programme, wanted: Selection, count: int) -> None:
    incident(lite)
    shown = held.look(lite.runtime, Evidences(), limit=9, now=lite.now, selection=wanted).mails
    assert len(shown) == count
    settle(lite, wanted, count)
    assert states(lite).get("uncertain", 0) == 5 - count
    assert states(lite)["accepted"] == 1 + count


def test_all_of_it_is_recorded_and_audited(programme: Programme) -> None:
    incident(programme)
    settle(programme, Selection(before=TUESDAY + HOUR), 3)
    with programme.database.read() as connection:
        kinds = connection.scalars(select(events.c.kind)).all()
        told = connection.execute(
            select(audit.c.actor, audit.c.action).where(audit.c.action.startswith("message."))
        ).tuples()
        assert list(told) == [("Ann", "message.held_for_sent")] * 3
    assert kinds.count(EventKind.MESSAGE_RESOLVED) == 3


def test_what_did_not_leave_leaves_once_more(programme: Programme) -> None:
    incident(programme)
    settle(programme, Selection(transport="post"), 5, sent=False)
    before = len(programme.post.sent)
    programme.tick()
    assert len(programme.post.sent) - before == 5
    assert states(programme) == {"accepted": 6}


def test_another_number_than_was_seen_settles_nothing(programme: Programme) -> None:
    incident(programme)
    with pytest.raises(MisuseError, match="5 mails are in doubt there, and not 4"):
        settle(programme, Selection(transport="post"), 4)
    assert states(programme) == {"accepted": 1, "uncertain": 5}


def test_several_are_settled_by_their_ids_or_none_of_them(programme: Programme) -> None:
    incident(programme)
    with programme.database.read() as connection:
        rows = connection.execute(select(messages.c.uid, messages.c.state).order_by(messages.c.id))
        (left, _), *doubtful = rows.tuples().all()
    uids = [uid for uid, _ in doubtful]
    with pytest.raises(MisuseError, match="is accepted; there is no doubt to settle"):
        settling.settle(programme.runtime, [*uids, left], ANN, sent=True, now=programme.now)
    assert states(programme)["uncertain"] == 5
    named = [uids[0], uids[1][:12], uids[2]]
    settling.settle(programme.runtime, named, ANN, sent=True, now=programme.now)
    assert states(programme) == {"accepted": 4, "uncertain": 2}


def test_many_take_no_more_statements_than_few(lite: Programme) -> None:
    incident(lite)
    lite.post.answer = lambda _: Uncertain(reason="x")
    lite.bring(*[row(f"many{n}@plant.example") for n in range(60)], name="many")
    lite.tick()
    said: list[str] = []
    event.listen(lite.database.engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    took = []
    for wanted, count in ((Selection(before=TUESDAY + HOUR), 3), (Selection(), 62)):
        said.clear()
        settle(lite, wanted, count, sent=count > 3)
        took.append(len(said))
    assert took[1] <= took[0] + 3
    assert MessageState.UNCERTAIN not in states(lite)
