"""A mail that the provider keeps is called back while that surely works, and is of use."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nurture.core.fence import PLACES, Kept, why_not_called_back
from nurture.core.gate import ASK_AGAIN, LATE, MAX_TRIES, Go, Later, Never, last_gate
from nurture.core.lead import as_recipient
from nurture.core.message import Message, MessageState
from nurture.core.sequence import Late
from tests.core.builders import LEAD, PROJECT
from tests.core.passages import email, sequence
from tests.core.test_gate import MESSAGE

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
"""Tuesday, ten in the morning where mail may leave from 8:30 to 17:30."""
FENCE = timedelta(minutes=30)
MAIL = Kept(send_at=NOW + timedelta(minutes=11))
TOO_LATE = "too late to call it back"


@pytest.mark.parametrize(
    ("mail", "places", "why"),
    [
        pytest.param(MAIL, 1, "", id="eleven minutes before it leaves"),
        pytest.param(
            replace(MAIL, send_at=MAIL.send_at - timedelta(seconds=1)),
            1,
            TOO_LATE,
            id="a second less",
        ),
        pytest.param(replace(MAIL, send_at=NOW), 1, TOO_LATE, id="it leaves now"),
        pytest.param(
            replace(MAIL, before=MAX_TRIES - 1), 1, "", id="as often as mail is tried at all"
        ),
        pytest.param(
            replace(MAIL, before=MAX_TRIES),
            1,
            f"it was called back {MAX_TRIES} times already",
            id="not for ever",
        ),
        pytest.param(
            replace(MAIL, expires_at=NOW + FENCE), 1, "", id="it may leave once more in time"
        ),
        pytest.param(
            replace(MAIL, expires_at=NOW + FENCE - timedelta(seconds=1)),
            1,
            "it would be too late to send it once more",
            id="rather perhaps once than never",
        ),
        pytest.param(
            MAIL,
            0,
            f"{PLACES} mails are called back already, and the provider takes no more",
            id="no place is free",
        ),
    ],
)
def test_a_mail_in_doubt_is_called_back(mail: Kept, places: int, why: str) -> None:
    assert why_not_called_back(mail, fence=FENCE, places=places, now=NOW) == why


def gate(
    message: Message, *, now: datetime, sent: tuple[datetime, ...] = (), late: Late = Late.SKIP
) -> Go | Later | Never:
    """Ask the last gate about a mail that the provider is to keep for half an hour."""
    project = replace(PROJECT, sequences={"welcome": sequence(email("first", late=late))})
    return last_gate(message, as_recipient(LEAD), project, sent, now=now, kept=FENCE)


def at(hour: int, minute: int, day: int = 1) -> datetime:
    """Return a local time of that week."""
    return datetime(2026, 9, day, hour - 2, minute, tzinfo=UTC)


WINDOW = "window office-hours and caps"
TOMORROW = Later(not_before=at(8, 0, day=2), reason=WINDOW)
EXPIRED = Never(state=MessageState.EXPIRED, reason="too late to send")


@pytest.mark.parametrize(
    ("now", "answer"),
    [
        pytest.param(at(8, 0), Go(), id="it leaves when the window opens"),
        pytest.param(at(7, 59), Later(not_before=at(8, 0), reason=WINDOW), id="a minute before"),
        pytest.param(at(16, 59), Go(), id="it leaves in the window's last minute"),
        pytest.param(at(17, 0), TOMORROW, id="the window closes before it leaves"),
    ],
)
def test_the_window_holds_when_the_mail_leaves_the_provider(
    now: datetime, answer: Go | Later
) -> None:
    assert gate(MESSAGE, now=now) == answer


@pytest.mark.parametrize(
    ("now", "sent", "goes"),
    [
        pytest.param(at(23, 40), at(23, 20), True, id="the other leaves today, this one tomorrow"),
        pytest.param(at(23, 50), at(23, 40), False, id="both leave tomorrow"),
    ],
)
def test_caps_count_the_day_on_which_mails_leave_the_provider(
    now: datetime, sent: datetime, *, goes: bool
) -> None:
    found = gate(replace(MESSAGE, window="any-time"), now=now, sent=(sent,))
    assert (found == Go()) is goes


def test_a_mail_that_expires_while_it_is_kept_is_not_sent() -> None:
    expires = replace(MESSAGE, expires_at=NOW + FENCE)
    assert gate(expires, now=NOW) == Go()
    assert gate(expires, now=NOW + timedelta(seconds=1)) == EXPIRED


def test_who_is_asked_about_a_late_mail_is_not_asked_sooner() -> None:
    late = replace(MESSAGE, expires_at=NOW)
    assert gate(late, now=NOW, late=Late.ASK) == Later(not_before=NOW + ASK_AGAIN, reason=LATE)
