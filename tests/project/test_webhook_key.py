"""The check takes the keys of the event webhook that the transport takes, and no others."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nurture.core.errors import MisuseError
from nurture.project.webhook_key import is_verification_key
from nurture.transports.sendgrid_events import EventVerifier

_WRAPPED = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
GOOD = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_bytes(*_WRAPPED)
OTHER_CURVE = ec.derive_private_key(7, ec.SECP384R1()).public_key().public_bytes(*_WRAPPED)
OTHER_KIND = ed25519.Ed25519PrivateKey.from_private_bytes(b"7" * 32).public_key()


def text_of(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        pytest.param(text_of(GOOD), True, id="a key"),
        pytest.param(f" {text_of(GOOD)[:64]}\n{text_of(GOOD)[64:]}\n", True, id="on two lines"),
        pytest.param("nonsense", False, id="nonsense"),
        pytest.param("größer", False, id="no base64 at all"),
        pytest.param(text_of(GOOD)[:-8], False, id="cut short"),
        pytest.param(text_of(GOOD + b"x"), False, id="with something behind it"),
        pytest.param(text_of(GOOD[:-1] + bytes([GOOD[-1] ^ 1])), False, id="beside the curve"),
        pytest.param(text_of(OTHER_CURVE), False, id="another curve"),
        pytest.param(text_of(OTHER_KIND.public_bytes(*_WRAPPED)), False, id="another kind"),
        pytest.param(f"-----BEGIN PUBLIC KEY-----\n{text_of(GOOD)}", False, id="in PEM"),
    ],
)
def test_a_key_is_judged_as_the_transport_judges_it(text: str, *, taken: bool) -> None:
    assert is_verification_key(text) is taken
    if taken:
        EventVerifier([text])
    else:
        with pytest.raises(MisuseError, match="sendgrid: a verification key"):
            EventVerifier([text])
