"""account, lead join, signal: organizations and what is seen of them, from the command line."""

from __future__ import annotations

import json

from tests.cli.conftest import ADA, BO, Shell


def test_a_list_of_targets_comes_in_and_is_ranked(shell: Shell) -> None:
    file = shell.folder / "targets.csv"
    file.write_text(
        "domain,company,employees,industry,country\n"
        "new.example,New Foods,400,food,DE\nsmall.example,Small,9,food,DE\ngmail.com,Free,1,,\n"
    )
    told = shell("account", "import", str(file), "--json").json
    assert (told["targets"], told["rejected"][0]["line"]) == (2, 4)
    assert told["rejects_file"] == str(file.with_suffix(".rejects.csv"))
    assert "free-mail" in file.with_suffix(".rejects.csv").read_text()
    said = shell("account", "import", str(file)).out
    assert "Rejected on line 4" in said
    assert "targets.rejects-2.csv" in "".join(said.split())
    found = shell("account", "list", "--suspects", "--json").json["accounts"]
    assert [one["key"] for one in found] == ["domain:new.example", "domain:small.example"]
    assert "New Foods" in shell("account", "list", "--tier", "1").out
    missing = shell("account", "list", "--tier", "9")
    assert (missing.code, "there is no tier 9; there are: 1, 2" in missing.err) == (2, True)
    said = shell("account", "show", "new.example").out
    assert "import targets.csv, 3 Sep 2026" in said
    assert "Nothing is mailed" in said
    assert "employees 30" in said


def test_an_account_is_shown_row_by_row(shell: Shell) -> None:
    told = shell("account", "show", "plant.example", "--json").json
    assert sum(row["net"] for row in told["score_rows"]) == told["score"]
    assert ADA in [one["email"] for one in told["individuals"]]
    said = shell("account", "show", "plant.example").out
    assert "Plant manager" in said
    assert "but others say" in said
    assert "not qualified yet" in said
    assert [one["met"] for one in told["qualified_by"]] != [True, True, True]
    assert "2 personas with 10 points or more" in [one["what"] for one in told["qualified_by"]]
    missing = shell("account", "show", "nowhere.example")
    assert (missing.code, "no account is called" in missing.err) == (2, True)


def test_row_03_an_edited_icp_is_compared_before_it_is_signed(shell: Shell) -> None:
    same = shell("account", "rematch")
    assert (same.code, "no tier changes" in same.out) == (0, True)
    for name, old, new in (
        ("qualification.yaml", "[250, 4999, 30]", "[250, 4999, 0]"),
        ("personas/plant-manager.yaml", "when:", "when: \"lead.role == 'student'\" #"),
    ):
        file = shell.folder / name
        file.write_text(file.read_text().replace(old, new, 1))
    told = shell("account", "rematch", "--json").json
    assert told["accounts"]["moves"] == [{"before": "1", "after": "2", "count": 1}]
    (one,) = told["accounts"]["first"]
    assert [each["id"] for each in one["because"]] == ["employees"]
    assert told["leads"]["moves"] == [{"before": "plant-manager", "after": "", "count": 1}]
    said = shell("account", "rematch").out
    assert "would have another tier" in said
    assert "employees gives 0 of at most 25 points, not 30 of at most 30" in said
    assert "Nothing was written." in said


def test_rules_that_are_wrong_are_not_compared(shell: Shell) -> None:
    file = shell.folder / "qualification.yaml"
    file.write_text(file.read_text().replace("account.industry", "account.industri", 1))
    told = shell("account", "rematch")
    assert (told.code, "account.industri" in told.err) == (1, True)


def test_a_lead_joins_another_account(shell: Shell) -> None:
    told = shell("lead", "join", BO, "other.example", "--json").json
    assert told == {"account": "domain:other.example", "people": 1}
    assert "already" in shell("lead", "join", BO, "other.example").err
    assert "free-mail" in shell("lead", "join", BO, "gmail.com").err


def test_a_file_of_signals_is_taken_and_told(shell: Shell) -> None:
    file = shell.folder / "signals.jsonl"
    seen = {"id": "1", "kind": "page.viewed", "occurred_at": shell.now.isoformat()}
    lines = [{**seen, "email": ADA}, {**seen, "id": "2", "account": "plant.example"}, {"id": "3"}]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    told = shell("signal", str(file), "--json").json
    assert (told["recorded"], told["on_accounts"], told["unknown"]) == (1, 1, 0)
    assert told["refused"][0]["line"] == 3
    said = shell("signal", str(file)).out
    assert "signals.jsonl:3" in said
    assert "unchanged" in said
    assert "page.viewed" in shell("account", "show", "plant.example").out


def test_somebody_we_only_heard_of_is_added_with_a_task(shell: Shell) -> None:
    told = shell("lead", "add", "--phone", "+49 421 555 0100", "--note", "needs us", "--json").json
    shown = shell("lead", "show", told["uid"][:12])
    assert "unknown" in shown.out
    assert "(none)" in shown.out
    assert shell("lead", "show", told["uid"], "--json").json["readiness_now"] == "unknown"
    titles = [one["title"] for one in shell("task", "list", "--json").json]
    assert "Find out who this is, and their address: +49 421 555 0100" in titles
    assert shell("lead", "add", "--note", "x").code == 2


def test_whose_reading_does_not_match_their_stage_is_listed(shell: Shell) -> None:
    told = shell("lead", "steps", "--json").json
    assert told["counts"] == [{"stage": "opportunity", "step": "exploring", "leads": 1}]
    assert [one["how"] for one in told["mismatches"]] == ["behind"]
    said = shell("lead", "steps").out
    assert "exploring, behind" in said
    assert "comparing or deciding" in said
