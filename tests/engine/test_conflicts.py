"""Two sources that disagree: the trusted one is used, the other one shown."""

from __future__ import annotations

import json
from datetime import timedelta

from nurture.engine.person import look_at
from nurture.store import leads
from tests.engine.programme import Programme, row

ADA = "ada@berg-foods.example"


def employees(programme: Programme) -> object:
    with programme.database.read() as connection:
        lead_id = programme.lead(ADA)
        return leads.read(connection, [lead_id])[lead_id].account.get("employees")


def test_a_list_does_not_silently_overwrite_what_the_person_said(programme: Programme) -> None:
    programme.bring(row(ADA, employees="320"))
    programme.now += timedelta(days=1)
    programme.tells(programme.lead(ADA), account__employees=90)
    assert employees(programme) == 90
    programme.now += timedelta(days=1)
    at = programme.now.isoformat()
    programme.bring(row(ADA, employees="5000", captured_at=at), name="bought.csv")
    programme.tick()
    assert employees(programme) == 90
    with programme.database.read() as connection:
        found = look_at(programme.runtime, connection, programme.lead(ADA), now=programme.now)
    others = found.provenance.otherwise("account.employees", programme.now)
    assert {(o.source, o.value) for o in others} == {
        ("import leads.csv", 320),
        ("import bought.csv", 5000),
    }


def test_the_dossier_says_how_sure_each_value_is(programme: Programme) -> None:
    programme.bring(row(ADA, employees="320"))
    programme.now += timedelta(days=14)
    programme.tells(programme.lead(ADA), account__employees=90)
    programme.qualify(programme.lead(ADA))
    programme.tick()
    ((_, body),) = programme.crm.got
    company = json.loads(body)["data"]["company"]["profile"]
    assert company["employees"]["confidence"] == "low"
    (other,) = company["employees"]["otherwise"]
    assert (other["value"], other["source"]) == (320, "import leads.csv")
    assert company["compressors"]["confidence"] == "high"
    assert company["country"]["confidence"] == "medium"
    assert "otherwise" not in company["country"]
