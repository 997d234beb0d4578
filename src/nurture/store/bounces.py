"""Addresses that are stopped because mail to them came back, and their return."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, not_, or_, select, update

from nurture.core.event import STOPS_MAIL, EventKind
from nurture.core.suppression import BOUNCED
from nurture.store.db import Connection
from nurture.store.sets import among
from nurture.store.tables import events, leads, suppressions

_OTHER_STOPS = sorted(STOPS_MAIL - {EventKind.MESSAGE_BOUNCED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounces:
    """Which bounces are meant: by whom they were told, and when they happened."""

    source: str = ""
    after: datetime | None = None
    before: datetime | None = None

    def term(self) -> ColumnElement[bool]:
        """Return what an event has to fit."""
        terms: list[ColumnElement[bool]] = [events.c.kind == EventKind.MESSAGE_BOUNCED]
        if self.source:
            terms.append(events.c.source == self.source)
        if self.after is not None:
            terms.append(events.c.occurred_at >= self.after)
        if self.before is not None:
            terms.append(events.c.occurred_at < self.before)
        return and_(*terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced:
    """A lead whose address is stopped for a bounce.

    `meant`: such bounces are told of it. `other`: something else that stops it is. A mailbox may
    have several leads, and of some of them nothing is told: what was said of another stops them.
    """

    id: int
    uid: str
    email: str
    meant: bool
    other: bool


def bounced(connection: Connection, wanted: Bounces) -> list[Bounced]:
    """Return the leads that a bounce stops, with what is told of each."""
    meant = select(events.c.id).where(events.c.lead_id == leads.c.id, wanted.term())
    other = select(events.c.id).where(
        events.c.lead_id == leads.c.id,
        or_(
            events.c.kind.in_(_OTHER_STOPS),
            and_(events.c.kind == EventKind.MESSAGE_BOUNCED, not_(wanted.term())),
        ),
    )
    rows = connection.execute(
        select(
            *(leads.c.id, leads.c.uid, leads.c.email),
            *(meant.exists().label("meant"), other.exists().label("other")),
        )
        .where(leads.c.suppressed == BOUNCED)
        .order_by(leads.c.id)
    )
    return [Bounced(**row._mapping) for row in rows]


def stopped_for_more(connection: Connection) -> list[str]:
    """Return the addresses of all leads that something else stops: a mailbox may have several."""
    said = select(events.c.id).where(
        events.c.lead_id == leads.c.id, events.c.kind.in_(_OTHER_STOPS)
    )
    found = select(leads.c.email).where(
        or_(leads.c.suppressed.not_in(("", BOUNCED)), and_(leads.c.suppressed != "", said.exists()))
    )
    return [email for email in connection.scalars(found) if email]


def lift(connection: Connection, hashes: Collection[str]) -> None:
    """Take these addresses off the stop list, where it is a bounce that they stand there for."""
    connection.execute(
        delete(suppressions).where(
            among(suppressions.c.address_hash, hashes), suppressions.c.reason == BOUNCED
        )
    )


def unmark(connection: Connection, ids: Sequence[int], *, now: datetime) -> int:
    """Let these leads be mailed again; they are assessed at once. Return how many that are."""
    return connection.execute(
        update(leads)
        .where(among(leads.c.id, ids), leads.c.suppressed == BOUNCED)
        .values(suppressed="", check_at=now, version=leads.c.version + 1)
    ).rowcount
