"""Of several statements one counts, and the others are not lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nurture.core.known import Statement, choose, known

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)


def said(
    source: str, value: str, *, days_ago: int, valid: int | None = None, by: int | None = 1
) -> Statement:
    """Return a statement of so many days ago, believed for so many days."""
    at = NOW - timedelta(days=days_ago)
    until = None if valid is None else at + timedelta(days=valid)
    return Statement(key="account.x", value=value, source=source, at=at, valid_until=until, by=by)


@pytest.mark.parametrize(
    ("told", "held", "rivals"),
    [
        pytest.param([], None, [], id="nothing"),
        pytest.param([said("import a", "1", days_ago=1)], "1", [], id="a list alone"),
        pytest.param(
            [said("form f", "1", days_ago=9), said("import a", "2", days_ago=1)],
            "1", ["2"], id="a newer list does not overrule the person",
        ),
        pytest.param(
            [said("import a", "1", days_ago=9), said("form f", "2", days_ago=1)],
            "2", ["1"], id="the person overrules a list",
        ),
        pytest.param(
            [said("import a", "1", days_ago=9), said("import b", "2", days_ago=1)],
            "2", ["1"], id="of two lists the newer",
        ),
        pytest.param(
            [said("import a", "1", days_ago=9), said("import a", "2", days_ago=1)],
            "2", [], id="the same list corrects itself",
        ),
        pytest.param(
            [said("import a", "1", days_ago=1, by=2), said("import a", "2", days_ago=1)],
            "2", ["1"], id="two lines of a list disagree",
        ),
        pytest.param(
            [said("form f", "1", days_ago=9), said("form g", "2", days_ago=1)],
            "2", [], id="a person changes their mind",
        ),
        pytest.param(
            [said("form f", "1", days_ago=9, by=2), said("form f", "2", days_ago=1)],
            "2", ["1"], id="colleagues disagree",
        ),
        pytest.param(
            [said("form f", "1", days_ago=9), said("sequence s", "2", days_ago=1)],
            "2", ["1"], id="what we set on purpose is newer",
        ),
        pytest.param(
            [said("form f", "1", days_ago=9), said("import a", "1", days_ago=1)],
            "1", [], id="they agree",
        ),
        pytest.param(
            [said("form f", "1", days_ago=9, valid=5)], None, [], id="expired is unknown",
        ),
        pytest.param(
            [said("form f", "1", days_ago=9, valid=5), said("import a", "2", days_ago=2)],
            "2", [], id="a newer list counts once the person's word has expired",
        ),
        pytest.param(
            [said("import a", "2", days_ago=12), said("form f", "1", days_ago=9, valid=5)],
            None, [], id="nothing older comes back",
        ),
        pytest.param(
            [said("import a", "1", days_ago=9, valid=5), said("form f", "2", days_ago=1)],
            "2", [], id="what has expired is no rival",
        ),
    ],
)  # fmt: skip
def test_which_statement_counts_and_which_stand_against_it(
    told: list[Statement], held: str | None, rivals: list[str]
) -> None:
    found = choose(told, NOW)
    assert (found.held.value if found else None) == held
    assert [one.value for one in found.rivals] == rivals if found else rivals == []
    assert set(known(told, NOW)) == ({"account.x"} if held else set())


def test_a_statement_is_believed_up_to_its_last_instant() -> None:
    told = [said("form f", "1", days_ago=5, valid=5)]
    assert choose(told, NOW) is None
    assert choose(told, NOW - timedelta(microseconds=1))
