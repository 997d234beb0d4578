"""Bad projects beside the exact text that their authors read.

A case holds only the files in which it differs from `base`; `absent.txt` names files it lacks.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from nurture.project.check import CheckResult, check_files, check_project
from nurture.project.codes import Code
from nurture.render.environment import lint
from tests.project.support import BASE, HERE, base_project, edited, read_tree

CASES = sorted(path for path in (HERE / "bad").iterdir() if path.is_dir())
PAGE = HERE.parent.parent / "docs" / "reference" / "checks.md"

TOLD_ELSEWHERE = {
    Code.FILE_ENCODING: "test_load.py",
    Code.FILE_OUTSIDE: "test_load.py",
    Code.MJML_MISSING: "test_mjml.py",
    Code.CONDITION_SEGMENT: "test_expressions.py",
    Code.CONDITION_SLOW: "tests/engine/test_segments.py",
    Code.FIELD_LACKING: "tests/engine/test_unanswered.py",
    Code.CHANGED_SINCE: "test_signing.py",
}
"""Codes that no overlay of text files can bring about."""


@cache
def checked(case: Path) -> CheckResult:
    files = read_tree(case)
    files.pop("expected.txt", None)
    absent = files.pop("absent.txt", "").split()
    whole = {file: text for file, text in {**BASE, **files}.items() if file not in absent}
    return check_files(whole, {}, lint)


def as_text(result: CheckResult) -> str:
    lines = [str(finding) for finding in result.errors]
    lines += [f"warning: {finding}" for finding in result.warnings]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_project_is_told_all_that_is_wrong_with_it(case: Path) -> None:
    assert as_text(checked(case)) == (case / "expected.txt").read_text(encoding="utf-8")


def test_every_code_has_a_bad_project() -> None:
    texts = [(case / "expected.txt").read_text(encoding="utf-8") for case in CASES]
    seen = {code for code in Code if any(f": {code} " in text for text in texts)}
    assert set(Code) - seen == set(TOLD_ELSEWHERE)


def test_every_error_says_what_to_do() -> None:
    results = [checked(case) for case in CASES]
    silent = [str(f) for r in results for f in (*r.errors, *r.warnings) if not f.remedy]
    assert silent == []


def test_the_base_is_right() -> None:
    assert as_text(check_files(BASE, {}, lint)) == ""


def test_a_loaded_project_is_checked_like_its_files() -> None:
    result = check_project(base_project(), lint)
    assert (result.errors, result.warnings) == ((), ())


def test_without_a_linter_templates_are_still_parsed() -> None:
    files = edited("templates/emails/guide.html", "{% include", "{% inclood")
    assert [f.code for f in check_files(files, {}).errors] == [Code.TEMPLATE_FLAW]


def test_a_project_with_findings_is_not_handed_out() -> None:
    good = check_files(BASE, {}).project
    assert good is not None
    assert good.content_hash == base_project().content_hash
    assert check_files(edited("nurture.yaml", "Acme Air, post", "1, post"), {}).project is None


def test_the_page_of_codes_explains_each_and_no_other() -> None:
    headings = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:4] == "### "
    ]
    assert [heading.split()[1] for heading in headings] == [code.value for code in Code]


def test_the_examples_on_the_page_of_codes_are_real() -> None:
    page = PAGE.read_text(encoding="utf-8").splitlines()
    examples = [line for line in page if line.startswith("    ")]
    told = {line for case in CASES for line in (case / "expected.txt").read_text().splitlines()}
    invented = [line.strip() for line in examples if line.strip() not in told]
    assert [line.split(": ")[1].split()[0] for line in invented] == [
        code.value for code in TOLD_ELSEWHERE
    ]
    assert len(examples) == len(Code)
