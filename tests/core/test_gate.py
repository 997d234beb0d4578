"""The last gate: what is asked once more in the moment before a mail leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from nurture.core.gate import (
    LONGEST_RETRY,
    MAX_TRIES,
    Go,
    Later,
    Never,
    after_refusal,
    last_gate,
)
from nurture.core.lead import IN_PLAY, Lead, Stage, as_recipient
from nurture.core.message import Message, MessageState, Refused
from tests.core.builders import DAY, HOUR, LEAD, NOW, PROJECT, SECOND, lead

MESSAGE = Message(
    id=1,
    uid="0123456789abcdef",
    lead_id=1,
    enrollment_id=1,
    release_id=1,
    sequence="welcome",
    step="first",
    template="guide",
    topic="news",
    window="office-hours",
    form="",
    slots={},
    state=MessageState.READY,
    tries=0,
    epoch=0,
    not_before=NOW,
    expires_at=None,
    planned_at=NOW,
)


def test_a_mail_may_leave() -> None:
    assert last_gate(MESSAGE, as_recipient(LEAD), PROJECT, [], now=NOW) == Go()


@pytest.mark.parametrize(
    ("who", "state", "reason"),
    [
        pytest.param(
            lead(suppressed="unsubscribed"), MessageState.SUPPRESSED, "unsubscribed",
            id="unsubscribed meanwhile",
        ),
        pytest.param(lead(locked=True), MessageState.CANCELLED, "with sales", id="with sales"),
        pytest.param(
            lead(topics=frozenset({"guides"})), MessageState.SUPPRESSED, "no consent for news",
            id="consent withdrawn",
        ),
        *(
            pytest.param(lead(stage=stage), MessageState.CANCELLED, f"stage {stage}", id=stage)
            for stage in Stage
            if stage not in IN_PLAY
        ),
    ],
)  # fmt: skip
def test_a_mail_never_leaves(who: Lead, state: MessageState, reason: str) -> None:
    assert last_gate(MESSAGE, as_recipient(who), PROJECT, [], now=NOW) == Never(
        state=state, reason=reason
    )


@pytest.mark.parametrize(
    ("expires_at", "goes"), [(NOW, True), (NOW - SECOND, False)], ids=["in time", "too late"]
)
def test_an_expired_mail_does_not_leave(expires_at: datetime, *, goes: bool) -> None:
    found = last_gate(
        replace(MESSAGE, expires_at=expires_at), as_recipient(LEAD), PROJECT, [], now=NOW
    )
    assert (found == Go()) is goes
    assert goes or found == Never(state=MessageState.EXPIRED, reason="too late to send")


def test_caps_are_asked_once_more() -> None:
    found = last_gate(MESSAGE, as_recipient(LEAD), PROJECT, [NOW - HOUR], now=NOW)
    assert isinstance(found, Later)
    assert found.not_before == NOW + DAY - 1.5 * HOUR


def test_a_permanent_refusal_is_final() -> None:
    refused = Refused(reason="no such mailbox", permanent=True)
    assert after_refusal(MESSAGE, refused, now=NOW) == Never(
        state=MessageState.FAILED, reason="no such mailbox"
    )


BUSY = Refused(reason="busy", permanent=False)


def _pause(tries: int) -> timedelta:
    found = after_refusal(replace(MESSAGE, tries=tries), BUSY, now=NOW)
    assert isinstance(found, Later)
    return found.not_before - NOW


def test_pauses_grow_and_have_a_limit() -> None:
    pauses = [_pause(tries) for tries in range(MAX_TRIES - 1)]
    assert all(later > earlier for earlier, later in pairwise(pauses))
    assert max(pauses) <= LONGEST_RETRY * 1.25
    assert _pause(3) == _pause(3)


def test_the_provider_may_ask_for_a_longer_pause() -> None:
    found = after_refusal(MESSAGE, replace(BUSY, retry_at=NOW + DAY), now=NOW)
    assert found == Later(not_before=NOW + DAY, reason="busy")


def test_trying_has_an_end() -> None:
    found = after_refusal(replace(MESSAGE, tries=MAX_TRIES - 1), BUSY, now=NOW)
    assert isinstance(found, Never)
    assert found.state is MessageState.FAILED
