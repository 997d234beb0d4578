"""What people did lately that shows where they stand in buying, for leads in play."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from nurture.core.event import EventKind
from nurture.core.lead import IN_PLAY, Stage
from nurture.store.db import Connection
from nurture.store.sets import among
from nurture.store.tables import events, leads

PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Doer:
    """A lead in play, with the last time of each kind and subject asked for."""

    uid: str
    email: str
    stage: Stage
    deeds: tuple[tuple[EventKind, str, datetime], ...]


def doers(
    connection: Connection, kinds: Collection[EventKind], *, since: datetime
) -> Iterator[list[Doer]]:
    """Yield the leads in play that did anything of the kinds since then, in pages."""
    after = 0
    while True:
        people = connection.execute(
            select(leads.c.id, leads.c.uid, leads.c.email, leads.c.stage)
            .where(leads.c.id > after, leads.c.stage.in_(sorted(IN_PLAY)))
            .order_by(leads.c.id)
            .limit(PAGE)
        ).all()
        if not people:
            return
        done = _deeds(connection, [row.id for row in people], kinds, since)
        yield [
            Doer(uid=r.uid, email=r.email, stage=Stage(r.stage), deeds=tuple(done[r.id]))
            for r in people
            if r.id in done
        ]
        after = people[-1].id


def _deeds(
    connection: Connection, ids: Sequence[int], kinds: Collection[EventKind], since: datetime
) -> dict[int, list[tuple[EventKind, str, datetime]]]:
    found: dict[int, list[tuple[EventKind, str, datetime]]] = {}
    for row in connection.execute(
        select(
            events.c.lead_id,
            events.c.kind,
            events.c.subject,
            func.max(events.c.occurred_at).label("at"),
        )
        .where(
            among(events.c.lead_id, ids),
            events.c.kind.in_(sorted(kinds)),
            events.c.human.is_(True),
            events.c.occurred_at > since,
        )
        .group_by(events.c.lead_id, events.c.kind, events.c.subject)
    ):
        found.setdefault(row.lead_id, []).append((EventKind(row.kind), row.subject, row.at))
    return found
