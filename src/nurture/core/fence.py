"""Mail that the provider keeps for a while before it lets it go: may it still be called back?

The provider says when a cancellation comes too late, and how many it keeps at a time. Whoever is
in doubt here asks no evidence: a mail that was called back in time did not leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.core.gate import MAX_TRIES

SHORTEST = timedelta(minutes=15)
LONGEST = timedelta(hours=72)
"""Providers keep a mail for so long at the most."""
HONOURED = timedelta(minutes=10)
"""A cancellation that comes later than so long before the mail leaves promises nothing."""
IN_TIME = HONOURED + timedelta(minutes=1)
"""It is asked for until then: the call takes its time too."""
PLACES = 100
"""So many cancellations stand at the provider at one time, at the most."""
FREE_AFTER = timedelta(hours=1)
"""So long after it would have left a mail is surely thrown away: its cancellation may go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A mail that the provider keeps until `send_at`; it was called back so often before."""

    send_at: datetime
    expires_at: datetime | None = None
    before: int = 0


def why_not_called_back(mail: Kept, *, fence: timedelta, places: int, now: datetime) -> str:
    """Return why a mail in doubt is left to its fate, or nothing if it is called back.

    `fence` is how long it would be kept the next time; `places` are free at the provider.
    """
    if mail.send_at - now < IN_TIME:
        return "too late to call it back"
    if mail.before >= MAX_TRIES:
        return f"it was called back {mail.before} times already"
    if mail.expires_at is not None and now + fence > mail.expires_at:
        return "it would be too late to send it once more"
    if places <= 0:
        return f"{PLACES} mails are called back already, and the provider takes no more"
    return ""


@dataclass(frozen=True, slots=True)
class CalledBack:
    """The provider will not let the mail go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaysKept:
    """The provider has not cancelled it: it leaves when its time comes, if it is there at all."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """Nobody knows whether the provider has cancelled it; it may be asked again."""

    reason: str


Answer = CalledBack | StaysKept | Unheard
