"""Several mails in one step: the one for the step that the buyer shows (row 49)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core.choosing import choose
from nurture.core.decide import decide
from nurture.core.decision import Decision
from nurture.core.event import EventKind
from nurture.core.project import Template
from tests.core.builders import LEAD, NOW, PROJECT, facts
from tests.core.passages import ENROLLMENT, email, mailed, notes, sequence, situation

STEPS = {
    "drains": "problem", "walk": "exploring", "audit": "comparing", "dairy": "comparing",
    "visit": "deciding",
}  # fmt: skip
PLAIN = Template(
    name="", version="", subject="", preheader="", html="", text="", topic="", buyer_step=""
)
RULES = replace(
    PROJECT,
    templates={n: replace(PLAIN, name=n, buyer_step=step) for n, step in STEPS.items()},
)
STEP = email(template="drains", others=("walk", "audit", "dairy"))


def reads(*mails: str, days_ago: int = 1) -> dict[tuple[EventKind, str], object]:
    at = NOW - timedelta(days=days_ago)
    return {(EventKind.MESSAGE_CLICKED, name): at for name in mails}


@pytest.mark.parametrize(
    ("read", "sent", "mail", "why"),
    [
        pytest.param((), (), "drains", "shows no step", id="nothing read: the first as written"),
        pytest.param((), ("drains",), "walk", "shows no step", id="the first that was not sent"),
        pytest.param(
            ("news",), (), "drains", "shows no step", id="what is no mail of ours says nothing"
        ),
        pytest.param(
            ("dairy",), ("dairy",), "audit", "comparing, as dairy shows",
            id="a buyer reading comparisons gets comparison content next",
        ),
        pytest.param(("audit",), (), "audit", "comparing", id="of two that suit the first"),
        pytest.param(
            ("dairy",), ("audit", "dairy"), "drains", "none is left", id="none is left that suits"
        ),
        pytest.param(
            ("visit",), ("drains",), "walk", "deciding, for which none", id="none is for the step"
        ),
    ],
)  # fmt: skip
def test_row_49_the_mail_for_the_buyers_step_goes(
    read: tuple[str, ...], sent: tuple[str, ...], mail: str, why: str
) -> None:
    known = facts(latest=reads(*read), sent=dict.fromkeys(sent, NOW))
    found = choose(STEP, known, RULES, now=NOW)
    assert found.step == email(template=mail)
    assert why in found.why


def test_what_was_read_long_ago_says_nothing() -> None:
    found = choose(STEP, facts(latest=reads("dairy", days_ago=90)), RULES, now=NOW)
    assert found.step == email(template="drains")


def chosen(**known: object) -> Decision:
    steps = sequence(STEP, email("after"))
    seen = replace(situation(), facts=facts(LEAD, **known))
    return decide(ENROLLMENT, steps, seen, RULES, now=NOW)


def test_the_story_says_why_it_is_this_mail() -> None:
    found = chosen(latest=reads("dairy"))
    plan = mailed(found)
    assert plan is not None
    assert plan.template == "audit"
    assert notes(found)[:2] == ["the buyer is comparing, as dairy shows", "planned the mail audit"]


def test_nobody_gets_one_of_them_twice() -> None:
    found = chosen(sent=dict.fromkeys(("drains", "walk", "audit", "dairy"), NOW))
    assert notes(found)[0] == "every mail of the step was sent before; skipped"
    plan = mailed(found)
    assert plan is not None
    assert plan.template == "after"
