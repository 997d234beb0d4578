"""A signed post of events: our check and SendGrid's helpers for Python and Node agree."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sendgrid.helpers.eventwebhook import EventWebhook

from nurture.core.errors import RefusedInput
from nurture.transports.sendgrid_events import EventVerifier

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
BODY = '[{"event":"delivered","reason":"Größe \U0001f600"}]\r\n'
ASK = """
const { EventWebhook } = require("@sendgrid/eventwebhook");
const { key, body, signature, timestamp } = JSON.parse(process.argv[1]);
const webhook = new EventWebhook();
const made = webhook.convertPublicKeyToECDSA(key);
console.log(webhook.verifySignature(made, body, signature, timestamp));
"""


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public(key: ec.EllipticCurvePrivateKey) -> str:
    encoded = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(encoded).decode()


def node_says(**told: str) -> bool:
    done = subprocess.run(
        ["node", "-e", ASK, json.dumps(told)],
        cwd=HERE,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return {"true": True, "false": False}[done.stdout.strip()]


def engine_says(key: str, body: str, signature: str, timestamp: str) -> bool:
    try:
        EventVerifier([key]).verify(
            body.encode(), signature=signature, timestamp=timestamp, now=NOW
        )
    except RefusedInput:
        return False
    return True


@pytest.mark.parametrize(
    ("given", "genuine"),
    [
        pytest.param(BODY, True, id="as it was signed"),
        pytest.param(BODY.strip(), False, id="without its line end"),
        pytest.param(json.dumps(json.loads(BODY)), False, id="serialized anew"),
    ],
)
def test_all_three_say_the_same(key: ec.EllipticCurvePrivateKey, given: str, genuine: bool) -> None:
    signature = b64encode(key.sign((STAMP + BODY).encode(), ec.ECDSA(SHA256()))).decode()
    told = {"key": public(key), "body": given, "signature": signature, "timestamp": STAMP}
    answers = {
        "ours": engine_says(**told),
        "python": EventWebhook(told["key"]).verify_signature(given, signature, STAMP),
        "node": node_says(**told),
    }
    assert answers == dict.fromkeys(answers, genuine)
