"""Hearsay (row 7): a lead by phone only gets a task and no mail, and its readiness is unknown."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.engine import by_hand, hearsay
from nurture.engine.by_hand import Who
from nurture.store import leads, records
from nurture.store.tables import messages
from tests.engine.programme import Programme

WHO = Who(name="Cy")


def heard(programme: Programme, **told: Any) -> int:
    uid = hearsay.add(programme.runtime, hearsay.Heard(**told), WHO, now=programme.now)
    with programme.database.read() as connection:
        return leads.ids_by_uid(connection, [uid])[uid]


def test_a_phone_number_alone_makes_a_task_and_never_a_mail(programme: Programme) -> None:
    lead_id = heard(programme, phone="+49 421 555 0100", note="Ada's brother needs sensors")
    with programme.database.read() as connection:
        (task,) = records.open_tasks(connection)
    assert (task.lead_id, task.team) == (lead_id, "prospect development")
    programme.wait(days=30)
    with programme.database.read() as connection:
        sent = connection.execute(select(func.count()).select_from(messages)).scalar_one()
        lead = leads.read(connection, [lead_id])[lead_id]
    assert sent == 0
    assert lead.standing.stage == "lead"
    assert not lead.standing.readiness_known
    assert lead.profile == {"phone": "+49 421 555 0100"}


def test_what_was_heard_counts_less_than_what_the_person_says(programme: Programme) -> None:
    lead_id = heard(programme, name="Ada Maria Berg", company="Berg Foods GmbH")
    programme.tells(lead_id, lead__first_name="Adah")
    with programme.database.read() as connection:
        lead = leads.read(connection, [lead_id])[lead_id]
    assert lead.profile == {"first_name": "Adah", "last_name": "Berg"}
    assert lead.account == {"name": "Berg Foods GmbH"}


def test_a_conversation_makes_readiness_known(programme: Programme) -> None:
    lead_id = heard(programme, name="Ada Berg")
    programme.happens(lead_id, EventKind.CALL_LOGGED)
    programme.tick()
    with programme.database.read() as connection:
        assert leads.read(connection, [lead_id])[lead_id].standing.readiness_known


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "--name or --phone"),
        ({"note": "somebody called"}, "--name or --phone"),
        ({"name": "ada@berg-foods.example"}, "nurture import"),
        ({"phone": "x" * 300}, "longer"),
    ],
)
def test_who_cannot_be_known_again_is_refused(
    lite: Programme, told: dict[str, str], said: str
) -> None:
    with pytest.raises(MisuseError, match=said):
        heard(lite, **told)


def test_the_same_hearsay_twice_is_one_lead(lite: Programme) -> None:
    heard(lite, name="Ada Berg", phone="1")
    with pytest.raises(MisuseError, match="already"):
        heard(lite, name="ADA BERG", phone="1", note="again")


def test_who_was_erased_is_not_added_again_and_the_words_say_so(lite: Programme) -> None:
    lead_id = heard(lite, name="Zeb Q")
    by_hand.erase(lite.runtime, lead_id, Who(name="Cy", reason="he asked"), now=lite.now)
    with pytest.raises(MisuseError, match="was erased, and is kept out"):
        heard(lite, name="Zeb Q")
