from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nurture.store.db import open_database
from tests.calibrate.handed_over import NUMBER, tell
from tests.calibrate.population import factories
from tests.cli.conftest import Shell

KEYS = {
    "auc",
    "auc_interval",
    "brier",
    "lift_top_decile",
    "share_of_wins_top_20",
    "leaks",
    "points",
}


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Write four thousand decided leads, with who closed them."""
    cases = factories()
    made = tmp_path / "leads.csv"
    with made.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow([*cases.columns.columns, "closed, by", "outcome"])
        for row, won in zip(cases.columns.itertuples(index=False), cases.won, strict=True):
            writer.writerow([*row, "Jonas" if won else "", "sold" if won else "lost"])
    return str(made)


def test_a_file_gives_every_figure_as_json(fresh_shell: Shell, file: str) -> None:
    words = ("score", "backtest", file, "--target", "outcome", "--positive", "sold", "--json")

    did = fresh_shell.plainly(*words, "--recorded-after", '"closed, by"', "--exclude", "id, colour")

    assert did.code == 0
    assert set(did.json) >= KEYS
    assert did.json["leaks"] == [
        {"field": "closed, by", "auc": 1.0, "reason": "recorded after the decision"}
    ]
    assert [one["field"] for one in did.json["points"]] == ["industry", "size"]
    assert (
        did.out
        == fresh_shell.plainly(
            *words, "--recorded-after", '"closed, by"', "--exclude", "id, colour"
        ).out
    )


def test_the_figures_are_told_in_words_and_written(
    fresh_shell: Shell, file: str, tmp_path: Path
) -> None:
    page, rules = tmp_path / "page.html", tmp_path / "rules.yaml"

    did = fresh_shell.plainly(
        "score", "backtest", file, "--target", "outcome", "--positive", "sold",
        "--capacity", "100", "--html", str(page), "--yaml", str(rules),
    )  # fmt: skip

    assert did.code == 0
    assert "Take one win and one other case at random" in did.out
    assert "closed, by: AUC alone 1.00" in did.out
    assert "Of the best 100 of 1,200 cases" in did.out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "TOO GOOD TO BE TRUE" in rules.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["--target", "colour"], 1, "say with --positive", id="no clear outcome"),
        pytest.param(["--target", "nothing"], 1, "there is no column", id="no such column"),
        pytest.param([], 2, "name the column", id="no target"),
        pytest.param(
            ["--target", "outcome", "--positive", "sold", "--capacity", "9999"],
            1,
            "from 1 to 1,200",
            id="more than there are",
        ),
        pytest.param(
            ["--target", "outcome", "--exclude", '"id'], 2, "a quote is not closed", id="a quote"
        ),
    ],
)
def test_what_cannot_be_tested_is_refused_in_words(
    fresh_shell: Shell, file: str, words: list[str], code: int, said: str
) -> None:
    did = fresh_shell.plainly("score", "backtest", file, *words)

    assert did.code == code
    assert said in did.err
    assert not did.out


def test_handoffs_are_too_few_at_first(shell: Shell) -> None:
    did = shell("score", "backtest", "--json")

    assert did.code == 1
    assert "there is no case with an outcome" in did.err
    assert shell("score", "half-life").code == 1


def test_handoffs_are_tested_with_the_rules_in_force(fresh_shell: Shell, tmp_path: Path) -> None:
    assert fresh_shell("apply").code == 0
    database = open_database(f"sqlite:///{fresh_shell.folder / '.nurture' / 'nurture.db'}")
    with database.write() as connection:
        tell(connection)
    database.close()
    page = tmp_path / "page.html"

    did = fresh_shell("score", "backtest", "--json", "--html", str(page))

    assert did.code == 0
    assert set(did.json) >= KEYS | {"today", "diff", "answers"}
    assert set(did.json["today"]) == {"fit", "engagement", "readiness"}
    assert "- {id: employees, field: account.employees, bands: [[1, 49, 0]" in did.json["diff"]
    assert "The scores in force beside the suggestion" in page.read_text(encoding="utf-8")
    assert "What the suggestion would change" in fresh_shell("score", "backtest").out


def test_half_lives_are_told_beside_those_in_force(fresh_shell: Shell) -> None:
    assert fresh_shell("apply").code == 0
    database = open_database(f"sqlite:///{fresh_shell.folder / '.nurture' / 'nurture.db'}")
    with database.write() as connection:
        tell(connection)
    database.close()

    found = fresh_shell("score", "half-life", "--json").json

    assert found["all"]["cases"] == NUMBER
    mail = next(one for one in found["groups"] if one["group"] == "mail")
    assert mail["in_force_days"] == 21
    assert "half_life_days" in mail
    assert "nothing changes by itself" in fresh_shell("score", "half-life").out


def test_options_of_files_do_not_go_with_handoffs(shell: Shell) -> None:
    assert "--missing is for a FILE.csv" in shell("score", "backtest", "--missing", "x").err
    assert "accepted or won" in shell("score", "backtest", "--target", "sold").err


def test_our_own_handoffs_are_tested_on_either_database(
    fresh_shell: Shell, database_url: str
) -> None:
    assert fresh_shell("apply", "--database", database_url).code == 0
    for words in (("backtest",), ("half-life",), ("backtest", "--target", "won")):
        did = fresh_shell("score", *words, "--database", database_url)
        assert did.code == 1
        assert "there is no case" in did.err or "nobody did anything" in did.err


def test_a_folder_is_compared_with_what_is_in_force_and_needs_no_signature(shell: Shell) -> None:
    file = shell.folder / "qualification.yaml"
    written = file.read_text(encoding="utf-8")
    try:
        file.write_text(written.replace("[250, 4999, 30]", "[250, 4999, 5]"), encoding="utf-8")
        found = shell("score", "compare", "--json").json
        assert (found["same"], found["versions"]) == (False, [1, 1])
        assert found["changed"] == len(found["movers"]) > 0
        assert {one["rule"] for m in found["movers"] for one in m["because"]} == {"employees"}
        said = shell("score", "compare").out
    finally:
        file.write_text(written, encoding="utf-8")
    assert "leads in play would change" in said
    assert "30 → 5" in said
    assert "too few of either end" in said
    assert shell("score", "compare", "--json").json["changed"] == 0
