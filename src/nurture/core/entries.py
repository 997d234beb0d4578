"""Entries: which sequences a lead begins now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from nurture.core.address import is_role_account
from nurture.core.condition import Facts, holds
from nurture.core.history import History
from nurture.core.lead import Lead
from nurture.core.project import Project
from nurture.core.sequence import Sequence


def entries(facts: Facts, history: History, project: Project, now: datetime) -> tuple[str, ...]:
    """Return the sequences to enter now, highest priority first; one per exclusive group."""
    if facts.lead.suppressed:
        return ()
    groups = set(history.groups)
    chosen = []
    for sequence in entry_order(project):
        if sequence.sends_mail and not _mailable(facts.lead):
            continue
        if sequence.name in facts.inside or (sequence.exclusive and sequence.exclusive in groups):
            continue
        if may_enter(sequence, history.left_at, now=now) and holds(sequence.enter, facts, now=now):
            chosen.append(sequence.name)
            if sequence.exclusive:
                groups.add(sequence.exclusive)
    return tuple(chosen)


def _mailable(lead: Lead) -> bool:
    """Say whether there is a person's address; abuse@ and its like are not enrolled (RFC 2142)."""
    return bool(lead.email) and not is_role_account(lead.email)


def entry_order(project: Project) -> list[Sequence]:
    """Return the sequences in the order in which entry is tried."""
    return sorted(project.sequences.values(), key=lambda s: (-s.priority, s.name))


def may_enter(sequence: Sequence, left_at: Mapping[str, datetime], *, now: datetime) -> bool:
    """Say whether the re-entry rule allows the lead in (again)."""
    left = left_at.get(sequence.name)
    if left is None:
        return True
    return sequence.reentry_seconds is not None and now >= left + timedelta(
        seconds=sequence.reentry_seconds
    )
