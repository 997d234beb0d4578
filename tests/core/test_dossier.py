"""The dossier: every slot is there, filled with its source or called unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nurture.core.condition import Constant, ValueType
from nurture.core.dossier import (
    HISTORY_LENGTH,
    SLOTS,
    UNKNOWN,
    DossierInput,
    KnownFact,
    completeness,
    dossier,
    known_keys,
    persona_card,
)
from nurture.core.event import Event, EventKind
from nurture.core.lead import Value
from nurture.core.persona import Persona
from nurture.core.project import Field
from tests.core.builders import HOUR, LEAD, NOW, PROJECT, lead

FIELDS = {
    field.key: field
    for field in (
        Field(
            owner="lead", name="pain", type=ValueType.CHOICE, label="Pain",
            question="How much trouble?", choices={"severe": "It costs us every month"},
        ),
        Field(owner="lead", name="role", type=ValueType.TEXT, label="Role", question="Your role?"),
        Field(
            owner="account", name="tools", type=ValueType.CHOICES, label="Tools",
            choices={"ear": "A good ear"},
        ),
        Field(owner="account", name="employees", type=ValueType.NUMBER, label="Employees"),
    )
}  # fmt: skip
RULES = replace(PROJECT, fields=FIELDS)


def known(key: str, value: Value) -> KnownFact:
    """Return a fact that a form told us."""
    return KnownFact(key=key, value=value, source="form basics", at=NOW)


def clicked(hours: int, *, human: bool = True) -> Event:
    """Return a click so many hours ago."""
    return Event(
        id=hours,
        lead_id=1,
        kind=EventKind.MESSAGE_CLICKED,
        subject="guide",
        occurred_at=NOW - hours * HOUR,
        recorded_at=NOW,
        source="provider",
        human=human,
        points=0,
    )


NOTHING = DossierInput(
    lead=LEAD,
    name="",
    facts=(),
    events=(),
    sent=(),
    colleagues=(),
    account_name="",
    stage_from="lead",
    explain={"cell": "?3"},
)


def told(**changes: Any) -> dict[str, Any]:
    """Return the dossier of somebody of whom nothing is known, changed."""
    return dossier(replace(NOTHING, **changes), RULES)


def test_with_nothing_known_every_slot_says_so() -> None:
    found = told()
    assert all(found[slot] == UNKNOWN for slot in SLOTS)
    assert found["person"]["name"] == found["company"]["name"] == UNKNOWN
    assert found["individuals"] == UNKNOWN
    assert found["completeness"] == 0
    assert found["open_questions"] == ["How much trouble?", "Your role?"]


def test_a_fact_is_told_in_words_with_its_source() -> None:
    found = told(facts=[known("lead.pain", "severe"), known("account.tools", ("ear", "old"))])
    [pain] = found["pain_points"]
    assert (pain["value"], pain["source"]) == ("It costs us every month", "form basics")
    assert found["company"]["profile"]["tools"]["value"] == ["A good ear", "old"]
    assert "pain" not in found["person"]["profile"]
    assert found["completeness"] == 50


def test_numbers_stay_numbers() -> None:
    found = told(facts=[known("account.employees", 250)])
    assert found["company"]["profile"]["employees"]["value"] == 250


def test_history_tells_what_people_did_and_what_was_sent_in_order() -> None:
    events = [clicked(1), clicked(3), clicked(2, human=False)]
    history = told(events=events, sent=[(NOW - 4 * HOUR, "guide")])["history"]
    assert [line["what"] for line in history["last"]] == [
        "message.sent",
        "message.clicked",
        "message.clicked",
    ]
    assert history["counts"] == {"message.clicked": 2, "message.sent": 1}
    assert history["left_out"] == 0


def test_a_long_history_is_cut_and_says_so() -> None:
    history = told(events=[clicked(n) for n in range(HISTORY_LENGTH + 5)])["history"]
    assert (len(history["last"]), history["left_out"]) == (HISTORY_LENGTH, 5)


def test_the_explained_score_is_passed_on_as_it_is() -> None:
    assert told(explain={"cell": "B1"})["explain"] == {"cell": "B1"}


def test_completeness_counts_what_has_a_value() -> None:
    keys = known_keys(lead(profile={"pain": "severe", "role": ""}, account={"employees": 0}))
    assert keys == {"lead.pain", "account.employees"}
    assert completeness(keys, RULES) == 50
    assert completeness(keys, replace(PROJECT, fields={})) == 0


def test_row_04_a_persona_is_quoted_with_its_questions_and_otherwise_unknown() -> None:
    persona = Persona(
        name="maker",
        title="Maker",
        when=Constant(value=True),
        text="true",
        talking_points=("Time saved",),
        questions=("How long does it take?",),
    )
    card = persona_card(persona)
    assert isinstance(card, dict)
    assert card["questions"] == ["How long does it take?"]
    assert (card["talking_points"], card["seniority"]) == (["Time saved"], UNKNOWN)
    assert persona_card(None) == UNKNOWN
