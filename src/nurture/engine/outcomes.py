"""What a transport has answered, weighed and written down: each mail of the group is settled."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import sleep
from typing import assert_never

from nurture.core.event import EventKind, NewEvent
from nurture.core.gate import Later, after_refusal
from nurture.core.message import Accepted, Halted, MessageState, Outcome, Refused, Uncertain
from nurture.core.refusal import NOBODY, Row, Weighed, naming_nobody, weigh
from nurture.engine import intake
from nurture.engine.last_look import Ready
from nurture.engine.runtime import Runtime
from nurture.store import dispatch, oddities, refusals, switches
from nurture.store.db import Connection
from nurture.store.outage import Outage, called

log = logging.getLogger(__name__)

PAUSES = (1.0, 3.0, 6.0)
"""Seconds before what is known is written once more, if the database is gone at that moment."""
_ALONE = "refused addresses could not be stopped; outcomes are written alone"

Results = Sequence[tuple[Ready, Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a transport has answered to the mails of a departure."""

    transport: str
    departure_id: int | None
    results: Results


@dataclass(slots=True, kw_only=True)
class Delivered:
    """What one delivery pass did. `row`: who was refused for good, with nothing accepted since."""

    claimed: int = 0
    accepted: int = 0
    postponed: int = 0
    stopped: int = 0
    refused: int = 0
    uncertain: int = 0
    unrendered: int = 0
    halted: str = ""
    throttled: str = ""
    row: Row = NOBODY


def settle(runtime: Runtime, answered: Answered, counts: Delivered, now: datetime) -> None:
    """Settle the mails of a group, and halt the transport where the answers ask for it.

    What the other side has said is known here and nowhere else: a database that is gone is asked
    again before it is left to doubt.
    """
    before = counts.row
    results = answered.results
    if any(not isinstance(outcome, Accepted) for _, outcome in results):
        results = _naming_nobody(results)
    weighed = weigh([(item.message.lead_id, outcome) for item, outcome in results], before, now=now)
    leaving = [item for item, _ in results]
    answered = replace(answered, results=list(zip(leaving, weighed.outcomes, strict=True)))
    _write(runtime, answered, weighed, before, now)
    counts.row = weighed.row
    for outcome in weighed.outcomes:
        match outcome:
            case Accepted():
                counts.accepted += 1
            case Refused():
                counts.refused += 1
            case Uncertain():
                counts.uncertain += 1
            case Halted(reason=reason):
                counts.halted = reason
            case _ as unknown:
                assert_never(unknown)
    if weighed.halted is not None:
        counts.halted = weighed.halted.reason


def _naming_nobody(results: Results) -> Results:
    """Return the answers with reasons that name nobody whom they are about."""
    refused = [item for item, outcome in results if isinstance(outcome, Refused | Uncertain)]
    # What halts all mail may repeat what was said of any of them.
    anybody = [item.outgoing.mail.recipient for item in refused]
    found: list[tuple[Ready, Outcome]] = []
    for item, outcome in results:
        match outcome:
            case Refused(reason=said) | Uncertain(reason=said):
                said = naming_nobody(said, [item.outgoing.mail.recipient])
                found.append((item, replace(outcome, reason=said)))
            case Halted(reason=said):
                found.append((item, replace(outcome, reason=naming_nobody(said, anybody))))
            case _:
                found.append((item, outcome))
    return found


def _write(
    runtime: Runtime, answered: Answered, weighed: Weighed, before: Row, now: datetime
) -> None:
    pauses, bounces = list(PAUSES), _bounces(answered, now)
    while True:
        try:
            with runtime.database.write() as connection:
                if bounces:
                    intake.record(runtime, connection, bounces, project=None, now=now)
                _settle(connection, answered, weighed, now)
                if weighed.row != before:
                    refusals.keep_row(connection, answered.transport, weighed.row)
        except Outage as error:
            if pauses:
                log.warning("outcomes could not be written, once more soon: %s", called(error))
                sleep(pauses.pop(0))
            elif bounces:
                # Perhaps the database is there, and only what follows from a bounce fails so.
                log.exception(_ALONE)
                bounces = []
            else:
                raise
        except Exception:
            if not bounces:
                raise
            # A bounce that cannot be recorded does not make the answers of its group unknown.
            log.exception(_ALONE)
            bounces = []
        else:
            return


def _bounces(answered: Answered, now: datetime) -> list[NewEvent]:
    """Return refusals of an address itself, which stop it: there is no report to wait for."""
    return [
        NewEvent(
            lead_id=item.message.lead_id,
            kind=EventKind.MESSAGE_BOUNCED,
            subject=item.message.template,
            occurred_at=now,
            source=answered.transport,
            source_key=item.outgoing.attempt_uid,
            human=True,
            detail={"reason": outcome.reason},
        )
        for item, outcome in answered.results
        if isinstance(outcome, Refused) and outcome.no_mailbox
    ]


def _settle(connection: Connection, answered: Answered, weighed: Weighed, now: datetime) -> None:
    name = f"transport:{answered.transport}"
    halts = [outcome for outcome in weighed.outcomes if isinstance(outcome, Halted)]
    # The same halt for each of a group: one row says it once.
    for halted in dict.fromkeys([*([weighed.halted] if weighed.halted else []), *halts]):
        reason, until = halted.reason, halted.until
        switches.halt_at_least(connection, name, reason=reason, until=until, now=now)
    dispatch.settle(
        connection,
        [_settlement(*one, now) for one in answered.results],
        now=now,
        departure_id=answered.departure_id,
    )
    strange = sum(isinstance(outcome, Accepted) and outcome.odd for outcome in weighed.outcomes)
    if strange:
        oddities.note(connection, answered.transport, strange, now=now)


_NAMES = {kind: kind.__name__.lower() for kind in (Accepted, Refused, Uncertain, Halted)}


def _settlement(item: Ready, outcome: Outcome, now: datetime) -> dispatch.Settlement:
    message = item.message
    state, reason, not_before, provider_id = MessageState.READY, "", None, ""
    match outcome:
        case Accepted(provider_id=provider_id, note=reason):
            state = MessageState.ACCEPTED
        case Refused():
            after = after_refusal(message, outcome, now=now)
            reason = after.reason
            if isinstance(after, Later):
                not_before = after.not_before
            else:
                state = after.state
        case Uncertain(reason=reason):
            state = MessageState.UNCERTAIN
        case Halted(reason=reason, until=until):
            not_before = until
        case _ as unknown:
            assert_never(unknown)
    return dispatch.Settlement(
        message_id=message.id,
        epoch=message.epoch + 1,
        state=state,
        outcome=_NAMES[type(outcome)],
        provider_id=provider_id,
        reason=reason,
        not_before=not_before,
        burned=_burned(outcome),
        fenced=item.outgoing.fence is not None,
    )


def _burned(outcome: Outcome) -> bool:
    match outcome:
        case Halted():
            return False
        case Refused(is_try=is_try):
            return is_try
        case _:
            return True
