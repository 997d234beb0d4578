"""How fast mail may leave: buckets of tokens, the warm-up of a young domain, and breakers.

Everything here is counted outside and passed in. A bucket's token comes back one span after it was
used, so that no span of that length, wherever it begins, ever sees more than the bucket holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

RAMP = tuple(round(20 * 1.4**day) for day in range(31))
"""Mails an hour on each day of a warm-up: the curve of SendGrid's own. After it there is no cap."""
IDLE = timedelta(days=30)
"""Mailbox providers forget a domain that has been silent for so long: its warm-up begins again."""

RATE, WARM_UP = "rate ", "warm-up: "
"""Begin the reasons of mails that wait because they found no token."""

MINIMUM_SENT = 100
"""Below so many mails in 24 hours no breaker judges: of ten mails one complaint is ten percent, and
says nothing. Six hard bounces of a hundred, above the limit, happen to a list with two percent of
bad addresses on one day in sixty."""
MINIMUM_COMPLAINTS = 3
"""So many people must complain before all mail is paused: at an allowed rate of one in a thousand,
three complain about the same 500 mails by chance on one day in seventy, two on one in eleven."""
SLOWED_FOR = timedelta(hours=1)
SLOWEST_PER_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How fast the workspace lets mail leave: nurture.yaml, under transport. None: no limit."""

    sender_domain: str = ""
    time_zone: str = "UTC"
    per_minute: int | None = None
    per_domain: Mapping[str, int] = field(default_factory=dict)
    per_other_domain: int | None = None
    ramp_from: datetime | None = None
    breakers: bool = False

    @property
    def is_set(self) -> bool:
        """Whether there is anything to count."""
        return self.has_rate or self.ramp_from is not None or self.breakers

    @property
    def has_rate(self) -> bool:
        """Whether a minute has a limit, for all mail or for some domain's."""
        limits = (self.per_minute, self.per_other_domain, *self.per_domain.values())
        return any(limit is not None for limit in limits)

    def limit_for(self, domain: str) -> int | None:
        """Return how many mails a minute the receiving domain gets."""
        return self.per_domain.get(domain, self.per_other_domain)


# -- buckets -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The tokens that were used: (when, how many), oldest first.

    `since` is when a warm-up began again, or counting did; `booked_to` is the last time at which a
    mail that found no token may ask again; `last_at` the last use; `missed` is how many mails have
    found no token since then though their booked time had come.
    """

    name: str
    taken: tuple[tuple[datetime, int], ...] = ()
    since: datetime | None = None
    booked_to: datetime | None = None
    last_at: datetime | None = None
    missed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """So many tokens in each span."""

    tokens: int
    span: timedelta


def _out(bucket: Bucket, span: timedelta, now: datetime) -> list[tuple[datetime, int]]:
    """Return what has not come back. What is far ahead was used before a clock was set back."""
    return [(at, count) for at, count in bucket.taken if now - span < at <= now + span]


def used(bucket: Bucket, span: timedelta, *, now: datetime) -> int:
    """Return how many tokens have not come back yet."""
    return sum(count for _, count in _out(bucket, span, now))


def take(bucket: Bucket, span: timedelta, *, now: datetime, count: int = 1) -> Bucket:
    """Return the bucket after tokens were used; uses of a sixtieth of the span are kept as one."""
    kept = _out(bucket, span, now)
    if kept and _slot(kept[-1][0], span) == _slot(now, span):
        # The later time for all of them: they come back a little late, and never early.
        kept[-1] = (max(now, kept[-1][0]), kept[-1][1] + count)
    else:
        kept.append((now, count))
    since, booked_to = bucket.since, bucket.booked_to
    if _set_back(bucket, span, now):
        since, booked_to = since and min(since, now), booked_to and min(booked_to, now)
    used_now = replace(bucket, taken=tuple(kept), last_at=now, missed=0)
    return replace(used_now, since=since, booked_to=booked_to)


def _set_back(bucket: Bucket, span: timedelta, now: datetime) -> bool:
    return bucket.last_at is not None and bucket.last_at > now + span


def _slot(at: datetime, span: timedelta) -> int:
    return int(at.timestamp() // (span.total_seconds() / 60))


def free_at(bucket: Bucket, size: Size, *, now: datetime) -> datetime:
    """Return when the next token is free: `now`, if one is."""
    return _token_at(bucket, size, 0, now=now)


def _token_at(bucket: Bucket, size: Size, number: int, *, now: datetime) -> datetime:
    """Return when so many tokens and one more have been free, each used at once."""
    rounds, place = divmod(number, size.tokens)
    left = size.tokens - used(bucket, size.span, now=now)
    if left > place:
        return now + size.span * rounds
    for at, count in sorted(_out(bucket, size.span, now)):
        left += count
        if left > place:
            return at + size.span * (rounds + 1)
    raise AssertionError("a bucket without tokens")


SizeAt = Callable[[datetime], Size | None]
"""How large a bucket is then; None: without end."""


def book(bucket: Bucket, size_at: SizeAt, *, now: datetime) -> tuple[Bucket, datetime]:
    """Return when a mail that found no token may ask again: one after the other, evenly.

    The bucket may grow until then: mails follow each other as fast as it allows at their time.
    """
    size, booked = size_at(now), bucket.booked_to
    if size is None:
        return bucket, now
    at = free_at(bucket, size, now=now)
    if booked is not None and not _set_back(bucket, size.span, now):
        then = size_at(max(booked, now))
        at = max(at, booked + (then.span / then.tokens if then is not None else timedelta()))
    return replace(bucket, booked_to=at), at


def book_again(bucket: Bucket, size: Size, *, now: datetime) -> tuple[Bucket, datetime]:
    """Return when a mail may ask again whose booked time has come, and there is no token.

    It keeps its place: the next token is its own, and not one behind all that were booked later.
    """
    at = _token_at(bucket, size, bucket.missed, now=now)
    booked_to = at if bucket.booked_to is None else max(at, bucket.booked_to)
    return replace(bucket, booked_to=booked_to, missed=bucket.missed + 1), at


def is_too_long(bucket: Bucket, size: Size, waiting: int, *, now: datetime) -> bool:
    """Say whether so many mails are booked for longer than they need: some before them are gone.

    Two spans are left to them: one until the first token is free, and one for late ticks.
    """
    needed = size.span * 2 + size.span / size.tokens * waiting
    return bucket.booked_to is not None and bucket.booked_to > now + needed


# -- warm-up -------------------------------------------------------------------------------------


def ramp_began(ramp_from: datetime, bucket: Bucket, *, now: datetime) -> datetime:
    """Return when the warm-up began: again, after a long silence."""
    if bucket.last_at is not None and now - bucket.last_at > IDLE:
        return now
    return max(ramp_from, bucket.since or ramp_from)


def ramp_day(began: datetime, *, now: datetime) -> int:
    """Return which day of the warm-up it is, the first being day 0."""
    return max(0, (now - began) // DAY)


def ramp_day_ends(began: datetime, *, now: datetime) -> datetime:
    """Return when the next day of the warm-up begins."""
    # In UTC: a day of a warm-up has 24 hours, also where clocks change.
    return began.astimezone(UTC) + DAY * (ramp_day(began, now=now) + 1)


def ramp_per_hour(began: datetime, *, now: datetime) -> int | None:
    """Return how many mails may leave in an hour on this day of the warm-up; None after it."""
    day = ramp_day(began, now=now)
    return RAMP[day] if day < len(RAMP) else None


def ramp_size(began: datetime) -> SizeAt:
    """Return how the bucket of a warm-up grows."""

    def size_at(at: datetime) -> Size | None:
        per_hour = ramp_per_hour(began, now=at)
        return None if per_hour is None else Size(tokens=per_hour, span=HOUR)

    return size_at


def slow_per_hour(sent_in_a_day: int) -> int:
    """Return how many mails an hour a slowed domain sends: half of what it did in the last day."""
    return max(SLOWEST_PER_HOUR, sent_in_a_day // 24 // 2)


# -- breakers ------------------------------------------------------------------------------------


class Trouble(StrEnum):
    """What is counted over 24 hours, per person."""

    COMPLAINTS = "complaints"
    BOUNCES = "hard bounces"
    DEFERRALS = "deferrals"


class Verdict(StrEnum):
    """What follows."""

    WARN = "warn"
    SLOW = "slow"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A share of the mails that is too high."""

    trouble: Trouble
    verdict: Verdict
    count: int
    sent: int
    limit: float

    def __str__(self) -> str:
        """Say it in words: a switch keeps it as its reason."""
        return (
            f"{self.count} {self.trouble} among {self.sent} mails of 24 hours are "
            f"{self.count / self.sent:.1%}, more than {self.limit:.1%}"
        )


LIMITS = (
    (Trouble.COMPLAINTS, Verdict.PAUSE, 0.003),
    (Trouble.COMPLAINTS, Verdict.WARN, 0.001),
    (Trouble.BOUNCES, Verdict.PAUSE, 0.05),
    (Trouble.BOUNCES, Verdict.WARN, 0.02),
    (Trouble.DEFERRALS, Verdict.SLOW, 0.2),
)
"""What mailbox providers ask of senders; the strictest that is broken counts."""


def judge(sent: int, counts: Mapping[Trouble, int]) -> list[Finding]:
    """Return what is wrong with the last 24 hours, the worst of each kind."""
    found: dict[Trouble, Finding] = {}
    if sent < MINIMUM_SENT:
        return []
    for trouble, verdict, limit in LIMITS:
        count = counts.get(trouble, 0)
        few = trouble is Trouble.COMPLAINTS and count < MINIMUM_COMPLAINTS
        if trouble in found or count / sent <= limit or (few and verdict is Verdict.PAUSE):
            continue
        found[trouble] = Finding(
            trouble=trouble, verdict=verdict, count=count, sent=sent, limit=limit
        )
    return list(found.values())
