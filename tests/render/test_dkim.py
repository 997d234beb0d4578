"""A DKIM signature can cover what RFC 8058 asks for, and shows that a mail was tampered with."""

from __future__ import annotations

from base64 import b64encode

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from nurture.render.mime import to_bytes
from tests.contracts.letters import letters

COVERED = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed(content: bytes, key: rsa.RSAPrivateKey) -> bytes:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    header: bytes = dkim.sign(
        content,
        selector=b"s1",
        domain=b"mail.havelock-air.example",
        privkey=pem,
        include_headers=[name.encode() for name in COVERED],
        canonicalize=(b"relaxed", b"relaxed"),
    )
    return header + content


def genuine(content: bytes, key: rsa.RSAPrivateKey) -> bool:
    encoded = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + b64encode(encoded)
    return bool(dkim.verify(content, dnsfunc=lambda _name, timeout=5: record))


def test_both_headers_for_one_click_can_be_signed(key: rsa.RSAPrivateKey) -> None:
    for letter in letters():
        mail = signed(to_bytes(letter), key)
        covered = mail.split(b" h=")[1].split(b";")[0].replace(b"\r\n", b"").replace(b" ", b"")
        assert {b"list-unsubscribe", b"list-unsubscribe-post"} <= set(covered.lower().split(b":"))
        assert genuine(mail, key)


@pytest.mark.parametrize(
    "named", [b"List-Unsubscribe: <", b"List-Unsubscribe=One-Click", b"Subject: "]
)
def test_what_was_signed_cannot_be_changed(key: rsa.RSAPrivateKey, named: bytes) -> None:
    mail = signed(to_bytes(letters()[0]), key)
    assert named in mail
    assert not genuine(mail.replace(named, named + b"x", 1), key)
