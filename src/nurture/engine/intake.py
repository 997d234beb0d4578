"""Intake: append what happened, and let suppression and consent act in the same transaction.

Everything else that follows from an event is worked out later by `assess`; intake only rings for
it, by moving the lead's next check to now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nurture.core import suppression
from nurture.core.address import suppression_key
from nurture.core.event import ECHOES, SIGNS_OF_LIFE, STOPS_MAIL, EventKind, NewEvent
from nurture.core.lead import Lead, Recipient, Value
from nurture.core.message import MessageState
from nurture.core.policy import zone
from nurture.core.project import Project
from nurture.core.suppression import GRAVITY
from nurture.core.token import keyed_hash
from nurture.engine.runtime import Runtime, asked_by, home_zone
from nurture.store import enrollments, events, leads, locks, messages, profiles
from nurture.store.db import Connection

SUPPRESSION_REASONS = {
    EventKind.MESSAGE_UNSUBSCRIBED: suppression.UNSUBSCRIBED,
    EventKind.MESSAGE_COMPLAINED: suppression.COMPLAINED,
    EventKind.MESSAGE_BOUNCED: suppression.BOUNCED,
    EventKind.MESSAGE_DROPPED: suppression.DROPPED,
    EventKind.ERASURE_REQUESTED: suppression.ASKED_TO_BE_FORGOTTEN,
}
assert set(SUPPRESSION_REASONS) == STOPS_MAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One profile value that somebody or something told us: `key` is lead.x or account.x.

    `lead_id` None: nobody of the organization told it.
    """

    lead_id: int | None
    account_id: int
    key: str
    value: Value
    source: str
    occurred_at: datetime


def record(
    runtime: Runtime,
    connection: Connection,
    new: Sequence[NewEvent],
    *,
    project: Project | None,
    now: datetime,
) -> list[NewEvent]:
    """Append events and do what must not wait; return those that were new.

    Safe to call twice with the same events: the second time nothing is new. Without a `project`
    the one in force says what the events move. If that cannot be loaded they are recorded all the
    same, and move whomever they are about: `assess` sees to it as soon as it can be.
    """
    # Leads before all that belongs to them: whoever locks both does so in this order.
    leads.hold(connection, {event.lead_id for event in new})
    return record_held(runtime, connection, new, project=project, now=now)


def record_held(
    runtime: Runtime,
    connection: Connection,
    new: Sequence[NewEvent],
    *,
    project: Project | None,
    now: datetime,
) -> list[NewEvent]:
    """Do as `record` does about leads that this transaction has locked already."""
    if not new:
        return []
    known = project or runtime.readable(connection)
    past = [_happened_by(event, now) for event in new]
    days_of = home_zone(known) if known else zone(runtime.essentials(connection).time_zone)
    fresh = events.append(connection, past, now=now, zone=days_of)
    if not fresh:
        return []
    stopping = [event for event in fresh if event.kind in STOPS_MAIL]
    if stopping:
        _suppress(runtime, connection, stopping, now)
    life: dict[int, datetime] = {}
    for event in fresh:
        if event.human and event.kind in SIGNS_OF_LIFE:
            life[event.lead_id] = max(event.occurred_at, life.get(event.lead_id, event.occurred_at))
    moves = _movers(known)
    moving = [event.lead_id for event in fresh if event.human and event.kind in moves]
    leads.touch(connection, moving, now=now, life=life)
    return fresh


def _movers(project: Project | None) -> AbstractSet[EventKind]:
    """Return the kinds of events after which a lead is assessed; nobody can tell: all of them."""
    if project is None:
        return set(EventKind)
    asked = asked_by(project)
    return set(EventKind) - (ECHOES - asked.latest - asked.tallied)


def _happened_by(event: NewEvent, now: datetime) -> NewEvent:
    """Return the event as of now at the latest: a clock that is ahead of ours names no future.

    An event of the future would be counted neither now nor, for want of news, when its time comes.
    """
    return event if event.occurred_at <= now else replace(event, occurred_at=now)


def _suppress(
    runtime: Runtime, connection: Connection, stopping: Sequence[NewEvent], now: datetime
) -> None:
    reasons: dict[int, str] = {}
    for event in stopping:
        reason = SUPPRESSION_REASONS[event.kind]
        reasons[event.lead_id] = max(
            (reasons.get(event.lead_id, reason), reason), key=lambda name: GRAVITY[name]
        )
    withdrawn = {e.lead_id for e in stopping if e.kind is not EventKind.MESSAGE_BOUNCED}
    profiles.withdraw_consent(connection, sorted(withdrawn), None, at=now)
    stop(runtime, connection, reasons, now=now)


def stop(
    runtime: Runtime, connection: Connection, reasons: Mapping[int, str], *, now: datetime
) -> None:
    """Stop all mail to these leads, now and for every later lead with the same address."""
    batch = leads.read(connection, list(reasons))
    profiles.suppress(
        connection,
        {
            address_hash(runtime, lead.email): (reasons[lead.id], f"lead {lead.uid}")
            for lead in batch.values()
            if lead.email
        },
        now=now,
    )
    profiles.mark_suppressed(connection, reasons)
    messages.cancel_for(
        connection, list(reasons), MessageState.SUPPRESSED, "stopped by the person", now=now
    )
    enrollments.wake(connection, reasons, now=now)


def with_stops(
    runtime: Runtime, connection: Connection, recipients: Mapping[int, Recipient]
) -> dict[int, Recipient]:
    """Return the recipients, stopped where the mailbox is, under whatever spelling that was said.

    Two leads may be one mailbox: ada@gmail.com and a.d.a+news@gmail.com. What one of them says
    holds for both, and is noted with the other when mail to it is about to leave.
    """
    hashes = {i: address_hash(runtime, r.email) for i, r in recipients.items() if not r.suppressed}
    locks.before_leaving(connection)
    known = profiles.suppressed(connection, set(hashes.values()))
    reasons = {i: known[hashed] for i, hashed in hashes.items() if hashed in known}
    if not reasons:
        return dict(recipients)
    profiles.mark_suppressed(connection, reasons)
    stopped = {i: replace(recipients[i], suppressed=reason) for i, reason in reasons.items()}
    return {**recipients, **stopped}


def address_hash(runtime: Runtime, email: str) -> str:
    """Return the keyed hash under which the address is suppressed."""
    return keyed_hash(runtime.secrets.pepper, suppression_key(email))


def store_answers(
    connection: Connection, answers: Sequence[Answer], *, project: Project, now: datetime
) -> None:
    """Keep profile answers with provenance and refresh the current profiles.

    An answer about the organization concerns every colleague: they are assessed again too.
    """
    if not answers:
        return
    profiles.add_facts(connection, [_fact(answer, project, now) for answer in answers])
    lead_ids = {a.lead_id for a in answers if a.lead_id is not None and a.key.startswith("lead.")}
    account_ids = {a.account_id for a in answers if a.key.startswith("account.")}
    of_leads, of_accounts = profiles.current_profiles(
        connection, lead_ids=lead_ids, account_ids=account_ids, now=now
    )
    if of_leads:
        leads.store_profiles(connection, of_leads)
    if of_accounts:
        leads.store_account_profiles(connection, of_accounts)
    touched = set(lead_ids)
    for members in leads.colleagues(connection, sorted(account_ids)).values():
        touched.update(members)
    leads.touch(connection, touched, now=now)


def _fact(answer: Answer, project: Project, now: datetime) -> profiles.NewFact:
    owner, _, name = answer.key.partition(".")
    valid_for = project.fields[answer.key].valid_for_seconds
    return profiles.NewFact(
        lead_id=answer.lead_id,
        account_id=answer.account_id if owner == "account" else None,
        name=name,
        value=answer.value,
        source=answer.source,
        occurred_at=answer.occurred_at,
        recorded_at=now,
        valid_until=(
            None if valid_for is None else answer.occurred_at + timedelta(seconds=valid_for)
        ),
    )


def answers_about(
    lead: Lead, values: Iterable[tuple[str, Value]], *, source: str, occurred_at: datetime
) -> list[Answer]:
    """Return answers of one lead as `store_answers` takes them."""
    return [
        Answer(
            lead_id=lead.id,
            account_id=lead.account_id,
            key=key,
            value=value,
            source=source,
            occurred_at=occurred_at,
        )
        for key, value in values
    ]
