"""Sales' answer by the link in the dossier: a page for a phone, for whoever has no webhook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nurture.core.errors import RefusedInput, TokenError
from nurture.core.essentials import Essentials
from nurture.core.token import Purpose
from nurture.engine import feedback
from nurture.engine.addressed import granted
from nurture.engine.runtime import Runtime
from nurture.store import handoffs
from nurture.store.handoffs import Handoff

NEEDS_REASON = frozenset({"rejected", "recycled", "lost"})
"""Answers that marketing can only learn from if sales says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHandoff:
    """A handoff with the dossier that sales was sent; `answer` is the one in force, or ''."""

    essentials: Essentials
    handoff: Handoff
    dossier: Mapping[str, Any]
    answer: str


def open_handoff(runtime: Runtime, token: str, *, now: datetime) -> OpenHandoff:
    """Return the handoff that the link is about, or raise TokenError."""
    grant = granted(runtime, token, Purpose.SALES, now=now)
    with runtime.database.read() as connection:
        handoff = handoffs.by_uid(connection, f"msg_{grant.subject}")
        # An erased lead's body is empty, and so is one that was never released.
        if handoff is None or not handoff.body:
            raise TokenError("this link is not valid")
        essentials = runtime.essentials(connection)
    return OpenHandoff(
        essentials=essentials,
        handoff=handoff,
        dossier=json.loads(handoff.body)["data"],
        answer=handoff.answer.removeprefix("handoff."),
    )


def answer(runtime: Runtime, token: str, kind: str, reason: str, *, now: datetime) -> int | None:
    """Store the answer as if sales' own system had posted it; return the lead.

    Raises RefusedInput, in words for the person, if the answer is none or lacks its reason.
    """
    opened = open_handoff(runtime, token, now=now)
    if kind not in feedback.ANSWERS:
        raise RefusedInput("Choose one of the answers")
    if kind in NEEDS_REASON and not reason.strip():
        raise RefusedInput("Say why in a few words")
    uid = opened.handoff.uid
    told = {"type": f"handoff.{kind}", "data": {"handoff_id": uid, "reason": reason}}
    # The same answer sent twice within a minute is one answer.
    webhook_id = f"{uid}/{kind}/{now:%Y-%m-%dT%H:%M}"
    body = json.dumps(told).encode()
    return feedback.take(runtime, opened.handoff.endpoint, body, webhook_id, now=now)
