"""The last gate: what is asked once more in the moment before a mail leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from nurture.core.gate import (
    ASK_AGAIN,
    LATE,
    LONGEST_RETRY,
    MAX_TRIES,
    MOST_REFUSALS,
    Go,
    Later,
    Never,
    after_no_render,
    after_refusal,
    last_gate,
    unread_gate,
)
from nurture.core.lead import IN_PLAY, Lead, Stage, as_recipient
from nurture.core.message import Message, MessageState, Refused
from nurture.core.project import Project
from nurture.core.sequence import Late, WhenCapped
from tests.core.builders import DAY, HOUR, LEAD, NOW, PROJECT, SECOND, lead
from tests.core.passages import email, sequence

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


def with_step(**says: object) -> Project:
    """Return the project with a step that says something about its mail."""
    return replace(PROJECT, sequences={"welcome": sequence(email("first", **says))})


OVER = [NOW - HOUR]
LATE_MAIL = replace(MESSAGE, expires_at=NOW - SECOND)


@pytest.mark.parametrize(
    ("message", "step", "sent", "answer"),
    [
        pytest.param(
            MESSAGE, {"when_capped": WhenCapped.DROP}, OVER,
            Never(state=MessageState.CANCELLED, reason="over the caps; dropped"),
            id="over the caps: dropped, as its step says",
        ),
        pytest.param(
            MESSAGE, {"when_capped": WhenCapped.DROP}, [], Go(), id="below the caps: it leaves"
        ),
        pytest.param(
            LATE_MAIL, {"late": Late.ASK}, [], Later(not_before=NOW + ASK_AGAIN, reason=LATE),
            id="late: a person is asked, as its step says",
        ),
        pytest.param(
            LATE_MAIL, {"late": Late.SKIP}, [],
            Never(state=MessageState.EXPIRED, reason="too late to send"), id="late: skipped",
        ),
        pytest.param(
            replace(LATE_MAIL, step="gone"), {"late": Late.ASK}, [],
            Never(state=MessageState.EXPIRED, reason="too late to send"),
            id="late, of a step that nobody knows: skipped",
        ),
    ],
)  # fmt: skip
def test_a_step_says_what_becomes_of_its_mail(
    message: Message, step: dict[str, object], sent: list[datetime], answer: Go | Later | Never
) -> None:
    found = last_gate(message, as_recipient(LEAD), with_step(**step), sent, now=NOW)
    assert found == answer


def test_a_late_mail_waits_for_the_person_whatever_the_window() -> None:
    night = NOW + 10 * HOUR
    asks = with_step(late=Late.ASK)
    found = last_gate(LATE_MAIL, as_recipient(LEAD), asks, OVER, now=night)
    assert found == Later(not_before=night + ASK_AGAIN, reason=LATE)


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
    pauses = [_pause(tries) for tries in range(MOST_REFUSALS - 1)]
    growing = [pause for pause in pauses if pause < LONGEST_RETRY]
    assert all(later > earlier for earlier, later in pairwise(growing))
    assert max(pauses) <= LONGEST_RETRY * 1.25
    assert _pause(3) == _pause(3)


def test_a_mail_is_tried_for_as_long_as_mail_is_anywhere() -> None:
    tried_for = sum((_pause(tries) for tries in range(MOST_REFUSALS - 1)), timedelta())
    # RFC 5321, 4.5.4.1: "the give-up time generally needs to be at least 4-5 days".
    assert 4.5 * DAY < tried_for < 7 * DAY
    first_hour = [sum((_pause(tries) for tries in range(n)), timedelta()) for n in range(1, 6)]
    assert max(first_hour) < 2 * HOUR, "whoever is busy for a moment is not left for long"


def test_the_provider_may_ask_for_a_longer_pause() -> None:
    found = after_refusal(MESSAGE, replace(BUSY, retry_at=NOW + DAY), now=NOW)
    assert found == Later(not_before=NOW + DAY, reason="busy")


def test_renderings_that_failed_use_up_no_try_of_a_refusal_nor_the_reverse() -> None:
    nearly_over = replace(MESSAGE, tries=MOST_REFUSALS - 2, unrendered=MAX_TRIES - 2)
    refused = after_refusal(nearly_over, BUSY, now=NOW)
    assert isinstance(refused, Later)
    assert refused.not_before - NOW >= LONGEST_RETRY
    unrendered = after_no_render(nearly_over, "why", now=NOW)
    assert unrendered == Later(not_before=NOW + DAY, reason="why")


def test_trying_has_an_end() -> None:
    found = after_refusal(replace(MESSAGE, tries=MOST_REFUSALS - 1), BUSY, now=NOW)
    assert isinstance(found, Never)
    assert found.state is MessageState.FAILED


# -- what nobody can judge -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "mail", "state", "reason"),
    [
        pytest.param(
            lead(suppressed="unsubscribed"), {}, "suppressed", "unsubscribed",
            id="it stops like any other",
        ),
        pytest.param(
            LEAD, {"expires_at": NOW - SECOND}, "expired", "too late to send; why",
            id="it expires like any other",
        ),
        pytest.param(
            LEAD, {"unrendered": MAX_TRIES - 1}, "failed",
            f"gave up after {MAX_TRIES} tries: why",
            id="it ends after its last try",
        ),
    ],
)  # fmt: skip
def test_a_mail_whose_release_is_lost(
    who: Lead, mail: dict[str, object], state: str, reason: str
) -> None:
    message = replace(MESSAGE, **mail)  # type: ignore[arg-type]
    found = unread_gate(message, as_recipient(who), "why", now=NOW)
    assert found == Never(state=MessageState(state), reason=reason)


def test_a_mail_whose_release_is_lost_is_tried_again_ever_more_rarely() -> None:
    mails = [replace(MESSAGE, unrendered=n) for n in range(MAX_TRIES - 1)]
    found = [unread_gate(mail, as_recipient(LEAD), "why", now=NOW) for mail in mails]
    pauses = [one.not_before - NOW for one in found if isinstance(one, Later)]
    assert pauses == [HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, DAY, DAY]
