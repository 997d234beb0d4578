"""A mail speaks to each persona in its own way (row 4)."""

from __future__ import annotations

from functools import cache

from nurture.core.project import Project
from nurture.project.load import load_files
from nurture.store.db import Database
from tests.engine.programme import Programme, row, starter

MAIL = "templates/emails/guide-delivery.html"
SUBJECT = """subject: "{{ 'In money' if persona == 'plant-manager' else 'For you' }}{{ persona }}"
"""
BODY = """{% if persona == 'plant-manager' %}<p>One number a month.</p>
{% elif persona == 'maintenance-lead' %}<p>The dearest leak first.</p>
{% else %}<p>What leaks cost.</p>{% endif %}
"""


@cache
def project() -> Project:
    """Return the starter with one mail that has variants by persona."""
    head, _, body = starter().files[MAIL].removeprefix("---\n").partition("---\n")
    lines = [line for line in head.splitlines() if not line.startswith("subject:")]
    head = SUBJECT + "\n".join(lines) + "\n"
    start = body.index("{% block body %}") + len("{% block body %}")
    text = f"---\n{head}---\n{body[:start]}\n{BODY}{body[start:]}"
    files = {name: file for name, file in starter().files.items() if name != MAIL[:-4] + "txt"}
    return load_files({**files, MAIL: text}, {})


def test_row_04_each_persona_reads_its_own_variant(sqlite_database: Database) -> None:
    programme = Programme(sqlite_database, project=project())
    roles = ("plant-manager", "operations-director", "maintenance-lead", "student-to-be", "")
    for role in roles:
        programme.bring(row(f"x{role}@firm.example"))
        if role in ("plant-manager", "operations-director", "maintenance-lead"):
            programme.tells(programme.lead(f"x{role}@firm.example"), lead__role=role)
    programme.tick()
    got = {
        sent.mail.recipient.email[1:].partition("@")[0]: sent.mail for sent in programme.post.sent
    }
    assert {role: mail.subject for role, mail in got.items()} == {
        "plant-manager": "In moneyplant-manager",
        "operations-director": "In moneyplant-manager",
        "maintenance-lead": "For youmaintenance-lead",
        "student-to-be": "For you",
        "": "For you",
    }
    assert "One number a month." in got["operations-director"].html
    assert "The dearest leak first." in got["maintenance-lead"].text
    assert "What leaks cost." in got[""].html
