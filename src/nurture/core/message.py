"""Messages: what is rendered, what leaves, and what a transport may answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any

from nurture.core.lead import Value
from nurture.core.value import value


class MessageState(StrEnum):
    """Where one intended message stands; see docs/lifecycle.md for every arrow."""

    READY = "ready"
    DISPATCHING = "dispatching"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    PARKED = "parked"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class OnUncertain(StrEnum):
    """What may become of a mail of which nobody knows whether it left; its template says it."""

    HOLD = "hold"
    RESEND = "resend"


class DeliveryState(StrEnum):
    """What the provider reported after acceptance; an event only ever raises it."""

    NONE = "none"
    PROCESSED = "processed"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    BLOCKED = "blocked"
    DROPPED = "dropped"


DELIVERY_RANK = {
    DeliveryState.NONE: 0,
    DeliveryState.PROCESSED: 1,
    DeliveryState.DEFERRED: 2,
    DeliveryState.DELIVERED: 3,
    DeliveryState.BOUNCED: 4,
    DeliveryState.BLOCKED: 4,
    DeliveryState.DROPPED: 4,
}


@value(frozen=True, slots=True, kw_only=True)
class Address:
    """A display name and one address, both already checked."""

    name: str
    email: str


def address_of(email: str, first_name: Value | None, last_name: Value | None) -> Address:
    """Return a lead's address; what is not known of the name stays out."""
    whole = f"{first_name} {last_name}" if first_name and last_name else first_name or last_name
    return Address(name=str(whole or ""), email=email)


@value(frozen=True, slots=True, kw_only=True)
class RenderedMail:
    """One mail as text, before any transport shapes it.

    `links` are the click targets in order of appearance: the HTML and text carry redirect URLs
    whose number is the position in this tuple.
    """

    sender: Address
    recipient: Address
    reply_to: str | None
    subject: str
    html: str
    text: str
    headers: tuple[tuple[str, str], ...] = ()
    links: tuple[str, ...] = ()


@value(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Both parts of a mail, cut where values stand: by turns what all share, and a value.

    Joined they are the parts, to the byte. Each begins and ends with what is shared.
    """

    html: tuple[str, ...]
    text: tuple[str, ...]


@value(frozen=True, slots=True, kw_only=True)
class Fence:
    """Until when the provider keeps a mail, and its id there by which it can be called back."""

    batch_id: str
    send_at: datetime


@value(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A rendered mail with the ids that make it recognisable afterwards.

    `uid` is the message's public id (32 hex digits), the same on every attempt; `attempt_uid`
    names this attempt: the same and its number. `planned_at` gives the Date header, so a re-render
    gives the same bytes. `pieces` is for transports that send many mails in one call; None: this
    one goes alone. `fence` None: it leaves at once. `leave_by`: after this its attempt may be taken
    for lost, and no byte of it may leave any more; None: nobody watches the clock.
    """

    uid: str
    attempt_uid: str
    mail: RenderedMail
    planned_at: datetime
    categories: tuple[str, ...] = field(default=())
    pieces: Pieces | None = field(default=None, repr=False)
    fence: Fence | None = None
    leave_by: datetime | None = None


@value(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider took responsibility for the message.

    `odd`: it did so with an answer that it does not usually give, and somebody should look why.
    """

    provider_id: str = ""
    note: str = ""
    odd: bool = False


@value(frozen=True, slots=True, kw_only=True)
class Refused:
    """The message certainly was not taken. `permanent`: it never will be.

    `is_try` is False where it was not this message that was refused: it comes up again at once,
    and keeps all its tries. `no_mailbox`: the address itself is none, which no other mail changes.
    `of_us`: what was refused is whoever sends, and so every mail of ours. `asked` is False where no
    server was: the mail cannot be sent as it is. `alongside`: one answer refused this mail with
    another before it in its group, and weighs like one.
    """

    reason: str
    permanent: bool
    retry_at: datetime | None = None
    is_try: bool = True
    no_mailbox: bool = False
    of_us: bool = False
    asked: bool = True
    alongside: bool = False


@value(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """The message may or may not have been taken; only evidence can tell."""

    reason: str


@value(frozen=True, slots=True, kw_only=True)
class Halted:
    """The transport refuses everything for now (bad key, quota, rate); no attempt is burned."""

    reason: str
    until: datetime | None = None


Outcome = Accepted | Refused | Uncertain | Halted


@value(frozen=True, slots=True, kw_only=True)
class Message:
    """One intended mail as its row says. `slots` are the values its template reads, pinned.

    `tries`: how often it was refused, or left and nobody knows whether it was taken; `unrendered`:
    how often it could not be rendered, or judged.
    """

    id: int
    uid: str
    lead_id: int
    enrollment_id: int
    release_id: int
    sequence: str
    step: str
    template: str
    topic: str
    window: str
    form: str
    slots: Mapping[str, Any]
    state: MessageState
    tries: int
    unrendered: int = 0
    epoch: int
    not_before: datetime
    expires_at: datetime | None
    planned_at: datetime
    reason: str = ""
