"""Judge clicks: whether a person or a machine made them, ten minutes after they were heard of.

Until then a click counts for nothing, and a machine's never does. Whatever becomes known of a mail
later has its clicks judged once more, so the order in which reports come decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.core.humanity import SETTLES_AFTER, agent_of, chances, is_person, network_of
from nurture.core.message import Message
from nurture.core.token import keyed_hash
from nurture.engine.runtime import Runtime
from nurture.store import leads, locks, messages, traces
from nurture.store.db import Connection
from nurture.store.traces import Kept, NewTrace

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asked, as far as a request tells: its method, what it calls itself, its address."""

    method: str = "GET"
    user_agent: str
    ip: str = ""


@dataclass(slots=True, kw_only=True)
class Judged:
    """What one pass decided. `taken_back` were a person's until more became known."""

    mails: int = 0
    people: int = 0
    machines: int = 0
    taken_back: int = 0


def trace_of(
    runtime: Runtime, message: Message, caller: Caller, *, link: str, at: datetime
) -> NewTrace:
    """Return the trace of a request for one of our own pages.

    The same caller following the same link within a minute leaves one trace.
    """
    agent, network = agent_of(caller.user_agent), hashed_network(runtime, caller.ip)
    head = caller.method == "HEAD"
    # Of this mail only: the network itself is to be forgotten, and the key stays.
    which = keyed_hash(runtime.secrets.pepper, f"caller/{message.uid}/{network}")[:16]
    who = f"{agent}{'/head' if head else ''}/{which}"
    return NewTrace(
        lead_id=message.lead_id,
        message_id=message.id,
        source="click",
        source_key=f"{message.uid}/{link}/{at:%Y-%m-%dT%H:%M}/{who}",
        link=link,
        at=at,
        head=head,
        agent=agent,
        network=network,
    )


def hashed_network(runtime: Runtime, ip: str) -> str:
    """Return the keyed hash of the network that a request came from, '' if that says nothing."""
    network = network_of(ip)
    return keyed_hash(runtime.secrets.pepper, f"network/{network}")[:32] if network else ""


def keep(connection: Connection, new: Sequence[NewTrace], *, now: datetime) -> None:
    """Keep traces; they are judged when what else belongs to them has had time to come."""
    traces.keep(connection, new, judge_at=now + SETTLES_AFTER)


def run(runtime: Runtime, *, now: datetime, limit: int = PAGE) -> Judged:
    """Judge the traces whose time has come; call it until `mails` is 0.

    One worker judges at a time: a mail has many traces, and a network looks at many mails.
    """
    judged = Judged()
    with runtime.database.read() as connection:
        if not traces.any_due(connection, now=now):
            return judged
    with runtime.database.write() as connection:
        if not locks.may_judge(connection):
            return judged
        ids, lead_ids = traces.due(connection, now=now, limit=limit)
        leads.hold(connection, lead_ids)
        judged.mails = len(ids)
        _judge(connection, sorted(ids), judged, now=now, again=False)
    return judged


def run_again(runtime: Runtime, *, now: datetime, dry_run: bool) -> int:
    """Judge everything once more whose raw signals are still there; return what is otherwise now.

    What waits to be judged goes on waiting. With `dry_run` nothing is stored.
    """
    last, changed = 0, 0
    with runtime.database.read() as connection:
        kept_for = runtime.in_force(connection).project.workspace.retention_raw_events_seconds
    since = now - timedelta(seconds=kept_for)
    while True:
        with runtime.database.write() as connection:
            locks.wait_to_judge(connection)
            whose = traces.some_mails(connection, since=since, after=last, limit=PAGE)
            if not whose:
                return changed
            leads.hold(connection, whose.values())
            ids = list(whose)
            last = ids[-1]
            if dry_run:
                changed += len(_changes(_verdicts(connection, ids, now=now, again=True)))
                continue
            judged = Judged()
            _judge(connection, ids, judged, now=now, again=True)
            changed += judged.people + judged.taken_back


Verdict = tuple[Kept, int]


def _verdicts(
    connection: Connection, ids: Sequence[int], *, now: datetime, again: bool
) -> list[Verdict]:
    """Return how likely a person made each request whose time has come, or had come before."""
    delivered = messages.delivered_times(connection, ids)
    by_mail: dict[int, list[Kept]] = {}
    for kept in traces.read(connection, ids):
        by_mail.setdefault(kept.message_id, []).append(kept)
    found: list[Verdict] = []
    for message_id, of_mail in by_mail.items():
        likely = chances([kept.trace for kept in of_mail], delivered.get(message_id))
        found += [
            (kept, likely[kept.trace.id]) for kept in of_mail if _is_ripe(kept, now, again=again)
        ]
    return found


def _is_ripe(kept: Kept, now: datetime, *, again: bool) -> bool:
    if kept.judge_at is None:
        return True
    return kept.judge_at <= now and not (again and kept.chance is None)


def _changes(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the clicks of the ledger that are to read otherwise."""
    return [
        (kept, chance)
        for kept, chance in verdicts
        if kept.event_id is not None and kept.human is not is_person(chance)
    ]


def _judge(
    connection: Connection, ids: Sequence[int], judged: Judged, *, now: datetime, again: bool
) -> None:
    verdicts = _verdicts(connection, ids, now=now, again=again)
    traces.settle(connection, {kept.trace.id: chance for kept, chance in verdicts})
    changes = _changes(verdicts)
    people = [kept for kept, chance in changes if is_person(chance)]
    machines = [kept for kept, chance in changes if not is_person(chance)]
    _write(connection, people, human=True)
    _write(connection, machines, human=False)
    life: dict[int, datetime] = {}
    for kept in people:
        life[kept.lead_id] = max(kept.trace.at, life.get(kept.lead_id, kept.trace.at))
    traces.lower_life(connection, sorted({kept.lead_id for kept in machines}))
    leads.touch(connection, {kept.lead_id for kept, _ in changes}, now=now, life=life)
    judged.people += len(people)
    judged.taken_back += len(machines)
    judged.machines += sum(
        kept.event_id is not None and not is_person(chance) for kept, chance in verdicts
    )


def _write(connection: Connection, clicks: Sequence[Kept], *, human: bool) -> None:
    ids = [kept.event_id for kept in clicks if kept.event_id is not None]
    if ids:
        traces.set_human(connection, ids, human=human)
