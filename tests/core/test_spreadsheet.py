"""Cells for spreadsheets: one rule for everything that leaves or comes back as CSV."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from nurture.core.spreadsheet import as_typed, harmless
from nurture.engine.csv_rows import Rejected, as_csv, read_rows

CALCULATED = [
    '=HYPERLINK("x")', "+1", "-1", "@x", "\t=1", "\rx", "\n=x", "  =1",
    "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x",
]  # fmt: skip


@pytest.mark.parametrize("text", CALCULATED)
def test_what_a_spreadsheet_would_calculate_is_shown_and_comes_back_as_it_was(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert as_typed(harmless(text)) == text


@pytest.mark.parametrize("text", ["", "a=b", "1-2", "'quoted'", "ada@plant.example", " ä", "'"])
def test_what_is_only_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == as_typed(text) == text


@given(st.text(alphabet="=+-@\uff1d'\t a"))
def test_nothing_that_is_written_is_calculated(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)
    assert harmless(as_typed(harmless(text))) == harmless(text)


@pytest.mark.parametrize("text", [text for text in CALCULATED if text.strip() == text])
def test_a_rejected_row_is_read_again_as_it_was_written(text: str) -> None:
    row = {"email": "ada@plant.example", "notes": text}
    file = as_csv([Rejected(line=2, reason="no consent", row=row)])
    (line,) = read_rows(file.encode(), needs=("email",))
    assert line.cells == row
