"""Signed links: who may do what, for how long, proven by a keyed hash.

A token is `key-id . purpose . subject . number . expiry . signature`, URL-safe and without
personal data: the subject is a message's or lead's random-looking public id. The purpose is part
of what is signed, so that a click link can never unsubscribe anybody.
"""

from __future__ import annotations

import hmac
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b, sha256

from nurture.core.errors import TokenError

_MAC_BYTES = 18
"""144 bits: out of reach for guessing, and base64 without padding."""
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Purpose(StrEnum):
    """What a link may do."""

    CLICK = "c"
    FORM = "f"
    UNSUBSCRIBE = "u"
    PREFERENCES = "p"
    VIEW = "v"
    SALES = "s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a verified token allows: the purpose for the subject; `number` is a link's place."""

    purpose: Purpose
    subject: str
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Signing keys by id. `current` signs; every key verifies (rotation keeps old links alive)."""

    current: str
    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"Keyring(current={self.current!r})"


def sign(ring: Keyring, grant: Grant, *, expires_at: datetime | None = None) -> str:
    """Return the token for the grant; without `expires_at` it never expires."""
    return signer(ring, grant.purpose, grant.subject, expires_at=expires_at)(grant.number)


def signer(
    ring: Keyring, purpose: Purpose, subject: str, *, expires_at: datetime | None = None
) -> Callable[[int], str]:
    """Return what makes the tokens of one subject by number: what they share is hashed once."""
    until = format(int(expires_at.timestamp()), "x") if expires_at else "0"
    return signers(ring, purpose)(subject, until)


def signers(
    ring: Keyring, purpose: Purpose, *, before: str = ""
) -> Callable[[str, str], Callable[[int], str]]:
    """Return what gives the `signer` of a subject and an expiry, `before` in front of each token.

    What the tokens of one purpose share is hashed once too.
    """
    head = f"{ring.current}.{purpose}."
    common = _keyed(ring.keys[ring.current], head)
    before += head

    def begun(subject: str, until: str) -> Callable[[int], str]:
        begin = f"{subject}."
        known = common.copy()
        known.update(begin.encode())
        begin = before + begin

        def token(number: int) -> str:
            end = f"{number}.{until}"
            mac = known.copy()
            mac.update(end.encode())
            return f"{begin}{end}.{_text(mac.digest())}"

        return token

    return begun


def verify(ring: Keyring, token: str, purpose: Purpose, *, now: datetime) -> Grant:
    """Return the grant, or raise TokenError whatever is wrong with the token.

    The error is the same for forged, foreign and malformed tokens; it says nothing to a guesser.
    """
    body, _, mac = token.rpartition(".")
    parts = body.split(".")
    if len(parts) != 5 or not token.isascii():  # noqa: PLR2004 (the five parts named above)
        raise TokenError("this link is not valid")
    key_id, said, subject, number, until = parts
    key = ring.keys.get(key_id, b"")
    good = hmac.compare_digest(_mac(key, body), mac)
    if not (good and key and said == purpose):
        raise TokenError("this link is not valid")
    if until != "0" and now.timestamp() > int(until, 16):
        raise TokenError("this link has expired")
    return Grant(purpose=purpose, subject=subject, number=int(number))


def _mac(key: bytes, body: str) -> str:
    return _text(_keyed(key, body).digest())


def _keyed(key: bytes, body: str) -> blake2b:
    # Keyed BLAKE2 is a MAC by design and a third of the cost of HMAC; a mail carries many links.
    return blake2b(body.encode(), key=key, digest_size=_MAC_BYTES)


def _text(digest: bytes) -> str:
    return b2a_base64(digest, newline=False).translate(_URL_SAFE).decode()


def public_id(key: bytes, text: str) -> str:
    """Return 128 unguessable bits that stand for `text` in public, as 32 hex digits."""
    return blake2b(text.encode(), key=key, digest_size=16).hexdigest()


def keyed_hash(key: bytes, text: str) -> str:
    """Return the keyed hash by which an erased or suppressed address is still recognised."""
    return hmac.digest(key, text.encode(), sha256).hex()
