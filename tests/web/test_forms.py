from __future__ import annotations

from datetime import timedelta

import pytest

from nurture.core.lead import Stage, Value
from nurture.core.token import Purpose
from nurture.engine.forms import questions
from tests.web.world import World

ANSWERS = {"lead.role": "boss", "account.employees": "1,200", "lead.tools": ["saw", "axe"]}


def test_answers_are_stored_with_where_they_come_from(world: World) -> None:
    lead_id = world.add_lead()
    link = f"/f/{world.token(Purpose.FORM, world.add_mail(lead_id))}"
    with world.serving() as browser:
        posted = browser.post(link, data=ANSWERS)
        thanks = browser.get(posted.headers["location"])
    assert posted.status_code == 303
    assert "Thank you so much" in thanks.text
    assert world.facts(lead_id) == {
        "role": ("boss", "form basics"),
        "employees": (1200, "form basics"),
        "tools": (["axe", "saw"], "form basics"),
    }
    assert world.events(lead_id) == [("form.submitted", "basics", True)]
    assert world.rung == [(lead_id,)]


def test_the_same_answers_again_change_nothing(world: World) -> None:
    lead_id = world.add_lead()
    link = f"/f/{world.token(Purpose.FORM, world.add_mail(lead_id))}"
    with world.serving() as browser:
        browser.post(link, data=ANSWERS)
        before = world.content()
        world.clock.go(hours=1)
        again = browser.post(link, data=ANSWERS)
    assert again.status_code == 303
    assert world.content() == before


def test_a_person_may_correct_what_the_same_form_was_told(world: World) -> None:
    lead_id = world.add_lead()
    link = f"/f/{world.token(Purpose.FORM, world.add_mail(lead_id))}"
    with world.serving() as browser:
        for role in ("boss", "clerk", "boss"):
            world.clock.go(minutes=1)
            browser.post(link, data={"lead.role": role})
            assert world.lead(lead_id).profile["role"] == role


def test_a_forwarded_link_changes_nothing_that_was_known_from_elsewhere(world: World) -> None:
    lead_id = world.add_lead(known={"lead.role": "boss"})
    link = f"/f/{world.token(Purpose.FORM, world.add_mail(lead_id))}"
    with world.serving() as browser:
        posted = browser.post(link, data={"lead.role": "clerk", "account.employees": "50"})
    assert posted.status_code == 303
    assert world.facts(lead_id) == {
        "role": ("boss", "import fair.csv"),
        "employees": (50, "form basics"),
    }


def test_what_was_mistyped_comes_back_with_a_word_on_it_and_nothing_is_stored(
    world: World,
) -> None:
    lead_id = world.add_lead()
    link = f"/f/{world.token(Purpose.FORM, world.add_mail(lead_id))}"
    before = world.content()
    with world.serving() as browser:
        page = browser.post(link, data={"lead.role": "boss", "account.employees": "<plenty>"})
    assert page.status_code == 422
    assert "<title>Error: A few questions" in page.text
    assert 'role="alert"' in page.text
    assert '<a href="#account-employees">Enter a whole number' in page.text
    assert 'aria-invalid="true"' in page.text
    assert 'value="&lt;plenty&gt;"' in page.text
    assert 'value="boss" checked' in page.text
    assert world.content() == before
    assert world.rung == []


@pytest.mark.parametrize(
    ("key", "typed", "stored"),
    [
        ("account.employees", "1 200", 1200),
        ("account.employees", "1.200", 1200),
        ("account.employees", "1\u202f200", 1200),
        ("lead.revisit_on", "2027-02-28", "2027-02-28"),
        ("lead.member", "no", False),
        ("lead.note", "  cafe\u0301\r\nand\x00 more\u200b ", "caf\u00e9\nand more\u200b"),
        ("lead.first_name", " Ada \t\n  Maria ", "Ada Maria"),
        ("account.country", "C3", "C3"),
    ],
)
def test_answers_are_read_by_the_type_of_the_field(
    page_world: World, key: str, typed: str, stored: object
) -> None:
    lead_id = page_world.add_lead()
    mail = page_world.add_mail(lead_id, form="everything")
    with page_world.serving() as browser:
        browser.post(f"/f/{page_world.token(Purpose.FORM, mail)}", data={key: typed})
    assert page_world.facts(lead_id)[key.partition(".")[2]][0] == stored


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        ("account.employees", "0"),
        ("account.employees", "500001"),
        ("account.employees", "9" * 4000),
        ("account.employees", ["1", "2"]),
        ("lead.revisit_on", "2027-02-30"),
        ("lead.revisit_on", "0001-01-01"),
        ("lead.member", "perhaps"),
        ("lead.role", "king"),
        ("lead.tools", ["saw", "gun"]),
        ("lead.note", "x" * 4001),
        ("lead.first_name", "x" * 201),
    ],
)
def test_answers_outside_the_schema_are_refused(
    page_world: World, key: str, typed: str | list[str]
) -> None:
    mail = page_world.add_mail(page_world.add_lead(), form="everything")
    before = page_world.content()
    with page_world.serving() as browser:
        page = browser.post(f"/f/{page_world.token(Purpose.FORM, mail)}", data={key: typed})
    assert page.status_code == 422
    assert page_world.content() == before


def test_an_empty_form_is_no_submission(page_world: World) -> None:
    mail = page_world.add_mail(page_world.add_lead())
    before = page_world.content()
    with page_world.serving() as browser:
        page = browser.post(f"/f/{page_world.token(Purpose.FORM, mail)}", data={"lead.role": " "})
    assert page.status_code == 422
    assert "Answer at least one question" in page.text
    assert page_world.content() == before


def test_a_form_asks_the_first_few_unknown_things_only(page_world: World) -> None:
    lead_id = page_world.add_lead(known={"lead.role": "boss"})
    form = page_world.project.forms["basics"]
    asked = questions(page_world.project, form, page_world.lead(lead_id))
    assert [field.key for field in asked] == ["account.employees", "lead.tools", "lead.note"]


def test_a_form_with_nothing_left_to_ask_says_so(page_world: World) -> None:
    lead_id = page_world.add_lead(
        known={
            "lead.role": "boss",
            "account.employees": 5,
            "lead.tools": ("saw",),
            "lead.note": "x",
        }
    )
    mail = page_world.add_mail(lead_id)
    with page_world.serving() as browser:
        page = browser.get(f"/f/{page_world.token(Purpose.FORM, mail)}")
    assert page.status_code == 200
    assert "Nothing left to ask" in page.text
    assert "<form" not in page.text


@pytest.mark.parametrize(
    ("stage", "asked"), [(Stage.LEAD, False), (Stage.PROSPECT, False), (Stage.OPPORTUNITY, True)]
)
def test_money_is_no_question_before_there_is_an_opportunity(
    page_world: World, stage: Stage, asked: bool
) -> None:
    lead_id = page_world.add_lead(stage=stage)
    link = f"/f/{page_world.token(Purpose.FORM, page_world.add_mail(lead_id))}"
    with page_world.serving() as browser:
        page = browser.get(link)
        browser.post(link, data={"account.budget": "7", "lead.role": "boss"})
    assert ("account.budget" in page.text) is asked
    assert ("budget" in page_world.facts(lead_id)) is asked


def test_no_stored_value_is_on_the_page(page_world: World) -> None:
    planted: dict[str, Value] = {
        "lead.first_name": "Xanthippe",
        "lead.last_name": "Quarks",
        "lead.note": "zyzzyva",
        "account.name": "Vuvuzela Works",
        "account.employees": 48_151,
    }
    lead_id = page_world.add_lead("quux@vuvuzela.example", known=planted)
    mail = page_world.add_mail(lead_id, form="everything")
    link = f"/f/{page_world.token(Purpose.FORM, mail)}"
    with page_world.serving() as browser:
        pages = [
            browser.get(link),
            browser.get(f"{link}/thanks"),
            browser.post(link, data={"lead.member": "perhaps"}),
            browser.get(f"/p/{page_world.token(Purpose.PREFERENCES, mail)}"),
            browser.get(f"/u/{page_world.token(Purpose.UNSUBSCRIBE, mail)}"),
        ]
    for page in pages:
        for value in [*map(str, planted.values()), "quux", "48,151"]:
            assert value not in page.text


def test_a_form_link_works_for_thirty_days(page_world: World) -> None:
    link = f"/f/{page_world.token(Purpose.FORM, page_world.add_mail(page_world.add_lead()))}"
    with page_world.serving() as browser:
        page_world.clock.at += timedelta(days=30)
        assert browser.get(link).status_code == 200
        page_world.clock.go(seconds=1)
        assert browser.get(link).status_code == 404


def test_a_mail_without_a_form_opens_none(page_world: World) -> None:
    lead_id = page_world.add_lead()
    for form in ("", "guide", "gone"):
        mail = page_world.add_mail(lead_id, form=form)
        with page_world.serving() as browser:
            assert browser.get(f"/f/{page_world.token(Purpose.FORM, mail)}").status_code == 404


def test_kinds_of_questions_become_the_right_inputs(page_world: World) -> None:
    mail = page_world.add_mail(page_world.add_lead(), form="everything")
    with page_world.serving() as browser:
        page = browser.get(f"/f/{page_world.token(Purpose.FORM, mail)}").text
    assert 'autocomplete="given-name"' in page
    assert 'autocomplete="organization"' in page
    assert '<input type="radio" name="lead.role" value="boss">' in page
    assert '<input type="checkbox" name="lead.tools" value="saw">' in page
    assert '<select id="account-country" name="account.country" autocomplete="country">' in page
    assert '<input type="date" id="lead-revisit_on"' in page
    assert 'inputmode="numeric"' in page
    assert '<textarea id="lead-note" name="lead.note"' in page
    assert 'aria-describedby="lead-note-help"' in page
