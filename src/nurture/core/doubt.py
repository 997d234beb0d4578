"""A mail of which nobody knows whether it left: may it be sent again, or what does it wait for?

A provider without an idempotency key leaves only evidence: its own reports. That a mail was not
taken follows from silence alone, and only while the same provider is heard to report others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.core.message import OnUncertain

PARK_AFTER = timedelta(hours=24)
"""Providers repeat a report for so long; whoever is in doubt then waits for a person."""
QUIET = timedelta(minutes=30)
FEED_LEAD = timedelta(minutes=5)
"""A report of something so long after the attempt shows that reports of the attempt could come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What can be learned here about mails in doubt.

    `reports`: the transport's provider posts events. `look_up`: it is asked about single mails.
    """

    reports: bool = False
    look_up: bool = False
    quiet: timedelta = QUIET


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What is known of one mail in doubt. `send_at`: the provider keeps it until then.

    `doubtful` counts its attempts of which nobody knows, the last one included. `heard_at` is the
    time of the provider's newest report about anything, `absent_at` when a look-up last failed to
    find this mail. `unread`: something was posted that is not worked yet, and it may be the
    report of this very mail, or a reply to it.
    """

    policy: OnUncertain
    started_at: datetime
    since: datetime
    send_at: datetime | None = None
    expires_at: datetime | None = None
    doubtful: int = 1
    heard_at: datetime | None = None
    absent_at: datetime | None = None
    unread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAgain:
    """All evidence says that the mail did not leave."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """The doubt stays for now. `until`: when that may change without any report; None: never."""

    reason: str
    until: datetime | None


def judge(doubt: Doubt, evidence: Evidence, *, now: datetime) -> SendAgain | Stay:
    """Return whether the mail may be sent again without anybody's word."""
    parks = doubt.since + PARK_AFTER
    # Nothing is reported of a mail that has not left the provider yet.
    leaves = doubt.send_at or doubt.started_at
    quiet_ends = max(doubt.since, leaves) + evidence.quiet
    never = _never(doubt, evidence, now)
    if now >= parks:
        return Stay(reason="a day in doubt: only a person settles it", until=None)
    if doubt.send_at is not None and now < doubt.send_at:
        kept = "the provider may keep it until then: it is called back, or leaves"
        return Stay(reason=kept, until=min(doubt.send_at, parks))
    if never:
        return Stay(reason=never, until=parks)
    if now < quiet_ends:
        return Stay(reason="a report of the provider may still come", until=quiet_ends)
    if doubt.heard_at is None or doubt.heard_at <= leaves + FEED_LEAD:
        return Stay(reason="the provider has reported nothing at all since then", until=parks)
    if doubt.unread:
        return Stay(reason="a post that may tell of it is still to be worked", until=parks)
    if evidence.look_up and (doubt.absent_at is None or doubt.absent_at < quiet_ends):
        return Stay(reason="the provider is still to be asked about it", until=parks)
    asked = " and, asked, did not know it" if evidence.look_up else ""
    return SendAgain(reason=f"sent again: the provider reported other mails, never this one{asked}")


def _never(doubt: Doubt, evidence: Evidence, now: datetime) -> str:
    """Return why no evidence will make the mail leave again, or nothing."""
    if doubt.policy is OnUncertain.HOLD:
        return "its template says on_uncertain: hold"
    if doubt.expires_at is not None and now > doubt.expires_at:
        return "too late to send it again"
    if doubt.doubtful > 1:
        return "it was sent again once already"
    if not evidence.reports:
        return "nothing reports what becomes of mail sent this way"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The provider, asked about a mail, knows it."""

    provider_id: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """The provider, asked about a mail, does not know it (yet)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """The provider could not be asked; ask nothing more before `until`."""

    reason: str
    until: datetime


Answer = Found | Absent | Unanswered
