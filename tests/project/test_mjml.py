"""A mail in MJML becomes a page, every line of which knows where it was written."""

from __future__ import annotations

import re
import sys

import pytest

from nurture.core.errors import ProjectError
from nurture.project.check import check_files
from nurture.project.codes import Code
from nurture.project.load import load_files
from nurture.project.mjml import compile_mjml
from nurture.project.mjml_source import MAX_NESTING, MjmlError
from nurture.render.environment import lint
from tests.project.support import BASE, findings, with_file

GUIDE = "templates/emails/guide.mjml"
HEAD = "---\nsubject: Your guide\nstep: problem\n---\n"
BODY = """<mjml lang="en">
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>Hello {{ lead.first_name or "there" }}.</mj-text>
        <mj-table><tbody>{% include "_footer.html" %}</tbody></mj-table>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""


def column(inside: str) -> str:
    """Return MJML in which what is given begins on line 2."""
    return (
        "<mjml><mj-body><mj-section><mj-column>\n"
        f"{inside}</mj-column></mj-section></mj-body></mjml>"
    )


def in_mjml(body: str = BODY) -> dict[str, str]:
    """Return the base with its guide written in MJML."""
    files = {**BASE, GUIDE: HEAD + body}
    del files["templates/emails/guide.html"]
    return files


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("", 1, "this is no MJML"),
        ("<p>Hello</p>", 1, "<p> between elements of MJML"),
        ("<mjml>\n<mj-body>\n", 2, "<mj-body> is not closed"),
        ("<mjml>\n</mjml></p>", 2, "</p> closes nothing"),
        ("<mjml></mjml>\n<mjml></mjml>", 2, "<mjml> outside of <mjml>"),
        ("<mjml>\n<mj-body>\n<mj-txt/></mj-body></mjml>", 3, "MJML has no element <mj-txt>"),
        ("<mjml><mj-body>\n<mj-text/></mj-body></mjml>", 2, "<mj-text> inside of <mj-body>"),
        ("<mjml>\n<mj-raw>a</mj-raw></mjml>", 2, "<mj-raw> inside of <mjml>"),
        (column("Hello"), 2, "text between elements of MJML"),
        (column("{% if lead.x %}"), 2, "a tag of Jinja2 between elements of MJML"),
        (column("<mj-include path='/etc/hosts' />"), 2, "<mj-include> reads other files"),
        (column("<mj-include path='https://a.example/' />"), 2, "<mj-include> reads other files"),
        (column("<mj-text>\n<p>a</mj-text>"), 3, "<p> is not closed"),
        (column("<mj-text>1\n < 2</mj-text>"), 3, "a < that begins no tag"),
        (column("<mj-text>\n<!-- a</mj-text>"), 3, "a comment that is not closed"),
        (column("<mj-text>\n{{ lead.x }</mj-text>"), 3, "{{ is not closed"),
        (column("<mj-text>\n<a href=x>a</a></mj-text>"), 3, "an attribute of <a> without quotes"),
        (column("<mj-text><b {% if x %}title='a'{% endif %}>a</b></mj-text>"), 2, "in the middle"),
        (column('<mj-raw>{% extends "_layout.html" %}</mj-raw>'), 2, "fills no layout"),
        (column('<mj-image width="{{ lead.x }}px" src="a" />'), 2, "leaves out {{ lead.x }}"),
        (column("<mj-text>" + "<b>" * MAX_NESTING), 2, "elements inside one another"),
        (column('<mj-raw a="b" c="d">a</mj-raw>'), 2, "the compiler of MJML says"),
        ("<mjml><mj-head>\n<mj-preview>a</mj-preview></mj-head></mjml>", 2, "<mj-preview>"),
        ("<mjml><mj-head>\n<mj-title><b/></mj-title></mj-head></mjml>", 2, "<b> inside of"),
        (
            column("<mj-social><mj-social-element name='x'>a</mj-social-element></mj-social>"),
            1,
            "would load a picture from www.mailjet.com",
        ),
    ],
)
def test_what_is_no_mail_in_mjml_is_told_with_its_line(source: str, line: int, says: str) -> None:
    with pytest.raises(MjmlError) as error:
        compile_mjml(source)
    assert (error.value.line, says in error.value.message) == (line, True)
    assert error.value.remedy


def test_every_tag_of_jinja2_comes_back_as_it_was_and_knows_its_line() -> None:
    source = column(
        """<mj-raw>{% if lead.a < 5 and "}}" != lead.b %}</mj-raw>
        <mj-text css-class="x">one {{ lead.c
            or "two" }}, three
          {{- lead.d }}</mj-text>
        <mj-button
           href="https://a.example/?x={{ lead.e|replace("<", '"') }}">Go {{ lead.f }}</mj-button>
        <mj-image src="a.png" alt='say "{{ lead.g }}"' />
        <mj-raw>{% else %}<!--[if mso]> {{ company.name }} <![endif]-->
        <p>{{ lead.h }}</p>{% endif %}</mj-raw>"""
    )
    page = compile_mjml(source)
    shown = re.sub(r"(\{[{%][-+]?)\n", r"\1", page.html)
    tags = re.compile(r"""\{[{%](?:"[^"]*"|'[^']*'|[^}])*?[%}]\}""", re.DOTALL)
    assert tags.findall(shown) == tags.findall(source)
    assert 'alt="say &quot;{{' in shown
    compiled, written = page.html.split("\n"), source.split("\n")
    assert len(page.lines) == len(compiled)
    for name in re.findall(r"(?:lead|company)\.\w+", source):
        (line,) = [page.lines[at] for at, text in enumerate(compiled) if name in text]
        assert name in written[line - 1]


def test_what_is_commented_out_is_gone() -> None:
    source = column("<!-- <mj-foo> {{ lead.x }} --><mj-text>Hello<!-- you --></mj-text>")
    html = compile_mjml(source).html
    assert ("lead.x" in html, "you" in html, "Hello" in html) == (False, False, True)


def test_no_page_loads_what_its_author_did_not_name() -> None:
    font = '<mj-head><mj-font name="A" href="https://fonts.example/a.css" /></mj-head>'
    source = column('<mj-text font-family="Ubuntu">a</mj-text>')
    assert re.findall(r"https?://([^/]*)", compile_mjml(source).html) == ["www.w3.org"]
    named = source.replace("<mjml>", f"<mjml>{font}").replace("Ubuntu", "A, Ubuntu")
    assert "https://fonts.example/a.css" in compile_mjml(named).html


@pytest.mark.parametrize("zero", ["0", "0px"])
def test_a_padding_narrows_a_picture_however_its_zero_is_written(zero: str) -> None:
    picture = f'<mj-image src="https://a.example/b.png" padding="{zero} 50px" />'
    assert 'width="500"' in compile_mjml(column(picture)).html


def test_a_project_holds_the_page_and_stores_what_was_written() -> None:
    project = load_files(in_mjml(), {})
    assert project.templates["guide"].html.startswith("<!doctype html>")
    assert project.files[GUIDE] == HEAD + BODY
    assert load_files(project.files, {}).content_hash == project.content_hash
    result = check_files(in_mjml(), {}, lint)
    assert (result.errors, result.warnings) == ((), ())


def test_another_text_in_mjml_is_another_version() -> None:
    before, after = (
        load_files(in_mjml(body), {}).templates["guide"].version
        for body in (BODY, BODY.replace("Hello", "Hi"))
    )
    assert before != after


def test_a_mail_is_written_once() -> None:
    assert findings(with_file(GUIDE, HEAD + BODY)) == [f"{GUIDE}:1: P006"]


def test_without_the_compiler_a_project_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = load_files(in_mjml(), {}).files
    # Python's own way to say that a module is not there.
    monkeypatch.setitem(sys.modules, "mrml", None)
    with pytest.raises(ProjectError) as error:
        load_files(stored, {})
    (finding,) = error.value.findings
    assert (finding.file, finding.code) == (GUIDE, Code.MJML_MISSING)
    assert finding.remedy == "pip install 'nurture[mjml]'"
    assert load_files(BASE, {}).templates
