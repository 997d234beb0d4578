"""The links in a mail: signed, purpose-bound, without personal data, from the configured URL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from nurture.core.token import Grant, Keyring, Purpose, sign, signers

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
    return link(ring, public_url, Grant(purpose=purpose, subject=uid), expires_at=expires)


def links_of_messages(
    ring: Keyring, public_url: str, purpose: Purpose
) -> Callable[[str], Callable[[int], str]]:
    """Return what gives the numbered links of any message that never run out: see `signers`."""
    begun = signers(ring, purpose, before=f"{public_url}/{_PATHS[purpose]}/")
    return lambda uid: begun(uid, "0")
