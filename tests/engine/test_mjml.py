"""What a mail in MJML lacks, and where it fails, is told by the line that its author wrote."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from nurture.core.project import Project
from nurture.engine.rehearsal import rehearse
from nurture.engine.unanswered import unanswered
from nurture.project.load import load_files
from nurture.store.tables import messages
from tests.engine.programme import Programme, row, starter

FILE = "templates/emails/guide-delivery.mjml"
PAGE = """---
subject: "{{ lead.first_name }}"
topic: guides
---
<mjml>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>Hello {{ lead.last_name or "you" }},
          your {{ account.compressor_kw }} kW
          {{ account.employees }}</mj-text>
        <mj-table><tbody>{% include "_footer.html" %}</tbody></mj-table>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""


def in_mjml(page: str = PAGE) -> Project:
    """Return the starter with one mail written in MJML."""
    files = {**starter().files, FILE: page}
    del files["templates/emails/guide-delivery.html"]
    return load_files(files, {})


def test_a_field_that_leads_lack_is_told_with_the_line_of_the_mjml(lite: Programme) -> None:
    lite.bring(row("a@plant.example", employees="", compressor_kw=""))
    lite.tick()
    found = unanswered(lite.runtime, in_mjml(), now=lite.now)
    told = [(f.line, f.message.split(" lack ")[1]) for f in sorted(found) if f.file == FILE]
    assert told == [
        (10, "account.compressor_kw, and nothing stands in for it"),
        (11, "account.employees, and nothing stands in for it"),
    ]


def test_what_fails_when_it_is_rendered_is_told_with_the_line_of_the_mjml() -> None:
    right = PAGE.replace("{{ lead.first_name }}", "Hello")
    wrong = right.replace("{{ account.employees }}", "{{ lead.last_name - 1 }}")
    told = [[(f.file, f.line) for f in rehearse(in_mjml(page))] for page in (right, PAGE, wrong)]
    assert told == [[], [(FILE, 2)], [(FILE, 11)]]


def test_a_mail_in_mjml_leaves_like_any_other(lite: Programme) -> None:
    told = Programme(lite.database, project=in_mjml())
    told.bring(row("a@plant.example", first_name="Ada"))
    told.wait(days=2)
    mails = [sent.mail for sent in told.post.sent if sent.categories[1] == "guide-delivery"]
    assert [mail.subject for mail in mails] == ["Ada"]
    assert "your 160 kW" in mails[0].text


def test_what_fails_when_it_leaves_is_told_with_the_line_of_the_mjml(lite: Programme) -> None:
    right = PAGE.replace("{{ lead.first_name }}", "Hello")
    wrong = right.replace("{{ account.employees }}", "{{ lead.last_name - 1 }}")
    told = Programme(lite.database, project=in_mjml(wrong))
    told.bring(row("a@plant.example"))
    told.tick()
    assert reasons(told) == [f"not rendered: {FILE}:11: '-' takes two numbers"]


def test_a_line_that_nobody_can_find_any_more_is_left_out(lite: Programme) -> None:
    project = in_mjml(PAGE.replace("{{ lead.first_name }}", "Hello"))
    guide = project.templates["guide-delivery"]
    # As another version of the compiler may have made it of the same MJML.
    longer = replace(guide, html="\n" * 5000 + "{{ lead.last_name - 1 }}", version="another")
    project = replace(project, templates={**project.templates, guide.name: longer})
    told = Programme(lite.database, project=project)
    told.bring(row("a@plant.example"))
    told.tick()
    assert reasons(told) == [f"not rendered: {FILE}: '-' takes two numbers"]


def reasons(programme: Programme) -> list[str]:
    with programme.database.read() as connection:
        return list(connection.scalars(select(messages.c.reason)))
