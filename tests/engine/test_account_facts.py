"""What is known of an organization: of whom, until when, and what others say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nurture.engine import account_view
from nurture.engine.account_view import AccountView
from nurture.engine.by_hand import Who
from nurture.engine.importing_accounts import import_accounts
from nurture.store import leads
from tests.engine.programme import Programme, row

A1, A2 = "a1@freemail.example", "a2@freemail.example"
WORK = "Nordlicht Werk GmbH"
TARGETS = b"domain,company,employees,industry\n"


def view(programme: Programme, text: str) -> AccountView:
    with programme.database.read() as connection:
        account_id = account_view.find_account(connection, text)
        return account_view.look_at_account(
            connection, account_id, programme.project, now=programme.now
        )


@pytest.fixture
def colleagues(lite: Programme) -> Programme:
    """Return a programme with two people of one organization that is known by its name alone."""
    free = lite.project.workspace.free_mail_domains | {"freemail.example"}
    assert "gmail.com" in free
    people = [email.replace("freemail.example", "gmail.com") for email in (A1, A2)]
    rows = [
        row(email, company=WORK, employees=str(n), country="", first_name=f"P{n}")
        for n, email in zip((500, 600), people, strict=True)
    ]
    lite.bring(*rows)
    return lite


def test_whoever_leaves_a_shared_organization_takes_nothing_along(colleagues: Programme) -> None:
    first, second = (colleagues.lead(f"{name}@gmail.com") for name in ("a1", "a2"))
    colleagues.tells(first, account__compressors=4)
    colleagues.now += timedelta(hours=1)
    account_view.join(
        colleagues.runtime, first, "nordlicht-werk.example", Who(name="Cy"), now=colleagues.now
    )
    with colleagues.database.read() as connection:
        people = leads.read(connection, [first, second])
    assert people[second].account["compressors"] == 4
    assert people[first].account_id != people[second].account_id


def test_two_lines_of_one_file_that_disagree_are_both_shown(colleagues: Programme) -> None:
    employees = view(colleagues, WORK).known["account.employees"]
    assert (employees.held.value, [one.value for one in employees.rivals]) == (600, [500])


def test_the_second_row_of_one_target_is_rejected_and_counted(lite: Programme) -> None:
    rows = b"berg.example,Berg,300,food\nelse.example,Else,60,food\nberg.example,Berg,10,metal\n"
    done = import_accounts(lite.runtime, TARGETS + rows, now=lite.now)
    assert (done.rows, done.targets, done.known_before) == (3, 2, 0)
    [rejected] = done.rejected
    assert (rejected.line, rejected.reason) == (4, "the same account as line 2")
    assert view(lite, "berg.example").judged.line.profile["employees"] == 300


def test_what_has_expired_gives_no_tier(lite: Programme) -> None:
    import_accounts(lite.runtime, TARGETS + b"berg.example,Berg,300,food\n", now=lite.now)
    before = view(lite, "berg.example").judged.icp
    assert "employees" in {line.rule for line in before.rows}
    lite.now += timedelta(days=3000)
    found = view(lite, "berg.example")
    assert "account.employees" not in found.known
    assert "employees" not in {line.rule for line in found.judged.icp.rows}
    with lite.database.read() as connection:
        [listed] = account_view.list_accounts(connection, lite.project, now=lite.now)
    assert listed.icp == found.judged.icp
