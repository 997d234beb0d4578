"""Signatures: what was agreed to, and what happens to a text that holds another."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from nurture.core.errors import MisuseError
from nurture.project.codes import Code
from nurture.project.signing import Signing, open_teams, signed_text, unsigned
from nurture.project.yaml_file import read
from tests.project.support import BASE, ROOT

RULES = "qualification.yaml"
DRAFT = BASE[RULES]
DAY = date(2026, 9, 3)
ADA = Signing(team="marketing", name="Ada Lindholm", on=DAY)
JONAS = Signing(team="sales", name="Jonas Brandt", on=DAY)


def signed(text: str = DRAFT) -> str:
    return signed_text(signed_text(text, ADA), JONAS)


def told(text: str) -> list[str]:
    return [str(finding) for finding in unsigned({RULES: text})]


def test_the_starter_is_signed() -> None:
    assert told((ROOT / RULES).read_text(encoding="utf-8")) == []


def test_a_text_that_both_teams_signed_is_open_to_nobody() -> None:
    assert open_teams(DRAFT) == ["marketing", "sales"]
    assert open_teams(signed_text(DRAFT, ADA)) == ["sales"]
    assert (open_teams(signed()), told(signed())) == ([], [])


def test_a_signature_says_who_which_version_and_when() -> None:
    row = read(signed(), file=RULES).at(("signatures", 1))
    assert isinstance(row, dict)
    assert {**row, "content": ""} == {
        "team": "sales", "name": "Jonas Brandt", "on": "2026-09-03", "version": 1, "content": "",
    }  # fmt: skip


def test_signing_changes_no_line_but_the_signers() -> None:
    before, after = DRAFT.splitlines(), signed().splitlines()
    assert [line for line in after if line not in before] == after[2:4]


def test_comments_and_layout_are_free() -> None:
    text = signed().replace("version: 1\n", "version: 1\n\n# Talked over in Lund.\n")
    assert told(text) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [("touches: 3", "touches: 2"), ("definition: With sales.", "definition: With us.")],
)
def test_a_changed_value_is_refused_with_line_and_remedy(before: str, after: str) -> None:
    assert before in DRAFT
    first, second = told(signed().replace(before, after, 1))
    assert first == (
        f"{RULES}:3: {Code.CHANGED_SINCE} this has changed since Ada Lindholm signed version 1 "
        "for marketing; raise version; read it together, then run: "
        'nurture sign --team marketing --name "..."'
    )
    assert second.startswith(f"{RULES}:4: ")


def test_an_unsigned_version_is_refused() -> None:
    first, _ = told(signed().replace("version: 1\n", "version: 2\n", 1))
    assert "Ada Lindholm signed version 1 for marketing, not this one" in first


def test_a_signature_that_says_not_what_was_signed_is_refused() -> None:
    assert "does not say what was signed" in told(DRAFT)[0]


def test_the_same_version_is_not_signed_with_two_contents() -> None:
    changed = signed().replace("touches: 3", "touches: 2", 1)
    with pytest.raises(MisuseError, match="raise version on line 1"):
        signed_text(changed, ADA)
    raised = changed.replace("version: 1\n", "version: 2\n", 1)
    assert open_teams(signed(raised)) == []


@pytest.mark.parametrize(
    "rows",
    [
        "signatures: []\n",
        "",
        "signatures:\n  - team: marketing\n    name: Ada Lindholm\n    on: 2026-09-01\n",
        "signatures:\n  # With love.\n  - {team: sales, name: Jonas Brandt, on: 2026-09-01}\n",
    ],
    ids=["empty list", "no list", "on lines of its own", "with a comment"],
)
def test_however_the_list_is_laid_out(rows: str) -> None:
    head, rest = DRAFT.split("signatures:", 1)
    text = head + rows + rest[rest.index("stages:") :]
    made = signed(text)
    assert open_teams(made) == []
    assert ("# With love." in made) == ("# With love." in rows)


def test_line_ends_of_another_system_stay() -> None:
    made = signed(DRAFT.replace("\n", "\r\n"))
    assert open_teams(made) == []
    assert made.count("\n") == made.count("\r\n")


def test_a_list_on_one_line_is_left_to_its_author() -> None:
    head, rest = DRAFT.split("signatures:", 1)
    rows = [f"{{team: {team}, name: B, on: 2026-09-01}}" for team in ("sales", "marketing")]
    one = f"signatures: [{', '.join(rows)}]\n"
    with pytest.raises(MisuseError, match="write this line under signatures yourself"):
        signed_text(head + one + rest[rest.index("stages:") :], ADA)


@pytest.mark.parametrize(
    "name", ["Ada", "O'Neil, Ada", 'Ada "the fox" L', "null", "ŁukaszŻ", "1e5"]
)
def test_any_name_can_sign(name: str) -> None:
    made = signed_text(DRAFT, Signing(team="sales", name=name, on=DAY))
    assert read(made, file=RULES).at(("signatures", 1, "name")) == name


def test_the_bench_project_is_signed() -> None:
    folder = Path(ROOT, "bench", "project", RULES)
    assert told(folder.read_text(encoding="utf-8")) == []
