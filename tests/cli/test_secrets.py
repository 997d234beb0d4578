"""The secret: kept, rotated, and never silently another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import SECRET, Shell

NEW = "another secret that is used in tests and nowhere else"


def test_another_secret_is_refused(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell("lead", "list").code == 0
    monkeypatch.setenv("NURTURE_SECRET", NEW)
    outcome = shell("lead", "list")
    assert (outcome.code, "written with another secret" in outcome.err) == (2, True)


@pytest.mark.parametrize("old", [SECRET, f" {SECRET} ", f"{NEW[::-1]}, {SECRET}"])
def test_the_oldest_secret_keeps_the_stop_list(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, old: str
) -> None:
    assert shell("lead", "list").code == 0
    monkeypatch.setenv("NURTURE_SECRET", NEW)
    monkeypatch.setenv("NURTURE_OLD_SECRETS", old)
    assert shell("lead", "list").code == 0


def test_a_lost_secret_is_not_made_anew(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NURTURE_SECRET")
    secret: Path = shell.folder / ".nurture" / "secret"
    assert not secret.exists()
    outcome = shell("lead", "list")
    assert (outcome.code, "is gone" in outcome.err) == (2, True)
    assert not secret.exists()
