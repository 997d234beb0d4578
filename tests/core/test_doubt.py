"""A mail in doubt is sent again only if everything says that it did not leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from nurture.core.doubt import PARK_AFTER, QUIET, Doubt, Evidence, SendAgain, Stay, judge
from nurture.core.message import OnUncertain

BEGUN = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
NOW = BEGUN + QUIET
ALL = Doubt(
    policy=OnUncertain.RESEND,
    started_at=BEGUN,
    since=BEGUN,
    heard_at=BEGUN + timedelta(minutes=5, seconds=1),
    absent_at=NOW,
)
LOOKS = Evidence(reports=True, look_up=True)

AGAINST: dict[str, dict[str, object]] = {
    "policy": {"policy": OnUncertain.HOLD},
    "quiet": {"since": BEGUN + timedelta(seconds=1)},
    "feed": {"heard_at": BEGUN + timedelta(minutes=5)},
    "look-up": {"absent_at": NOW - timedelta(seconds=1)},
    "expired": {"expires_at": NOW - timedelta(seconds=1)},
    "again": {"doubtful": 2},
    "kept": {"send_at": NOW + timedelta(seconds=1)},
}
"""What speaks against sending again, each only just."""


def test_all_evidence_together_sends_it_again() -> None:
    assert judge(ALL, LOOKS, now=NOW) == SendAgain(
        reason="sent again: the provider reported other mails, never this one and, asked, did not"
        " know it"
    )


@pytest.mark.parametrize("count", range(1, len(AGAINST) + 1))
def test_whatever_is_missing_nothing_is_sent(count: int) -> None:
    for names in combinations(AGAINST, count):
        changes = {key: value for name in names for key, value in AGAINST[name].items()}
        doubt = replace(ALL, **changes)  # type: ignore[arg-type] # a table of several types
        assert isinstance(judge(doubt, LOOKS, now=NOW), Stay), names


def test_quiet_begins_when_the_provider_lets_the_mail_go() -> None:
    kept = replace(ALL, send_at=BEGUN + timedelta(minutes=15), absent_at=NOW + QUIET)
    heard = replace(kept, heard_at=BEGUN + timedelta(minutes=20, seconds=1))
    assert isinstance(judge(heard, LOOKS, now=NOW), Stay)
    later = NOW + timedelta(minutes=15)
    assert isinstance(judge(heard, LOOKS, now=later), SendAgain)
    assert isinstance(judge(kept, LOOKS, now=later), Stay)


def test_where_nothing_is_reported_nothing_is_sent() -> None:
    assert isinstance(judge(ALL, Evidence(reports=False), now=NOW), Stay)


def test_without_a_look_up_none_is_waited_for() -> None:
    alone = replace(ALL, absent_at=None)
    assert isinstance(judge(alone, Evidence(reports=True), now=NOW), SendAgain)


def test_after_a_day_only_a_person_settles_it() -> None:
    late = BEGUN + PARK_AFTER
    found = judge(replace(ALL, absent_at=late), LOOKS, now=late)
    assert found == Stay(reason="a day in doubt: only a person settles it", until=None)


@pytest.mark.parametrize(
    ("change", "reason", "until"),
    [
        ({"policy": OnUncertain.HOLD}, "on_uncertain: hold", PARK_AFTER),
        ({"expires_at": BEGUN}, "too late", PARK_AFTER),
        ({"doubtful": 2}, "once already", PARK_AFTER),
        ({"since": BEGUN + timedelta(seconds=9)}, "may still come", QUIET),
        ({"heard_at": None}, "has reported nothing", PARK_AFTER),
        ({"absent_at": None}, "still to be asked", PARK_AFTER),
    ],
)
def test_it_is_said_what_it_waits_for_and_until_when(
    change: dict[str, object], reason: str, until: timedelta
) -> None:
    doubt = replace(ALL, **change)  # type: ignore[arg-type] # a table of several types
    found = judge(doubt, LOOKS, now=NOW)
    assert isinstance(found, Stay)
    assert reason in found.reason
    assert found.until == doubt.since + until
