"""`make outage`: three days without a provider while mail is due, then a provider that is busy.

What the other side took is held against windows, caps, the rate and what the steps say about late
mail. The last line says PASS or FAIL, and so does the exit code.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from itertools import islice
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from nurture.core.message import Accepted, Halted, Outcome, OutgoingMessage
from nurture.core.project import Project
from nurture.core.sequence import EmailStep, Late, SplitArm, SplitStep, WaitStep
from nurture.core.throttle import Pacing
from nurture.engine import sending
from nurture.store.db import open_database
from nurture.store.migrate import upgrade
from nurture.store.tables import messages
from tests.chaos.run import address
from tests.engine.programme import TUESDAY, Programme, row, starter

ZONES = ("Europe/Berlin", "Europe/London", "Europe/Helsinki", "America/New_York", "Asia/Kolkata")
OUTAGE = timedelta(days=3)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PACE = 4 * HOUR
"""How often there is a tick in a large outage: still in every zone's office hours of every day."""
SKIP, ASK, SEND, AGAIN = "guide-delivery", "dairy-case", "leak-walk", "what-leaks-cost"
"""The mails: skipped if late, a person is asked, sent however late, and a second one after that."""
LONGEST = timedelta(days=9)


@dataclass(slots=True, kw_only=True)
class Provider:
    """The other side: away at first, and then so busy that it takes few mails a minute."""

    back_at: datetime
    per_minute: int
    name: str = "provider"
    group_size: int = 50
    longest_wait: timedelta = timedelta(seconds=30)
    taken: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    offered: Counter[datetime] = field(default_factory=Counter)
    refused: int = 0
    _minute: tuple[datetime | None, int] = (None, 0)

    def send(self, mails: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Take the mails, or as many as there is room for in this minute."""
        if now < self.back_at:
            away = Halted(reason="connection refused", until=now + 10 * MINUTE)
            return [away] * len(mails)
        self.offered[now] += len(mails)
        minute = now.replace(second=0, microsecond=0)
        known = self._minute[1] if self._minute[0] == minute else 0
        room = self.per_minute - known
        busy = Halted(reason="429 too many requests", until=minute + MINUTE)
        outcomes: list[Outcome] = []
        for mail in mails:
            if len(outcomes) < room:
                template, email = mail.categories[1], mail.mail.recipient.email
                self.taken.append((mail.uid, email, template, now))
                outcomes.append(Accepted(provider_id=mail.uid))
            else:
                self.refused += 1
                outcomes.append(busy)
        self._minute = (minute, known + min(room, len(mails)))
        return outcomes

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Do nothing: nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of it: what is wrong, and the figures."""

    wrong: tuple[str, ...]
    figures: dict[str, object]


def project(per_minute: int) -> Project:
    """Return the starter with one sequence, in which each mail does something else when late."""
    found = starter()
    limit = 2 * 86400
    steps = (
        SplitStep(
            id="split", next=None,
            arms=(
                SplitArm(name="skip", share=20, first=SKIP),
                SplitArm(name="ask", share=20, first=ASK),
                SplitArm(name="send", share=60, first=SEND),
            ),
        ),
        EmailStep(id=SKIP, next="end", template=SKIP, expires_seconds=limit, late=Late.SKIP),
        EmailStep(id=ASK, next="end", template=ASK, expires_seconds=limit, late=Late.ASK),
        EmailStep(id=SEND, next="pause", template=SEND),
        WaitStep(id="pause", next=AGAIN, seconds=3600),
        EmailStep(id=AGAIN, next="end", template=AGAIN),
        WaitStep(id="end", next=None, seconds=60 * 86400),
    )  # fmt: skip
    welcome = replace(
        found.sequences["welcome"], steps=steps, exits=(), topic="guides", window="office-hours"
    )
    domain = found.workspace.sender_email.partition("@")[2]
    pacing = Pacing(sender_domain=domain, per_minute=per_minute)
    workspace = replace(found.workspace, pacing=pacing)
    return replace(found, workspace=workspace, sequences={"welcome": welcome})


def run(programme: Programme, *, count: int, pace: timedelta = HOUR) -> Tally:
    """Live through it with so many mails; return what is wrong and the figures.

    While nothing leaves there is a tick each `pace`: whose mail waits is decided upon in each of
    them, which for many mails is most of the work, and the outcome is always the same.
    """
    begun, rate = perf_counter(), programme.project.workspace.pacing.per_minute or 1
    provider = Provider(back_at=TUESDAY + OUTAGE, per_minute=max(1, rate * 4 // 5))
    programme.ways = replace(programme.ways, transport=provider)
    people = {f"p{n}@plant{n % 997}.example": ZONES[n % len(ZONES)] for n in range(count)}
    _bring(programme, people)
    story = _Story(programme, provider)
    story.live_until(provider.back_at - MINUTE, every=pace)
    programme.tick()
    during = story.look()
    story.live_until(provider.back_at + MINUTE, every=MINUTE)
    after = story.look()
    decided_at = provider.back_at + HOUR
    story.live_until(decided_at, every=MINUTE)
    for step in story.look().late:
        place = f"{step.sequence}/{step.step}"
        sending.decide_late(programme.runtime, place, send=True, by="Ann", now=programme.now)
    story.live_until_empty()
    wrong = [
        *_right_time(provider, people, decided_at),
        *_right_pace(provider, rate),
        *_nothing_lost(programme, provider, count),
        *_visible(during, after, provider, count - _states(programme).get("expired", 0)),
    ]
    return Tally(
        wrong=tuple(wrong),
        figures={
            "messages": count,
            "accepted": len(provider.taken),
            "answers of 429": provider.refused,
            "most offered in any minute": _most_in_a_minute(provider.offered),
            "rate": rate,
            "states": _states(programme),
            "due in the outage": during.due,
            "held in the outage": {group.reason: group.mails for group in during.held},
            "age in the outage": during.oldest_for,
            "forecast in the outage": during.empty_at,
            "forecast after it": after.empty_at,
            "empty at": programme.now,
            "longest look at the queue": f"{story.longest_look:.2f} s",
            "seconds": round(perf_counter() - begun),
        },
    )


def _bring(programme: Programme, people: dict[str, str]) -> None:
    lines = iter([row(email, time_zone=zone) for email, zone in people.items()])
    while part := list(islice(lines, 5000)):
        programme.bring(*part, name=part[0])


class _Story:
    """Virtual time with a tick at every step of it."""

    def __init__(self, programme: Programme, provider: Provider) -> None:
        self.programme, self.provider = programme, provider
        self.longest_look = 0.0

    def live_until(self, end: datetime, *, every: timedelta) -> None:
        while self.programme.now < end:
            self.programme.tick()
            self.programme.now = min(self.programme.now + every, end)

    def live_until_empty(self) -> None:
        """Go on until nothing waits to be sent or planned; sleep while nothing is due."""
        end = self.programme.now + LONGEST
        while self.programme.now < end:
            total = self.programme.tick()
            found = self.look()
            if not found.waiting and not self._to_come():
                return
            busy = found.due or total.deliver.get("accepted")
            self.programme.now += MINUTE if busy else HOUR / 2

    def _to_come(self) -> bool:
        """Say whether somebody still waits for the second mail."""
        taken = Counter(template for _, _, template, _ in self.provider.taken)
        return taken[SEND] > taken[AGAIN]

    def look(self) -> sending.Sending:
        begun = perf_counter()
        found = sending.look(self.programme.runtime, now=self.programme.now)
        self.longest_look = max(self.longest_look, perf_counter() - begun)
        return found


# -- what must be so -----------------------------------------------------------------------------


def _right_time(provider: Provider, people: dict[str, str], decided: datetime) -> Iterable[str]:
    days = Counter[tuple[str, object]]()
    for _, email, template, at in provider.taken:
        local = at.astimezone(ZoneInfo(people[email]))
        days[email, local.date()] += 1
        if local.isoweekday() > 5 or not time(8, 30) <= local.time() < time(17, 30):
            yield f"{email} got a mail at {local}"
        if template == SKIP:
            yield f"{email} got a mail that was too late"
        if template == ASK and at < decided:
            yield f"{email} got a late mail before a person said so"
    twice = sum(count > 1 for count in days.values())
    if twice:
        yield f"{twice} people got two mails on one day"


def _right_pace(provider: Provider, rate: int) -> Iterable[str]:
    most = _most_in_a_minute(provider.offered)
    if most > rate:
        yield f"{most} mails in one minute, {rate} are allowed"
    if not provider.refused:
        yield "the provider never was too busy"


def _most_in_a_minute(offered: Counter[datetime]) -> int:
    times = sorted(offered)
    most, first, total = 0, 0, 0
    for at in times:
        total += offered[at]
        while times[first] <= at - MINUTE:
            total -= offered[times[first]]
            first += 1
        most = max(most, total)
    return most


def _nothing_lost(programme: Programme, provider: Provider, count: int) -> Iterable[str]:
    uids = Counter(uid for uid, *_ in provider.taken)
    twice = sum(n > 1 for n in uids.values())
    if twice:
        yield f"{twice} mails were taken twice"
    states = _states(programme)
    if states.get("accepted") != len(uids):
        yield f"{states.get('accepted')} count as accepted, {len(uids)} were"
    if set(states) - {"accepted", "expired"}:
        yield f"mails are neither sent nor expired: {states}"
    taken = Counter(template for _, _, template, _ in provider.taken)
    if states.get("expired", 0) + taken[ASK] + taken[SEND] != count or taken[AGAIN] != taken[SEND]:
        yield f"a mail is missing: {taken}, {states}"


def _visible(
    during: sending.Sending, after: sending.Sending, provider: Provider, alive: int
) -> Iterable[str]:
    # Some that are skipped when they are late have been met, and others are still due.
    if during.waiting < alive:
        yield f"{during.waiting} of {alive} mails are shown as waiting"
    if any(not group.reason for group in during.held):
        yield "a mail is held without a reason"
    if during.oldest_for is None or during.oldest_for < OUTAGE - HOUR:
        yield f"the queue's age is said to be {during.oldest_for}"
    if "connection refused" not in {switch.reason for switch in during.off}:
        yield f"what stops sending is not shown: {during.off}"
    last = max(at for _, _, template, at in provider.taken if template in (SEND, ASK))
    for found in (during, after):
        if found.empty_at is None or not found.at <= found.empty_at <= last + HOUR:
            yield f"the forecast {found.empty_at} is no earliest time: the last left at {last}"


def _states(programme: Programme) -> dict[str, int]:
    with programme.database.read() as connection:
        counted = select(messages.c.state, func.count()).group_by(messages.c.state)
        return dict(connection.execute(counted).tuples().all())


def main() -> int:
    """Live through the outage on each database and return 1 if something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    asked = parser.parse_args()
    kinds = ["sqlite", "postgresql"] if asked.database == "both" else [asked.database]
    failed = [kind for kind in kinds if _is_wrong(kind, asked.messages)]
    said = f"FAIL on {' and '.join(failed)}" if failed else f"PASS on {' and '.join(kinds)}"
    print(f"outage: {said}")
    return int(bool(failed))


def _is_wrong(kind: str, count: int) -> bool:
    with tempfile.TemporaryDirectory() as home, address(kind, Path(home)) as url:
        database = open_database(url)
        upgrade(database)
        made = Programme(database, project=project(max(5, count // 100)))
        tally = run(made, count=count, pace=PACE)
        database.close()
    print(f"-- {kind}")
    for name, value in tally.figures.items():
        print(f"{name}: {value}")
    for line in tally.wrong[:20]:
        print(f"wrong: {line}")
    return bool(tally.wrong)


if __name__ == "__main__":
    sys.exit(main())
