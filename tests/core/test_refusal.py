"""Whom a refusal speaks of, and when many in a row are held against the server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nurture.core.message import Accepted, Halted, Outcome, Refused, Uncertain
from nurture.core.refusal import (
    DOUBTED,
    HALT,
    IN_A_ROW,
    NOBODY,
    About,
    Row,
    speaks_of,
    weigh,
)
from tests.core.builders import NOW

# What servers say, word for word where one of ours has said it.
SAID = [
    ("5.1.1 user unknown", About.MAILBOX),
    ("5.1.1 <x@y.example>: Recipient address rejected: User unknown in local table", About.MAILBOX),
    ("5.1.2 bad domain", About.MAIL),
    ("5.1.3 that is no address", About.MAILBOX),
    ("5.1.6 moved", About.MAILBOX),
    ("5.1.7 sender syntax", About.US),
    ("5.1.8 <i@h.example>: Sender address rejected: Domain not found", About.US),
    ("5.1.10 null MX", About.MAILBOX),
    ("5.1.11 not ours to read", About.MAIL),
    ("5.2.1 mailbox disabled", About.MAILBOX),
    ("5.2.2 mailbox full", About.MAIL),
    ("5.3.4 too big", About.MAIL),
    ("5.4.1 no route", About.MAIL),
    ("5.7.1 <x@y.example>: Relay access denied", About.US),
    ("5.7.1 <i@h.example>: Sender address rejected: not owned by user nurture", About.US),
    ("5.7.1 spam", About.US),
    ("5.7.2 not for this list", About.MAIL),
    ("5.7.26 unauthenticated mail", About.US),
    ("Relaying denied", About.US),
    ("sender rejected", About.US),
    ("authentication required", About.US),
    ("blocked by SPF", About.US),
    ("User unknown in relay recipient table", About.MAIL),
    ("no", About.MAIL),
    ("", About.MAIL),
    ("no 5.7.1 here", About.MAIL),
    ("5.7.1234 is no code", About.MAIL),
]


@pytest.mark.parametrize(("text", "about"), SAID)
def test_a_refusal_for_good_speaks_of(text: str, about: About) -> None:
    assert speaks_of(text) is about


# -- a row of them -------------------------------------------------------------------------------

TAKEN = Accepted()
GONE = Refused(reason="no such mailbox", permanent=True, no_mailbox=True)
FOR_GOOD = Refused(reason="no", permanent=True)
OF_US = Refused(reason="relay access denied", permanent=True, of_us=True)
UNFIT = Refused(reason="too large", permanent=True, asked=False)
BUSY = Refused(reason="busy", permanent=False)
LOST = Uncertain(reason="no answer")

UNSURE = Refused(reason="not now", permanent=False, of_us=True)
ALONGSIDE = Refused(reason="no", permanent=True, alongside=True)

BEFORE = {
    "nobody": NOBODY,
    "four": Row(people=(91, 92, 93, 94)),
    "a row": Row(people=(91, 92, 93, 94, 95)),
    "one of us": Row(people=(91, 92), of_us=(92,)),
}
CASES = [
    # what was before, what a group is told: of whom it is believed (b) and doubted (d; D: no try)
    ("nobody", [GONE] * 4, "bbbb", False),
    ("nobody", [GONE] * 5, "ddddd", True),
    ("nobody", [FOR_GOOD] * 5, "ddddd", True),
    ("nobody", [FOR_GOOD, GONE, FOR_GOOD, GONE, FOR_GOOD], "ddddd", True),
    ("nobody", [GONE] * 4 + [TAKEN, GONE], "bbbb-b", False),
    ("nobody", [GONE] * 6 + [TAKEN], "dddddd-", False),
    ("nobody", [TAKEN] + [GONE] * 5, "-ddddd", True),
    ("nobody", [UNFIT] * 9, "bbbbbbbbb", False),
    ("nobody", [GONE, BUSY, GONE, LOST, GONE, GONE, GONE], "d-d-ddd", True),
    ("four", [GONE], "d", True),
    ("four", [TAKEN, GONE], "-b", False),
    ("a row", [GONE, GONE], "DD", True),
    ("a row", [TAKEN, GONE], "-b", False),
    ("a row", [GONE, TAKEN, GONE], "D-b", False),
    ("nobody", [TAKEN, OF_US], "-d", False),
    ("nobody", [OF_US, TAKEN, OF_US], "d-d", False),
    ("nobody", [OF_US, OF_US], "dD", True),
    ("nobody", [OF_US, OF_US, TAKEN], "dD-", True),
    ("four", [OF_US], "d", True),
    ("a row", [OF_US], "D", True),
    ("one of us", [OF_US], "D", True),
    ("one of us", [TAKEN, OF_US], "-d", False),
    ("nobody", [GONE, OF_US], "bd", False),
    ("nobody", [GONE, OF_US, TAKEN], "bd-", False),
    ("nobody", [OF_US, GONE, OF_US], "dbD", True),
    ("nobody", [UNSURE, TAKEN, UNSURE], "d-d", False),
    ("nobody", [UNSURE, UNSURE], "dD", True),
    ("nobody", [UNSURE, OF_US], "dD", True),
    ("nobody", [GONE] + [ALONGSIDE] * 9, "bbbbbbbbbb", False),
    ("four", [GONE] + [ALONGSIDE] * 2, "ddd", True),
]


@pytest.mark.parametrize(("before", "told", "expected", "halts"), CASES)
def test_a_row_of_refusals_is_held_against_the_server(
    before: str, told: list[Outcome], expected: str, *, halts: bool
) -> None:
    weighed = weigh(list(enumerate(told)), BEFORE[before], now=NOW)
    assert "".join(map(_mark, weighed.outcomes)) == expected
    assert (weighed.halted is not None) is halts
    if weighed.halted is not None:
        assert weighed.halted.until == NOW + HALT


def _mark(outcome: Outcome) -> str:
    match outcome:
        case Refused(permanent=True):
            return "b"
        case Refused(retry_at=at, is_try=is_try, no_mailbox=no_mailbox) if at == NOW + DOUBTED:
            assert not no_mailbox
            return "d" if is_try else "D"
        case _:
            return "-"


def test_one_person_refused_again_and_again_is_no_row() -> None:
    row = NOBODY
    for _ in range(2 * IN_A_ROW):
        weighed = weigh([(7, FOR_GOOD)], row, now=NOW)
        assert weighed.halted is None
        row = weighed.row
    assert row == Row(people=(7,), reason="no")


def test_one_whose_server_refuses_us_uses_up_its_tries_whoever_was_refused_before() -> None:
    row = Row(people=(1,))
    for _ in range(2):
        weighed = weigh([(7, OF_US)], row, now=NOW)
        assert "".join(map(_mark, weighed.outcomes)) == "d"
        assert weighed.halted is None
        row = weighed.row


def test_who_is_in_the_row_is_known_to_the_next_group_until_a_mail_is_accepted() -> None:
    told: list[tuple[int, Outcome]] = [(1, GONE), (2, TAKEN), (3, GONE), (4, FOR_GOOD)]
    first = weigh(told, Row(people=(9,), reason="before"), now=NOW)
    assert first.row == Row(people=(3, 4), reason="no")
    assert weigh([(5, BUSY), (6, Halted(reason="x"))], first.row, now=NOW).row == first.row
    assert weigh([(5, TAKEN)], first.row, now=NOW).row == NOBODY


def test_a_doubted_mail_waits_for_longer_than_the_halt() -> None:
    assert HALT + timedelta(minutes=5) < DOUBTED
