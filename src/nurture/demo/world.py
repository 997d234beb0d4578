"""One virtual world: the engine, its web app on loopback, the people, the provider and the CRM."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from itertools import count
from threading import Lock
from typing import Any, Protocol

import httpx

from nurture.bootstrap import App
from nurture.core.token import keyed_hash
from nurture.demo import forms, provider
from nurture.demo.crm import PretendCrm
from nurture.demo.mailbox import Mail, Mailbox
from nurture.engine import replies, tick
from nurture.simulate.clock import VirtualClock
from nurture.simulate.people import Deed, Person
from nurture.simulate.sales import SalesAnswer, answers
from nurture.transports import signing


class TickRunner(Protocol):
    """Runs one tick: the engine directly, or through the flows."""

    def __call__(self, *, now: datetime) -> None:
        """Do everything that is due."""


@dataclass(slots=True, kw_only=True)
class Done:
    """What the people, the provider and sales have done so far."""

    mails: int = 0
    clicks: int = 0
    scans: int = 0
    forms: int = 0
    replies: int = 0
    unsubscribed: int = 0
    forgotten: int = 0
    answers: int = 0


class Doorbell:
    """Collects the leads that rang; the world works them off when it is its turn."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rang: set[int] = set()

    def ring(self, lead_ids: Sequence[int]) -> None:
        """Note that something happened to these leads; none named: provider posts came in."""
        with self._lock:
            self._rang.update(lead_ids or [0])

    def take(self) -> list[int]:
        """Return who rang since the last call; 0 stands for provider posts."""
        with self._lock:
            rang, self._rang = sorted(self._rang), set()
        return rang


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that moves. `client` talks to the engine's own web app."""

    seed: int
    app: App
    ways: tick.Ways
    clock: VirtualClock
    client: httpx.Client
    mailbox: Mailbox
    provider: provider.PretendProvider
    crm: PretendCrm
    doorbell: Doorbell
    feedback_secret: str
    done: Done = field(default_factory=Done)
    _due: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _people: dict[str, Person] = field(default_factory=dict)
    _unreported: list[dict[str, Any]] = field(default_factory=list)

    def live_until(self, moment: datetime) -> None:
        """Let everything happen that people and sales do before the moment, in order of time."""
        while self._due and self._due[0][0] <= moment:
            at, _, act = heapq.heappop(self._due)
            self.clock.move_to(max(at, self.clock()))
            act()
            self._answer_the_door()
        self.clock.move_to(moment)

    def tick(self, run: TickRunner) -> None:
        """Run a tick, then let the mail arrive and the CRM read what it was handed."""
        run(now=self.clock())
        self._deliver_mail()
        self._read_handoffs()

    def run_engine(self, *, now: datetime) -> None:
        """Run one tick by calling the engine."""
        tick.run(self.app.runtime, self.ways, now=now)

    def _answer_the_door(self) -> None:
        rang = self.doorbell.take()
        if rang:
            ids = [lead_id for lead_id in rang if lead_id] or None
            tick.run(self.app.runtime, self.ways, now=self.clock(), lead_ids=ids)
            self._deliver_mail()
            self._read_handoffs()

    def _at(self, moment: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (moment, next(self._order), act))

    # -- mail ------------------------------------------------------------------------------------

    def _deliver_mail(self) -> None:
        arrived = self.mailbox.new()
        if not arrived:
            return
        self.done.mails += len(arrived)
        reports = []
        for mail in arrived:
            person = self._person(mail.recipient)
            if person.is_reachable:
                reports.append(provider.delivered(mail))
                self._plan_reactions(person, mail)
            else:
                reports.append(provider.bounced(mail))
        # A minute later: what a provider reports is never news of the very second.
        when = self.clock() + timedelta(minutes=1)
        self._at(when, lambda: self._report(reports))

    def _report(self, events: list[dict[str, Any]]) -> None:
        events, self._unreported = [*self._unreported, *events], []
        self.provider.report(self.client, events, now=self.clock())

    def _person(self, email: str) -> Person:
        person = self._people.get(email)
        if person is None:
            person = self._people[email] = Person(seed=self.seed, email=email.casefold())
        return person

    def _plan_reactions(self, person: Person, mail: Mail) -> None:
        arrived = self.clock() + provider.DELIVERED_AFTER
        for reaction in person.react(mail.name, asks=bool(mail.form_url)):
            act = self._deed(reaction.deed, person, mail)
            self._at(arrived + reaction.after, act)

    def _deed(self, deed: Deed, person: Person, mail: Mail) -> Callable[[], None]:
        deeds: dict[Deed, Callable[[], None]] = {
            Deed.OPEN: lambda: self._open(mail),
            Deed.SCAN: lambda: self._scan(mail),
            Deed.CLICK: lambda: self._click(person, mail),
            Deed.ANSWER: lambda: self._answer(person, mail),
            Deed.REPLY: lambda: self._reply(mail, machine=False),
            Deed.OUT_OF_OFFICE: lambda: self._reply(mail, machine=True),
            Deed.UNSUBSCRIBE: lambda: self._unsubscribe(mail),
            Deed.FORGET: lambda: self._forget(mail),
        }
        return deeds[deed]

    def _open(self, mail: Mail) -> None:
        # Providers collect events and post them together; opens go out with the next report.
        self._unreported.append(provider.opened(mail, self.clock()))

    def _scan(self, mail: Mail) -> None:
        """Follow every link within seconds, as mail scanners do; nothing may come of it."""
        self.done.scans += 1
        for url in (*mail.clicks[:3], mail.one_click_url):
            self.client.get(url, headers={"user-agent": "Mozilla/5.0 (compatible; LinkGuard)"})

    def _click(self, person: Person, mail: Mail) -> None:
        if mail.clicks:
            url = person.chance("link", mail.name).choice(mail.clicks)
            self.client.get(url, headers={"user-agent": BROWSER})
            self.done.clicks += 1

    def _answer(self, person: Person, mail: Mail) -> None:
        today = self.clock().date()
        if forms.fill_in(self.client, mail.form_url, person, today=today):
            self.done.forms += 1

    def _reply(self, mail: Mail, *, machine: bool) -> None:
        reply = EmailMessage()
        reply["From"], reply["To"] = mail.recipient, "ingrid@havelock-air.example"
        reply["Subject"] = f"Re: {mail.subject}"
        reply["In-Reply-To"] = mail.message_id
        reply["Message-ID"] = mail.message_id.replace("<", "<auto-" if machine else "<reply-")
        if machine:
            reply["Auto-Submitted"] = "auto-replied"
        reply.set_content("I am away until Monday." if machine else "Thank you, call me in spring.")
        taken = replies.take_reply(self.app.runtime, reply.as_bytes(), now=self.clock())
        self.done.replies += not machine
        if taken is not None:
            self.doorbell.ring([taken.lead_id])

    def _unsubscribe(self, mail: Mail) -> None:
        body = {"List-Unsubscribe": "One-Click"}
        self.client.post(mail.one_click_url, data=body).raise_for_status()
        self.done.unsubscribed += 1

    def _forget(self, mail: Mail) -> None:
        if mail.preferences_url:
            answer = self.client.post(
                mail.preferences_url,
                data={"act": "forget", "sure": "yes"},
                follow_redirects=True,
            )
            self.done.forgotten += answer.status_code == httpx.codes.OK

    # -- sales -----------------------------------------------------------------------------------

    def _read_handoffs(self) -> None:
        for received in self.crm.take_new():
            who = str(received.data["person"]["email"]).casefold()
            cycle = received.data["handoff"]["cycle"]
            for said in answers(self.seed, f"{who}/{cycle}"):
                self._at(self.clock() + said.after, self._feedback(received.uid, said))

    def _feedback(self, uid: str, said: SalesAnswer) -> Callable[[], None]:
        def act() -> None:
            told = {
                "type": f"handoff.{said.verb}",
                "data": {
                    "handoff_id": uid,
                    "reason": said.reason,
                    "occurred_at": self.clock().isoformat(),
                },
            }
            body = json.dumps(told).encode()
            headers = signing.signed_headers(
                body,
                message_id=f"crm_{keyed_hash(b'crm', f'{uid}/{said.verb}')[:24]}",
                secrets=[self.feedback_secret],
                now=self.clock(),
            )
            self.client.post(
                "/hooks/sales/inside-sales", content=body, headers=headers
            ).raise_for_status()
            self.done.answers += 1

        return act


BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0"
