"""E-mail addresses: one strict reading, one key for duplicates, a looser one for suppression."""

from __future__ import annotations

import re

from nurture.core.errors import RefusedInput

MAX_ADDRESS = 254
MAX_LOCAL = 64

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")

# Providers that ignore dots or what follows a plus sign in the local part.
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})
_PLUS = _DOTLESS | {"outlook.com", "icloud.com", "fastmail.com", "proton.me", "protonmail.com"}

ROLE_ACCOUNTS = frozenset(
    {
        "abuse",
        "hostmaster",
        "mailer-daemon",
        "no-reply",
        "noreply",
        "postmaster",
        "root",
        "webmaster",
    }
)
"""Local parts that belong to a function, not a person (RFC 2142): imported, never enrolled."""


def parse_address(text: str) -> str:
    """Return the address with its domain as A-labels, or raise RefusedInput saying what is wrong.

    Stricter than RFC 5322 on purpose: one address, no comments, no quoted local part, ASCII
    before the @. What this refuses cannot break a header or reach a second recipient.
    """
    address = text.strip(" \t")
    if not address:
        raise RefusedInput("no address")
    if len(address) > MAX_ADDRESS:
        raise RefusedInput("the address is too long")
    if not address.isprintable():
        raise RefusedInput("control character in the address")
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise RefusedInput("not an address: no name or no domain around one @")
    if not _LOCAL.fullmatch(local):
        raise RefusedInput("the part before the @ has characters that cannot be mailed")
    ascii_domain = _a_label(domain)
    result = f"{local}@{ascii_domain}"
    if len(local) > MAX_LOCAL or len(result) > MAX_ADDRESS:
        raise RefusedInput("the address is too long")
    return result


def _a_label(domain: str) -> str:
    try:
        labels = domain.lower().encode("idna").decode("ascii").split(".")
    except UnicodeError:
        raise RefusedInput("the domain is not a valid name") from None
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):  # noqa: PLR2004
        raise RefusedInput("the domain is not a valid name")
    if labels[-1].isdigit():
        raise RefusedInput("the domain is an IP address")
    return ".".join(labels)


def match_key(address: str) -> str:
    """Return the key by which two spellings of one address are the same lead."""
    return address.casefold()


def suppression_key(address: str) -> str:
    """Return the looser key under which an opt-out is kept: dots and +tags do not reopen it."""
    local, _, domain = match_key(address).rpartition("@")
    if domain in _PLUS:
        local = local.split("+", 1)[0]
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def is_role_account(address: str) -> bool:
    """Say whether the address belongs to a function rather than a person."""
    return address.partition("@")[0].casefold() in ROLE_ACCOUNTS
