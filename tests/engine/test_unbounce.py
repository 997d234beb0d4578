"""A server knew nobody for an hour: those people are mailed again, and nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind, NewEvent
from nurture.core.suppression import BOUNCED
from nurture.engine import intake, unbounce
from nurture.engine.by_hand import Who
from nurture.store import profiles
from nurture.store.bounces import Bounces
from nurture.store.tables import audit, leads, suppressions
from tests.engine.programme import Programme, row

ANN = Who(name="Ann")
HOUR = timedelta(hours=1)
GOOD, TWICE, LEFT, ALIAS, OTHER, EARLIER = (
    "ada@gmail.com",
    "twice@plant.example",
    "left@plant.example",
    "b.o@gmail.com",
    "bo+news@gmail.com",
    "earlier@plant.example",
)


def happened(programme: Programme, kind: EventKind, email: str, hours: float) -> None:
    at = programme.now + hours * HOUR
    told = NewEvent(
        lead_id=programme.lead(email),
        kind=kind,
        occurred_at=at,
        source="smtp",
        source_key=f"{email}/{kind}/{hours}",
    )
    with programme.database.write() as connection:
        intake.record(programme.runtime, connection, [told], project=None, now=at)


def stopped(programme: Programme) -> dict[str, str]:
    with programme.database.read() as connection:
        found = select(leads.c.email, leads.c.suppressed).where(leads.c.suppressed != "")
        return dict(connection.execute(found).tuples().all())


def incident(programme: Programme) -> Bounces:
    """Let mail to all of them come back in one hour; some have other reasons, too."""
    programme.bring(*map(row, (GOOD, TWICE, LEFT, ALIAS, OTHER, EARLIER)))
    happened(programme, EventKind.MESSAGE_BOUNCED, EARLIER, -5)
    happened(programme, EventKind.MESSAGE_BOUNCED, TWICE, -5)
    for email in (GOOD, TWICE, LEFT, ALIAS):
        happened(programme, EventKind.MESSAGE_BOUNCED, email, 0.5)
    happened(programme, EventKind.MESSAGE_UNSUBSCRIBED, LEFT, 2)
    # Another spelling of ALIAS's mailbox: the graver reason hides this one on the list.
    happened(programme, EventKind.MESSAGE_UNSUBSCRIBED, OTHER, 2)
    return Bounces(after=programme.now, before=programme.now + HOUR)


def test_who_is_stopped_by_those_bounces_alone_is_mailed_again(programme: Programme) -> None:
    wanted = incident(programme)
    before = stopped(programme)
    programme.now += 3 * HOUR
    lifted = unbounce.lift(programme.runtime, wanted, ANN, count=1, now=programme.now)
    assert [lead.email for lead in lifted] == [GOOD]
    assert stopped(programme) == {k: v for k, v in before.items() if k != GOOD}
    with programme.database.read() as connection:
        assert len(connection.scalars(select(suppressions.c.address_hash)).all()) == 4
        assert list(connection.execute(select(audit.c.actor, audit.c.action)))[-1] == (
            "Ann",
            "lead.bounce_lifted",
        )


def test_all_leads_of_a_mailbox_are_mailed_again(programme: Programme) -> None:
    wanted = incident(programme)
    programme.bring(row("a.d.a+1@gmail.com"), row("a.d.a+2@gmail.com"), name="more")
    happened(programme, EventKind.MESSAGE_BOUNCED, "a.d.a+1@gmail.com", 0.6)
    # The last gate stopped this one for what was said of the others.
    unheard = programme.lead("a.d.a+2@gmail.com")
    with programme.database.write() as connection:
        profiles.mark_suppressed(connection, {unheard: BOUNCED})
    programme.now += 3 * HOUR
    lifted = unbounce.lift(programme.runtime, wanted, ANN, count=3, now=programme.now)
    assert {lead.email for lead in lifted} == {GOOD, "a.d.a+1@gmail.com", "a.d.a+2@gmail.com"}
    assert not stopped(programme).keys() & {lead.email for lead in lifted}


def test_a_mailbox_that_came_back_at_another_time_too_stays_stopped(programme: Programme) -> None:
    wanted = incident(programme)
    programme.bring(row("a.d.a@gmail.com"), name="more")
    happened(programme, EventKind.MESSAGE_BOUNCED, "a.d.a@gmail.com", -5)
    with programme.database.read() as connection:
        assert unbounce.liftable(programme.runtime, connection, wanted) == []


def test_another_number_than_was_seen_lifts_nothing(lite: Programme) -> None:
    wanted = incident(lite)
    before = stopped(lite)
    with pytest.raises(MisuseError, match="alone stop 1 leads, and not 2"):
        unbounce.lift(lite.runtime, wanted, ANN, count=2, now=lite.now)
    assert stopped(lite) == before


@pytest.mark.parametrize(("source", "count"), [("smtp", 1), ("sendgrid", 0), ("", 1)])
def test_only_bounces_that_this_source_told_are_meant(
    lite: Programme, source: str, count: int
) -> None:
    meant = incident(lite)
    wanted = Bounces(source=source, after=meant.after, before=meant.before)
    with lite.database.read() as connection:
        assert len(unbounce.liftable(lite.runtime, connection, wanted)) == count
