"""Standard Webhooks 1.0: how a handoff is signed and how sales' answers are checked.

`v1` is HMAC-SHA256 over `id.timestamp.body`. Several secrets make a rotation: signatures of all
of them go out, and any of them is taken.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nurture.core.errors import MisuseError, RefusedInput

TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)
_ID = re.compile(r"[!-\-/-~]{1,128}")  # any visible ASCII but the full stop, which separates
_SECONDS = re.compile(r"[0-9]{1,11}")
_MAX_SIGNATURES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a valid webhook proves: its id, the same on every retry, and this attempt's time."""

    id: str
    attempted_at: datetime


def signed_headers(
    body: bytes, *, message_id: str, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """Return the three headers for a body, signed with every secret."""
    if not _ID.fullmatch(message_id):
        raise MisuseError(f"{message_id!r} cannot be the id of a webhook")
    if not secrets:
        raise MisuseError("a webhook needs a secret to be signed with")
    seconds = str(int(_aware(now).timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(
            f"v1,{_mac(_key(secret), message_id, seconds, body)}" for secret in secrets
        ),
    }


def verify(
    body: bytes,
    headers: Mapping[str, str],
    *,
    secrets: Sequence[str],
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> Verified:
    """Return what the webhook proves, or raise RefusedInput; signatures other than v1 are skipped.

    Verify the raw body, before parsing: what is parsed first has been trusted first.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id = given.get("webhook-id", "")
    seconds = given.get("webhook-timestamp", "")
    if not (_ID.fullmatch(message_id) and _SECONDS.fullmatch(seconds)):
        raise RefusedInput("webhook-id or webhook-timestamp is missing or malformed")
    # As a number: a time too far away for a datetime is merely too far away.
    if abs(int(seconds) - _aware(now).timestamp()) > tolerance.total_seconds():
        raise RefusedInput("webhook-timestamp is too old, or from the future")
    wanted = [_mac(_key(secret), message_id, seconds, body).encode() for secret in secrets]
    signatures = given.get("webhook-signature", "").split(" ")[:_MAX_SIGNATURES]
    proofs = [each[3:].encode(errors="replace") for each in signatures if each.startswith("v1,")]
    # Every pair is compared, so that the time taken does not tell which one was nearly right.
    matches = [hmac.compare_digest(want, proof) for want in wanted for proof in proofs]
    if not any(matches):
        raise RefusedInput("no signature matches")
    return Verified(id=message_id, attempted_at=datetime.fromtimestamp(int(seconds), UTC))


def _mac(key: bytes, message_id: str, seconds: str, body: bytes) -> str:
    signed = f"{message_id}.{seconds}.".encode() + body
    return b64encode(hmac.digest(key, signed, "sha256")).decode()


def _key(secret: str) -> bytes:
    """Return the bytes of a secret. Its text never appears in an error."""
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise MisuseError("a webhook secret is not whsec_ followed by base64") from None
    if not secret.startswith(_PREFIX) or len(key) not in _SECRET_BYTES:
        raise MisuseError("a webhook secret is whsec_ followed by base64 of 24 to 64 bytes")
    return key


def _aware(now: datetime) -> datetime:
    if now.utcoffset() is None:
        raise MisuseError("a webhook's time needs a time zone")
    return now
