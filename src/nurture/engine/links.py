"""The links in a mail: signed, purpose-bound, without personal data, from the configured URL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from nurture.core.token import Grant, Keyring, Purpose, sign, signer

FORM_LINK_LIFE = timedelta(days=30)

_PATHS = {
    Purpose.CLICK: "c",
    Purpose.FORM: "f",
    Purpose.UNSUBSCRIBE: "u",
    Purpose.PREFERENCES: "p",
    Purpose.VIEW: "v",
    Purpose.SALES: "s",
}


def link(
    ring: Keyring,
    public_url: str,
    grant: Grant,
    *,
    expires_at: datetime | None = None,
) -> str:
    """Return the public URL that carries the grant."""
    token = sign(ring, grant, expires_at=expires_at)
    return f"{public_url}/{_PATHS[grant.purpose]}/{token}"


def message_link(
    ring: Keyring, public_url: str, purpose: Purpose, uid: str, planned_at: datetime
) -> str:
    """Return one of a message's own links; only the form's runs out."""
    expires = planned_at + FORM_LINK_LIFE if purpose is Purpose.FORM else None
    token = signer(ring, purpose, uid, expires_at=expires)(0)
    return f"{public_url}/{_PATHS[purpose]}/{token}"


def redirects(ring: Keyring, public_url: str, uid: str) -> Callable[[int], str]:
    """Return what gives the redirect for each numbered link of one message."""
    token = signer(ring, Purpose.CLICK, uid)
    base = f"{public_url}/{_PATHS[Purpose.CLICK]}/"
    return lambda number: base + token(number)
