"""The whole way on both databases: from a new project to an erased lead."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.cli.conftest import Shell
from tests.engine.programme import HEADER, row

BO = "bo@plant.example"


def test_a_project_works_on_either_database(
    fresh_shell: Shell, database_url: str, tmp_path: Path
) -> None:
    def nurture(*words: str, days: int = 0) -> object:
        when = fresh_shell.now + timedelta(days=days)
        outcome = fresh_shell(*words, "--database", database_url, "--json", now=when)
        assert outcome.code == 0, outcome.err
        return outcome.json

    leads = tmp_path / "leads.csv"
    leads.write_text("\n".join([HEADER, row(BO, time_zone="Europe/Helsinki")]) + "\n")
    nurture("apply", "--by", "Ann")
    nurture("import", str(leads))
    nurture("tick")
    nurture("tick", days=3)
    nurture("lead", "pause", BO, "--reason", "holiday")
    nurture("tick", days=10)
    nurture("lead", "resume", BO)
    nurture("tick", days=10)
    story = nurture("why", BO, days=10)
    assert isinstance(story, dict)
    assert any("what-leaks-cost" in line["what"] for line in story["lines"])
    assert "Europe/Helsinki (" in story["next"][-1]["said"]
    for words in (
        ("lead", "list"),
        ("lead", "show", BO),
        ("lead", "export", BO),
        ("segment", "list"),
        ("segment", "explain", "guide-readers", BO),
        ("score", "explain", BO),
        ("handoff", "list"),
        ("message", "list"),
        ("task", "list"),
        ("report",),
        ("rebuild",),
        ("sunset",),
        ("doctor",),
    ):
        nurture(*words, days=10)
    nurture("lead", "exit", BO, days=10)
    nurture("lead", "erase", BO, "--yes", days=10)
    promises = nurture("verify", days=10)
    assert isinstance(promises, dict)
    assert promises["kept"]
