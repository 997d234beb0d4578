"""The programs of other people that the tests in this folder talk to are here and run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PRISM = Path(__file__).parent / "node_modules" / ".bin" / "prism"


def test_prism_is_here() -> None:
    assert _output(str(PRISM), "--version").strip() == "5.14.2"


def test_a_browser_draws_a_page() -> None:
    page = "data:text/html,<p id=greeting><script>greeting.textContent = 'hello'</script>"
    drawn = _output("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page)
    assert '<p id="greeting">hello' in drawn


def test_the_mail_sink_is_here() -> None:
    assert shutil.which("smtp-sink") or Path("/usr/sbin/smtp-sink").exists()


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=120).stdout
