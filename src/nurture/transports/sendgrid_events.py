"""SendGrid's event webhook: proving that a post is SendGrid's, and reading it in our own words.

Posts come late, twice and in any order, and fields are missing without notice. So every event gets
an id to recognise it by, and an item that cannot be read is reported beside the others instead of
taking the whole post down with it.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from nurture.core.errors import MisuseError, RefusedInput
from nurture.core.event import EventKind
from nurture.transports.base import whole
from nurture.transports.sendgrid_payload import ATTEMPT_ARG, MESSAGE_ARG

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"

MAX_AGE = timedelta(hours=25)
"""SendGrid repeats a post for 24 hours, maybe with its first timestamp."""

MAX_BODY_BYTES = 4 * 1024 * 1024

_MAX_AHEAD = timedelta(minutes=10)

# SendGrid's names on the left, ours on the right. What is missing here is kept as unknown under
# its own name: their vocabulary grows without notice. A resubscription in SendGrid's own groups
# is deliberately missing: only the person's act with us lifts a stop.
KINDS: Mapping[str, EventKind] = {
    "processed": EventKind.MESSAGE_PROCESSED,
    "deferred": EventKind.MESSAGE_DEFERRED,
    "delivered": EventKind.MESSAGE_DELIVERED,
    "bounce": EventKind.MESSAGE_BOUNCED,
    "blocked": EventKind.MESSAGE_BLOCKED,
    "dropped": EventKind.MESSAGE_DROPPED,
    "open": EventKind.MESSAGE_OPENED,
    "click": EventKind.MESSAGE_CLICKED,
    "spamreport": EventKind.MESSAGE_COMPLAINED,
    "unsubscribe": EventKind.MESSAGE_UNSUBSCRIBED,
    "group_unsubscribe": EventKind.MESSAGE_UNSUBSCRIBED,
}

# A bounce says only in its type whether the address is bad; the other two may pass.
BOUNCES: Mapping[str, EventKind] = {
    "bounce": EventKind.MESSAGE_BOUNCED,
    "blocked": EventKind.MESSAGE_BLOCKED,
    "expired": EventKind.MESSAGE_BLOCKED,
}

OUR_FAULT = frozenset(
    {"Content", "Reputation", "Frequency or Volume Too High", "Technical", "Technical Failure"}
)
"""Classes of turned-away mail that say something about the sender and nothing about the address."""

_OUR_DROP = re.compile(r"quota|credit|smtpapi|spam content|content", re.IGNORECASE)
"""What SendGrid drops mail for that is no address's fault: a plan used up, a mail it dislikes."""

_FULL = re.compile(r"\b[45]\.2\.2\b|mailbox (is )?full|over ?quota|quota exceeded", re.IGNORECASE)
_UID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SECONDS = re.compile(r"[0-9]{1,11}")
_LATEST = 32_503_680_000  # the year 3000
_SHOWN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """One thing a provider reported. `message_uid` None: it names no message of ours.

    `machine` is True where the provider itself says that no person did it, None where it does not
    know. `soft`: the mail came back for a reason of the address's own that may pass, such as a full
    mailbox. `raw_type` is the provider's own word.
    """

    event_id: str
    kind: EventKind
    message_uid: str | None
    attempt_uid: str | None
    email: str
    occurred_at: datetime
    url: str
    machine: bool | None
    reason: str
    raw_type: str
    user_agent: str
    ip: str
    soft: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """An item of a post that cannot be an event."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What one post holds."""

    events: tuple[ProviderEvent, ...]
    malformed: tuple[Malformed, ...]


class EventVerifier:
    """Tells SendGrid's posts from anybody else's, by any of several public keys."""

    def __init__(self, public_keys: Sequence[str], *, max_age: timedelta = MAX_AGE) -> None:
        if not public_keys:
            raise MisuseError("sendgrid: the event webhook needs at least one verification key")
        self._keys = [_key(text) for text in public_keys]
        self._max_age = max_age

    def verify(self, body: bytes, *, signature: str, timestamp: str, now: datetime) -> None:
        """Raise RefusedInput unless the raw body carries a valid, recent signature.

        The timestamp is signed too, but a repeated post may carry its first one: what keeps an
        event from counting twice is its id, not its age.
        """
        if not _SECONDS.fullmatch(timestamp):
            raise RefusedInput("the signature or its timestamp is malformed")
        at = datetime.fromtimestamp(int(timestamp), UTC)
        try:
            proof = b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            raise RefusedInput("the signature or its timestamp is malformed") from None
        if not now - self._max_age <= at <= now + _MAX_AHEAD:
            raise RefusedInput("the signature is too old, or from the future")
        signed = timestamp.encode() + body
        if not any(_signed_by(key, proof, signed) for key in self._keys):
            raise RefusedInput("the signature does not match")


def parse(body: bytes) -> Post:
    """Read a raw body that has been verified, or raise RefusedInput if it is no list."""
    if len(body) > MAX_BODY_BYTES:
        raise RefusedInput(f"the body has more than {MAX_BODY_BYTES} bytes")
    try:
        items = json.loads(body, parse_constant=_refuse_constant, parse_int=whole)
    except (ValueError, RecursionError):
        raise RefusedInput("the body is not JSON") from None
    if not isinstance(items, list):
        raise RefusedInput("the body is not a list of events")
    events: list[ProviderEvent] = []
    malformed: list[Malformed] = []
    for index, item in enumerate(items):
        try:
            events.append(_event(item))
        except (RefusedInput, RecursionError) as error:
            malformed.append(Malformed(index=index, reason=str(error)))
    return Post(events=tuple(events), malformed=tuple(malformed))


def _event(item: object) -> ProviderEvent:
    if not isinstance(item, dict):
        raise RefusedInput("not an object")
    raw_type = _text(item, "event")
    if not raw_type:
        raise RefusedInput("no event type")
    machine = item.get("sg_machine_open")
    return ProviderEvent(
        event_id=_event_id(item),
        kind=_kind(raw_type, item),
        message_uid=_uid(item, MESSAGE_ARG),
        attempt_uid=_uid(item, ATTEMPT_ARG),
        email=_text(item, "email", 320),
        occurred_at=_moment(item.get("timestamp")),
        url=_text(item, "url", 2_048),
        machine=machine if isinstance(machine, bool) else None,
        reason=_why(item),
        raw_type=raw_type,
        user_agent=_text(item, "useragent"),
        ip=_text(item, "ip", 45),
        soft=_soft(item, raw_type),
    )


def _kind(raw_type: str, item: Mapping[str, object]) -> EventKind:
    if raw_type == "bounce":
        return BOUNCES.get(_text(item, "type"), EventKind.MESSAGE_BOUNCED)
    if raw_type == "dropped" and _OUR_DROP.search(_text(item, "reason")):
        return EventKind.MESSAGE_BLOCKED
    return KINDS.get(raw_type, EventKind.MESSAGE_UNKNOWN)


def _soft(item: Mapping[str, object], raw_type: str) -> bool:
    match _kind(raw_type, item):
        case EventKind.MESSAGE_BLOCKED if raw_type == "dropped":
            return False
        case EventKind.MESSAGE_BLOCKED:
            return _text(item, "bounce_classification") not in OUR_FAULT
        case EventKind.MESSAGE_DEFERRED:
            return _FULL.search(_why(item)) is not None
        case _:
            return False


def _event_id(item: Mapping[str, object]) -> str:
    given = _text(item, "sg_event_id", 100)
    if given:
        return given
    # Without an id of theirs, the same item must still be the same event when it comes again.
    canonical = json.dumps(item, sort_keys=True, separators=(",", ":"))
    return f"sha256-{sha256(canonical.encode()).hexdigest()}"


def _uid(item: Mapping[str, object], name: str) -> str | None:
    value = item.get(name)
    return value if isinstance(value, str) and _UID.fullmatch(value) else None


def _why(item: Mapping[str, object]) -> str:
    parts = (_text(item, "status", 20), _text(item, "reason") or _text(item, "response"))
    why = " ".join(part for part in parts if part)
    return why or _text(item, "type")


def _moment(value: object) -> datetime:
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedInput("no timestamp")
    # Some of their senders count milliseconds.
    if not 0 < value < _LATEST * 1000:
        raise RefusedInput("a timestamp outside of time")
    return datetime.fromtimestamp(value / 1000 if value > _LATEST else value, UTC)


def _text(item: Mapping[str, object], name: str, longest: int = _SHOWN) -> str:
    value = item.get(name)
    return _CONTROL.sub(" ", value).strip()[:longest] if isinstance(value, str) else ""


def _key(text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(b64decode("".join(text.split()), validate=True))
    except (ValueError, binascii.Error):
        raise MisuseError("sendgrid: a verification key is not base64 of a public key") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise MisuseError("sendgrid: a verification key is not on the curve P-256")
    return key


def _signed_by(key: ec.EllipticCurvePublicKey, proof: bytes, signed: bytes) -> bool:
    try:
        key.verify(proof, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
