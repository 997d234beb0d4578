"""Rules about nurture.yaml, forms and the receivers of handoffs."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection
from datetime import date, timedelta
from urllib.parse import urlsplit

from nurture.core.policy import SEARCH_DAYS
from nurture.core.project import Endpoint, Window
from nurture.project.codes import Code
from nurture.project.environment import names_variable
from nurture.project.inspection import Inspection
from nurture.project.nearest import nearest_field
from nurture.project.yaml_file import KeyPath

SECRET_BYTES = range(24, 65)
"""What Standard Webhooks allows."""

PASSWORD_LENGTH = 24
_PASSWORD = re.compile(rf"[A-Za-z0-9_-]{{{PASSWORD_LENGTH},}}")
"""What fits into an address unchanged, where SendGrid keeps it."""

LONGEST_SHUT = SEARCH_DAYS - 7
"""Days from a holiday on that a window may stay shut; before it there may be a week."""

DEFAULT_PORTS = {"http": 80, "https": 443}


def check_workspace(inspection: Inspection) -> None:
    """Look at settings, secrets and forms."""
    _windows(inspection)
    _written_secrets(inspection)
    _signal_secrets(inspection)
    _reply_secrets(inspection)
    for endpoint in inspection.project.endpoints.values():
        _endpoint(inspection, endpoint)
    if inspection.whole("fields.yaml"):
        _forms(inspection)


def _windows(inspection: Inspection) -> None:
    workspace = inspection.project.workspace
    if inspection.whole("nurture.yaml"):
        told = (Code.UNKNOWN_WINDOW, f'unknown window "{workspace.default_window}"')
        place = ("nurture.yaml", ("default_window",))
        inspection.known(workspace.default_window, workspace.windows, place, told)
        for window in workspace.windows.values():
            _opens(inspection, window, workspace.holidays)


def _opens(inspection: Inspection, window: Window, holidays: Collection[date]) -> None:
    """Refuse a window that holidays keep shut for weeks on end: mail would wait for no day."""
    for first in sorted(holidays):
        days = (first + timedelta(days=offset) for offset in range(LONGEST_SHUT))
        if not any(day.isoweekday() in window.days and day not in holidays for day in days):
            message = (
                f'the window "{window.name}" does not open for {LONGEST_SHUT} days'
                f" from {first} on: holidays take all its days"
            )
            remedy = "give it more days of the week, or take holidays out"
            path = ("windows", window.name)
            inspection.error("nurture.yaml", path, (Code.CONTRADICTION, message, remedy))
            return


def _written_secrets(inspection: Inspection) -> None:
    """Secrets come from the environment: what is in a file ends up in version control."""
    places: list[tuple[str, KeyPath]] = [
        ("nurture.yaml", ("transport", "password")),
        ("nurture.yaml", ("transport", "api_key")),
    ]
    for section in ("signals", "replies"):
        listed = inspection.document("nurture.yaml").at((section, "secrets"))
        if isinstance(listed, list):
            places += [("nurture.yaml", (section, "secrets", n)) for n in range(len(listed))]
    for name in sorted(inspection.names("handoff")):
        file = f"handoffs/{name}.yaml"
        places += [(file, ("secret",)), (file, ("feedback_secret",))]
    for file, path in places:
        value = inspection.document(file).at(path)
        if value is not None and not names_variable(value):
            key = next(str(part) for part in reversed(path) if isinstance(part, str))
            message = f'the secret "{key}" is written out'
            remedy = f"write ${{{key.upper()}}} and set that variable; change the secret"
            inspection.error(file, path, (Code.SECRET_LITERAL, message, remedy))


def _endpoint(inspection: Inspection, endpoint: Endpoint) -> None:
    file = f"handoffs/{endpoint.name}.yaml"
    if not inspection.whole(file):
        return
    for key, secret in (("secret", endpoint.secret), ("feedback_secret", endpoint.feedback_secret)):
        if not _is_webhook_secret(secret):
            inspection.error(file, (key,), _not_a_secret(key))
    parts = urlsplit(endpoint.url)
    where = f"{parts.hostname}:{parts.port or DEFAULT_PORTS[parts.scheme]}"
    if parts.scheme == "http" and where not in endpoint.allow:
        message = "personal data would leave unencrypted"
        remedy = f'use https, or write allow: ["{where}"] for a receiver on your own machine'
        inspection.error(file, ("url",), (Code.ENDPOINT_INSECURE, message, remedy))


def _signal_secrets(inspection: Inspection) -> None:
    if not inspection.whole("nurture.yaml"):
        return
    for index, secret in enumerate(inspection.project.workspace.signal_secrets):
        if not _is_webhook_secret(secret):
            path = ("signals", "secrets", index)
            inspection.error("nurture.yaml", path, _not_a_secret("signals.secrets"))


def _reply_secrets(inspection: Inspection) -> None:
    if not inspection.whole("nurture.yaml"):
        return
    for index, secret in enumerate(inspection.project.workspace.reply_secrets):
        if not _PASSWORD.fullmatch(secret):
            message = f'"replies.secrets" needs {PASSWORD_LENGTH} letters, digits, "-" or "_" each'
            remedy = "make one with: openssl rand -hex 24"
            path = ("replies", "secrets", index)
            inspection.error("nurture.yaml", path, (Code.SECRET_FORM, message, remedy))


def _not_a_secret(key: str) -> tuple[Code, str, str]:
    message = f'"{key}" is no webhook secret: whsec_ and base64 of 24 to 64 bytes'
    return Code.SECRET_FORM, message, "make one of whsec_ and the base64 of 32 random bytes"


def _is_webhook_secret(secret: str) -> bool:
    if not secret.startswith("whsec_"):
        return False
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(key) in SECRET_BYTES


def _forms(inspection: Inspection) -> None:
    fields = inspection.project.fields
    for name, form in inspection.project.forms.items():
        file = f"forms/{name}.yaml"
        for index, key in enumerate(form.ask):
            path = ("ask", index)
            if key not in fields:
                told = (Code.UNKNOWN_FIELD, f'unknown field "{key}"', nearest_field(key, fields))
                inspection.error(file, path, told)
            elif not fields[key].question:
                message = f"{key} has no question"
                remedy = "add question: ... in fields.yaml, or do not ask for it"
                inspection.error(file, path, (Code.FIELD_UNSUITED, message, remedy))
