"""Keep to the pace that the workspace allows: before a batch is leased, and at the last gate."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nurture.core.message import Message
from nurture.core.receivers import OTHERS, RECEIVER_GROUPS, receiver_group
from nurture.core.throttle import (
    DAY,
    HOUR,
    IDLE,
    MINIMUM_SENT,
    MINUTE,
    RATE,
    SLOWED_FOR,
    WARM_UP,
    Bucket,
    Finding,
    Pacing,
    Size,
    SizeAt,
    Verdict,
    book,
    book_again,
    free_at,
    is_too_long,
    judge,
    ramp_began,
    ramp_day,
    ramp_day_ends,
    ramp_size,
    slow_per_hour,
    take,
    used,
)
from nurture.engine.moments import say_time
from nurture.engine.runtime import Runtime
from nurture.store import buckets, sending, switches
from nurture.store.db import Connection

log = logging.getLogger(__name__)

EVERYBODY = "minute"
TO_A_DOMAIN = "minute:"
"""Begins the names of the buckets of receiving domains."""
FROM_A_DOMAIN = "hour:"
TO_A_GROUP = "warm-up:"
"""Begins the names of the buckets of receiver groups: warm-up:SENDING DOMAIN:GROUP."""
SENT_IN_A_DAY = "day:"
GROUPS = (*RECEIVER_GROUPS, OTHERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A bucket that mails take from, and why it has the size that it has."""

    bucket: str
    size: Size
    why: str


def limits(pacing: Pacing, known: dict[str, Bucket], *, slowed: bool, now: datetime) -> list[Limit]:
    """Return the limits that hold for all mail now."""
    found = []
    if pacing.per_minute is not None:
        size = Size(tokens=pacing.per_minute, span=MINUTE)
        found.append(Limit(bucket=EVERYBODY, size=size, why=f"{RATE}{pacing.per_minute} a minute"))
    if slowed:
        sent = used(known[SENT_IN_A_DAY + pacing.sender_domain], DAY, now=now)
        size = Size(tokens=slow_per_hour(sent), span=HOUR)
        why = f"slowed down to {size.tokens} an hour"
        found.append(Limit(bucket=FROM_A_DOMAIN + pacing.sender_domain, size=size, why=why))
    return found


def names(pacing: Pacing, domains: Iterable[str] = ()) -> list[str]:
    """Return the buckets that mail to these domains is counted in."""
    found = [EVERYBODY] if pacing.per_minute is not None else []
    if pacing.breakers:
        found += [FROM_A_DOMAIN + pacing.sender_domain, SENT_IN_A_DAY + pacing.sender_domain]
    domains = set(domains)
    if pacing.ramp_from is not None:
        found += [group_bucket(pacing, group) for group in {receiver_group(d) for d in domains}]
    return found + [TO_A_DOMAIN + d for d in domains if pacing.limit_for(d) is not None]


def group_bucket(pacing: Pacing, group: str) -> str:
    """Return the name of the bucket in which a receiver group's warm-up is counted."""
    return f"{TO_A_GROUP}{pacing.sender_domain}:{group}"


def switch_names(transport: str, pacing: Pacing) -> list[str]:
    """Return the switches any of which keeps all mail from leaving."""
    names = [switches.SENDING, f"transport:{transport}"]
    return names + ([switches.BREAKER + pacing.sender_domain] if pacing.breakers else [])


def is_slowed(connection: Connection, pacing: Pacing, *, now: datetime) -> bool:
    """Return whether mail leaves more slowly because too much of it was deferred."""
    if not pacing.breakers:
        return False
    return switches.halted(connection, switches.SLOW + pacing.sender_domain, now=now) is not None


def standing(
    connection: Connection, pacing: Pacing, *, now: datetime
) -> list[tuple[Limit, int, datetime]]:
    """Return each limit on all mail, how many may leave now, and when the next one may."""
    known = buckets.read(connection, names(pacing))
    slowed = is_slowed(connection, pacing, now=now)
    found = []
    for limit in limits(pacing, known, slowed=slowed, now=now):
        bucket = known[limit.bucket]
        left = max(0, limit.size.tokens - used(bucket, limit.size.span, now=now))
        found.append((limit, left, free_at(bucket, limit.size, now=now)))
    return found


def room(connection: Connection, pacing: Pacing, *, now: datetime) -> tuple[int | None, str]:
    """Return how many mails may leave now (None: any number), and what limits them."""
    found = standing(connection, pacing, now=now)
    if not found:
        return None, ""
    limit, left, _ = min(found, key=lambda each: each[1])
    return left, limit.why


def warming(
    connection: Connection, pacing: Pacing, *, now: datetime
) -> list[tuple[Limit, int, datetime]]:
    """Return the warm-up of each receiver group that gets mail, as `standing` does.

    Before the first mail: what all of them begin with.
    """
    if pacing.ramp_from is None:
        return []
    known = buckets.read(connection, [group_bucket(pacing, group) for group in GROUPS])
    found = []
    for group in GROUPS:
        bucket = known[group_bucket(pacing, group)]
        began = ramp_began(pacing.ramp_from, bucket, now=now)
        size = ramp_size(began)(now)
        if bucket.last_at is None or size is None:
            continue
        why = f"warm-up, day {ramp_day(began, now=now)}: {size.tokens} an hour to {group}"
        left = max(0, size.tokens - used(bucket, HOUR, now=now))
        limit = Limit(bucket=bucket.name, size=size, why=why)
        found.append((limit, left, free_at(bucket, size, now=now)))
    size = ramp_size(pacing.ramp_from)(now)
    if size is not None and all(bucket.last_at is None for bucket in known.values()):
        day = ramp_day(pacing.ramp_from, now=now)
        why = f"warm-up, day {day}: {size.tokens} an hour to each receiver group"
        found.append((Limit(bucket="", size=size, why=why), size.tokens, now))
    return found


def slowed_to(
    connection: Connection, pacing: Pacing, *, now: datetime
) -> tuple[int, datetime] | None:
    """Return how many mails an hour a slowed domain may send and until when."""
    for domain, _, until in switches.slowed(connection, now=now):
        if domain == pacing.sender_domain and until is not None:
            name = SENT_IN_A_DAY + domain
            bucket = buckets.read(connection, [name])[name]
            return slow_per_hour(used(bucket, DAY, now=now)), until
    return None


def findings(connection: Connection, pacing: Pacing, *, now: datetime) -> list[Finding]:
    """Return what is wrong with the last 24 hours, or with those since a person lifted a halt."""
    name = SENT_IN_A_DAY + pacing.sender_domain
    bucket = buckets.read(connection, [name])[name]
    sent = used(bucket, DAY, now=now)
    if sent < MINIMUM_SENT:
        return []
    since = max(now - DAY, bucket.since or now - DAY)
    return judge(sent, buckets.troubles(connection, since=since))


def trip(connection: Connection, pacing: Pacing, *, now: datetime) -> str:
    """Judge the sending domain; pause or slow it where that is called for. Return why it halts."""
    halted = ""
    for finding in findings(connection, pacing, now=now):
        if finding.verdict is Verdict.PAUSE:
            halted = halted or str(finding)
        elif finding.verdict is Verdict.SLOW and not is_slowed(connection, pacing, now=now):
            name = switches.SLOW + pacing.sender_domain
            until = now + SLOWED_FOR
            switches.halt(connection, name, reason=str(finding), until=until, now=now)
            log.warning("domain=%s slowed down: %s", pacing.sender_domain, finding)
    if halted:
        name = switches.BREAKER + pacing.sender_domain
        switches.halt(connection, name, reason=halted, until=None, now=now)
        log.error("domain=%s paused: %s", pacing.sender_domain, halted)
    return halted


def _domain(email: str) -> str:
    return email.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A bucket for some receivers: a mail that finds it empty is booked, and holds nobody up."""

    bucket: str
    receiver: str
    size: Size
    size_at: SizeAt
    why: str

    def has_booked(self, reason: str) -> bool:
        """Say whether it is for their turn here that mails wait for that reason."""
        kind = WARM_UP if self.bucket.startswith(TO_A_GROUP) else RATE
        return reason.startswith(kind) and f" to {self.receiver} " in f"{reason} "


def shares(pacing: Pacing, domain: str, known: dict[str, Bucket], *, now: datetime) -> list[Share]:
    """Return the limits on mail to the domain alone, and on its receiver group."""
    name = group_bucket(pacing, receiver_group(domain))
    found = [
        _warm_up(pacing, receiver_group(domain), known.get(name, Bucket(name=name)), now=now),
        _rate(pacing, domain),
    ]
    return [share for share in found if share is not None]


def _warm_up(pacing: Pacing, group: str, bucket: Bucket, *, now: datetime) -> Share | None:
    if pacing.ramp_from is None:
        return None
    began = ramp_began(pacing.ramp_from, bucket, now=now)
    per_hour = ramp_size(began)
    size = per_hour(now)
    if size is None:
        return None
    until = say_time(ramp_day_ends(began, now=now), pacing.time_zone)
    why = f"{WARM_UP}{size.tokens} an hour to {group} until {until}"
    return Share(bucket=bucket.name, receiver=group, size=size, size_at=per_hour, why=why)


def _rate(pacing: Pacing, domain: str) -> Share | None:
    per_minute = pacing.limit_for(domain)
    if per_minute is None:
        return None
    size = Size(tokens=per_minute, span=MINUTE)
    return Share(
        bucket=TO_A_DOMAIN + domain,
        receiver=domain,
        size=size,
        size_at=lambda _: size,
        why=f"{RATE}{per_minute} a minute to {domain}",
    )


class Meter:
    """Counts the mails of one group as they pass the last gate, under the buckets' locks."""

    def __init__(
        self, connection: Connection, pacing: Pacing, emails: Iterable[str], *, now: datetime
    ) -> None:
        self._pacing, self._now = pacing, now
        domains = {_domain(email) for email in emails}
        self._known = buckets.hold(connection, names(pacing, domains))
        slowed = is_slowed(connection, pacing, now=now)
        self._limits = limits(pacing, self._known, slowed=slowed, now=now)
        self._shares = {one: shares(pacing, one, self._known, now=now) for one in domains}
        self._changed: set[str] = set()

    def take(self, email: str, reason: str = "") -> tuple[datetime, str] | None:
        """Use a token of every bucket for a mail to the address, or return when to ask and why.

        `reason`: what the mail has waited for. Who comes back for their turn is booked before all
        others if there is no token.
        """
        domain = _domain(email)
        for limit in self._limits:
            at = free_at(self._known[limit.bucket], limit.size, now=self._now)
            if at > self._now:
                return at, limit.why
        for share in self._shares[domain]:
            bucket = self._known[share.bucket]
            if free_at(bucket, share.size, now=self._now) > self._now:
                if share.has_booked(reason):
                    bucket, at = book_again(bucket, share.size, now=self._now)
                else:
                    bucket, at = book(bucket, share.size_at, now=self._now)
                self._known[share.bucket] = bucket
                self._changed.add(share.bucket)
                return at, share.why
        for name in names(self._pacing, [domain]):
            self._use(name)
        return None

    def _use(self, name: str) -> None:
        bucket, span = self._known[name], MINUTE
        if name.startswith(TO_A_GROUP):
            span = HOUR
            if bucket.last_at is not None and self._now - bucket.last_at > IDLE:
                bucket = replace(bucket, since=self._now)
        elif name.startswith(FROM_A_DOMAIN):
            span = HOUR
        elif name.startswith(SENT_IN_A_DAY):
            span = DAY
        self._known[name] = take(bucket, span, now=self._now)
        self._changed.add(name)

    def keep(self, connection: Connection) -> None:
        """Store what was used."""
        buckets.keep(connection, [self._known[name] for name in sorted(self._changed)])


def in_line(batch: Sequence[Message]) -> list[Message]:
    """Return the mails with those first that have waited for their turn, longest planned first."""
    return sorted(batch, key=lambda one: (not one.reason.startswith((RATE, WARM_UP)), one.id))


def move_up(runtime: Runtime, *, now: datetime) -> None:
    """Have mails booked anew that wait for longer than they need: some before them are gone."""
    with runtime.database.read() as connection:
        pacing = runtime.in_force(connection).project.workspace.pacing
        lines = buckets.read(connection, buckets.booked_beyond(connection, now + MINUTE))
        held = sending.held(connection, now=now) if lines else []
    waiting = {name: _booked(pacing, bucket, held, now=now) for name, bucket in lines.items()}
    too_long = {name: why for name, why in waiting.items() if why is not None}
    if too_long:
        with runtime.database.write() as connection:
            known = buckets.hold(connection, too_long)
            emptied = [replace(each, booked_to=None, missed=0) for each in known.values()]
            buckets.keep(connection, emptied)
            why = sorted(set().union(*too_long.values()))
            if why:
                sending.ask_again(connection, why, now=now)


def _booked(
    pacing: Pacing, bucket: Bucket, held: Sequence[sending.Held], *, now: datetime
) -> set[str] | None:
    """Return the reasons of the mails that wait here if it is for too long; else None."""
    share = _share(pacing, bucket, now=now)
    if share is None:
        return set()
    mine = [each for each in held if share.has_booked(each.reason)]
    waiting = sum(each.mails for each in mine)
    if not is_too_long(bucket, share.size, waiting, now=now):
        return None
    return {each.reason for each in mine}


def _share(pacing: Pacing, bucket: Bucket, *, now: datetime) -> Share | None:
    """Return the limit that the bucket is for; None if there is none any more."""
    of_groups = group_bucket(pacing, "")
    if bucket.name.startswith(of_groups):
        return _warm_up(pacing, bucket.name.removeprefix(of_groups), bucket, now=now)
    if bucket.name.startswith(TO_A_DOMAIN):
        return _rate(pacing, bucket.name.removeprefix(TO_A_DOMAIN))
    return None


def ask_again(connection: Connection, *, now: datetime) -> None:
    """Let what waits for its share be looked at now: another pace may be in force."""
    buckets.forget_bookings(connection)
    sending.ask_again(connection, (RATE, WARM_UP), now=now)


def forget_idle(runtime: Runtime, *, now: datetime) -> None:
    """Drop the buckets of receiving domains that got no mail for a day: they are full again."""
    with runtime.database.write() as connection:
        buckets.forget_idle(connection, beginning=TO_A_DOMAIN, before=now - DAY)
