from __future__ import annotations

import json
from typing import Any

import pytest

from nurture.core.dossier import UNKNOWN
from nurture.core.token import Purpose
from nurture.engine.erase import erase_leads
from nurture.store import handoffs
from nurture.store.tables import handoffs as handoffs_table
from tests.web.world import World


def told(value: object) -> dict[str, object]:
    return {"label": "Role", "value": value, "source": "form", "at": "2026-09-01"}


DOSSIER: dict[str, Any] = {
    "person": {
        "name": "Ada <b>",
        "email": "ada@plant.example",
        "profile": {"role": told("Boss"), "tools": told(["A saw", "An axe"]), "phone": UNKNOWN},
    },
    "company": {"name": UNKNOWN, "profile": {"employees": told(1200)}},
    "readiness": 71,
    "temperature": "hot",
    "pain_points": [told("Severe")],
    "hot_buttons": UNKNOWN,
    "drivers": UNKNOWN,
    "competition": UNKNOWN,
    "budget": UNKNOWN,
    "decision_timeline": UNKNOWN,
    "open_questions": ["How many <shifts>?"],
    "history": {
        "last": [{"at": "2026-08-30T10:00:00+00:00", "what": "form.submitted", "about": "basics"}]
    },
}


def handed_over(world: World, body: str = json.dumps({"data": DOSSIER})) -> tuple[int, str]:
    """Store a delivered handoff; return its lead and the link in its dossier."""
    lead_id = world.add_lead()
    new = handoffs.NewHandoff(
        uid="msg_h1", lead_id=lead_id, cycle=1, endpoint="inside-sales", readiness=70
    )
    with world.database.write() as connection:
        handoffs.create(connection, [new], now=world.clock())
        connection.execute(handoffs_table.update().values(state="delivered", body=body))
    return lead_id, f"/s/{world.token(Purpose.SALES, 'h1')}"


def test_sales_sees_who_it_is_and_answers(world: World) -> None:
    lead_id, link = handed_over(world)
    with world.serving() as browser:
        page = browser.get(link).text
        for word in ("Ada &lt;b&gt;", "ada@plant.example", "A saw, An axe", "1200",
                     "Severe", "2026-08-30: answered the form 'basics'",
                     "How many &lt;shifts&gt;?"):  # fmt: skip
            assert word in page
        assert UNKNOWN not in page
        for _ in range(2):
            answer = browser.post(link, data={"answer": "accepted"})
            assert (answer.status_code, answer.headers["location"]) == (303, link)
        assert "Answered: We take it on" in browser.get(link).text
    assert world.events(lead_id) == [("handoff.accepted", "inside-sales", True)]
    assert world.rung[0] == (lead_id,)


def test_a_later_answer_replaces_an_earlier_one(world: World) -> None:
    _, link = handed_over(world)
    with world.serving() as browser:
        browser.post(link, data={"answer": "accepted"})
        world.clock.go(days=1)
        browser.post(link, data={"answer": "recycled", "reason": "<next spring>"})
        page = browser.get(link).text
    assert 'Not now: keep in touch for us, "&lt;next spring&gt;"' in page


@pytest.mark.parametrize(
    "fields",
    [{}, {"answer": "eaten"}, {"answer": "rejected"}, {"answer": "lost", "reason": "  "}],
)
def test_an_answer_without_its_reason_is_asked_for_again(
    page_world: World, fields: dict[str, str]
) -> None:
    _, link = handed_over(page_world)
    before = page_world.content()
    with page_world.serving() as browser:
        page = browser.post(link, data=fields)
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert page_world.content() == before


def test_looking_answers_nothing(page_world: World) -> None:
    _, link = handed_over(page_world)
    before = page_world.content()
    with page_world.serving() as browser:
        assert browser.get(link).status_code == 200
        assert browser.head(link).status_code == 200
    assert page_world.content() == before


def test_an_erased_lead_is_on_no_page(world: World) -> None:
    lead_id, link = handed_over(world)
    with world.database.write() as connection:
        erase_leads(world.runtime, connection, [lead_id], reason="x", now=world.clock())
    before = world.content()
    with world.serving() as browser:
        assert browser.get(link).status_code == 404
        assert browser.post(link, data={"answer": "accepted"}).status_code == 404
    assert world.content() == before


def test_what_was_not_released_is_on_no_page(page_world: World) -> None:
    _, link = handed_over(page_world, body="")
    with page_world.serving() as browser:
        assert browser.get(link).status_code == 404
