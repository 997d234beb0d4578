"""Messages to send, and a certificate for this machine."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nurture.core.message import Address, OutgoingMessage, RenderedMail

NOW = dt.datetime(2026, 3, 5, 9, tzinfo=dt.UTC)

MAIL = RenderedMail(
    sender=Address(name="Ingrid", email="ingrid@mail.havelock-air.example"),
    recipient=Address(name="Ana Müller", email="ana@example.com"),
    reply_to="ingrid@havelock-air.example",
    subject="Your leak guide",
    html="<p>Grüße</p>\n.\n..a\n",
    text="Grüße\n.\n..a\n",
    headers=(
        ("List-Unsubscribe", "<https://n.example/u/t>, <mailto:leave@n.example>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ),
)


def letter(number: int = 0, **changes: object) -> OutgoingMessage:
    """Return a message; the changes are to its mail."""
    return OutgoingMessage(
        uid=f"{number:032x}",
        attempt_uid=f"{number:031x}a",
        mail=replace(MAIL, **changes),  # type: ignore[arg-type]
        planned_at=NOW,
        categories=("guide", "guide-delivery"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A self-signed certificate for localhost; the certificate is its own authority."""

    certificate: Path
    key: Path


def make_certificate(folder: Path, *, name: str = "localhost") -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    # The machine's own clock: TLS compares with it.
    today = dt.datetime.now(dt.UTC)  # noqa: TID251 (certificates are checked against the real time)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(certificate=folder / f"{name}.pem", key=folder / f"{name}.key")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
