"""How the work stands: what is due and since when, what is behind, and what needs a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from nurture.core.doubt import PARK_AFTER
from nurture.core.message import Refused, Uncertain
from nurture.engine import deliver, health, tick
from nurture.engine.handoff import Answer
from nurture.engine.health import Health
from nurture.store import pauses, raw_posts, switches
from nurture.store.tables import enrollments, messages
from tests.engine.programme import Programme, row

ANNA = "anna@berg.example"


def look(programme: Programme) -> Health:
    return health.look(programme.runtime, now=programme.now)


def due(programme: Programme) -> dict[str, int]:
    return {line.name: line.due for line in look(programme).lines if line.due}


def needs(programme: Programme) -> dict[str, int]:
    return {need.name: need.count for need in look(programme).needs}


def test_an_empty_programme_has_nothing_to_do(programme: Programme) -> None:
    found = look(programme)

    assert due(programme) == {}
    assert [line.oldest_for for line in found.lines] == [None] * len(health.QUEUES)
    assert not found.is_behind
    assert found.needs == ()
    assert found.halted == ()


def test_what_came_in_is_due_until_a_tick_has_done_it(programme: Programme) -> None:
    programme.bring(row(ANNA), row("ole@dahl.example"))
    with programme.database.write() as connection:
        raw_posts.keep(connection, provider="sendgrid", body=b"[]", now=programme.now)

    assert due(programme) == {"posts": 1, "assess": 2}
    programme.tick()
    assert due(programme) == {}


def test_the_oldest_work_has_its_age(programme: Programme) -> None:
    programme.bring(row(ANNA))
    programme.now += timedelta(minutes=10)
    programme.bring(row("ole@dahl.example"))

    [line] = [line for line in look(programme).lines if line.due]

    assert (line.due, line.oldest_for) == (2, timedelta(minutes=10))
    assert not look(programme).is_behind


def test_a_queue_that_nobody_works_is_behind(programme: Programme) -> None:
    programme.bring(row(ANNA))
    programme.now += health.BEHIND_AFTER + timedelta(seconds=1)

    assert look(programme).is_behind


def test_a_clock_that_was_set_back_makes_no_negative_age(programme: Programme) -> None:
    with programme.database.write() as connection:
        raw_posts.keep(connection, provider="sendgrid", body=b"[]", now=programme.now)
    programme.now -= timedelta(hours=1)

    [line] = [line for line in look(programme).lines if line.due]

    assert line.oldest_for == timedelta()


def test_handoffs_that_wait_for_room_at_sales_are_never_behind(programme: Programme) -> None:
    capacity = programme.project.qualification.handoff.capacity_per_week
    emails = [f"person{n}@plant{n}.example" for n in range(capacity + 1)]
    programme.bring(*(row(email, company=f"Plant {n}") for n, email in enumerate(emails)))
    programme.tick()
    for email in emails:
        programme.qualify(programme.lead(email))
    programme.tick()
    programme.now += timedelta(hours=1)
    [line] = [line for line in look(programme).lines if line.name == "capacity"]

    assert (line.due, line.oldest_for, line.is_behind) == (1, timedelta(hours=1), False)


def test_work_of_a_paused_lead_is_not_due(programme: Programme) -> None:
    programme.bring(row(ANNA))
    programme.tick()
    with programme.database.write() as connection:
        pauses.pause(
            connection, programme.lead(ANNA), reason="asked", until=None, now=programme.now
        )
    programme.now += timedelta(days=30)

    assert "advance" not in due(programme)
    assert look(programme).halted == ()


def test_a_halt_is_named_without_its_reason(programme: Programme) -> None:
    with programme.database.write() as connection:
        switches.halt(
            connection, "transport:smtp", reason=f"no such box: {ANNA}", until=None,
            now=programme.now,
        )  # fmt: skip

    assert look(programme).halted == ("transport:smtp",)
    assert ANNA not in str(look(programme))


def _in_doubt(programme: Programme) -> None:
    programme.post.answer = lambda _: Uncertain(reason="timed out")
    programme.bring(row(ANNA))
    programme.tick()


def _parked(programme: Programme) -> None:
    _in_doubt(programme)
    programme.now += PARK_AFTER + timedelta(seconds=1)
    deliver.settle_doubt(programme.runtime, now=programme.now)


def _failed_for_good(programme: Programme) -> None:
    programme.post.answer = lambda _: Refused(reason="no such box", permanent=True)
    programme.bring(row(ANNA))
    programme.tick()


def _handed_over(programme: Programme) -> None:
    programme.bring(row(ANNA))
    programme.tick()
    programme.qualify(programme.lead(ANNA))
    programme.tick()


def _undeliverable(programme: Programme) -> None:
    programme.crm.answer = Answer(kind="refused", status=410, detail="gone")
    _handed_over(programme)


def _unanswered(programme: Programme) -> None:
    _handed_over(programme)
    programme.wait(days=3)


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        pytest.param(_in_doubt, {"mails_uncertain": 1}, id="a mail in doubt"),
        pytest.param(_parked, {"mails_parked": 1}, id="a mail that stayed in doubt"),
        pytest.param(_failed_for_good, {}, id="a refused mail needs nobody"),
        pytest.param(
            _undeliverable, {"handoffs_dead": 1, "tasks_open": 1}, id="a handoff nobody takes"
        ),
        pytest.param(
            _unanswered,
            {"handoffs_unanswered": 1, "tasks_late": 1, "tasks_open": 1},
            id="a handoff without an answer",
        ),
    ],
)
def test_what_needs_a_person_is_counted(
    programme: Programme, happens: Callable[[Programme], None], told: dict[str, int]
) -> None:
    happens(programme)

    assert needs(programme) == told


def test_a_mail_that_cannot_be_rendered_is_counted_while_it_is_set_aside(
    programme: Programme,
) -> None:
    programme.bring(row(ANNA))
    total = tick.Ticked()
    tick.think(programme.runtime, programme.ways, total, now=programme.now, limit=100)
    with programme.database.write() as connection:
        connection.execute(update(messages).values(template="gone"))
    programme.tick()

    assert needs(programme) == {"mails_unrendered": 1}


def test_an_enrollment_that_cannot_go_on_is_counted_while_it_is_set_aside(
    programme: Programme,
) -> None:
    programme.bring(row(ANNA))
    programme.tick()
    with programme.database.write() as connection:
        connection.execute(update(enrollments).values(step="gone", due_at=programme.now))
    programme.tick()

    assert needs(programme) == {"enrollments_set_aside": 1}
