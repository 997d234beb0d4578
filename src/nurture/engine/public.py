"""What a link in a mail does: lead on, unsubscribe, change preferences, show the mail again."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from nurture.core.errors import RenderError, TokenError
from nurture.core.essentials import Essentials, essentials_of
from nurture.core.event import EventKind, NewEvent
from nurture.core.humanity import PREFERENCES, UNSUBSCRIBE, VIEW
from nurture.core.lead import Lead
from nurture.core.message import Message
from nurture.core.suppression import GRAVITY
from nurture.core.token import Grant, Purpose, sign
from nurture.engine import arrived, intake, traces
from nurture.engine.addressed import Addressed, addressed, find, granted
from nurture.engine.landing import UNSUBSCRIBED, lifts
from nurture.engine.mailroom import Mailroom, addressed_to
from nurture.engine.runtime import Runtime
from nurture.engine.traces import Caller, trace_of
from nurture.store import captures, leads, profiles
from nurture.store.db import Connection
from nurture.store.locks import once_more
from nurture.store.traces import NewTrace

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Where a click leads, and whose it was."""

    url: str
    lead_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What somebody has said yes to. `stopped` says why nothing is mailed at all.

    `can_return`: a new yes on the page is enough to be written to again.
    """

    essentials: Essentials
    topics: frozenset[str]
    stopped: str
    can_return: bool


# -- click ---------------------------------------------------------------------------------------


def follow_click(
    runtime: Runtime,
    mailroom: Mailroom,
    token: str,
    caller: Caller,
    *,
    now: datetime,
) -> Followed | None:
    """Record the click and return where it leads; None: the mail has no such link.

    A link leads only to where the mail itself leads. HEAD is told where that is and is no click;
    that it came is kept, for the verdict on those beside it. Whether a person clicked is judged
    later. Raises TokenError for a token that is none.
    """
    grant = granted(runtime, token, Purpose.CLICK, now=now)
    with runtime.database.read() as connection:
        found = find(runtime, connection, grant)
    if found is None or found.project is None:
        return None
    try:
        links = mailroom.links(found.project, found.message, addressed_to(found.lead))
    except RenderError:
        log.exception("message=%s has links that cannot be rendered any more", found.message.uid)
        return None
    if not 0 <= grant.number < len(links):
        return None
    trace = trace_of(runtime, found.message, caller, link=str(grant.number), at=now)
    once_more(lambda: _keep_click(runtime, found, trace, now=now))
    return Followed(url=links[grant.number], lead_id=found.lead.id)


def _keep_click(runtime: Runtime, found: Addressed, trace: NewTrace, *, now: datetime) -> None:
    with runtime.database.write() as connection:
        arrived.note(connection, found.message, arrived.FOLLOWED, now=now)
        if not trace.head:
            event = _clicked(found.message, trace.source_key, now=now)
            intake.record(runtime, connection, [event], project=found.project, now=now)
        traces.keep(connection, [trace], now=now)


def _clicked(message: Message, key: str, *, now: datetime) -> NewEvent:
    return NewEvent(
        lead_id=message.lead_id,
        kind=EventKind.MESSAGE_CLICKED,
        subject=message.template,
        occurred_at=now,
        source="click",
        source_key=key,
        # Nobody's, until it is judged.
        human=False,
    )


def note_look(
    runtime: Runtime, token: str, purpose: Purpose, caller: Caller, *, now: datetime
) -> None:
    """Keep that a page behind a link was asked for: who asks for all of them is no person.

    It says nothing about whoever looks, only that the mail has arrived. Raises TokenError.
    """
    grant = granted(runtime, token, purpose, now=now)
    with runtime.database.read() as connection:
        found = find(runtime, connection, grant)
    if found is None:
        return
    trace = trace_of(runtime, found.message, caller, link=_PAGES[purpose], at=now)
    with runtime.database.write() as connection:
        arrived.note(connection, found.message, arrived.FOLLOWED, now=now)
        traces.keep(connection, [trace], now=now)


_PAGES = {
    Purpose.VIEW: VIEW,
    Purpose.UNSUBSCRIBE: UNSUBSCRIBE,
    Purpose.PREFERENCES: PREFERENCES,
}


# -- unsubscribe ---------------------------------------------------------------------------------


def unsubscribe(runtime: Runtime, token: str, *, now: datetime) -> tuple[int, ...]:
    """Stop all mail to the person before this returns; any number of times.

    Whatever state our own releases are in: nothing of them is needed. A well-signed link to nobody
    is answered like any other. Returns the lead, if there is one.
    """
    grant = granted(runtime, token, Purpose.UNSUBSCRIBE, now=now)

    def stop() -> tuple[int, ...]:
        with runtime.database.write() as connection:
            found = find(runtime, connection, grant)
            if found is None:
                return ()
            _stop(runtime, connection, found, now=now)
        return (found.lead.id,)

    return once_more(stop)


def preferences_token(runtime: Runtime, token: str, *, now: datetime) -> str:
    """Return the token of the preferences page that belongs to an unsubscribe link.

    Raises TokenError unless the link may unsubscribe somebody; nothing else is looked at.
    """
    grant = granted(runtime, token, Purpose.UNSUBSCRIBE, now=now)
    return sign(runtime.secrets.links, Grant(purpose=Purpose.PREFERENCES, subject=grant.subject))


def _stop(runtime: Runtime, connection: Connection, found: Addressed, *, now: datetime) -> None:
    kind, message = EventKind.MESSAGE_UNSUBSCRIBED, found.message
    project = found.project
    arrived.note(connection, message, arrived.FOLLOWED, now=now)
    event = _of_link(message, kind, message.template, message.uid, now)
    if intake.record(runtime, connection, [event], project=project, now=now):
        return
    if not found.lead.suppressed:
        # The person came back after leaving by this very mail, and leaves again.
        again = _of_link(message, kind, message.template, f"{message.uid}/{now.isoformat()}", now)
        intake.record(runtime, connection, [again], project=project, now=now)


def _of_link(message: Message, kind: EventKind, subject: str, key: str, now: datetime) -> NewEvent:
    return NewEvent(
        lead_id=message.lead_id,
        kind=kind,
        subject=subject,
        occurred_at=now,
        source="link",
        source_key=key,
    )


# -- preferences ---------------------------------------------------------------------------------


def preferences(runtime: Runtime, token: str, *, now: datetime) -> Preferences:
    """Return what the person has said yes to, or raise TokenError."""
    grant = granted(runtime, token, Purpose.PREFERENCES, now=now)
    with runtime.database.read() as connection:
        found = addressed(runtime, connection, grant)
        lead = found.lead
        stopped = _stopped(runtime, connection, lead)
        back = lifts(connection, lead.id, {stopped})
        essentials = _offering(runtime, connection, found)
    return Preferences(
        essentials=essentials,
        topics=lead.topics & frozenset(essentials.topics),
        stopped=stopped,
        can_return=back,
    )


def _stopped(runtime: Runtime, connection: Connection, lead: Lead) -> str:
    """Return what stops the mailbox, under whatever spelling of its address that was said."""
    hashed = intake.address_hash(runtime, lead.email)
    said = profiles.suppressed(connection, [hashed]).get(hashed, "")
    return max(said, lead.suppressed, key=lambda reason: (GRAVITY.get(reason, 0), reason != ""))


def _offering(runtime: Runtime, connection: Connection, found: Addressed) -> Essentials:
    """Return what the page may offer: the mail's own topics, else those in force.

    If nobody can tell them, the person can still withdraw what they have said yes to.
    """
    if found.project is not None:
        return essentials_of(found.project.workspace)
    known = runtime.essentials(connection)
    return known if known.topics else replace(known, topics={t: t for t in found.lead.topics})


def choose_topics(
    runtime: Runtime, token: str, wanted: Collection[str], *, now: datetime
) -> tuple[int, ...]:
    """Give consent to the wanted topics and withdraw it from all others; return the lead.

    A yes to anything takes back an unsubscription, and nothing graver than that.
    """
    grant = granted(runtime, token, Purpose.PREFERENCES, now=now)
    with runtime.database.write() as connection:
        leads.hold(connection, [addressed(runtime, connection, grant).lead.id])
        # Read once more: what somebody chose on another page meanwhile is known now.
        found = addressed(runtime, connection, grant)
        message, lead = found.message, found.lead
        arrived.note(connection, message, arrived.FOLLOWED, now=now)
        offered = _offering(runtime, connection, found).topics
        given = [t for t in offered if t in wanted and t not in lead.topics]
        withdrawn = [t for t in offered if t not in wanted and t in lead.topics]
        stopped = _stopped(runtime, connection, lead)
        if stopped and given and lifts(connection, lead.id, {stopped}):
            hashed = intake.address_hash(runtime, lead.email)
            captures.lift(connection, lead.id, hashed, reason=UNSUBSCRIBED, now=now)
        profiles.withdraw_consent(connection, [lead.id], withdrawn, at=now)
        profiles.give_consent(
            connection,
            [
                {
                    "lead_id": lead.id,
                    "topic": topic,
                    "basis": "consent",
                    "source": "preferences page",
                    "wording": offered[topic],
                    "given_at": now,
                }
                for topic in given
            ],
        )
        key = f"{message.uid}/{now.isoformat()}"
        changed = [(EventKind.CONSENT_GIVEN, topic) for topic in given]
        changed += [(EventKind.CONSENT_WITHDRAWN, topic) for topic in withdrawn]
        told = [_of_link(message, kind, t, f"{key}/{t}", now) for kind, t in changed]
        intake.record(runtime, connection, told, project=found.project, now=now)
    return (lead.id,) if changed else ()


def leave(runtime: Runtime, token: str, *, now: datetime) -> tuple[int, ...]:
    """Stop all mail from the preferences page; return the lead."""
    grant = granted(runtime, token, Purpose.PREFERENCES, now=now)
    with runtime.database.write() as connection:
        found = addressed(runtime, connection, grant)
        _stop(runtime, connection, found, now=now)
    return (found.lead.id,)


def forget(runtime: Runtime, token: str, *, now: datetime) -> tuple[int, ...]:
    """Take the wish to be forgotten: mail stops at once, erasure follows; return the lead."""
    grant = granted(runtime, token, Purpose.PREFERENCES, now=now)
    with runtime.database.write() as connection:
        found = addressed(runtime, connection, grant)
        kind = EventKind.ERASURE_REQUESTED
        arrived.note(connection, found.message, arrived.FOLLOWED, now=now)
        event = _of_link(found.message, kind, "", f"{found.lead.uid}/{kind}", now)
        intake.record(runtime, connection, [event], project=found.project, now=now)
    return (found.lead.id,)


# -- view ----------------------------------------------------------------------------------------


def view_message(runtime: Runtime, mailroom: Mailroom, token: str, *, now: datetime) -> str:
    """Return the mail as a page, or raise TokenError; looking changes nothing."""
    grant = granted(runtime, token, Purpose.VIEW, now=now)
    with runtime.database.read() as connection:
        found = addressed(runtime, connection, grant)
    if found.project is None:
        raise TokenError("this mail cannot be shown any more")
    recipient = addressed_to(found.lead)
    return mailroom.outgoing(found.project, found.message, recipient).mail.html
