"""The body of SendGrid's `POST /v3/mail/send` for one rendered message, and its limits.

SendGrid refuses a bad request as a whole and without saying what it counted, so what is known to
be refused is refused here, with a reason.
"""

from __future__ import annotations

import re

import orjson

from nurture.core.message import Address, OutgoingMessage

MESSAGE_ARG = "nurture_message"
ATTEMPT_ARG = "nurture_attempt"
"""Custom arguments: they come back with every event. Opaque ids only; SendGrid keeps them."""

MAX_ADDRESS = 320
MAX_ARGS_BYTES = 10_000
MAX_BODY_BYTES = 29_000_000
MAX_CATEGORIES = 10
MAX_CATEGORY = 255

RESERVED_HEADERS = frozenset(
    {
        *("bcc", "cc", "content-transfer-encoding", "content-type", "dkim-signature", "from"),
        *("received", "reply-to", "subject", "to", "x-sg-eid", "x-sg-id"),
    }
)

_HEADER_NAME = re.compile(r"[!-9;-~]+")
_HEADER_VALUE = re.compile(r"[ -~]+")
_SEPARATES_NAMES = re.compile(r"[;,]")


def payload(message: OutgoingMessage, *, sandbox: bool = False) -> dict[str, object]:
    """Return the request for one message: one personalization with everything that is its own.

    Whether SendGrid merges headers of the message with those of a personalization is not written
    anywhere, so all of them stand in the personalization. Clicks, opens and unsubscribes are ours:
    its own tracking would rewrite our links and add a second List-Unsubscribe.
    """
    mail = message.mail
    body = envelope(message, html=mail.html, text=mail.text, sandbox=sandbox)
    body["personalizations"] = [personalization(message)]
    body["subject"] = mail.subject
    if message.fence is not None:
        body["send_at"] = int(message.fence.send_at.timestamp())
        body["batch_id"] = message.fence.batch_id
    return body


def personalization(message: OutgoingMessage) -> dict[str, object]:
    """Return what is a recipient's own in a request."""
    mail = message.mail
    person: dict[str, object] = {
        "to": [_person(mail.recipient, plain_name=True)],
        "custom_args": custom_args(message),
    }
    if mail.headers:
        person["headers"] = dict(mail.headers)
    return person


def custom_args(message: OutgoingMessage) -> dict[str, object]:
    """Return what comes back with every event."""
    return {MESSAGE_ARG: message.uid, ATTEMPT_ARG: message.attempt_uid}


def envelope(message: OutgoingMessage, *, html: str, text: str, sandbox: bool) -> dict[str, object]:
    """Return what all recipients of a request share."""
    mail = message.mail
    body: dict[str, object] = {
        "personalizations": [],
        "from": _person(mail.sender),
        "content": [
            {"type": "text/plain", "value": text},
            {"type": "text/html", "value": html},
        ],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }
    if mail.reply_to:
        body["reply_to"] = {"email": mail.reply_to}
    if message.categories:
        body["categories"] = list(dict.fromkeys(message.categories))
    if sandbox:
        body["mail_settings"] = {"sandbox_mode": {"enable": True}}
    return body


def encode(body: dict[str, object]) -> bytes:
    """Serialize a request once, so that what was counted is what is sent."""
    return orjson.dumps(body)


def broken_limit(message: OutgoingMessage) -> str:
    """Return why SendGrid would refuse the message, or nothing."""
    mail = message.mail
    checks = (
        *(_address(email) for email in (mail.sender.email, mail.recipient.email)),
        _address(mail.reply_to) if mail.reply_to else "",
        "the subject is empty" if not mail.subject.strip() else "",
        "a part is empty" if not (mail.text.strip() and mail.html.strip()) else "",
        _headers(mail.headers),
        _categories(message.categories),
        _custom_args(message),
    )
    return next(filter(None, checks), "")


def _person(address: Address, *, plain_name: bool = False) -> dict[str, str]:
    # A comma or semicolon in a recipient's name is a 400; nobody misses it.
    name = _SEPARATES_NAMES.sub(" ", address.name) if plain_name else address.name
    name = " ".join(name.split())
    return {"email": address.email, "name": name} if name else {"email": address.email}


def _address(email: str) -> str:
    if not email.isascii():
        return "SendGrid takes only ASCII addresses"
    if len(email) > MAX_ADDRESS:
        return f"an address has more than {MAX_ADDRESS} characters"
    return ""


def _headers(headers: tuple[tuple[str, str], ...]) -> str:
    names = [name.lower() for name, _ in headers]
    for name, value in headers:
        if name.lower() in RESERVED_HEADERS:
            return f"the header {name} is reserved"
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            return f"the header {name} is not plain ASCII on one line"
    return "a header is given twice" if len(set(names)) < len(names) else ""


def _categories(categories: tuple[str, ...]) -> str:
    if len(set(categories)) > MAX_CATEGORIES:
        return f"more than {MAX_CATEGORIES} categories"
    if not all(each and each.isascii() and len(each) <= MAX_CATEGORY for each in categories):
        return f"a category is not ASCII of 1 to {MAX_CATEGORY} characters"
    return ""


def _custom_args(message: OutgoingMessage) -> str:
    size = len(encode(custom_args(message)))
    return f"custom arguments of more than {MAX_ARGS_BYTES} bytes" if size > MAX_ARGS_BYTES else ""
