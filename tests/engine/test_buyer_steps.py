"""Who reads ahead of their stage, or behind it, is on the list of mismatches (row 49)."""

from __future__ import annotations

import json
from datetime import timedelta

from nurture.core.event import EventKind
from nurture.core.lead import Stage
from nurture.engine import story
from nurture.engine.buyer_steps import BuyerSteps, compare
from nurture.project.load import load_files
from tests.engine.programme import Programme, row, starter

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


CHOOSES = """title: Useful things
enter: {when: "stage == 'lead'", reentry: never, priority: 99}
send: {window: any-time, topic: guides}
exclusive: nurture
steps:
  - {email: check-your-drains, or_by_step: [one-bar-less, audit-or-sensors, dairy-case]}
  - {wait: 3d}
  - {id: next, email: check-your-drains, or_by_step: [one-bar-less, audit-or-sensors, dairy-case]}
  - {wait: 3d}
"""


def test_row_49_who_reads_comparisons_gets_a_comparison_next(programme: Programme) -> None:
    files = {**starter().files, "sequences/useful-things.yaml": CHOOSES}
    programme.project = load_files(files, {})
    programme.bring(row(ADA, downloaded=""), row(BO, downloaded=""))
    ada = programme.lead(ADA)
    programme.happens(ada, EventKind.MESSAGE_CLICKED, "dairy-case")
    programme.happens(programme.lead(BO), EventKind.MESSAGE_CLICKED, "dairy-case", human=False)
    programme.wait(days=2)
    sent = {m.mail.recipient.email: m.categories[1] for m in programme.post.sent}
    assert sent == {ADA: "audit-or-sensors", BO: "check-your-drains"}
    with programme.database.read() as connection:
        told = story.tell(programme.runtime, connection, ada, now=programme.now)
    assert "the buyer is comparing, as dairy-case shows" in told.as_text()
    # The comparison that is left comes next, then nothing twice.
    programme.wait(days=4)
    assert [m.categories[1] for m in programme.post.sent if m.mail.recipient.email == ADA] == [
        "audit-or-sensors",
        "dairy-case",
    ]


def test_the_dossier_says_where_the_buyer_stands(programme: Programme) -> None:
    programme.bring(row(ADA))
    programme.now += timedelta(days=14)
    programme.qualify(programme.lead(ADA))
    programme.tick()
    ((_, body),) = programme.crm.got
    step = json.loads(body)["data"]["buyer_step"]
    assert (step["shown"], step["by"], step["compared"]) == ("exploring", "leak-walk", "behind")
    assert step["expected"] == ["comparing", "deciding"]
