"""What a refusal for good speaks of: this mailbox, this mail, or us who send.

What speaks of us would refuse all mail alike, and must not fail a queue. What does not say is
believed of single mails; of many in a row, with nothing accepted between, it is held against the
server: mail is kept, and sending stops for a while.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Protocol, TypeVar

from nurture.core.message import Accepted, Address, Halted, Outcome, Refused

IN_A_ROW = 5
"""So many people refused for good, nothing accepted between: that is no fault of theirs.

Of a list with one bad address in five that happens by chance once in three thousand mails.
"""
OF_US_IN_A_ROW = 2
"""So many suffice where the refusal speaks of us: one alone may still be about its mail, since
servers call many things policy, and must not hold up all others."""
HALT = timedelta(minutes=15)
DOUBTED = timedelta(hours=1)
"""A mail whose refusal is doubted waits for longer than a halt: others are tried before it."""


class About(StrEnum):
    """Whom a refusal speaks of. What does not say speaks of the mail."""

    MAILBOX = "mailbox"
    MAIL = "mail"
    US = "us"


_ADDRESS: Mapping[int, About] = {
    1: About.MAILBOX,  # no such mailbox
    3: About.MAILBOX,  # no address at all
    6: About.MAILBOX,  # moved, and nobody knows where to
    7: About.US,  # the sender's address cannot be read
    8: About.US,  # the sender's domain is none
    10: About.MAILBOX,  # its domain takes no mail (RFC 7505)
}
"""RFC 3463, X.1.YYY. Not 2, a domain that is not found: names come and go, and resolvers fail."""
_MAILBOX: Mapping[int, About] = {1: About.MAILBOX}
"""RFC 3463, X.2.YYY: closed. Not 2 (full), 3 and 4 (this mail, this list)."""
_POLICY: Mapping[int, About] = {2: About.MAIL, 3: About.MAIL}
"""RFC 3463, X.7.YYY: all of it is about who may send, but a list's own door and a conversion."""

_ENHANCED = re.compile(r"5\.(\d{1,3})\.(\d{1,3})\b")
_OF_US = re.compile(
    r"\b(?:sender|relay(?:ing)?|authenticat\w*|not authori[sz]ed|blacklist\w*|blocklist\w*|"
    r"spf|dkim|dmarc|client host|helo|ehlo|reputation)\b",
    re.IGNORECASE,
)
_SHORTEST_NAME = 3
_OF_THE_MAILBOX = re.compile(r"\b(?:user|mailbox|recipient|account) unknown\b", re.IGNORECASE)


def speaks_of(text: str) -> About:
    """Return whom a reply of the class 5 speaks of; its enhanced code, if it has one, decides."""
    found = _ENHANCED.match(text)
    if found is None:
        # In words alone nothing is certain: "unknown in the relay's table" is no relay's refusal.
        of_us = _OF_US.search(text) and not _OF_THE_MAILBOX.search(text)
        return About.US if of_us else About.MAIL
    subject, detail = int(found[1]), int(found[2])
    match subject:
        case 1:
            return _ADDRESS.get(detail, About.MAIL)
        case 2:
            return _MAILBOX.get(detail, About.MAIL)
        case 7:
            return _POLICY.get(detail, About.US)
        case _:
            return About.MAIL


def naming_nobody(said: str, people: Iterable[Address]) -> str:
    """Return a server's words without what names these people: reasons outlive an erasure.

    Whole addresses are gone by now; many servers quote only what stands before the @.
    """
    for person in people:
        for name in sorted((person.email.partition("@")[0], person.name), key=len, reverse=True):
            if len(name) >= _SHORTEST_NAME:
                said = re.sub(
                    rf"(?<!\w){re.escape(name)}(?!\w)", "<name>", said, flags=re.IGNORECASE
                )
    return said


# -- a row of them -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Who was refused, one after the other, with nothing accepted since, and why the last one was.

    `of_us`: those of them, as far as it matters, whose refusals spoke of us.
    """

    people: tuple[int, ...] = ()
    of_us: tuple[int, ...] = ()
    reason: str = ""

    @property
    def is_long(self) -> bool:
        """Whether so many are held against the server."""
        return len(self.people) >= IN_A_ROW or len(self.of_us) >= OF_US_IN_A_ROW


NOBODY = Row()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """Outcomes after a second thought, whom is left in a row after them, and what halts sending."""

    outcomes: Sequence[Outcome]
    row: Row
    halted: Halted | None


def weigh(results: Sequence[tuple[int, Outcome]], row: Row, *, now: datetime) -> Weighed:
    """Return what to make of a group's outcomes, given by lead.

    What is doubted is no refusal for good any more: nobody's address is stopped for it, and the
    mail comes up again later. It costs a try, or one mail could halt all others for ever; but not
    once a whole row is known: then it is the server's fault, whatever becomes of single mails.
    """
    known = len(row.people) >= IN_A_ROW
    outcomes = [outcome for _, outcome in results]
    people, places = list(row.people), list[int]()
    ours, said, reason = set(row.of_us), row.reason, ""
    for place, (lead_id, outcome) in enumerate(results):
        match outcome:
            case Accepted():
                if places or people or ours:
                    _doubt(outcomes, places, people, known=known, now=now)
                    people, places, ours, said, known = [], [], set(), "", False
            case Refused(asked=True, of_us=of_us) if outcome.permanent or of_us:
                said = outcome.reason
                places.append(place)
                if lead_id not in people and not outcome.alongside:
                    people.append(lead_id)
                if of_us:
                    ours.add(lead_id)
                    is_try = len(ours) == 1 and not known
                    outcomes[place] = _kept(outcome, is_try=is_try, now=now)
                    if len(ours) >= OF_US_IN_A_ROW:
                        reason = f"the server refuses us, not the mail: {said}"
            case _:
                pass
    if _doubt(outcomes, places, people, known=known, now=now) and not reason:
        reason = f"{len(people)} people in a row were refused, the last one: {said}"
    left = Row(
        people=tuple(people[:IN_A_ROW]),
        of_us=tuple(sorted(ours)[:OF_US_IN_A_ROW]),
        reason=said,
    )
    halted = Halted(reason=reason, until=now + HALT) if reason else None
    return Weighed(outcomes=outcomes, row=left, halted=halted)


class Identified(Protocol):
    """A mail, or what is known of one."""

    @property
    def uid(self) -> str:
        """Its public id."""


Each = TypeVar("Each", bound=Identified)


def shuffled(mails: Iterable[Each], *, now: datetime) -> list[Each]:
    """Return the mails in another order each time.

    After some refusals nobody knows whether the server is at fault or the mails are, and asking
    ends. In one order a few bad ones at the head would be tried first each time, and hold up all
    that is behind them for ever.
    """
    at = now.isoformat()
    return sorted(
        mails, key=lambda mail: blake2b(f"{mail.uid}/{at}".encode(), digest_size=8).digest()
    )


def _doubt(
    outcomes: list[Outcome],
    places: Sequence[int],
    people: Sequence[int],
    *,
    known: bool,
    now: datetime,
) -> bool:
    """Keep the mails at the places if their refusals make a row; say whether they do."""
    if len(people) < IN_A_ROW or not places:
        return False
    for place in places:
        outcome = outcomes[place]
        if isinstance(outcome, Refused) and outcome.permanent:  # not kept yet
            outcomes[place] = _kept(outcome, is_try=not known, now=now)
    return True


def _kept(refused: Refused, *, is_try: bool, now: datetime) -> Refused:
    return replace(
        refused, permanent=False, no_mailbox=False, is_try=is_try, retry_at=now + DOUBTED
    )
