"""What an edited ICP would change is what it does change (rows 2 and 3)."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from sqlalchemy import func, select

from nurture.core.project import Project
from nurture.engine.account_view import list_accounts
from nurture.engine.importing_accounts import import_accounts
from nurture.engine.rematch import Rematch, rematch, say_because
from nurture.project.load import load_files
from nurture.store.tables import audit, events, facts
from tests.engine.programme import Programme, row, starter

INDUSTRIES = ("food", "machinery", "competitor", "other", "")
EDITS = {
    "qualification.yaml": [
        ("machinery: 12", "machinery: 30"),
        ("grades: {A: 70,", "grades: {A: 75,"),
        ("id: competitor, when: \"account.industry == 'competitor'\"",
         "id: competitor, when: \"account.industry == 'other'\""),
    ],
    "personas/plant-manager.yaml": [
        ("lead.role in ['plant-manager', 'operations-director']", "lead.role == 'plant-manager'")
    ],
}  # fmt: skip


@cache
def edited() -> Project:
    """Return the starter with another ICP and one persona narrowed."""
    files = dict(starter().files)
    for file, several in EDITS.items():
        for old, new in several:
            assert old in files[file]
            files[file] = files[file].replace(old, new, 1)
    return load_files(files, {})


def targets(count: int) -> str:
    """Return a list of so many organizations, of every size, industry and power."""
    lines = ["domain,company,employees,industry,compressor_kw,country"]
    lines += [
        f"firm{n}.example,Firm {n},{(20, 60, 320)[n % 3]},{INDUSTRIES[n % 5]},"
        f"{('', 5, 160)[n // 5 % 3]},{('DE', 'US')[n // 15 % 2]}"
        for n in range(count)
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def hundred(programme: Programme) -> Programme:
    """Return the programme with a hundred targets, and a lead of each role."""
    import_accounts(programme.runtime, targets(100).encode(), now=programme.now)
    roles = ("plant-manager", "operations-director", "student")
    programme.bring(*(row(f"{role}@firm1.example") for role in roles))
    for role in roles:
        programme.tells(programme.lead(f"{role}@firm1.example"), lead__role=role)
    return programme


def tiers(programme: Programme, project: Project) -> dict[str, str]:
    with programme.database.read() as connection:
        found = list_accounts(connection, project, now=programme.now, limit=1000)
    return {one.line.key: one.icp.tier for one in found}


def compared(programme: Programme, new: Project, *, limit: int = 1000) -> Rematch:
    with programme.database.read() as connection:
        return rematch(connection, programme.project, new, now=programme.now, limit=limit)


def test_row_02_a_hundred_targets_have_a_tier_each(hundred: Programme) -> None:
    found = Counter(tiers(hundred, starter()).values())
    assert found.total() == 100
    assert set(found) == {"1", "2", "3", "4", "?", "out"}


def test_row_03_the_report_says_what_putting_it_in_force_does(hundred: Programme) -> None:
    before, after = tiers(hundred, starter()), tiers(hundred, edited())
    found = compared(hundred, edited())
    assert found.accounts == 100
    assert found.tiers == Counter(
        (before[key], after[key]) for key in before if before[key] != after[key]
    )
    assert {o.line.key: o.change.after.tier for o in found.other_tiers} == {
        key: tier for key, tier in after.items() if tier != before[key]
    }
    assert all(one.change.because for one in found.other_tiers)
    assert {
        "tier 1 begins at 75, not at 70",
        "no longer excluded: competitor",
        "excluded: competitor",
    } <= {say_because(each) for one in found.other_tiers for each in one.change.because}


def test_row_03_whoever_becomes_another_persona_is_named(hundred: Programme) -> None:
    found = compared(hundred, edited())
    assert found.people == 3
    assert found.personas == {("plant-manager", ""): 1}
    assert [one.lead.email for one in found.other_personas] == ["operations-director@firm1.example"]


def test_row_03_a_limit_shortens_the_lists_and_not_the_counts(hundred: Programme) -> None:
    whole, short = compared(hundred, edited()), compared(hundred, edited(), limit=1)
    assert (short.tiers, short.personas) == (whole.tiers, whole.personas)
    assert short.other_tiers == whole.other_tiers[:1]


def test_row_03_the_same_rules_look_at_nobody(hundred: Programme) -> None:
    found = compared(hundred, load_files(starter().files, {}))
    assert (found.accounts, found.people, found.tiers, found.personas) == (0, 0, {}, {})


def test_row_03_a_comparison_writes_nothing(hundred: Programme) -> None:
    def rows() -> list[int]:
        with hundred.database.read() as connection:
            counts = (select(func.count()).select_from(one) for one in (facts, events, audit))
            return [connection.execute(count).scalar_one() for count in counts]

    before, standing = rows(), hundred.standing(hundred.lead("student@firm1.example"))
    compared(hundred, edited())
    assert rows() == before
    assert hundred.standing(hundred.lead("student@firm1.example")) == standing
