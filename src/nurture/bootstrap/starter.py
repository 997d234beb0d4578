"""The starter project: one copy, in the wheel as `nurture/starter`, in a checkout at its root."""

from __future__ import annotations

import shutil
from pathlib import Path

from nurture.core.errors import MisuseError

PARTS = (
    "nurture.yaml",
    "fields.yaml",
    "qualification.yaml",
    "segments",
    "sequences",
    "forms",
    "templates",
    "handoffs",
    "personas",
    "schemas",
    "flows",
    "prefect.yaml",
    "data",
)


def starter_folder() -> Path:
    """Return where the starter project is."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "starter"
    if shipped.is_dir():
        return shipped
    checkout = package.parents[1]
    if (checkout / "nurture.yaml").is_file():
        return checkout
    raise MisuseError("the starter project is missing from this installation; install it again")


def copy_starter(target: Path) -> None:
    """Copy the starter project into a new or empty folder."""
    if target.exists() and any(target.iterdir()):
        raise MisuseError(f"{target} is not empty; name a new folder")
    source = starter_folder()
    target.mkdir(parents=True, exist_ok=True)
    # The database, the outbox and the secret are no part of the programme's history.
    (target / ".gitignore").write_text(".nurture/\n")
    for part in PARTS:
        found = source / part
        if found.is_dir():
            shutil.copytree(
                found, target / part, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
            )
        elif found.is_file():
            shutil.copy2(found, target / part)
