"""Look-ups: six a minute for everybody together, whoever was never asked about first."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from nurture.core.doubt import QUIET, Absent, Answer, Evidence
from nurture.core.message import Uncertain
from nurture.engine import doubt
from tests.engine.programme import Programme
from tests.engine.test_deliver_trouble import Wire, mail, plan, rows


class Blank:
    """Knows no mail, and remembers which it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find(self, uid: str, email: str, *, now: datetime) -> Answer:
        """Remember, and know nothing."""
        assert email
        self.asked.append(uid)
        return Absent()


def test_six_a_minute_and_nobody_twice_before_everybody_once(programme: Programme) -> None:
    wire, blank = Wire(), Blank()
    wire.does = lambda mails: [Uncertain(reason="lost") for _ in mails]
    rules = Evidence(look_up=True)
    evidences = doubt.Evidences(transport=wire.name, rules=rules, look_up=blank)
    programme.ways = replace(programme.ways, transport=wire, evidences=evidences)
    plan(programme, 8)
    mail(programme)
    asked = []
    for pause in (QUIET, timedelta(seconds=59), timedelta(seconds=2), timedelta(hours=5)):
        programme.now += pause
        mail(programme)
        asked.append(len(blank.asked))
    assert asked == [6, 6, 8, 8]
    assert len(set(blank.asked)) == 8
    assert {each.state for each in rows(programme)} == {"uncertain"}
    programme.now += timedelta(hours=1)
    mail(programme)
    assert blank.asked[8:] == blank.asked[:6]
