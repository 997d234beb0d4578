"""The receiver in Node that docs/reference/webhooks.md shows, against what we sign."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nurture.transports import signing
from tests.docs.pages import block

SECRET = "whsec_ZXhhbXBsZSBvbmx5OiBub3RoaW5nIGlzIHNpZ25lZCBieSB0aGlz"
OTHER = "whsec_ZXhhbXBsZSBvbmx5OiBub3RoaW5nIGlzIHByb3ZlbiBieSB0aGlz"
CALL = """
import { verify } from "./receiver.mjs";
const { body, headers, secret } = JSON.parse(process.argv[2]);
try { console.log(JSON.stringify(verify(Buffer.from(body), headers, secret))); }
catch (error) { console.log(error.message); }
"""


def verified(folder: Path, signed: str, given: str, *, late: int = 0, secret: str = SECRET) -> str:
    """Sign one body, give Node another or the same one, and return what it prints."""
    now = datetime.now(UTC) - timedelta(seconds=late)  # noqa: TID251 (the code reads the clock)
    headers = signing.signed_headers(
        signed.encode(), message_id="msg_1", secrets=[OTHER, SECRET], now=now
    )
    code = block("docs/reference/webhooks.md", "js", "receiver")
    (folder / "receiver.mjs").write_text(code, encoding="utf-8")
    (folder / "call.mjs").write_text(CALL, encoding="utf-8")
    told = json.dumps({"body": given, "headers": headers, "secret": secret})
    command = ["node", "call.mjs", told]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, check=True, text=True, timeout=60
    )
    return done.stdout.strip()


def test_what_we_sign_is_taken(tmp_path: Path) -> None:
    body = '{"data": {"name": "Jörg"}}'
    assert json.loads(verified(tmp_path, body, body)) == json.loads(body)


@pytest.mark.parametrize(
    ("given", "late", "secret", "said"),
    [
        pytest.param("{ }", 0, SECRET, "not signed with this secret", id="another body"),
        pytest.param("{}", 301, SECRET, "too old, or from the future", id="too old"),
        pytest.param("{}", 0, OTHER[:-4] + "AAAA", "not signed with this secret", id="a secret"),
    ],
)
def test_nothing_else_is(tmp_path: Path, given: str, late: int, secret: str, said: str) -> None:
    assert verified(tmp_path, "{}", given, late=late, secret=secret) == said
