"""Organizations: joined by hand, scored with their people, targeted without any (rows 2 and 3)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from nurture.core.errors import MisuseError, RefusedInput
from nurture.core.event import EventKind
from nurture.engine import account_view, signals
from nurture.engine.account_view import AccountView, Judged
from nurture.engine.by_hand import Who
from nurture.engine.importing_accounts import ImportedAccounts, import_accounts
from nurture.store import leads
from nurture.store.tables import facts, leads as leads_table, messages
from tests.engine.programme import Programme, row

ADA, BO = "ada@berg-foods.example", "bo@freemail.example"
WHO = Who(name="Cy")
TARGETS = """domain,company,employees,industry,compressor_kw,country,source
berg-foods.example,Berg Foods GmbH,320,food,160,DE,trade fair
small.example,Small AB,20,food,160,SE,trade fair
rival.example,Rival Ltd,900,competitor,160,GB,trade fair
,Nameless Works,,,,,
"""


def view(programme: Programme, text: str) -> AccountView:
    with programme.database.read() as connection:
        account_id = account_view.find_account(connection, text)
        return account_view.look_at_account(
            connection, account_id, programme.project, now=programme.now
        )


def listed(programme: Programme, **terms: object) -> list[Judged]:
    with programme.database.read() as connection:
        return account_view.list_accounts(
            connection,
            programme.project,
            now=programme.now,
            **terms,  # type: ignore[arg-type]  # each test names its own
        )


def target(programme: Programme, text: str = TARGETS, name: str = "fair.csv") -> ImportedAccounts:
    return import_accounts(programme.runtime, text.encode(), now=programme.now, name=name)


def test_a_lead_joins_the_account_of_its_domain_by_hand(programme: Programme) -> None:
    programme.bring(row(ADA), row(BO, company="", first_name="Bo"))
    programme.tells(programme.lead(BO), account__compressors=5)
    programme.now += timedelta(hours=1)
    line = account_view.join(
        programme.runtime, programme.lead(BO), "berg-foods.example", WHO, now=programme.now
    )
    assert (line.key, line.people) == ("domain:berg-foods.example", 2)
    with programme.database.read() as connection:
        people = leads.read(connection, [programme.lead(ADA), programme.lead(BO)])
    assert {lead.account["compressors"] for lead in people.values()} == {5}
    assert len({lead.account_id for lead in people.values()}) == 1
    assert {programme.standing(i)["check_at"] for i in people} == {programme.now}


def test_joining_says_why_it_cannot_be_done(programme: Programme) -> None:
    programme.bring(row(ADA))
    lead = programme.lead(ADA)

    def joins(text: str) -> None:
        account_view.join(programme.runtime, lead, text, WHO, now=programme.now)

    for text, said in (
        ("freemail.example", "free-mail"),
        ("no such firm", "name its mail domain"),
        ("berg-foods.example", "already"),
    ):
        with pytest.raises(MisuseError, match=said):
            joins(text)
    joins("new-home.example")
    assert view(programme, "new-home.example").judged.line.people == 1
    programme.happens(lead, EventKind.ERASURE_REQUESTED)
    programme.tick()
    with pytest.raises(MisuseError, match="erased"):
        joins("berg-foods.example")


def test_an_account_is_scored_with_its_people(programme: Programme) -> None:
    programme.bring(row(ADA, downloaded=""))
    programme.tells(programme.lead(ADA), account__industry="food", lead__role="plant-manager")
    programme.happens(programme.lead(ADA), EventKind.FORM_SUBMITTED, "profile-basics")
    programme.tick()
    found = view(programme, "Berg Foods GmbH")
    assert [one.persona.name for one in found.people if one.persona] == ["plant-manager"]
    assert found.judged.icp.tier == "1"
    nets = {(r.part, r.what): r.net for r in found.judged.score.rows}
    assert nets == {
        ("fit", "fit"): 60_000,
        ("people", "plant-manager"): 14_000 * 45 * 40 // 10_000,
        ("breadth", "plant-manager"): 3_000,
    }


def test_row_2_signals_of_unknown_people_count_faded_and_within_their_group(
    programme: Programme,
) -> None:
    target(programme)
    told = [
        {
            "id": str(number),
            "kind": kind,
            "subject": subject,
            "account": "berg-foods.example",
            "occurred_at": (programme.now - timedelta(days=ago)).isoformat(),
            "human": human,
        }
        for number, (kind, subject, ago, human) in enumerate(
            [
                ("page.viewed", "pricing", 0, True),
                ("page.viewed", "pricing", 14, True),
                ("page.viewed", "pricing", 0, False),
                *[("signal.mentioned", "", 0, True), ("review.visited", "", 0, True)] * 2,
            ]
        )
    ]
    lines = "\n".join(json.dumps(one) for one in told).encode()
    assert signals.take_file(programme.runtime, lines, now=programme.now).on_accounts == len(told)
    found = view(programme, "berg-foods.example").judged
    rows = {r.what: (r.raw, r.net) for r in found.score.rows if r.part == "signals"}
    # A price page today and one a half-life ago; mentions and reviews end at the group's 10.
    assert rows.pop("web: prices-read") == (6_000 + 3_000, 3_600)
    assert sum(raw for raw, _ in rows.values()) == 10_000
    assert found.score.value == found.icp.value * 60 // 100 + 3_600 + 4_000
    assert [(one.met, one.found) for one in found.qualified.asked] == [
        (True, "tier 1"),
        (True, "mention 2 times, prices-read"),
        (False, "none"),
    ]


def test_row_2_an_account_is_qualified_by_its_people(programme: Programme) -> None:
    programme.bring(row(ADA, downloaded=""), row("bo@berg-foods.example", downloaded=""))
    both = [programme.lead(ADA), programme.lead("bo@berg-foods.example")]
    for lead, role in zip(both, ("plant-manager", "energy-manager"), strict=True):
        programme.tells(lead, account__industry="food", lead__role=role)
        programme.happens(lead, EventKind.FORM_SUBMITTED, "profile-basics")
    programme.tick()
    assert not listed(programme)[0].qualified.met
    programme.happens(both[1], EventKind.MESSAGE_REPLIED)
    programme.tick()
    assert listed(programme)[0].qualified.met
    programme.now += timedelta(days=14)
    assert not listed(programme)[0].qualified.met, "that was long ago"


def test_row_02_targets_have_a_tier_with_reasons_and_nobody_to_mail(programme: Programme) -> None:
    done = target(programme)
    assert (done.rows, done.targets, len(done.rejected)) == (4, 4, 0)
    programme.wait(days=2)
    found = listed(programme, suspects=True)
    assert {one.line.key: one.icp.tier for one in found} == {
        "domain:berg-foods.example": "1",
        "domain:small.example": "2",
        "domain:rival.example": "out",
        "name:nameless works": "?",
    }
    assert next(row.rule for row in found[0].icp.rows) == "employees"
    assert [one.line.key for one in listed(programme, tier="out")] == ["domain:rival.example"]
    with programme.database.read() as connection:
        for table in (messages, leads_table):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_the_same_list_twice_changes_nothing(programme: Programme) -> None:
    target(programme)

    def told() -> int:
        with programme.database.read() as connection:
            return connection.execute(select(func.count()).select_from(facts)).scalar_one()

    before = told()
    programme.now += timedelta(days=1)
    again = target(programme)
    assert (again.targets, again.known_before, told()) == (0, 4, before)
    changed = target(programme, TARGETS.replace("320", "400"))
    assert (changed.targets, told()) == (0, before + 1)
    assert view(programme, "berg-foods.example").judged.line.profile["employees"] == 400


def test_row_02_a_suspect_with_a_person_is_a_suspect_no_more(programme: Programme) -> None:
    target(programme)
    programme.bring(row(ADA, consent=",,,,"))
    assert "domain:berg-foods.example" not in {
        one.line.key for one in listed(programme, suspects=True)
    }
    found = view(programme, "berg-foods.example")
    assert found.judged.line.people == 1
    programme.wait(days=3)
    assert programme.post.sent == [], "no consent, no mail"


def test_rows_that_name_no_account_are_rejected(programme: Programme) -> None:
    text = "domain,company\ngmail.com,\n,\nnot a domain,\n,=cmd()\nfine.example,Fine,x\n"
    done = target(programme, text)
    assert [one.line for one in done.rejected] == [2, 4, 5, 6]
    with pytest.raises(RefusedInput, match="no column"):
        target(programme, "name,employees\nx,1\n")
    people = target(programme, "domain,email\nfine.example,a@fine.example\n")
    assert "nurture import" in people.rejected[0].reason


def test_erasing_the_last_person_leaves_a_target_what_our_list_says(programme: Programme) -> None:
    target(programme)
    programme.bring(row(ADA))
    programme.tells(programme.lead(ADA), account__compressors=7, account__employees=90)
    programme.happens(programme.lead(ADA), EventKind.ERASURE_REQUESTED)
    programme.tick()
    left = view(programme, "berg-foods.example").judged.line
    assert left.people == 0
    assert left.profile["employees"] == 320
    assert "compressors" not in left.profile
