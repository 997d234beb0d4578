"""A mail that shows what leads do not have says so before it leaves, with how many they are."""

from __future__ import annotations

from dataclasses import replace

from nurture.core.errors import Finding
from nurture.engine.unanswered import unanswered, with_counts
from nurture.project.load import load_files
from tests.engine.programme import Programme, row, starter

FILE = "templates/emails/guide-delivery.html"
HEAD = '---\nsubject: "For {{ lead.first_name }}"\ntopic: guides\n---\n'
BODY = """<p>{{ lead.first_name|title }} {{ lead.last_name or "you" }} {{ lead.job_title|default("x") }}</p>
{% if account.compressor_kw %}<p>{{ account.compressor_kw }} kW</p>{% endif %}
{% for one in [1, 2] %}<p>{{ account.employees }}</p>{% endfor %}
"""  # noqa: E501 (as an author writes it)


def test_a_shown_field_that_leads_lack_is_told_with_how_many(programme: Programme) -> None:
    programme.bring(
        row("a@plant.example", first_name="", last_name="", employees="", compressor_kw=""),
        row("b@plant.example", first_name="", company="Other Ltd"),
        row("c@works.example"),
    )
    programme.tick()
    project = load_files({**starter().files, FILE: HEAD + BODY}, {})
    found = unanswered(programme.runtime, project, now=programme.now)
    assert [(f.line, f.message) for f in sorted(found) if f.file == FILE] == [
        (2, "2 of 3 leads lack lead.first_name, and nothing stands in for it"),
        (5, "2 of 3 leads lack lead.first_name, and nothing stands in for it"),
    ]


def test_a_field_that_nobody_declared_is_told_with_how_many_lack_it(lite: Programme) -> None:
    lite.bring(row("a@plant.example"), row("b@plant.example"))
    lite.tick()
    error = Finding(
        file=FILE,
        line=5,
        code="M004",
        message="unknown name 'lead.frist_name'",
        remedy="did you mean lead.first_name?",
    )
    other = replace(error, message="a call is not allowed")
    told = with_counts(lite.runtime, lite.project, [error, other], now=lite.now)
    assert [f.message for f in told] == [
        "unknown name 'lead.frist_name', which 2 of 2 leads lack",
        "a call is not allowed",
    ]
