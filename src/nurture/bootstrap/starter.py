"""The starter project: one copy, in the wheel as `nurture/starter`, in a checkout at its root."""

from __future__ import annotations

import re
import shutil
from datetime import date, timedelta
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
LEADS = Path("data") / "leads.csv"

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=T)")


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


def copy_starter(target: Path, *, today: date | None = None) -> None:
    """Copy the starter project into a new or empty folder.

    With `today` the leads come in as if the newest of them were yesterday's: whoever tries the
    programme would else find that most of them have been silent for too long.
    """
    if target.exists() and any(target.iterdir()):
        raise MisuseError(f"{target} is not empty; name a new folder")
    source = starter_folder()
    target.mkdir(parents=True, exist_ok=True)
    # Neither the database, the outbox and the secret nor people's rows belong into its history.
    (target / ".gitignore").write_text(".nurture/\n*.rejects.csv\n")
    for part in PARTS:
        found = source / part
        if found.is_dir():
            shutil.copytree(
                found, target / part, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
            )
        elif found.is_file():
            shutil.copy2(found, target / part)
    if today is not None:
        _bring_up_to(target / LEADS, today - timedelta(days=1))


def _bring_up_to(leads: Path, newest: date) -> None:
    """Move all times in the file by so many days that the latest is of the day `newest`."""
    text = leads.read_bytes().decode()
    by = newest - max(map(date.fromisoformat, _DAY.findall(text)))
    moved = _DAY.sub(lambda found: str(date.fromisoformat(found[0]) + by), text)
    leads.write_bytes(moved.encode())
