"""What waits to be sent: mails that have not begun to leave, why they wait and until when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, case, func, literal, or_, select, type_coerce, update

from nurture.core.decision import WaitingMail
from nurture.core.gate import LATE
from nurture.core.message import MessageState
from nurture.store.db import Connection, Instant
from nurture.store.departures import is_leaving
from nurture.store.messages import READY
from nurture.store.sets import among
from nurture.store.tables import leads, messages

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3_600_000_000
_EMAIL = leads.c.email
# Neither database finds the last "@" by itself: whatever is not one is taken off the end.
_DOMAIN = func.lower(
    func.substr(_EMAIL, func.length(func.rtrim(_EMAIL, func.replace(_EMAIL, "@", ""))) + 1)
)
"""What stands behind the last "@" of an address: quoted, the local part may have one too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Mails that wait for the same reason, and when the first and the last may ask again."""

    reason: str
    mails: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LateStep:
    """Mails of one step that are late and wait for a person's word."""

    sequence: str
    step: str
    mails: int
    since: datetime


def waiting(connection: Connection, ids: Sequence[int]) -> dict[int, list[WaitingMail]]:
    """Return the mails of each lead that have not begun to leave, oldest first."""
    rows = connection.execute(
        select(
            messages.c.lead_id,
            messages.c.id,
            messages.c.enrollment_id,
            messages.c.template,
            messages.c.planned_at,
        )
        .where(among(messages.c.lead_id, ids), READY)
        .order_by(messages.c.planned_at, messages.c.id)
    ).tuples()
    found: dict[int, list[WaitingMail]] = {}
    for lead_id, row_id, enrollment_id, template, planned_at in rows:
        found.setdefault(lead_id, []).append(
            WaitingMail(
                id=row_id, enrollment_id=enrollment_id, template=template, planned_at=planned_at
            )
        )
    return found


def waiting_since(connection: Connection, ids: Collection[int], *, before: datetime) -> set[int]:
    """Return these leads' enrollments with a mail that was planned by then, and has not left."""
    planned = messages.c.planned_at <= before
    found = select(messages.c.enrollment_id).where(among(messages.c.lead_id, ids), planned, READY)
    return set(connection.scalars(found))


def queue(connection: Connection, *, now: datetime) -> tuple[int, datetime | None]:
    """Return how many mails are due, and when the oldest of them was planned."""
    oldest = type_coerce(func.min(messages.c.planned_at), Instant).label("oldest")
    found = select(func.count().label("due"), oldest).where(messages.c.ready_at <= now)
    row = connection.execute(found).one()
    return row.due, row.oldest


def leaving(connection: Connection) -> tuple[int, datetime | None]:
    """Return how many mails are being handed over, and since when the oldest of them is."""
    since = type_coerce(func.min(messages.c.closed_at), Instant).label("since")
    found = select(func.count().label("mails"), since).where(is_leaving(connection))
    row = connection.execute(found).one()
    return row.mails, row.since


def held(connection: Connection, *, now: datetime) -> list[Held]:
    """Return the mails that wait for a time, by reason, the most first."""
    first = type_coerce(func.min(messages.c.ready_at), Instant)
    last = type_coerce(func.max(messages.c.ready_at), Instant)
    rows = connection.execute(
        select(messages.c.reason, func.count(), first, last)
        .where(messages.c.ready_at > now)
        .group_by(messages.c.reason)
        .order_by(func.count().desc(), messages.c.reason)
    ).tuples()
    return [
        Held(reason=reason, mails=count, first_at=first_at, last_at=last_at)
        for reason, count, first_at, last_at in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFor:
    """Mails that wait for the same window, from the same hour on, to one watched domain or to any.

    `domain` is empty for all that are not watched. The last of them asks again at `last_at`.
    """

    window: str
    zone: str
    from_at: datetime
    last_at: datetime
    domain: str
    mails: int


def by_window(connection: Connection, watched: Collection[str] = ()) -> list[WaitingFor]:
    """Return all mails that wait, counted together, apart for each receiving domain watched.

    Without those that wait for a person's word: nobody knows when that comes.
    """
    hour = (type_coerce(messages.c.not_before, BigInteger) // _HOUR).label("hour")
    apart = case((_DOMAIN.in_(watched), _DOMAIN), else_="") if watched else literal("")
    columns = (messages.c.window, leads.c.time_zone, hour, apart.label("domain"))
    each = (
        select(*columns, messages.c.not_before)
        .join(leads, leads.c.id == messages.c.lead_id)
        .where(READY, messages.c.reason != LATE)
        .subquery()
    )
    together = (each.c.window, each.c.time_zone, each.c.hour, each.c.domain)
    last = type_coerce(func.max(each.c.not_before), Instant)
    rows = connection.execute(select(*together, last, func.count()).group_by(*together)).tuples()
    return [
        WaitingFor(
            window=window,
            zone=zone,
            from_at=_EPOCH + timedelta(hours=at),
            last_at=last_at,
            domain=domain,
            mails=count,
        )
        for window, zone, at, domain, last_at, count in rows
    ]


def busiest(connection: Connection, *, more_than: int) -> list[str]:
    """Return the receiving domains that more mails than that wait for."""
    each = (
        select(_DOMAIN.label("domain"))
        .select_from(messages.join(leads, leads.c.id == messages.c.lead_id))
        .where(READY, messages.c.reason != LATE)
        .subquery()
    )
    found = select(each.c.domain).group_by(each.c.domain).having(func.count() > more_than)
    return sorted(connection.scalars(found))


def ask_again(connection: Connection, beginnings: Sequence[str], *, now: datetime) -> int:
    """Have mails looked at now whose reason begins so; return how many."""
    why = [messages.c.reason.startswith(each, autoescape=True) for each in beginnings]
    return connection.execute(
        update(messages).where(messages.c.ready_at > now, or_(*why)).values(not_before=now)
    ).rowcount


def late(connection: Connection) -> list[LateStep]:
    """Return the mails that wait for a person's word, by step."""
    since = type_coerce(func.min(messages.c.expires_at), Instant)
    rows = connection.execute(
        select(messages.c.sequence, messages.c.step, func.count(), since)
        .where(READY, messages.c.reason == LATE)
        .group_by(messages.c.sequence, messages.c.step)
        .order_by(messages.c.sequence, messages.c.step)
    ).tuples()
    return [
        LateStep(sequence=sequence, step=step, mails=count, since=at)
        for sequence, step, count, at in rows
    ]


def decide_late(
    connection: Connection, sequence: str, step: str, *, send: bool, reason: str, now: datetime
) -> int:
    """Send the late mails of a step after all, or skip them; return how many.

    Sent, they pass the last gate like any other: windows and caps hold.
    """
    leave = {"not_before": now, "expires_at": None}
    end = {"state": MessageState.EXPIRED, "closed_at": now}
    return connection.execute(
        update(messages)
        .where(
            READY,
            messages.c.reason == LATE,
            messages.c.sequence == sequence,
            messages.c.step == step,
        )
        .values(reason=reason, **(leave if send else end))
    ).rowcount
