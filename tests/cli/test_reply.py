"""`nurture reply`: what answers none of ours is said to, and changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.engine.programme import ROOT


def nurture(
    folder: Path, *arguments: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from nurture.cli import main; main()", *arguments],
        cwd=folder, input=stdin, capture_output=True, timeout=120, check=False,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def test_a_mail_that_answers_none_of_ours_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "programme"
    assert nurture(tmp_path, "init", str(home)).returncode == 0
    assert (home / ".gitignore").read_text().splitlines() == [".nurture/", "*.rejects.csv"]
    assert nurture(home, "apply", "--by", "test").returncode == 0
    done = nurture(home, "reply", "--json", stdin=b"From: a@b.example\r\n\r\nhello")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"answers_ours": False, "lead": None, "meaning": None}
