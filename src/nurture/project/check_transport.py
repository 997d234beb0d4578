"""Rules about the way out: what a transport would choke on is told before a mail waits for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from nurture.core.address import ascii_domain
from nurture.core.doubt import PARK_AFTER
from nurture.core.errors import RefusedInput
from nurture.core.fence import LONGEST, SHORTEST
from nurture.core.host import LOOPBACK, is_host
from nurture.core.sequence import EmailStep, FormStep
from nurture.project.codes import Code
from nurture.project.inspection import Inspection, Told
from nurture.project.webhook_key import is_verification_key
from nurture.project.yaml_file import KeyPath

FILE = "nurture.yaml"
IMPLICIT_TLS = 465
"""The port of mail servers that wait for no STARTTLS (RFC 8314)."""

_PRINTED = re.compile(r"[!-~]+")
_ASCII = re.compile(r"[ -~]+")


def check_transport(inspection: Inspection) -> None:
    """Look at what is written about the transport, and at what the environment makes of it."""
    if not inspection.whole(FILE):
        return
    transport = inspection.project.workspace.transport
    match transport.kind:
        case "smtp":
            _smtp(inspection, transport.options)
        case "sendgrid":
            _sendgrid(inspection, transport.options)
    _domains(inspection)


def _smtp(inspection: Inspection, options: Mapping[str, object]) -> None:
    host, user, password = (_text(options, key) for key in ("host", "user", "password"))
    if not is_host(host):
        _error(inspection, ("host",), _no_host(host))
    if options.get("port") == IMPLICIT_TLS and options.get("tls") != "tls":
        message = f"a server speaks TLS from the first byte on port {IMPLICIT_TLS}"
        told = (Code.CONTRADICTION, message, "write tls: tls, or port: 587")
        inspection.warn(FILE, ("transport", "port"), told)
    for key, value in (("user", user), ("password", password)):
        if value and not _ASCII.fullmatch(value):
            message = f'"{key}": SMTP signs in with plain ASCII, and this holds other characters'
            remedy = f"ask for another {key} at your provider"
            _error(inspection, (key,), (Code.MALFORMED, message, remedy))
    if password and not user:
        told = (Code.CONTRADICTION, "a password and no user to sign in", 'add "user: ..."')
        _error(inspection, ("password",), told)
    elif user and not password:
        told = (Code.CONTRADICTION, "a user and no password to sign in", 'add "password: ..."')
        _error(inspection, ("user",), told)
    if user and options.get("tls") == "none" and host not in LOOPBACK:
        message = f"the password would go to {host} unencrypted"
        remedy = "write tls: starttls, or tls: tls"
        _error(inspection, ("tls",), (Code.CONTRADICTION, message, remedy))


def _sendgrid(inspection: Inspection, options: Mapping[str, object]) -> None:
    if not _PRINTED.fullmatch(_text(options, "api_key")):
        message = '"api_key": a key is letters, digits, dots and the like, without blanks'
        remedy = "copy the key again; look for a blank or a line end at its ends"
        _error(inspection, ("api_key",), (Code.MALFORMED, message, remedy))
    keys = options.get("webhook_keys")
    for index, key in enumerate(keys if isinstance(keys, list) else ()):
        if not is_verification_key(str(key)):
            message = '"webhook_keys": this is not a public key that SendGrid signs with'
            remedy = "copy the verification key of the signed event webhook, which begins with MFkw"
            _error(inspection, ("webhook_keys", index), (Code.MALFORMED, message, remedy))
    quiet, parked = options.get("resend_after"), int(PARK_AFTER.total_seconds())
    if isinstance(quiet, int) and quiet >= parked:
        message = f'"resend_after": after {parked // 3600} hours a mail in doubt waits for a person'
        told = (Code.OUT_OF_RANGE, message, "write less than 24h, for example 30m")
        _error(inspection, ("resend_after",), told)
    _fence(inspection, options)


def _fence(inspection: Inspection, options: Mapping[str, object]) -> None:
    fence = options.get("fence")
    if not isinstance(fence, int):
        return
    kept = timedelta(seconds=fence)
    if not SHORTEST <= kept <= LONGEST:
        message = '"fence": SendGrid cancels in time what it keeps for 15 minutes to 72 hours'
        told = (Code.OUT_OF_RANGE, message, "write for example 30m")
        _error(inspection, ("fence",), told)
    if options.get("batch"):
        message = '"fence" calls single mails back, and "batch" sends many in one call'
        told = (Code.CONTRADICTION, message, "leave out one of them")
        _error(inspection, ("fence",), told)
    for name, sequence in inspection.project.sequences.items():
        for step in sequence.by_id.values():
            expires = step.expires_seconds if isinstance(step, EmailStep | FormStep) else None
            if expires is not None and expires <= fence:
                message = f'"fence": {name}, step {step.id}: its mail is late before it leaves'
                told = (Code.CONTRADICTION, message, "write a longer expires, or a shorter fence")
                _error(inspection, ("fence",), told)


def _domains(inspection: Inspection) -> None:
    for name in inspection.project.workspace.pacing.per_domain:
        try:
            ascii_domain(name)
        except RefusedInput:
            message = f'"{name}" is no mail domain'
            told = (Code.MALFORMED, message, "write for example gmail.com")
            _error(inspection, ("rate", "per_domain", name), told)


def _no_host(host: str) -> Told:
    remedy = "write the name alone, for example smtp.example.com; the port has its own key"
    return Code.MALFORMED, f'"host": "{host}" cannot be the name of a machine', remedy


def _error(inspection: Inspection, path: KeyPath, told: Told) -> None:
    inspection.error(FILE, ("transport", *path), told)


def _text(options: Mapping[str, object], key: str) -> str:
    return str(options.get(key) or "")
