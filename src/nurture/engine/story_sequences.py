"""Tell what sequences did: entries, choices, mails with their fate, tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from nurture.core.message import DeliveryState, MessageState
from nurture.engine.moments import Zones
from nurture.engine.person import Person
from nurture.engine.story_lines import LineKind, StoryLine, one_line
from nurture.engine.story_notes import Telling, Told
from nurture.store.lead_story import Mail
from nurture.store.records import SETTLED, DecisionRecord, Task

AT_ONCE = timedelta(minutes=10)
"""A mail that leaves so soon after it was planned is told as sent, not as planned and sent."""


def tell_decisions(
    person: Person, decided: Sequence[DecisionRecord], mails: Sequence[Mail]
) -> Iterator[StoryLine]:
    """Yield a line for each thing decided; a planned mail is told with what became of it."""
    planned = {(m.message.sequence, m.message.template, m.message.planned_at): m for m in mails}
    before: dict[str, list[str]] = {}
    for batch in _batches(decided):
        first = batch[0]
        if not first.sequence:
            yield from _outside(person, batch)
            continue
        telling = Telling(words=person.words, sequence=first.sequence)
        for told in telling.results(batch, before=before.pop(first.sequence, ())):
            if told.quiet and told.held:
                # The reasons belong to the mail, which leaves as soon as it may.
                before[first.sequence] = [told.why] if told.why else []
            mail = planned.pop((first.sequence, told.mail, first.at), None)
            yield _mail(person, mail, told) if mail else _decided(told, first.at)
    for mail in planned.values():
        where = f"step '{mail.message.step}' of {person.words.sequence(mail.message.sequence)}"
        yield _mail(person, mail, Told(what="", why=where))


def _batches(decided: Sequence[DecisionRecord]) -> Iterator[list[DecisionRecord]]:
    """Yield the notes of one decision about one sequence together, in their order."""
    for _, batch in groupby(decided, key=lambda note: (note.at, note.sequence)):
        yield list(batch)


def _decided(told: Told, at: datetime) -> StoryLine:
    kind = LineKind.TASK if told.task else LineKind.SEQUENCE
    return StoryLine(at=at, kind=kind, what=told.what, why=told.why, minor=told.quiet)


def _outside(person: Person, batch: Sequence[DecisionRecord]) -> Iterator[StoryLine]:
    """Yield what was decided about the lead outside any sequence."""
    for note in batch:
        if note.rule == "qualified":
            # The row of the handoff tells it, with everything that came of it.
            continue
        what, why = note.outcome, note.rule
        if note.outcome.startswith("entered "):
            name = note.outcome.removeprefix("entered ")
            what = f"Entered {person.words.sequence(name)}"
            why = person.words.rule(note.rule.removeprefix("enter when "))
        elif note.rule == "assessment":
            what, why = f"Could not be assessed, tried again later: {note.outcome}", ""
        yield StoryLine(
            at=note.at, kind=LineKind.SEQUENCE, what=what[:1].upper() + what[1:], why=why
        )


# -- mails ---------------------------------------------------------------------------------------


def _mail(person: Person, mail: Mail, told: Told) -> StoryLine:
    message = mail.message
    named = person.words.template(message.template)
    at_once = mail.accepted_at is not None and mail.accepted_at - message.planned_at <= AT_ONCE
    what = (
        f"Sent the mail {named}{_ARRIVED.get(mail.delivery, '')}"
        if at_once
        else f"Planned the mail {named}; {fate(mail, person.zones)}"
    )
    return StoryLine(at=message.planned_at, kind=LineKind.MAIL, what=what, why=told.why)


_ARRIVED = {
    DeliveryState.DELIVERED: ", and it arrived",
    DeliveryState.BOUNCED: ", and it bounced",
    DeliveryState.BLOCKED: ", and it was turned away",
    DeliveryState.DROPPED: ", and the provider dropped it",
    DeliveryState.DEFERRED: "; the receiving server asked to try again later",
}


def fate(mail: Mail, zones: Zones) -> str:
    """Return what became of a mail, as the rest of a sentence."""
    reason = f": {one_line(mail.reason)}" if mail.reason else ""
    match mail.message.state:
        case MessageState.READY:
            tried = f", after {mail.tried} tries" if mail.tried else ""
            return f"it has not left yet{tried}{reason}"
        case MessageState.DISPATCHING:
            return "it is leaving at this moment"
        case MessageState.ACCEPTED:
            assert mail.accepted_at is not None
            return f"it left {zones.both(mail.accepted_at)}{_ARRIVED.get(mail.delivery, '')}"
        case MessageState.FAILED:
            return f"it could not be sent{reason}"
        case MessageState.UNCERTAIN:
            return f"nobody knows yet whether it left{reason}"
        case MessageState.PARKED:
            return f"nobody knows whether it left, and a person has to decide{reason}"
        case MessageState.SUPPRESSED | MessageState.CANCELLED:
            return f"it was stopped before it left{reason}"
        case MessageState.EXPIRED:
            return f"it did not leave{reason}"


# -- tasks ---------------------------------------------------------------------------------------


def tell_tasks(
    person: Person, tasks: Sequence[Task], decided: Sequence[DecisionRecord]
) -> Iterator[StoryLine]:
    """Yield a line for each task done, and for those that no sequence asked for."""
    asked = {(note.at, note.outcome) for note in decided}
    for task in tasks:
        if (task.created_at, f"asked {task.team}: {task.title}") not in asked:
            yield StoryLine(
                at=task.created_at,
                kind=LineKind.TASK,
                what=f"Asked {task.team}: {task.title}",
                why=f"to be done by {person.zones.both(task.due_at)}",
            )
        # A question that settled itself is told by the decision that closed it.
        if task.done_at is not None and task.outcome != SETTLED:
            outcome = f': "{one_line(task.outcome)}"' if task.outcome else ""
            yield StoryLine(
                at=task.done_at,
                kind=LineKind.TASK,
                what=f"{task.team[:1].upper()}{task.team[1:]} did the task '{task.title}'{outcome}",
            )
