"""A provider that takes mail in a way it does not usually: it counts as sent, and is told of."""

from __future__ import annotations

from datetime import timedelta

from nurture.core.message import Accepted
from nurture.engine import sending
from tests.engine.programme import Programme, row

ODD = "took 2 mails with an odd answer"


def test_odd_answers_of_the_last_day_are_warned_of(programme: Programme) -> None:
    answers = [Accepted(), Accepted(odd=True), Accepted(odd=True)]
    programme.post.answer = lambda _: answers.pop()
    programme.bring(*[row(f"{name}@plant.example") for name in "abc"])
    assert programme.tick().deliver["accepted"] == 3
    warned = sending.look(programme.runtime, now=programme.now + timedelta(hours=22)).warnings
    assert len(warned) == 1
    assert f"post {ODD}" in warned[0]
    assert sending.look(programme.runtime, now=programme.now + timedelta(days=1)).warnings == ()


def test_they_are_counted_over_many_ticks(programme: Programme) -> None:
    programme.post.answer = lambda _: Accepted(odd=True)
    for name in "ab":
        programme.bring(row(f"{name}@plant.example"), name=name)
        programme.tick()
        programme.now += timedelta(hours=3)
    (warned,) = sending.look(programme.runtime, now=programme.now).warnings
    assert ODD in warned
