"""Keep to the pace that the workspace allows: before a batch is leased, and at the last gate."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from nurture.core.throttle import (
    DAY,
    HOUR,
    IDLE,
    MINIMUM_SENT,
    MINUTE,
    SLOWED_FOR,
    Bucket,
    Finding,
    Pacing,
    Size,
    Verdict,
    book,
    free_at,
    judge,
    ramp_began,
    ramp_per_hour,
    slow_per_hour,
    take,
    used,
)
from nurture.engine.runtime import Runtime
from nurture.store import buckets, switches
from nurture.store.db import Connection

log = logging.getLogger(__name__)

EVERYBODY = "minute"
TO_A_DOMAIN = "minute:"
"""Begins the names of the buckets of receiving domains."""
FROM_A_DOMAIN = "hour:"
SENT_IN_A_DAY = "day:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A bucket that every mail takes from, and why it has the size that it has."""

    bucket: str
    size: Size
    why: str


def limits(pacing: Pacing, known: dict[str, Bucket], *, slowed: bool, now: datetime) -> list[Limit]:
    """Return the limits that hold for all mail now."""
    found = []
    if pacing.per_minute is not None:
        size = Size(tokens=pacing.per_minute, span=MINUTE)
        found.append(Limit(bucket=EVERYBODY, size=size, why=f"rate {pacing.per_minute} a minute"))
    hourly = FROM_A_DOMAIN + pacing.sender_domain
    if pacing.ramp_from is not None:
        began = ramp_began(pacing.ramp_from, known[hourly], now=now)
        per_hour = ramp_per_hour(began, now=now)
        if per_hour is not None:
            why = f"warm-up, day {max(0, (now - began) // DAY)}: {per_hour} an hour"
            found.append(Limit(bucket=hourly, size=Size(tokens=per_hour, span=HOUR), why=why))
    if slowed:
        sent = used(known[SENT_IN_A_DAY + pacing.sender_domain], DAY, now=now)
        per_hour = slow_per_hour(sent)
        why = f"slowed down to {per_hour} an hour"
        found.append(Limit(bucket=hourly, size=Size(tokens=per_hour, span=HOUR), why=why))
    return found


def names(pacing: Pacing, domains: Iterable[str] = ()) -> list[str]:
    """Return the buckets that mail to these domains is counted in."""
    found = [EVERYBODY] if pacing.per_minute is not None else []
    if pacing.ramp_from is not None or pacing.breakers:
        found.append(FROM_A_DOMAIN + pacing.sender_domain)
    if pacing.breakers:
        found.append(SENT_IN_A_DAY + pacing.sender_domain)
    limited = {domain for domain in domains if pacing.limit_for(domain) is not None}
    return found + [TO_A_DOMAIN + domain for domain in sorted(limited)]


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
        self._changed: set[str] = set()

    def take(self, email: str) -> tuple[datetime, str] | None:
        """Use a token of every bucket for a mail to the address, or return when to ask and why."""
        domain = _domain(email)
        per_minute = self._pacing.limit_for(domain)
        own = TO_A_DOMAIN + domain
        for limit in self._limits:
            at = free_at(self._known[limit.bucket], limit.size, now=self._now)
            if at > self._now:
                return at, limit.why
        if per_minute is not None:
            size = Size(tokens=per_minute, span=MINUTE)
            if free_at(self._known[own], size, now=self._now) > self._now:
                self._known[own], at = book(self._known[own], size, now=self._now)
                self._changed.add(own)
                return at, f"rate {per_minute} a minute to {domain}"
            self._use(own)
        for name in names(self._pacing):
            self._use(name)
        return None

    def _use(self, name: str) -> None:
        bucket, span = self._known[name], MINUTE
        if name.startswith(FROM_A_DOMAIN):
            span = HOUR
            if bucket.last_at is not None and self._now - bucket.last_at > IDLE:
                bucket = replace(bucket, since=self._now)
        elif name.startswith(SENT_IN_A_DAY):
            span = DAY
        self._known[name] = take(bucket, span, now=self._now)
        self._changed.add(name)

    def keep(self, connection: Connection) -> None:
        """Store what was used."""
        buckets.keep(connection, [self._known[name] for name in sorted(self._changed)])


def forget_idle(runtime: Runtime, *, now: datetime) -> None:
    """Drop the buckets of receiving domains that got no mail for a day: they are full again."""
    with runtime.database.write() as connection:
        buckets.forget_idle(connection, beginning=TO_A_DOMAIN, before=now - DAY)
