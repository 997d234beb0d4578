"""A known history of ten people, told through the store, small enough to count by hand.

`day(n)` is n days after Monday, 1 June 2026, ten in the morning in Berlin. The report is drawn up
on day 92, 1 September.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import update

from nurture.core.decision import Decision, End, Park
from nurture.core.enrollment import Awaiting
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import Stage
from nurture.core.message import DeliveryState, MessageState
from nurture.core.moves import Move
from nurture.core.project import Endpoint, Project
from nurture.core.sequence import EmailStep, FormStep, WaitStep
from nurture.store import (
    dispatch,
    enrollments,
    erasure,
    events,
    handoffs,
    leads,
    messages,
    profiles,
    records,
    releases,
)
from nurture.store.db import Connection, Database
from nurture.store.dispatch import NewAttempt, NewDeparture, Settlement
from nurture.store.handoffs import AttemptResult, NewHandoff
from nurture.store.leads import NewLead
from nurture.store.messages import NewMessage
from nurture.store.tables import leads as lead_rows
from tests.core.builders import project
from tests.core.passages import sequence

SALES = "inside-sales"
BERLIN = ZoneInfo("Europe/Berlin")

WELCOME = sequence(
    EmailStep(id="guide", next=None, template="guide"),
    FormStep(
        id="basics", next=None, form="profile", template="three-questions", timeout_seconds=86400
    ),
    WaitStep(id="pause", next=None, seconds=86400),
    name="welcome",
    title="Welcome",
)
NURTURE = sequence(
    EmailStep(id="again", next=None, template="guide"), name="nurture", title="Staying useful"
)
PROJECT: Project = replace(
    project(NURTURE, WELCOME),
    endpoints={
        SALES: Endpoint(
            name=SALES,
            title="Inside sales",
            url="http://127.0.0.1:1/crm",
            secret="",
            feedback_secret="",
            allow=(),
            team="inside sales",
            accept_within_seconds=86400,
        )
    },
)


def day(number: float) -> datetime:
    """Return the moment so many days after the beginning."""
    return datetime(2026, 6, 1, 8, 0, tzinfo=UTC) + timedelta(days=number)


NOW = day(92)


@dataclass(slots=True)
class Storyteller:
    """Writes what happens to whom, by name."""

    connection: Connection
    ids: dict[str, int] = field(default_factory=dict)
    release: int = 0
    numbers: int = 0

    def begin(self) -> None:
        """Put a release in force."""
        self.release = releases.apply(
            self.connection, content_hash="1", files={}, by="test", now=day(0)
        )

    def _next(self) -> str:
        self.numbers += 1
        return str(self.numbers)

    def capture(self, name: str, source: str, at: float = 0) -> None:
        """Store a new lead."""
        email = f"{name}@plant.example"
        new = NewLead(
            uid=f"uid-{name}",
            email=email,
            match_key=email,
            time_zone="Europe/Berlin",
            language="en",
            source=source,
            account_key=f"lead:{name}",
            account_name="",
            note="",
            suppressed="",
            captured_at=day(at),
        )
        leads.insert_leads(self.connection, [new], now=day(at))
        self.ids[name] = leads.ids_by_uid(self.connection, [new.uid])[new.uid]

    def move(self, name: str, path: str, at: float, reason: str = "all gates passed") -> None:
        """Move a lead: `path` is "lead > prospect"."""
        before, after = (Stage(stage) for stage in path.split(" > "))
        lead_id = self.ids[name]
        if after is Stage.INACTIVE:
            leads.archive(self.connection, [lead_id], now=day(at))
        else:
            self.connection.execute(
                update(lead_rows).where(lead_rows.c.id == lead_id).values(stage=after)
            )
        moved = Move(before=before, after=after, reason=reason)
        records.note_moves(self.connection, [(lead_id, moved)], now=day(at))

    def event(
        self, name: str, kind: EventKind, subject: str, at: float, *, human: bool = True
    ) -> None:
        """Append an event."""
        new = NewEvent(
            lead_id=self.ids[name],
            kind=kind,
            subject=subject,
            occurred_at=day(at),
            source="test",
            source_key=self._next(),
            human=human,
        )
        events.append(self.connection, [new], now=day(at), zone=BERLIN)

    # -- mails -----------------------------------------------------------------------------------

    def plan(self, name: str, place: str, template: str, at: float, form: str = "") -> int:
        """Plan a mail for a step ("welcome/guide") and return its id."""
        sequence, step = place.split("/")
        uid = f"message-{self._next()}"
        new = NewMessage(
            uid=uid,
            lead_id=self.ids[name],
            enrollment_id=1,
            release_id=self.release,
            sequence=sequence,
            step=step,
            visit=0,
            template=template,
            template_version="1",
            topic="news",
            window="office-hours",
            form=form,
            slots={},
            expires_at=None,
        )
        messages.plan(self.connection, [new], now=day(at))
        found = messages.by_uid(self.connection, uid)
        assert found is not None
        return found.id

    def leave(
        self, message: int, at: float, state: MessageState = MessageState.ACCEPTED, why: str = ""
    ) -> None:
        """Let a mail leave, with this end."""
        attempt = NewAttempt(message, 1, "")
        new = NewDeparture(attempts=[attempt], transport="test", deadline=day(at + 1))
        dispatch.begin(self.connection, new, now=day(at))
        settled = Settlement(message_id=message, epoch=1, state=state, outcome="", reason=why)
        dispatch.settle(self.connection, [settled], now=day(at))

    def send(
        self,
        name: str,
        place: str,
        template: str,
        at: float,
        *,
        form: str = "",
        delivery: DeliveryState = DeliveryState.NONE,
    ) -> None:
        """Plan a mail, let it be accepted, and report what became of it."""
        message = self.plan(name, place, template, at, form)
        self.leave(message, at)
        messages.raise_delivery(self.connection, [(message, delivery, day(at))])

    # -- sequences -------------------------------------------------------------------------------

    def enter(self, name: str, sequence: str, step: str, at: float) -> None:
        """Enroll a lead."""
        entry = enrollments.Entry(
            lead_id=self.ids[name], sequence=sequence, exclusive="", step=step
        )
        enrollments.enter(self.connection, [entry], release_id=self.release, now=day(at))

    def stay(self, name: str, step: str, awaiting: Awaiting, at: float, reason: str) -> None:
        """Let a lead's enrollment wait at the step."""
        found, _ = enrollments.of_lead(self.connection, self.ids[name])[-1]
        park = Park(
            step=step,
            awaiting=awaiting,
            due_at=None,
            wait_until=None,
            since=day(at),
            reason=reason,
        )
        decision = Decision(actions=(), then=park, notes=())
        enrollments.settle(self.connection, [(found, decision)], now=day(at))

    def leave_sequence(self, name: str, step: str, reason: str, at: float) -> None:
        """End a lead's enrollment."""
        found, _ = enrollments.of_lead(self.connection, self.ids[name])[-1]
        enrollments.end(self.connection, [(found, End(step=step, reason=reason))], now=day(at))

    # -- sales -----------------------------------------------------------------------------------

    def qualify(self, name: str, at: float, cycle: int = 1) -> int:
        """Create a waiting handoff and return its id."""
        new = NewHandoff(
            uid=f"msg_{name}_{cycle}",
            lead_id=self.ids[name],
            cycle=cycle,
            endpoint=SALES,
            readiness=70,
        )
        handoffs.create(self.connection, [new], now=day(at))
        found = handoffs.by_uid(self.connection, new.uid)
        assert found is not None
        return found.id

    def deliver(self, handoff: int, at: float) -> None:
        """Bring a handoff to sales, which has a day to answer."""
        handoffs.release(
            self.connection, handoff, body="{}", completeness=50, accept_by=day(at + 1), now=day(at)
        )
        attempt = handoffs.begin_attempt(self.connection, handoff, now=day(at))
        result = AttemptResult(
            attempt_id=attempt,
            handoff_id=handoff,
            status=200,
            outcome="delivered",
            detail="",
            state="delivered",
        )
        handoffs.finish_attempt(self.connection, result, now=day(at))

    def answer(self, name: str, handoff: int, kind: EventKind, at: float, reason: str = "") -> None:
        """Let sales answer."""
        self.event(name, kind, SALES, at)
        handoffs.answer(self.connection, handoff, kind, reason=reason, occurred_at=day(at))


def tell(database: Database) -> None:
    """Write the whole history."""
    with database.write() as connection:
        story = Storyteller(connection)
        story.begin()
        _people(story)
        _mail(story)
        _sales(story)
        _departures(story)


def _people(story: Storyteller) -> None:
    for name in ("ada", "ben", "cem", "dan", "joe"):
        story.capture(name, "fair")
    for name in ("fay", "gil", "hal"):
        story.capture(name, "web")
    story.capture("eve", "web", at=2)
    story.capture("ivy", "")
    for name, at in (("ada", 10), ("ben", 4), ("cem", 6), ("eve", 16), ("fay", 8), ("joe", 2)):
        story.move(name, "lead > prospect", at)
    story.move("ada", "prospect > opportunity", 20)
    story.move("gil", "lead > disqualified", 3, "excluded: student")


def _mail(story: Storyteller) -> None:
    ok, clicked = DeliveryState.DELIVERED, EventKind.MESSAGE_CLICKED
    # Monday, half past midnight in Berlin: a new week there, the old one in UTC.
    for name, at, delivery in (
        ("ada", 1, ok),
        ("ben", 1, ok),
        ("cem", 1, DeliveryState.BOUNCED),
        ("eve", 6 + 14.5 / 24, DeliveryState.NONE),
    ):
        story.send(name, "welcome/guide", "guide", at, delivery=delivery)
    for name, delivery in (("ada", ok), ("ben", DeliveryState.NONE)):
        story.send(name, "welcome/basics", "three-questions", 3, form="profile", delivery=delivery)
    story.send("ada", "nurture/again", "guide", 40)
    story.leave(story.plan("fay", "welcome/guide", "guide", 3), 3, MessageState.UNCERTAIN, "lost")
    parked = story.plan("gil", "welcome/guide", "guide", 1)
    story.leave(parked, 1, MessageState.UNCERTAIN, "451 <gil@plant.example> is busy")
    dispatch.park(story.connection, now=day(2.5), after=timedelta(days=1))
    stopped = story.plan("hal", "welcome/guide", "guide", 50)
    stop = (stopped, MessageState.SUPPRESSED, "stopped by the person")
    dispatch.stop(story.connection, [stop], now=day(50))
    story.event("ada", clicked, "guide", 2)
    story.event("ada", clicked, "guide", 2.1)
    story.event("ada", clicked, "guide", 41)
    story.event("ben", clicked, "guide", 1.01, human=False)
    story.event("ben", clicked, "three-questions", 3.5)
    story.event("ada", EventKind.FORM_SUBMITTED, "profile", 4)
    story.event("ivy", EventKind.FORM_SUBMITTED, "profile", 4)
    for name in ("ada", "ben", "hal", "fay", "eve"):
        story.enter(name, "welcome", "guide", 1)
    story.leave_sequence("ada", "pause", "finished", 5)
    story.leave_sequence("ben", "basics", "with sales", 8)
    story.stay("hal", "guide", Awaiting.HOLD, 2, "no consent for news")
    story.stay("eve", "basics", Awaiting.SALES, 41, "with sales")
    failing, _ = enrollments.of_lead(story.connection, story.ids["fay"])[-1]
    enrollments.set_aside(
        story.connection,
        failing,
        until=day(93),
        reason="set aside: ValueError: fay@plant.example is odd",
    )


def _sales(story: Storyteller) -> None:
    ada = story.qualify("ada", 20)
    story.deliver(ada, 21)
    story.answer("ada", ada, EventKind.HANDOFF_ACCEPTED, 21.25)
    story.answer("ada", ada, EventKind.HANDOFF_WON, 30)
    story.move("ada", "opportunity > customer", 30, "sales won it")
    ben = story.qualify("ben", 7)
    story.deliver(ben, 8)
    story.answer("ben", ben, EventKind.HANDOFF_REJECTED, 9, "Mr Hall has left the company")
    story.move("ben", "prospect > lead", 9, "given back by sales")
    eve = story.qualify("eve", 19)
    story.deliver(eve, 20)
    story.answer("eve", eve, EventKind.HANDOFF_ACCEPTED, 20.5)
    story.answer("eve", eve, EventKind.HANDOFF_RECYCLED, 25, "Bad-timing")
    story.move("eve", "prospect > lead", 25, "given back by sales")
    story.move("eve", "lead > prospect", 40)
    again = story.qualify("eve", 40, cycle=2)
    story.deliver(again, 41)
    handoffs.mark_overdue(story.connection, [again], now=day(42.5))
    story.qualify("fay", 9)


def _departures(story: Storyteller) -> None:
    story.move("cem", "prospect > inactive", 80, "silent for too long")
    story.move("dan", "lead > inactive", 70, "unresponsive")
    story.move("dan", "inactive > lead", 75, "showed a sign of life")
    profiles.mark_suppressed(story.connection, {story.ids["ivy"]: "unsubscribed"})
    story.event("ivy", EventKind.MESSAGE_UNSUBSCRIBED, "guide", 85)
    erasure.erase(story.connection, [story.ids["joe"]], now=day(50))
    records.note_audit(
        story.connection,
        actor="engine",
        action="lead.erased",
        subject="uid-joe",
        detail={"reason": "closed"},
        now=day(50),
    )


def one(table: Sequence[Mapping[str, Any]], **wanted: object) -> Mapping[str, Any]:
    """Return the one row with these values."""
    found = [row for row in table if all(row[key] == value for key, value in wanted.items())]
    assert len(found) == 1, f"{len(found)} rows with {wanted}"
    return found[0]
