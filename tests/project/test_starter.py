"""The repository's root is the starter project, and nothing is wrong with it."""

from __future__ import annotations

from nurture.project.check import check_folder
from nurture.render.environment import lint
from tests.project.support import ROOT


def test_the_starter_project_is_right() -> None:
    result = check_folder(ROOT, {}, lint)
    assert [str(finding) for finding in (*result.errors, *result.warnings)] == []
    assert result.project is not None
