"""Tell what a person, a machine or sales did: events and consents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from nurture.core.event import STOPS_MAIL, Event, EventKind
from nurture.engine.person import Person
from nurture.engine.provenance import Told, say_source
from nurture.engine.story_lines import LineKind, StoryLine, one_line
from nurture.engine.words import both

_INSTANT = timedelta(microseconds=1)

# Told by the row of the mail, of the handoff or of the consent itself.
_ELSEWHERE = frozenset(
    {
        EventKind.MESSAGE_PROCESSED,
        EventKind.MESSAGE_DELIVERED,
        EventKind.HANDOFF_DELIVERED,
        EventKind.CONSENT_GIVEN,
        EventKind.CONSENT_WITHDRAWN,
        EventKind.TASK_DONE,
        EventKind.FACT_SET,
    }
)

_SAID = {
    EventKind.MESSAGE_CLICKED: "Clicked a link",
    EventKind.MESSAGE_REPLIED: "Replied",
    EventKind.MESSAGE_UNSUBSCRIBED: "Unsubscribed",
    EventKind.MESSAGE_COMPLAINED: "Reported a mail as spam",
    EventKind.MESSAGE_OPENED: "The mail was opened, by a person or a machine",
    EventKind.MESSAGE_BOUNCED: "The mail bounced",
    EventKind.MESSAGE_BLOCKED: "The mail was turned away",
    EventKind.MESSAGE_DROPPED: "The provider dropped the mail",
    EventKind.MESSAGE_DEFERRED: "The receiving server asked to try again later",
    EventKind.MESSAGE_RESOLVED: "A person decided about the mail",
    EventKind.PAGE_VIEWED: "Looked at the page",
    EventKind.WEBINAR_ATTENDED: "Attended the webinar",
    EventKind.CALL_LOGGED: "Talked to us on the phone",
    EventKind.LIST_ADDED: "Was put on the list",
    EventKind.LIST_REMOVED: "Was taken off the list",
    EventKind.SIGNAL_MENTIONED: "Was mentioned",
    EventKind.INTENT_TOPIC: "Reads elsewhere about",
    EventKind.REVIEW_VISITED: "Looked at reviews of",
    EventKind.LEAD_REVIVED: "Was brought back by hand",
    EventKind.DATE_ARRIVED: "The day came that they named in",
    EventKind.COMMITMENT_GIVEN: "Expressly agreed to commit",
    EventKind.STAGE_OVERRIDDEN: "A person set the stage to",
    EventKind.TEMPERATURE_OVERRIDDEN: "A person set the temperature to",
    EventKind.GATE_WAIVED: "A person waived the gate",
    EventKind.OVERRIDE_ENDED: "A person took back their word on the",
    EventKind.ERASURE_REQUESTED: "Asked to be forgotten",
    EventKind.HANDOFF_ACCEPTED: "Sales accepted the lead",
    EventKind.HANDOFF_WORKING: "Sales is working on it",
    EventKind.HANDOFF_MEETING: "Sales has a meeting with them",
    EventKind.HANDOFF_REJECTED: "Sales turned the lead down",
    EventKind.HANDOFF_RECYCLED: "Sales gave the lead back",
    EventKind.HANDOFF_WON: "Sales won them as a customer",
    EventKind.HANDOFF_LOST: "Sales lost the deal",
}
"""What happened, without what it was about."""

_FOLLOWED = {
    EventKind.MESSAGE_UNSUBSCRIBED: "no mail leaves to this address any more",
    EventKind.MESSAGE_COMPLAINED: "no mail leaves to this address any more",
    EventKind.MESSAGE_BOUNCED: "no mail leaves to this address any more",
    EventKind.MESSAGE_DROPPED: "no mail leaves to this address any more",
    EventKind.ERASURE_REQUESTED: "mail stopped at once, erasure follows",
    EventKind.MESSAGE_OPENED: "opens count nothing: machines open mail",
}

_RARELY_ASKED = frozenset({EventKind.MESSAGE_OPENED, EventKind.MESSAGE_DEFERRED})


def tell_events(person: Person, happened: Sequence[Event]) -> Iterator[StoryLine]:
    """Yield a line for each thing that happened."""
    for event in happened:
        if event.kind not in _ELSEWHERE:
            yield _line(person, event)


def _line(person: Person, event: Event) -> StoryLine:
    match event.kind:
        case EventKind.LEAD_CAPTURED:
            return _captured(person, event)
        case EventKind.FORM_SUBMITTED:
            return _submitted(person, event)
        case EventKind.SCORE_ADJUSTED:
            return StoryLine(
                at=event.occurred_at,
                kind=LineKind.DID,
                what=f"Engagement {event.points:+d}: {event.subject}",
                why=f"set by {_adjuster(event.source)}",
            )
        case EventKind.LEAD_ARCHIVED:
            return StoryLine(
                at=event.occurred_at,
                kind=LineKind.DID,
                what=f"Was archived: {event.subject}",
                why="the sequence ended so",
                minor=True,
            )
        case _:
            return _plain(person, event)


def _adjuster(source: str) -> str:
    return "the sequence" if source == "sequence" else source


def _plain(person: Person, event: Event) -> StoryLine:
    said = _SAID.get(event.kind, str(event.kind))
    machine = event.kind is EventKind.MESSAGE_CLICKED and not event.human
    why = _FOLLOWED.get(event.kind, "")
    if machine and event.judged:
        said, why = "A mail scanner followed a link", "a machine's click counts nothing"
    elif machine:
        said = "A link was followed"
        why = "whether by a person is judged ten minutes after; until then it counts nothing"
    by = f"{event.detail['by']}: " if event.detail.get("by") else ""
    quoted = event.detail.get("reason") or event.detail.get("text") or event.detail.get("note")
    automatic = event.kind is EventKind.MESSAGE_REPLIED and not event.human
    if automatic:
        said, why = "An automatic reply came", "a machine's reply counts nothing"
    reasons = [f'{by}"{one_line(quoted)}"' if quoted else "", why]
    return StoryLine(
        at=event.occurred_at,
        kind=LineKind.DID,
        what=said + person.words.about(event.kind, event.subject or None),
        why="; ".join(reason for reason in reasons if reason),
        minor=event.kind in _RARELY_ASKED or (machine and event.judged),
    )


def _captured(person: Person, event: Event) -> StoryLine:
    detail = event.detail
    brought = [
        told
        for told in person.provenance.told
        if told.at == event.occurred_at and not told.by_colleague and _is_import(told, detail)
    ]
    reasons = []
    if detail.get("file"):
        reasons.append(f"from the import of {detail['file']}, line {detail.get('line', '?')}")
    if brought:
        reasons.append(f"brought {_values(person, brought)}")
    if detail.get("note"):
        reasons.append(f'note: "{one_line(detail["note"])}"')
    source = event.subject or "an unknown source"
    form = person.project.forms.get(source)
    return StoryLine(
        at=event.occurred_at,
        kind=LineKind.CAME,
        what=f"Came to us by the form {person.words.form(source)}"
        if form
        else f"Came to us; source: {source}",
        why="; ".join(reasons),
    )


def _is_import(told: Told, detail: Mapping[str, object]) -> bool:
    return told.source == f"import {detail.get('file')}"


def _submitted(person: Person, event: Event) -> StoryLine:
    answered = event.detail.get("answered")
    keys = set(answered) if isinstance(answered, list) else None
    told = [
        one
        for one in person.provenance.told
        if one.source == f"form {event.subject}"
        and one.at == event.occurred_at
        and not one.by_colleague
        and (keys is None or one.key in keys)
    ]
    return StoryLine(
        at=event.occurred_at,
        kind=LineKind.DID,
        what=f"Answered the form {person.words.form(event.subject)}",
        why=_values(person, told) if told else "",
    )


def _values(person: Person, told: Sequence[Told]) -> str:
    said = []
    for one in told:
        field = person.project.fields.get(one.key)
        label = field.label if field else one.key
        said.append(f"{label}: {one_line(person.words.answer(one.key, one.value), 120)}")
    return "; ".join(said)


def tell_learned(person: Person, happened: Sequence[Event]) -> Iterator[StoryLine]:
    """Yield a line for values that came neither with the capture nor by an own form."""
    own = {(f"form {e.subject}", e.occurred_at) for e in happened}
    own |= {
        (f"import {e.detail.get('file')}", e.occurred_at)
        for e in happened
        if e.kind is EventKind.LEAD_CAPTURED
    }
    groups: dict[tuple[str, datetime, bool], list[Told]] = {}
    for told in person.provenance.told:
        if told.by_colleague or (told.source, told.at) not in own:
            groups.setdefault((told.source, told.at, told.by_colleague), []).append(told)
    for (_, at, by_colleague), group in groups.items():
        who = "Learned from a colleague" if by_colleague else "Learned"
        yield StoryLine(
            at=at,
            kind=LineKind.LEARNED,
            what=f"{who}: {_values(person, group)}",
            why=say_source(group[0].source, person.words),
            minor=at < person.lead.captured_at or not any(_is_news(person, one) for one in group),
        )


def _is_news(person: Person, told: Told) -> bool:
    before = person.provenance.at(told.key, told.at - _INSTANT)
    return before is None or before.value != told.value


def tell_consents(
    person: Person, consents: Sequence[Mapping[str, Any]], happened: Sequence[Event]
) -> Iterator[StoryLine]:
    """Yield a line for each yes and each no, with the words that were agreed to."""
    given: dict[tuple[datetime, str], list[str]] = {}
    withdrawn: dict[datetime, list[str]] = {}
    topics = person.project.workspace.topics
    for row in consents:
        topic = f"'{topics.get(row['topic'], row['topic'])}' ({row['topic']})"
        basis = f'{row["basis"]}, {row["source"]}: "{one_line(row["wording"])}"'
        given.setdefault((row["given_at"], basis), []).append(topic)
        if row["withdrawn_at"] is not None:
            withdrawn.setdefault(row["withdrawn_at"], []).append(topic)
    for (at, basis), named in given.items():
        what = f"May be sent mail about {both(named)}"
        yield StoryLine(at=at, kind=LineKind.CONSENT, what=what, why=f"basis: {basis}")
    stops = {event.occurred_at for event in happened if event.kind in STOPS_MAIL}
    stops |= {event.recorded_at for event in happened if event.kind in STOPS_MAIL}
    for at, named in withdrawn.items():
        what = f"No longer agrees to mail about {both(named)}"
        yield StoryLine(at=at, kind=LineKind.CONSENT, what=what, minor=at in stops)
