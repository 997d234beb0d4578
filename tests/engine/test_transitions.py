"""Every arrow of a mail's life, T1 to T12, walked by the real engine on both databases.

T13, calling back a mail that the provider keeps, is walked in `test_fence`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from nurture.core.doubt import PARK_AFTER, QUIET, Absent, Answer, Evidence, Found, Unanswered
from nurture.core.lead import Stage
from nurture.core.message import (
    Accepted,
    Halted,
    OnUncertain,
    Outcome,
    OutgoingMessage,
    Refused,
    Uncertain,
)
from nurture.engine import deliver, doubt, tick
from nurture.engine.outcomes import Delivered
from nurture.store import feeds
from nurture.store.db import Database
from nurture.store.installation import STOP_LIST_KEY as KEPT
from nurture.store.tables import attempts, installation, leads, messages, switches
from tests.engine.programme import Programme, row, starter
from tests.engine.test_echo import Provider, Told

LOST = Uncertain(reason="the answer was lost")
BUSY = Refused(reason="mailbox busy", permanent=False)
NEVER = Refused(reason="no such mailbox", permanent=True)
MAIL = "guide-delivery"


class Line:
    """A way out for mail that answers as it is told, mail by mail."""

    name = "p"
    group_size = 1
    longest_wait = timedelta(seconds=30)

    def __init__(self) -> None:
        self.says: Callable[[], Outcome] = Accepted
        self.sent: list[OutgoingMessage] = []

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Take the messages, or not."""
        self.sent += messages
        return [self.says() for _ in messages]

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Do nothing: nothing is kept."""


class Oracle:
    """Answers look-ups as it is told."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []

    def find(self, uid: str, email: str, *, now: datetime) -> Answer:
        """Give the next answer."""
        self.asked.append((uid, email))
        return self.answers.pop(0)


@dataclass
class Walk:
    """One programme, in which each walk gets a person, and so a mail, of its own."""

    programme: Programme
    line: Line = field(default_factory=Line)
    begun: datetime = field(init=False)
    another: tuple[str, str] = field(init=False)
    people: int = 0
    email: str = ""

    def __post_init__(self) -> None:
        """Let the programme's mail leave by the line."""
        self.begun = self.programme.now
        self.programme.ways = replace(self.programme.ways, transport=self.line)
        self.provider = Provider(self.programme)
        self.plan()
        self.send()
        self.another = (self.mail.uid, self.email)

    def plan(self) -> None:
        """Bring somebody in and plan their mail, at the hour when all began."""
        self.programme.now = self.begun
        self.people += 1
        self.email = f"p{self.people}@plant{self.people}.example"
        self.line.says = Accepted
        self.line.sent.clear()
        self.programme.bring(row(self.email))
        self.think()

    def think(self) -> None:
        """Assess and plan."""
        ways, now = self.programme.ways, self.programme.now
        tick.think(self.programme.runtime, ways, tick.Ticked(), now=now, limit=100)

    def send(self, says: Callable[[], Outcome] | Outcome | None = None) -> Delivered:
        """Let what is ready for this person leave."""
        if says is not None:
            self.line.says = says if callable(says) else lambda: says
        return deliver.run(
            self.programme.runtime,
            self.programme.ways.mailroom,
            self.line,
            now=self.programme.now,
            lead_ids=[self.lead],
        )

    def settle(self, look_up: Oracle | None = None, **rules: Any) -> None:
        """Settle what is in doubt, with what can be learned here."""
        given = Evidence(**({"reports": True, "look_up": look_up is not None} | rules))
        evidences = doubt.Evidences(transport=self.line.name, rules=given, look_up=look_up)
        doubt.settle(self.programme.runtime, evidences, now=self.programme.now)

    def hear(self, uid: str | None, **after: float) -> None:
        """Let the provider report a delivery that happened so long after the beginning.

        `uid` None: the delivery of another mail, to somebody who is in no walk.
        """
        at = self.begun + timedelta(**after)
        self.programme.now = max(at, self.programme.now)
        named, email = (uid, self.email) if uid else self.another
        told = Told(f"{named}/{at}", "message.delivered", named, at, email=email)
        self.provider.post(told)

    def change(self, **values: object) -> None:
        """Change the mail's row behind the engine's back."""
        with self.programme.database.write() as connection:
            mine = update(messages).where(messages.c.lead_id == self.lead)
            connection.execute(mine.values(**values))

    def clear(self) -> None:
        """Leave nothing in the way of the next walk."""
        self.change(state="cancelled", accepted_at=None)
        self.change_feed(None)
        with self.programme.database.write() as connection:
            connection.execute(delete(switches))

    def change_feed(self, at: datetime | None) -> None:
        """Let the provider have been heard last then."""
        with self.programme.database.write() as connection:
            connection.execute(delete(installation).where(installation.c.name != KEPT))
            if at is not None:
                feeds.heard(connection, self.line.name, at)

    def change_lead(self, **values: object) -> None:
        """Change the person's row behind the engine's back."""
        with self.programme.database.write() as connection:
            connection.execute(update(leads).where(leads.c.id == self.lead).values(**values))

    @property
    def lead(self) -> int:
        """The person's id."""
        return self.programme.lead(self.email)

    @property
    def mail(self) -> Any:
        """The mail's row."""
        with self.programme.database.read() as connection:
            found = select(messages).where(messages.c.lead_id == self.lead)
            return connection.execute(found).one()

    @property
    def tried(self) -> list[Any]:
        """Its attempts."""
        with self.programme.database.read() as connection:
            found = select(attempts).where(attempts.c.message_id == self.mail.id)
            return list(connection.execute(found.order_by(attempts.c.epoch)))


Says = tuple[object, ...]


def t1_planned_once(walk: Walk) -> Says:
    walk.think()
    with walk.programme.database.read() as connection:
        mine = select(func.count()).where(messages.c.lead_id == walk.lead)
        return walk.mail.state, connection.scalar(mine)


def t2_committed_before_it_leaves(walk: Walk) -> Says:
    seen: list[Says] = []

    def look() -> Outcome:
        (attempt,) = walk.tried
        wait = attempt.deadline - attempt.started_at
        seen.append((walk.mail.state, attempt.outcome, wait.total_seconds()))
        return Accepted()

    walk.send(look)
    return seen[0]


def t3_suppressed(walk: Walk) -> Says:
    walk.change_lead(suppressed="unsubscribed")
    walk.send()
    return walk.mail.state, walk.mail.reason, len(walk.line.sent)


def t3_expired(walk: Walk) -> Says:
    walk.change(expires_at=walk.begun - timedelta(seconds=1))
    walk.send()
    return walk.mail.state, walk.mail.reason, len(walk.line.sent)


def t3_cancelled(walk: Walk) -> Says:
    walk.change_lead(stage=str(Stage.DISQUALIFIED))
    walk.send()
    return walk.mail.state, walk.mail.reason, len(walk.line.sent)


def t4_accepted(walk: Walk) -> Says:
    walk.send(Accepted(provider_id="m1"))
    (attempt,) = walk.tried
    return walk.mail.state, walk.mail.provider_id, attempt.outcome, attempt.provider_id


def t5_refused_for_now(walk: Walk) -> Says:
    walk.send(BUSY)
    return walk.mail.state, walk.mail.tries, walk.mail.not_before > walk.begun, walk.mail.reason


def t5_not_its_own_refusal(walk: Walk) -> Says:
    walk.send(replace(BUSY, is_try=False))
    return walk.mail.state, walk.mail.tries, walk.mail.not_before == walk.begun


def t5_halted(walk: Walk) -> Says:
    walk.send(Halted(reason="429", until=walk.begun + timedelta(minutes=1)))
    held = walk.send(Accepted())
    walk.programme.now += timedelta(minutes=1)
    walk.send()
    return held.halted, walk.mail.state, walk.mail.tries


def t6_refused_for_good(walk: Walk) -> Says:
    walk.send(NEVER)
    return walk.mail.state, walk.mail.reason


def t6_tries_used_up(walk: Walk) -> Says:
    walk.change(tries=17)
    walk.send(BUSY)
    return walk.mail.state, walk.mail.tries, walk.mail.reason


def t7_uncertain(walk: Walk) -> Says:
    walk.send(LOST)
    return walk.mail.state, walk.tried[0].outcome, walk.mail.reason


def die() -> Outcome:
    raise SystemExit


def dead(walk: Walk) -> None:
    """Let the worker die while the mail leaves."""
    with suppress(SystemExit):
        walk.send(die)


def t8_reaped_after_its_deadline(walk: Walk) -> Says:
    dead(walk)
    walk.programme.now = walk.tried[0].deadline
    walk.settle()
    before = walk.mail.state
    walk.programme.now += timedelta(seconds=1)
    walk.settle()
    return before, walk.mail.state, walk.tried[0].outcome


def t8_a_late_answer_counts(walk: Walk) -> Says:
    states = []

    def late() -> Outcome:
        walk.programme.now += timedelta(hours=1)
        walk.settle()
        states.append(walk.mail.state)
        return Accepted()

    walk.send(late)
    return *states, walk.mail.state


def t9_proven_while_dispatching(walk: Walk) -> Says:
    dead(walk)
    walk.hear(walk.mail.uid, minutes=1)
    return walk.mail.state, walk.mail.delivery


def t9_proven_while_uncertain(walk: Walk) -> Says:
    walk.send(LOST)
    walk.hear(walk.mail.uid, minutes=1)
    return walk.mail.state, walk.mail.delivery, walk.mail.reason


def t9_proven_while_parked(walk: Walk) -> Says:
    walk.send(LOST)
    walk.programme.now += PARK_AFTER + timedelta(seconds=1)
    walk.settle()
    before = walk.mail.state
    walk.hear(walk.mail.uid, minutes=1)
    return before, walk.mail.state


def t9_proven_before_it_leaves_again(walk: Walk) -> Says:
    t11_sent_again(walk)
    before = walk.mail.state
    walk.hear(walk.mail.uid, minutes=40)
    walk.send()
    return before, walk.mail.state, len(walk.line.sent)


def t10_found(walk: Walk) -> Says:
    walk.send(LOST)
    walk.programme.now += QUIET
    oracle = Oracle(Found(provider_id="m7", evidence="look-up: it has it"))
    walk.settle(oracle)
    right = oracle.asked == [(walk.mail.uid, walk.email)]
    return right, walk.mail.state, walk.mail.provider_id, walk.mail.reason


def t10_absent(walk: Walk) -> Says:
    walk.send(LOST)
    walk.programme.now += QUIET
    walk.settle(Oracle(Absent()))
    walk.settle(Oracle())
    return walk.mail.state, walk.tried[0].absent_at == walk.programme.now


def t10_unanswered(walk: Walk) -> Says:
    walk.send(LOST)
    walk.programme.now += QUIET
    rests = walk.programme.now + timedelta(minutes=15)
    walk.settle(Oracle(Unanswered(reason="429", until=rests)))
    walk.settle(Oracle())
    walk.programme.now = rests
    walk.settle(Oracle(Absent()))
    return walk.mail.state, walk.tried[0].absent_at == rests


def t11_sent_again(walk: Walk) -> Says:
    walk.send(LOST)
    walk.hear(None, minutes=6)
    walk.programme.now = walk.begun + QUIET - timedelta(seconds=1)
    walk.settle()
    before = walk.mail.state
    walk.programme.now += timedelta(seconds=1)
    walk.settle()
    return before, walk.mail.state, walk.mail.reason


def t11_the_same_mail_leaves(walk: Walk) -> Says:
    t11_sent_again(walk)
    walk.send(Accepted())
    first, second = walk.line.sent
    return walk.mail.state, first.uid == second.uid, first.attempt_uid != second.attempt_uid


def t11_but_once(walk: Walk) -> Says:
    t11_sent_again(walk)
    walk.send(LOST)
    walk.hear(None, hours=2)
    walk.programme.now += timedelta(hours=1)
    walk.settle()
    return walk.mail.state, len(walk.tried)


def t11_not_while_the_provider_is_silent(walk: Walk) -> Says:
    walk.send(LOST)
    walk.change_feed(walk.begun + timedelta(minutes=5))
    walk.programme.now += timedelta(hours=3)
    walk.settle()
    return (walk.mail.state,)


def t11_not_before_it_was_asked(walk: Walk) -> Says:
    walk.send(LOST)
    walk.hear(None, minutes=6)
    walk.programme.now += QUIET
    rests = walk.programme.now + timedelta(minutes=15)
    walk.settle(Oracle(Unanswered(reason="429", until=rests)))
    before = walk.mail.state
    walk.programme.now = rests
    walk.settle(Oracle(Absent()))
    return before, walk.mail.state


def t12_parked(walk: Walk) -> Says:
    walk.send(LOST)
    walk.programme.now += PARK_AFTER
    walk.settle(reports=False)
    before = walk.mail.state
    walk.programme.now += timedelta(seconds=1)
    walk.settle(reports=False)
    return before, walk.mail.state


LIFE: dict[Callable[[Walk], Says], Says] = {
    t1_planned_once: ("ready", 1),
    t2_committed_before_it_leaves: ("dispatching", "", 90.0),
    t3_suppressed: ("suppressed", "unsubscribed", 0),
    t3_expired: ("expired", "too late to send", 0),
    t3_cancelled: ("cancelled", "stage disqualified", 0),
    t4_accepted: ("accepted", "m1", "accepted", "m1"),
    t5_refused_for_now: ("ready", 1, True, "mailbox busy"),
    t5_not_its_own_refusal: ("ready", 0, True),
    t5_halted: ("429", "accepted", 0),
    t6_refused_for_good: ("failed", "no such mailbox"),
    t6_tries_used_up: ("failed", 18, "gave up after 18 tries: mailbox busy"),
    t7_uncertain: ("uncertain", "uncertain", "the answer was lost"),
    t8_reaped_after_its_deadline: ("dispatching", "uncertain", ""),
    t8_a_late_answer_counts: ("uncertain", "accepted"),
    t9_proven_while_dispatching: ("accepted", "delivered"),
    t9_proven_while_uncertain: ("accepted", "delivered", ""),
    t9_proven_while_parked: ("parked", "accepted"),
    t9_proven_before_it_leaves_again: ("ready", "accepted", 1),
    t10_found: (True, "accepted", "m7", "look-up: it has it"),
    t10_absent: ("uncertain", True),
    t10_unanswered: ("uncertain", True),
    t11_sent_again: (
        "uncertain",
        "ready",
        "sent again: the provider reported other mails, never this one",
    ),
    t11_the_same_mail_leaves: ("accepted", True, True),
    t11_but_once: ("uncertain", 2),
    t11_not_while_the_provider_is_silent: ("uncertain",),
    t11_not_before_it_was_asked: ("uncertain", "ready"),
    t12_parked: ("uncertain", "parked"),
}


def test_a_mail_goes_every_way_of_its_life_and_no_other(database: Database) -> None:
    templates = dict(starter().templates)
    templates[MAIL] = replace(templates[MAIL], on_uncertain=OnUncertain.RESEND)
    walk = Walk(Programme(database, project=replace(starter(), templates=templates)))
    went: dict[str, Says] = {}
    for step in LIFE:
        walk.plan()
        went[step.__name__] = step(walk)
        walk.clear()
    assert went == {step.__name__: says for step, says in LIFE.items()}
