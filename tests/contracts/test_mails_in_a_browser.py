"""Every starter mail is drawn by a real browser: nothing sticks out on a phone, all is there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from nurture.core.message import OutgoingMessage
from tests.contracts.letters import letters

PROBE = """
<script>addEventListener('load', () => {
  const page = document.getElementById('mail').contentDocument;
  const wide = page.documentElement.scrollWidth;
  const links = [...page.querySelectorAll('a')].map(a => a.getBoundingClientRect());
  document.getElementById('found').textContent = JSON.stringify({
    wide, links: links.length, seen: links.filter(r => r.width > 0 && r.height > 0).length,
    text: page.body.innerText.length,
  });
});</script><pre id=found></pre>
"""


@pytest.mark.parametrize("width", [375, 800])
@pytest.mark.parametrize("letter", letters(), ids=lambda letter: letter.categories[1])
def test_the_mail_fits(letter: OutgoingMessage, width: int, tmp_path: Path) -> None:

    (tmp_path / "mail.html").write_text(letter.mail.html)
    frame = f'<iframe id="mail" src="mail.html" width="{width}" height="900"></iframe>'
    (tmp_path / "page.html").write_text(f"<!doctype html>{frame}{PROBE}")
    drawn = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--allow-file-access-from-files", f"--user-data-dir={tmp_path}/data",
            "--virtual-time-budget=3000", "--dump-dom", f"file://{tmp_path}/page.html",
        ],
        capture_output=True, check=True, text=True, timeout=120,
    ).stdout  # fmt: skip
    found = json.loads(drawn.split('<pre id="found">')[1].split("</pre>")[0])
    assert found["wide"] <= width
    assert found["links"] == found["seen"] >= 3
    assert found["text"] > 300
