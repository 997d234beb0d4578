"""A qualified account: tier, somebody who means it lately, and at least two kinds of people."""

from __future__ import annotations

import pytest

from nurture.core.account import Engaged, Icp
from nurture.core.account_rule import USUAL, AccountRule
from nurture.core.event import EventKind
from nurture.core.project import EngagementGroup, EngagementModel, EngagementRule
from nurture.core.qualified import deeds, qualified
from nurture.core.score import Tally

DAY = 700_000
SINCE = DAY - USUAL.within_days + 1
FORM, CLICK, VIEW = EventKind.FORM_SUBMITTED, EventKind.MESSAGE_CLICKED, EventKind.PAGE_VIEWED
MODEL = EngagementModel(
    maximum=100,
    bands={},
    groups=(
        EngagementGroup(
            id="all",
            minimum=-50,
            maximum=100,
            half_life_days=None,
            rules=(
                EngagementRule(id="visit", kind=FORM, subject="visit", points=10, hand_raise=True),
                EngagementRule(id="form", kind=FORM, points=15),
                EngagementRule(id="click", kind=CLICK, points=5, max_per_day=1),
                EngagementRule(id="careers", kind=VIEW, subject="careers", points=-15),
                EngagementRule(id="page", kind=VIEW, points=1),
            ),
        ),
    ),
)
BOSS, FITTER, NOBODY = (
    Engaged(persona=name, weight=30, engagement=10_000) for name in ("boss", "fitter", "others")
)
QUIET = Engaged(persona="fitter", weight=30, engagement=9_999)
BOTH = (BOSS, FITTER)


def did(kind: EventKind, subject: str = "", *, ago: int = 0, count: int = 1) -> Tally:
    return Tally(kind=kind, subject=subject, day=DAY - ago, count=count)


CLICKS = tuple(did(CLICK, ago=ago) for ago in range(3))


@pytest.mark.parametrize(
    ("tier", "done", "people", "unmet"),
    [
        pytest.param("1", [[did(FORM)]], BOTH, "", id="one of high intent"),
        pytest.param("2", [CLICKS], BOTH, "", id="three of medium intent"),
        pytest.param("2", [CLICKS[:1], CLICKS[:1], CLICKS[:1]], BOTH, "", id="of three people"),
        pytest.param(
            "1", [[did(FORM, "visit")]], BOTH, "", id="a raised hand, whatever its points"
        ),
        pytest.param("1", [[did(FORM, ago=13)]], BOTH, "", id="on the last of the days"),
        pytest.param("1", [[did(FORM, ago=14)]], BOTH, "in 14 days", id="a day too long ago"),
        pytest.param("1", [CLICKS[:2]], BOTH, "in 14 days", id="two of medium intent"),
        pytest.param("1", [[did(CLICK, count=9)]], BOTH, "in 14 days", id="nine clicks on one day"),
        pytest.param("1", [[did(VIEW, count=99)]], BOTH, "in 14 days", id="many of low intent"),
        pytest.param("1", [[did(VIEW, "careers", count=9)]], BOTH, "in 14 days", id="minus points"),
        pytest.param("3", [[did(FORM)]], BOTH, "tier", id="the third tier"),
        pytest.param("?", [[did(FORM)]], BOTH, "tier", id="too little is known"),
        pytest.param("out", [[did(FORM)]], BOTH, "tier", id="excluded"),
        pytest.param("1", [[did(FORM)]], (BOSS, BOSS), "2 personas", id="two of one persona"),
        pytest.param("1", [[did(FORM)]], (BOSS, QUIET), "2 personas", id="one is hardly engaged"),
        pytest.param("1", [[did(FORM)]], (BOSS, NOBODY), "2 personas", id="no persona is no role"),
    ],
)
def test_an_account_is_qualified_by_all_three(
    tier: str, done: list[list[Tally]], people: tuple[Engaged, ...], unmet: str
) -> None:
    fits = Icp(value=0, tier=tier, coverage_percent=100, rows=())
    found = qualified(USUAL, fits, deeds(MODEL, done, since_day=SINCE), people)
    assert found.met is not bool(unmet)
    assert [one.what for one in found.asked if not one.met and one.what.startswith(unmet)] == [
        one.what for one in found.asked if not one.met
    ]


def test_it_says_what_was_asked_and_what_was_found() -> None:
    fits = Icp(value=0, tier="2", coverage_percent=100, rows=())
    done = deeds(MODEL, [CLICKS, [did(FORM, "visit")]], since_day=SINCE)
    rule = AccountRule(tiers=("1",), roles=3)
    assert [(one.what, one.met, one.found) for one in qualified(rule, fits, done, BOTH).asked] == [
        ("tier 1", False, "tier 2"),
        (
            "in 14 days 1 of 15 points or more, or 3 of 5 or more",
            True,
            "click 3 times, visit",
        ),
        ("3 personas with 10 points or more", False, "boss, fitter"),
    ]
