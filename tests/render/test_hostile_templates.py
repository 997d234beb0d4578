"""F2: every template of the corpus is refused at check, with its file and line."""

from __future__ import annotations

import time

from nurture.core.errors import RenderError
from nurture.engine.rehearsal import rehearse
from nurture.project.check import check_files
from nurture.project.check_mails import allowed_names
from nurture.project.load import load_files
from nurture.render.environment import lint
from nurture.render.mail import compile_mail
from tests.project.support import BASE
from tests.render.hostile import Hostile, hostile_files, hostile_templates

FILES = {**BASE, **hostile_files()}


def test_every_hostile_template_is_refused_at_check_with_its_line() -> None:
    assert len(hostile_templates()) >= 60
    result = check_files(FILES, {}, lint)
    assert result.project is not None
    broken = {finding.file for finding in result.errors}
    found = [*result.errors, *rehearse(result.project, broken=broken)]

    def is_told(one: Hostile) -> bool:
        return any(
            (finding.file, finding.line, finding.code) == (one.file, one.line, one.code)
            and one.says in finding.message
            for finding in found
        )

    missed = [
        (one.name, [str(f) for f in found if f.file == one.file])
        for one in hostile_templates()
        if not is_told(one)
    ]
    assert missed == []
    # What is not hostile passes beside them.
    hostile = {one.file for one in hostile_templates()} | set(hostile_files())
    assert {finding.file for finding in found} <= hostile


def test_past_the_check_the_compiler_refuses_them_again_and_quickly() -> None:
    project = load_files(FILES, {})
    allowed = allowed_names(project)
    passed = []
    began = time.process_time()
    for one in hostile_templates():
        try:
            compile_mail(project.templates[one.name], project.partials, allowed=allowed)
        except RenderError:
            continue
        passed.append(one.name)
    assert time.process_time() - began < 10
    # These are wrong only in what they make of values; they fail when a mail is rendered.
    assert passed == ["replace-grows", "huge-number", "long-text-in-loops", "subject-empty"]
