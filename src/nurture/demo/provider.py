"""A pretend mail provider: reports what became of each mail by signed posts, like SendGrid."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nurture.demo.mailbox import Mail

DELIVERED_AFTER = timedelta(seconds=4)


class PretendProvider:
    """Signs and posts delivery events with a key of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        """The verification key as the provider shows it: base64 of DER."""
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b64encode(der).decode()

    def report(
        self, client: httpx.Client, events: Sequence[dict[str, Any]], *, now: datetime
    ) -> None:
        """Post the events to the engine's webhook, signed; refused posts are an error."""
        body = json.dumps(list(events)).encode()
        timestamp = str(int(now.timestamp()))
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        client.post(
            "/hooks/sendgrid",
            content=body,
            headers={
                "content-type": "application/json",
                "X-Twilio-Email-Event-Webhook-Signature": b64encode(signature).decode(),
                "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
            },
        ).raise_for_status()


def delivered(mail: Mail) -> dict[str, Any]:
    """Return the event for a mail that arrived."""
    return _event(mail, "delivered", mail.sent_at + DELIVERED_AFTER)


def bounced(mail: Mail) -> dict[str, Any]:
    """Return the event for an address that does not exist."""
    return _event(mail, "bounce", mail.sent_at + DELIVERED_AFTER) | {
        "type": "bounce",
        "status": "5.1.1",
        "reason": "550 5.1.1 no such user",
    }


def opened(mail: Mail, at: datetime) -> dict[str, Any]:
    """Return the event for an opened mail."""
    return _event(mail, "open", at) | {"sg_machine_open": False}


def _event(mail: Mail, kind: str, at: datetime) -> dict[str, Any]:
    seconds = int(at.timestamp())
    return {
        "event": kind,
        "email": mail.recipient,
        "timestamp": seconds,
        "nurture_message": mail.uid,
        # The provider's ids are its own; here they come from what they are about.
        "sg_event_id": sha256(f"{kind}/{mail.uid}/{seconds}".encode()).hexdigest()[:32],
    }
