"""The wheel carries the starter project, which exists once: as this repository's root."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
STARTER_FILES = (
    "data/leads.csv",
    "fields.yaml",
    "nurture.yaml",
    "prefect.yaml",
    "qualification.yaml",
)
STARTER_FOLDERS = ("flows", "forms", "handoffs", "personas", "segments", "sequences", "templates")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        check=True,
        cwd=ROOT,
    )
    (file,) = folder.iterdir()
    with ZipFile(file) as archive:
        yield archive


@pytest.mark.parametrize("name", STARTER_FILES)
def test_a_file_of_the_starter_is_in_the_wheel(wheel: ZipFile, name: str) -> None:
    assert wheel.read(f"nurture/starter/{name}") == (ROOT / name).read_bytes()


@pytest.mark.parametrize("name", STARTER_FOLDERS)
def test_a_folder_of_the_starter_is_in_the_wheel(wheel: ZipFile, name: str) -> None:
    here = {str(file.relative_to(ROOT)) for file in _files(ROOT / name)}
    prefix = "nurture/starter/"
    packed = {entry.removeprefix(prefix) for entry in wheel.namelist() if entry.startswith(prefix)}
    assert here
    assert here == {entry for entry in packed if entry.startswith(f"{name}/")}


def test_the_package_is_whole(wheel: ZipFile) -> None:
    package = {str(file.relative_to(ROOT / "src")) for file in _files(ROOT / "src" / "nurture")}
    assert package <= set(wheel.namelist())


def test_nothing_else_is_in_the_wheel(wheel: ZipFile) -> None:
    assert {entry.split("/")[0].split("-")[0] for entry in wheel.namelist()} == {"nurture"}


def _files(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file
