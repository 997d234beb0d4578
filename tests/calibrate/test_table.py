from __future__ import annotations

from pathlib import Path

import pytest

from nurture.calibrate.table import Wanted, read_cases
from nurture.core.errors import RefusedInput

TARGET = Wanted(target="won")


def _file(folder: Path, text: str | bytes) -> Path:
    file = folder / "leads.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_cases_keep_the_order_and_the_texts_of_the_file(tmp_path: Path) -> None:
    cases = read_cases(_file(tmp_path, "name,won\n ada ,1\n bo,0\n"), TARGET)

    assert cases.columns["name"].tolist() == ["ada", "bo"]
    assert cases.won.tolist() == [True, False]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_marks_between_cells_are_known(tmp_path: Path, mark: str) -> None:
    text = f"name{mark}won\nada{mark}yes\n"

    assert read_cases(_file(tmp_path, text), TARGET).won.tolist() == [True]


def test_what_means_missing_is_missing(tmp_path: Path) -> None:
    file = _file(tmp_path, "name,won\nSelect,1\nNaN,0\n,0\nada,1\n")

    cases = read_cases(file, Wanted(target="won", missing=("Select",)))

    assert cases.columns["name"].tolist() == ["", "", "", "ada"]


def test_a_row_without_outcome_or_with_other_cells_is_named_by_its_line(tmp_path: Path) -> None:
    file = _file(tmp_path, 'name,won\n"a\nda",1\nbo,\ncy,0,1\n\ndee,NaN\neve,0\n')

    cases = read_cases(file, TARGET)

    assert cases.columns["name"].tolist() == ["a\nda", "eve"]
    assert [(one.where, one.reason) for one in cases.rows_left_out] == [
        ("line 5", "3 cells where the heading has 2"),
        ("line 4", "no outcome in “won”"),
        ("line 7", "no outcome in “won”"),
    ]


def test_a_number_without_end_is_missing_and_said(tmp_path: Path) -> None:
    cases = read_cases(_file(tmp_path, "size,won\n1e999,1\n-inf,0\n12,0\n"), TARGET)

    assert cases.columns["size"].tolist() == ["", "", "12"]
    assert [one.where for one in cases.rows_left_out] == ["line 2", "line 3"]
    assert "no possible number" in cases.rows_left_out[0].reason


def test_one_value_may_be_the_win_and_everything_else_not(tmp_path: Path) -> None:
    file = _file(tmp_path, "name,won\na,signed\nb,lost\nc,open\n")

    cases = read_cases(file, Wanted(target="won", positive="signed"))

    assert cases.won.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("text", "wanted", "said"),
    [
        pytest.param("", TARGET, "no names of columns", id="an empty file"),
        pytest.param("name,won\n", TARGET, "no rows below the heading", id="no rows"),
        pytest.param("a,a,won\n1,2,1\n", TARGET, "columns 1 and 2 are both", id="two alike"),
        pytest.param("a\n1\n", TARGET, "--target: there is no column “won”", id="no target"),
        pytest.param(
            "a,won\n1,1\n",
            Wanted(target="won", exclude=("b",)),
            "--exclude: there is no column “b”; there are “a”, “won”",
            id="nothing to exclude",
        ),
        pytest.param(
            "a,won\n1,1\n",
            Wanted(target="won", recorded_after=("won",)),
            "cannot be left out as well",
            id="the target left out",
        ),
        pytest.param("a,won\n1,maybe\n", TARGET, "say with --positive", id="unclear outcome"),
        pytest.param(
            "a,won\n1,lost\n",
            Wanted(target="won", positive="sold"),
            "“sold” does not occur in “won”; there are “lost”",
            id="a win that never happened",
        ),
        pytest.param('a,won\n1,"1\n', TARGET, "line 2: .*; mend the quotes", id="an open quote"),
        pytest.param(b"a,won\n\xff,1\n", TARGET, "save it as “CSV UTF-8”", id="another encoding"),
        pytest.param(
            ",".join(map(str, range(1_001))) + "\n",
            TARGET,
            "1,001 columns; at most 1,000",
            id="too many columns",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(
    tmp_path: Path, text: str | bytes, wanted: Wanted, said: str
) -> None:
    with pytest.raises(RefusedInput, match=said):
        read_cases(_file(tmp_path, text), wanted)


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    with file.open("wb") as made:
        made.truncate(500_000_001)

    with pytest.raises(RefusedInput, match="larger than 500 MB; take a sample"):
        read_cases(file, TARGET)
