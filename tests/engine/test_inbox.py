"""CSV files that wait in a folder come in and are put where their outcome belongs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.engine import inbox
from tests.engine.programme import HEADER, Programme, row

ANNA = row("anna@berg.example")
BROKEN = row("no address at all")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    return made


def put(folder: Path, name: str, *rows: str) -> Path:
    path = folder / name
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def work(programme: Programme, folder: Path) -> dict[str, int]:
    found = inbox.run(programme.runtime, folder, now=programme.now)
    return {what: n for what, n in asdict(found).items() if n}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_a_folder_that_is_not_there_is_empty(lite: Programme, tmp_path: Path) -> None:
    assert work(lite, tmp_path / "nowhere") == {}


def test_a_list_comes_in_and_moves_to_done(programme: Programme, folder: Path) -> None:
    put(folder, "fair.csv", ANNA)

    assert work(programme, folder) == {"files": 1, "rows": 1, "created": 1}
    assert programme.lead("anna@berg.example")
    assert names(folder) == []
    assert names(folder / "done") == ["20260901T080000Z-fair.csv"]


def test_rejected_rows_end_up_beside_their_list(lite: Programme, folder: Path) -> None:
    put(folder, "fair.csv", ANNA, BROKEN)

    assert work(lite, folder) == {"files": 1, "rows": 2, "created": 1, "rejected": 1}
    rejects = folder / "done" / "20260901T080000Z-fair.rejects.csv"
    assert rejects.read_text().splitlines()[1].startswith("3,")
    assert rejects.stat().st_mode & 0o077 == 0


def test_what_is_no_list_is_refused_with_the_reason_and_stops_no_other(
    lite: Programme, folder: Path
) -> None:
    (folder / "a-picture.csv").write_bytes(b"\xff\xfe\x00")
    put(folder, "fair.csv", ANNA)

    assert work(lite, folder) == {"files": 2, "refused_files": 1, "rows": 1, "created": 1}
    assert names(folder / "refused") == [
        "20260901T080000Z-a-picture.csv",
        "20260901T080000Z-a-picture.why.txt",
    ]
    assert "UTF-8" in (folder / "refused" / "20260901T080000Z-a-picture.why.txt").read_text()


def test_a_list_that_comes_again_changes_nothing_and_overwrites_nothing(
    lite: Programme, folder: Path
) -> None:
    put(folder, "fair.csv", ANNA)
    work(lite, folder)
    put(folder, "fair.csv", ANNA)

    assert work(lite, folder) == {"files": 1, "rows": 1, "unchanged": 1}
    assert names(folder / "done") == ["20260901T080000Z-2-fair.csv", "20260901T080000Z-fair.csv"]


def test_a_list_of_another_time_says_so_in_its_name(lite: Programme, folder: Path) -> None:
    lite.now += timedelta(hours=1)
    put(folder, "fair.csv", ANNA)
    work(lite, folder)

    assert names(folder / "done") == ["20260901T090000Z-fair.csv"]


@pytest.mark.parametrize("name", ["fair.csv.part", "fair.txt", ".hidden"])
def test_other_files_are_left_alone(lite: Programme, folder: Path, name: str) -> None:
    put(folder, name, ANNA)

    assert work(lite, folder) == {}
    assert names(folder) == [name]


def test_links_are_not_followed(lite: Programme, folder: Path, tmp_path: Path) -> None:
    elsewhere = put(tmp_path, "elsewhere.csv", ANNA)
    (folder / "fair.csv").symlink_to(elsewhere)

    assert work(lite, folder) == {}
    assert elsewhere.exists()
