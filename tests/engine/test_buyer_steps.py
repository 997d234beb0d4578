"""Who reads ahead of their stage, or behind it, is on the list of mismatches (row 49)."""

from __future__ import annotations

import json
from datetime import timedelta

from nurture.core.event import EventKind
from nurture.core.lead import Stage
from nurture.engine.buyer_steps import BuyerSteps, compare
from tests.engine.programme import Programme, row

ADA, BO, CY = (f"{name}@berg-foods.example" for name in ("ada", "bo", "cy"))


def steps(programme: Programme) -> BuyerSteps:
    with programme.database.read() as connection:
        return compare(connection, programme.project, now=programme.now)


def test_a_lead_that_compares_is_ahead_of_its_stage(programme: Programme) -> None:
    programme.bring(row(ADA), row(BO), row(CY))
    programme.happens(programme.lead(ADA), EventKind.MESSAGE_CLICKED, "dairy-case")
    programme.happens(programme.lead(BO), EventKind.MESSAGE_CLICKED, "leak-walk")
    programme.happens(programme.lead(CY), EventKind.MESSAGE_CLICKED, "dairy-case", human=False)
    found = steps(programme)
    assert found.counts == {(Stage.LEAD, "comparing"): 1, (Stage.LEAD, "exploring"): 1}
    (ahead,) = found.mismatches
    assert (ahead.email, ahead.how, ahead.shown.subject) == (ADA, "ahead", "dairy-case")
    assert ahead.expected == ("problem", "exploring")
    programme.now += timedelta(days=90)
    assert steps(programme).mismatches == [], "long ago says nothing"


def test_the_dossier_says_where_the_buyer_stands(programme: Programme) -> None:
    programme.bring(row(ADA))
    programme.now += timedelta(days=14)
    programme.qualify(programme.lead(ADA))
    programme.tick()
    ((_, body),) = programme.crm.got
    step = json.loads(body)["data"]["buyer_step"]
    assert (step["shown"], step["by"], step["compared"]) == ("exploring", "leak-walk", "behind")
    assert step["expected"] == ["comparing", "deciding"]
