"""How sending stands: what stops or slows it, what is held and until when, when it will be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.core.errors import MisuseError
from nurture.core.message import MessageState
from nurture.core.project import Workspace
from nurture.core.refusal import IN_A_ROW
from nurture.core.throttle import Verdict
from nurture.engine import throttle
from nurture.engine.forecast import when_empty
from nurture.engine.runtime import Runtime
from nurture.store import failures, oddities, queues, records, refusals, sending, switches
from nurture.store.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Something that is off, or slowed down."""

    what: str
    reason: str
    until: datetime | None

    @property
    def title(self) -> str:
        """What it is, in words that begin a sentence."""
        kind, _, name = self.what.partition(":")
        titles = {"sending": "All sending", "transport": "The transport", "breaker": "Mail from"}
        return f"{titles.get(kind, kind)} {name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A limit on all mail, or on a receiver group's: how many may leave now; from when one may."""

    why: str
    left: int
    free_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How sending stands at one moment.

    `oldest_for` is the age of the queue: how long ago the oldest mail that is due was planned.
    `uncertain` mails may or may not have left; a person has to settle those that are `parked`.
    `leaving` mails are being handed over: for a moment, or by a worker that is dead. `failed` is of
    the last 24 hours.
    `empty_at` is when all mail that waits can have left, None if that is too far to be seen; if
    sending is off without an end, it is as if it went on now. The caps of people are not in it.
    """

    at: datetime
    off: tuple[Switch, ...]
    slowed: tuple[Switch, ...]
    warnings: tuple[str, ...]
    limits: tuple[InForce, ...]
    due: int
    oldest_for: timedelta | None
    held: tuple[sending.Held, ...]
    late: tuple[sending.LateStep, ...]
    begins_at: datetime | None
    empty_at: datetime | None
    uncertain: int
    parked: int
    leaving: int
    leaving_since: datetime | None
    failed: failures.Failures

    @property
    def waiting(self) -> int:
        """How many mails have not left yet."""
        return self.due + sum(group.mails for group in self.held)

    @property
    def only_late(self) -> bool:
        """Whether nothing waits but late mails, for a person's word."""
        return self.waiting == sum(step.mails for step in self.late)


def look(runtime: Runtime, *, now: datetime) -> Sending:
    """Return how sending stands now."""
    with runtime.database.read() as connection:
        workspace = runtime.in_force(connection).project.workspace
        off = _switches(switches.all_halted(connection, now=now))
        due, oldest = sending.queue(connection, now=now)
        ends = [switch.until for switch in off]
        doubts = queues.in_doubt(connection)
        leaving, leaving_since = sending.leaving(connection)
        begins = None if None in ends else max([now, *(end for end in ends if end)])
        return Sending(
            at=now,
            off=off,
            slowed=_switches(
                [(f"breaker:{n}", why, end) for n, why, end in switches.slowed(connection, now=now)]
            ),
            warnings=(
                *_warnings(connection, workspace, now),
                *rows_of_refusals(connection),
                *odd_answers(connection, now=now),
            ),
            limits=_limits(connection, workspace, now),
            due=due,
            # A clock may be set back, and then what was planned lies in the future now.
            oldest_for=None if oldest is None else max(now - oldest, timedelta()),
            held=tuple(sending.held(connection, now=now)),
            late=tuple(sending.late(connection)),
            begins_at=begins,
            empty_at=when_empty(connection, workspace, begins=begins or now, now=now),
            uncertain=doubts.get(MessageState.UNCERTAIN, 0),
            parked=doubts.get(MessageState.PARKED, 0),
            leaving=leaving,
            leaving_since=leaving_since,
            failed=failures.lately(connection, now=now),
        )


def decide_late(
    runtime: Runtime, place: str, *, send: bool, by: str, now: datetime
) -> tuple[str, int]:
    """Send the late mails of SEQUENCE/STEP after all, or skip them; return which and how many."""
    verb = "sent after all" if send else "skipped"
    with runtime.database.write() as connection:
        known = [f"{one.sequence}/{one.step}" for one in sending.late(connection)]
        if place not in known:
            there = f"there are some of {', '.join(known)}" if known else "no mail does"
            raise MisuseError(f"no late mail of {place!r} waits for a word; {there}")
        sequence, _, step = place.partition("/")
        reason = f"late; {verb} by order of {by}"
        count = sending.decide_late(connection, sequence, step, send=send, reason=reason, now=now)
        action = "late.sent" if send else "late.skipped"
        detail = {"mails": count}
        records.note_audit(
            connection, actor=by, action=action, subject=place, detail=detail, now=now
        )
    return verb, count


def _switches(found: Sequence[tuple[str, str, datetime | None]]) -> tuple[Switch, ...]:
    return tuple(Switch(what=name, reason=why, until=until) for name, why, until in found)


def _warnings(connection: Connection, workspace: Workspace, now: datetime) -> tuple[str, ...]:
    if not workspace.pacing.breakers:
        return ()
    found = throttle.findings(connection, workspace.pacing, now=now)
    return tuple(str(finding) for finding in found if finding.verdict is Verdict.WARN)


def say_failed(failed: failures.Failures) -> str:
    """Return what failed of late, and why most of it did."""
    return (
        f"{failed.mails} mail{'s' if failed.mails > 1 else ''} failed in the last 24 hours,"
        f" {failed.of_that} of them because of: {failed.reason}"
    )


TRY_AGAIN = "mend the cause; then `nurture message retry` with its time sends them once more"


def rows_of_refusals(connection: Connection) -> tuple[str, ...]:
    """Return which ways out have refused so many that it is held against them, and their words."""
    return tuple(
        f"{transport} has refused the last {len(row.people)} people"
        f"{' or more' if len(row.people) >= IN_A_ROW else ''} and taken nothing since; the last"
        f" time it said: {row.reason}"
        for transport, row in refusals.rows(connection).items()
        if row.is_long
    )


def odd_answers(connection: Connection, *, now: datetime) -> tuple[str, ...]:
    """Return what to look into where a provider's odd answer is all that says that mail left."""
    return tuple(
        f"in the last 24 hours {transport} took {mails} mail{'s' if mails > 1 else ''} with an odd"
        " answer: a success, but not the usual one, or without an id. They count as sent; whether"
        " they were, only its own log can tell (is a proxy in between, or is it a trial account?)"
        for transport, mails in oddities.lately(connection, now=now).items()
    )


def _limits(connection: Connection, workspace: Workspace, now: datetime) -> tuple[InForce, ...]:
    pacing = workspace.pacing
    found = throttle.standing(connection, pacing, now=now)
    found += throttle.warming(connection, pacing, now=now)
    return tuple(
        InForce(why=limit.why, left=left, free_at=free_at) for limit, left, free_at in found
    )
