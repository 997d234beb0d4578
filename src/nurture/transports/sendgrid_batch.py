"""Many mails in one call to SendGrid: what all share once, and `substitutions` for each.

It saves calls and bytes. It costs certainty: a lost answer puts a whole batch in doubt, one bad
address refuses all, and a tag that nobody replaces is read by people. So it is off until
`nurture doctor` has proved it on real inboxes, and whatever does not fit goes alone, whole.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

import orjson

from nurture.core.message import Accepted, Halted, Outcome, OutgoingMessage, Refused, Uncertain
from nurture.transports.base import LEFT_OVER, Clock, Patience, reason
from nurture.transports.sendgrid import Answered, Calls, SendGridSettings, SendGridTransport
from nurture.transports.sendgrid_payload import (
    broken_limit,
    custom_args,
    encode,
    envelope,
    personalization,
)

CAP = 100
"""Recipients of one call: so many mails can come into doubt together."""
MOST_RECIPIENTS = 1_000
MOST_SUBSTITUTIONS = 10_000
MOST_TAG_BYTES = 9_000
"""Tags and values of one recipient; SendGrid says 10,000 in one place and 50,000 in another."""
MOST_ARG_BYTES = 2_000
MOST_BATCH_BYTES = 10_000_000

_TAG_BYTES = len("[%01234567.9999%]")
_NONCES = 8
_PERSON = re.compile(r"personalizations\.(\d+)(?:\.|\Z)")


class SendGridBatchTransport:
    """Sends what can share a call together, and all else one by one."""

    name = "sendgrid"

    def __init__(
        self,
        settings: SendGridSettings,
        *,
        cap: int = CAP,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        assert 1 <= cap <= MOST_RECIPIENTS, "SendGrid takes a thousand recipients at the most"
        self.group_size = cap
        self._settings = settings
        self._monotonic = monotonic
        self._clock = clock
        self._calls = Calls(settings)
        self._alone = SendGridTransport(
            settings, calls=self._calls, monotonic=monotonic, clock=clock
        )

    @property
    def account(self) -> str:
        """What stands for the account through which mail leaves."""
        return self._settings.account

    @property
    def longest_wait(self) -> timedelta:
        """As long as a group of single mails may take."""
        return self._alone.longest_wait

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Send the messages in as few calls as their likeness allows."""
        outcomes: dict[int, Outcome] = {}
        patience = Patience(self._monotonic, self._clock)
        for places in shared_calls(messages, cap=self.group_size):
            group = [messages[place] for place in places]
            outcomes |= zip(places, self._send(group, patience, now), strict=True)
            halted = next((o for o in outcomes.values() if isinstance(o, Halted)), None)
            if halted is not None:
                return [outcomes.get(place, halted) for place in range(len(messages))]
        return [outcomes[place] for place in range(len(messages))]

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Do nothing: no copy stays here."""

    def close(self) -> None:
        """Close the connections."""
        self._calls.close()

    def _send(
        self, group: Sequence[OutgoingMessage], patience: Patience, now: datetime
    ) -> list[Outcome]:
        """Send messages that share a call; halve them while they are refused together."""
        if patience.is_over(group[0]):
            return [LEFT_OVER] * len(group)
        body = batch_body(group, sandbox=self._settings.sandbox) if len(group) > 1 else None
        if body is None:
            return self._send_alone(group, patience, now)
        answered = self._calls.post(body, now)
        match answered.outcome:
            case Accepted() | Uncertain() | Halted():
                return [answered.outcome] * len(group)
            case Refused(permanent=False):
                return [answered.outcome] * len(group)
            case Refused():
                return self._refused(group, answered, patience, now)

    def _send_alone(
        self, group: Sequence[OutgoingMessage], patience: Patience, now: datetime
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for message in group:
            if patience.is_over(message):
                return outcomes + [LEFT_OVER] * (len(group) - len(outcomes))
            outcomes += self._alone.send([message], now=now)
            if isinstance(outcomes[-1], Halted):
                return outcomes + [outcomes[-1]] * (len(group) - len(outcomes))
        return outcomes

    def _refused(
        self,
        group: Sequence[OutgoingMessage],
        answered: Answered,
        patience: Patience,
        now: datetime,
    ) -> list[Outcome]:
        """Nothing was sent: fail whom the answer names and return the rest, or halve."""
        named = _named(answered, len(group))
        if not named:
            half = len(group) // 2
            first = self._send(group[:half], patience, now)
            stopped = next((o for o in first if isinstance(o, Halted)), None)
            rest = group[half:]
            return first + ([stopped] * len(rest) if stopped else self._send(rest, patience, now))
        returned = Refused(
            reason="sendgrid: refused with others of its batch", permanent=False, is_try=False
        )
        # Who finds fault with most of a call may mean what is the same in all of it.
        are_few = 2 * len(named) <= len(group)
        leader = min(named)
        return [
            Refused(reason=named[place], permanent=True, alongside=are_few and place != leader)
            if place in named
            else returned
            for place in range(len(group))
        ]


def _named(answered: Answered, size: int) -> dict[int, str]:
    """Return why the answer refuses whom it names, by place."""
    named: dict[int, str] = {}
    for error in answered.errors:
        found = _PERSON.match(error.field)
        if found is None or int(found[1]) >= size or "substitutions" in error.field:
            # What is wrong with the whole request, or with sharing it, is nobody's own fault.
            return {}
        named[int(found[1])] = reason(f"sendgrid: {error.field}: {error.message}")
    return named


# -- who can share a call ------------------------------------------------------------------------


@dataclass(slots=True)
class _Shared:
    places: list[int] = field(default_factory=list)
    addresses: set[str] = field(default_factory=set)
    size: int = 0


def shared_calls(messages: Sequence[OutgoingMessage], *, cap: int = CAP) -> Iterator[list[int]]:
    """Yield the places of messages that may share a call, in the order of their first ones."""
    calls: list[_Shared] = []
    last: dict[object, _Shared] = {}
    for place, message in enumerate(messages):
        key, size = _key(message), _own_bytes(message)
        call = last.get(key) if key is not None else None
        address = message.mail.recipient.email.lower()
        if call is None or not _has_room(call, message, address, size, cap):
            call = _Shared(size=_shared_bytes(message))
            calls.append(call)
            if key is not None:
                last[key] = call
        call.places.append(place)
        call.addresses.add(address)
        call.size += size
    for call in calls:
        yield call.places


def _key(message: OutgoingMessage) -> object | None:
    """Return what messages of one call have in common; None: it goes alone."""
    pieces, mail = message.pieces, message.mail
    if pieces is None or broken_limit(message) or _tag_bytes(message) > MOST_TAG_BYTES:
        return None
    if len(encode(custom_args(message))) > MOST_ARG_BYTES:
        return None
    shared = (pieces.html[::2], pieces.text[::2])
    return mail.sender, mail.reply_to, message.categories, shared


def _has_room(call: _Shared, message: OutgoingMessage, address: str, size: int, cap: int) -> bool:
    people = len(call.places) + 1
    return (
        people <= cap
        and address not in call.addresses
        and people * _tags(message) <= MOST_SUBSTITUTIONS
        and call.size + size <= MOST_BATCH_BYTES
    )


def _values(message: OutgoingMessage) -> tuple[str, ...]:
    assert message.pieces is not None
    return message.pieces.html[1::2] + message.pieces.text[1::2]


def _tags(message: OutgoingMessage) -> int:
    return len(_values(message))


def _tag_bytes(message: OutgoingMessage) -> int:
    values = _values(message)
    return _TAG_BYTES * len(values) + sum(_size(value) for value in values)


def _own_bytes(message: OutgoingMessage) -> int:
    if message.pieces is None:
        return 0
    headers = sum(len(name) + len(value) for name, value in message.mail.headers)
    # Twice: quotes and line feeds are escaped in JSON.
    return 2 * (_tag_bytes(message) + headers + _size(message.mail.subject)) + 1_000


def _shared_bytes(message: OutgoingMessage) -> int:
    return 2 * (_size(message.mail.html) + _size(message.mail.text))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


# -- one call ------------------------------------------------------------------------------------


def batch_body(messages: Sequence[OutgoingMessage], *, sandbox: bool = False) -> bytes | None:
    """Return the request for messages that share a call; None: they have to go one by one."""
    nonce = _nonce(messages)
    if nonce is None:
        return None
    html = _Tagged([m.pieces.html for m in messages if m.pieces], f"{nonce}.", first=0)
    text = _Tagged([m.pieces.text for m in messages if m.pieces], f"{nonce}.", first=html.count)
    body = envelope(messages[0], html=html.shared, text=text.shared, sandbox=sandbox)
    body["personalizations"] = [
        personalization(message)
        | {
            "subject": message.mail.subject,
            "substitutions": {**html.substitutions(place), **text.substitutions(place)},
        }
        for place, message in enumerate(messages)
    ]
    try:
        return encode(body)
    except orjson.JSONEncodeError:
        return None  # one of them holds half a character; alone, it is refused by name


class _Tagged:
    """One part with tags where values stand. Places that show the same to everybody share one."""

    def __init__(self, cuts: Sequence[tuple[str, ...]], prefix: str, *, first: int) -> None:
        columns = list(zip(*(cut[1::2] for cut in cuts), strict=True))
        tags: dict[tuple[str, ...], str] = {}
        for column in columns:
            tags.setdefault(column, f"[%{prefix}{first + len(tags)}%]")
        shared = list(cuts[0])
        shared[1::2] = [tags[column] for column in columns]
        self.shared = "".join(shared)
        self.count = first + len(tags)
        self._tags = tags

    def substitutions(self, place: int) -> dict[str, str]:
        """Return the values of one recipient by tag."""
        return {tag: column[place] for column, tag in self._tags.items()}


def _nonce(messages: Sequence[OutgoingMessage]) -> str | None:
    """Return a mark for this call's tags that nothing in it contains.

    SendGrid looks for tags in values too. A mail's id is made with a secret when its values are
    pinned, so nobody can write a value that means to be a tag.
    """
    attempts = "".join(message.attempt_uid for message in messages)
    everything = [
        text
        for message in messages
        if message.pieces
        for text in (*message.pieces.html, *message.pieces.text, message.mail.subject)
    ]
    for number in range(_NONCES):
        nonce = blake2b(f"{number}/{attempts}".encode(), digest_size=4).hexdigest()
        if not any(nonce in text for text in everything):
            return nonce
    return None
