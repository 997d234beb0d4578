"""Mails handed over on this machine: SendGrid's calls over TLS, and SMTP."""

from __future__ import annotations

import os
import smtplib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import certifi
import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from people import NOW, person, project
from send_mime import Ours, message, recipient
from sendgrid import SendGridAPIClient

from nurture.core.message import Accepted, OutgoingMessage
from nurture.render.mime import to_bytes
from nurture.transports.sendgrid import SendGridSettings, SendGridTransport
from nurture.transports.sendgrid_payload import encode, payload
from nurture.transports.smtp import SmtpSettings, SmtpTransport, Tls

HOST = "127.0.0.1"
TRUST = "SSL_CERT_FILE"
"""Where the package `sendgrid` finds the authority that it is to trust."""

Way = Callable[[int], None]
"""Hands so many mails over, one after the other."""


def mails(count: int) -> list[OutgoingMessage]:
    """Return so many rendered mails."""
    ours, programme = Ours(), project()
    people = [person(number) for number in range(1, count + 1)]
    return [ours.mailroom.outgoing(programme, message(lead), recipient(lead)) for lead in people]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files: a certificate of this machine's loopback address, its key, and whom to trust."""

    certificate: Path
    key: Path
    trusted: Path


def certificate(folder: Path) -> Certificate:
    """Make a certificate that holds for two days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    begins = datetime.fromtimestamp(Path(folder).stat().st_mtime, UTC) - timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(folder / "certificate.pem", folder / "key.pem", folder / "trusted.pem")
    own = made.public_bytes(serialization.Encoding.PEM)
    files.certificate.write_bytes(own)
    # With the authorities that everybody trusts: who loads them for each call pays for it.
    files.trusted.write_bytes(own + Path(certifi.where()).read_bytes())
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def sendgrid_ways(port: int, trusted: Path, count: int) -> dict[str, Way]:
    """Return our transport, bare httpx over one kept connection, and SendGrid's own client."""
    base = f"https://{HOST}:{port}"
    prepared = mails(count)
    bodies = [payload(one) for one in prepared]
    encoded = [encode(body) for body in bodies]
    settings = SendGridSettings(api_key="SG.bench", base_url=base, ca_file=str(trusted))
    transport = SendGridTransport(settings)
    pooled = httpx.Client(
        base_url=base,
        verify=httpx.create_ssl_context(verify=str(trusted)),
        headers={"Authorization": "Bearer SG.bench", "Content-Type": "application/json"},
    )
    os.environ[TRUST] = str(trusted)
    package = SendGridAPIClient(api_key="SG.bench", host=base)

    def ours(many: int) -> None:
        for start in range(0, many, transport.group_size):
            group = prepared[start : min(start + transport.group_size, many)]
            for outcome in transport.send(group, now=NOW):
                assert isinstance(outcome, Accepted), outcome

    def bare(many: int) -> None:
        for body in encoded[:many]:
            assert pooled.post("/v3/mail/send", content=body).status_code == httpx.codes.ACCEPTED

    def own_client(many: int) -> None:
        for body in bodies[:many]:
            assert package.send(body).status_code == httpx.codes.ACCEPTED

    return {"ours": ours, "httpx": bare, "sendgrid": own_client}


def smtp_ways(port: int, count: int) -> dict[str, Way]:
    """Return our transport and a bare loop of the standard library over one kept connection."""
    prepared = mails(count)
    settings = SmtpSettings(host=HOST, port=port, tls=Tls.NONE)
    transport = SmtpTransport(settings, to_bytes=to_bytes)
    server = smtplib.SMTP(HOST, port)

    def ours(many: int) -> None:
        for start in range(0, many, transport.group_size):
            group = prepared[start : min(start + transport.group_size, many)]
            for outcome in transport.send(group, now=NOW):
                assert isinstance(outcome, Accepted), outcome

    def bare(many: int) -> None:
        for one in prepared[:many]:
            sender, to = one.mail.sender.email, one.mail.recipient.email
            server.sendmail(sender, [to], to_bytes(one))

    return {"ours": ours, "smtplib": bare}


def rate(way: Way, many: int) -> float:
    """Return mails a second."""
    begun = time.perf_counter()
    way(many)
    return many / (time.perf_counter() - begun)


def rates(ways: dict[str, Way], counts: dict[str, int], rounds: int) -> dict[str, list[float]]:
    """Time the ways in turn, so that a slow minute hurts all of them."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for name, way in ways.items():
        way(min(counts[name], 20))
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(rate(way, counts[name]))
    return found
