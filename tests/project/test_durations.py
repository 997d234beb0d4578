from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from nurture.project import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("4h", 14_400), ("2d", 172_800), ("3w", 1_814_400)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert durations.seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0d", "-1d", "1.5h", "2 d", "2D", "d", "2days", "٣d", "1" * 20 + "d", "2d\n"]
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        durations.seconds(text)


def test_nothing_lasts_longer_than_ten_years() -> None:
    assert durations.seconds("3650d") == durations.LONGEST
    with pytest.raises(ValueError, match="ten years"):
        durations.seconds("3651d")


@given(st.integers(min_value=1, max_value=durations.LONGEST))
def test_what_is_printed_reads_back(seconds: int) -> None:
    assert durations.seconds(durations.to_text(seconds)) == seconds
