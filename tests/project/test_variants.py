"""Mails that speak to each persona in its own way, and those that forget somebody (row 4)."""

from __future__ import annotations

import pytest

from nurture.project.check import check_files
from nurture.render.environment import lint
from tests.project.support import BASE

PERSONAS = {
    f"personas/{role}.yaml": (
        f"title: {role.title()}\nwhen: \"lead.role == '{role}'\"\ntalking_points: [Leaks]\n"
    )
    for role in ("manager", "engineer", "student")
}
MAIL = "templates/emails/guide.html"


def told(body: str) -> list[str]:
    """Return what is wrong with a mail of this body, without its remedies."""
    files = {**BASE, **PERSONAS, MAIL: BASE[MAIL].replace("<p>Hello", f"{body}\n<p>Hello", 1)}
    found = check_files(files, {}, lint)
    return [f"{one.code} {one.message}" for one in (*found.errors, *found.warnings)]


MISSING = "A006 this text has variants by persona and none for {}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{ persona }}", []),
        ("{% if persona == 'manager' %}a{% else %}b{% endif %}", []),
        ("{% if persona != 'manager' %}a{% endif %}", []),
        ("{% if not persona in ['manager'] %}a{% endif %}", []),
        ("{% if persona and lead.interested %}a{% endif %}", []),
        ("{% if not persona %}a{% endif %}", []),
        ("{% if persona == '' %}a{% endif %}", []),
        ("{% if lead.role == 'manager' %}a{% endif %}", []),
        ("{% if persona in ['manager', 'engineer', 'student'] %}a{% endif %}", []),
        (
            "{% if persona == 'manager' %}a{% endif %}{% if persona == 'engineer' %}b{% endif %}",
            [MISSING.format('"student"')],
        ),
        (
            "{{ 'a' if 'manager' == persona }}",
            [MISSING.format('"engineer", "student"')],
        ),
        (
            "{% if lead.interested %}a{% elif persona == 'student' %}b{% endif %}",
            [MISSING.format('"engineer", "manager"')],
        ),
        ("{% set boss = persona == 'boss' %}", ['A004 unknown persona "boss"']),
        ("{% if persona.title %}a{% endif %}", ["M004 unknown name 'persona.title'"]),
    ],
)
def test_row_04_a_mail_that_forgets_a_persona_is_told(body: str, expected: list[str]) -> None:
    assert told(body) == expected
