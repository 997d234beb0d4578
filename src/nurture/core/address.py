"""E-mail addresses: one strict reading, one key for duplicates, a looser one for suppression."""

from __future__ import annotations

import re
import unicodedata
from encodings.idna import ToASCII, nameprep

from nurture.core.errors import RefusedInput

MAX_ADDRESS = 254
MAX_LOCAL = 64

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
# Two hyphens in the third place are kept for A-labels and their like (RFC 5891, 4.2.3.1).
_LABEL = re.compile(r"(?!-)(?!(?!xn)..--)[a-z0-9-]{1,63}(?<!-)")
_TOP = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
_A_LABEL = "xn--"
_BETWEEN = frozenset("-\u00b7\u30fb\u05f3\u05f4")
"""What may stand between letters of a domain beside them: hyphens of several scripts."""
# Domains with these letters exist (RFC 5892). The older standard, which Python speaks, makes
# others of them: mail for straße.example would reach strasse.example.
_KEPT = re.compile("([ßς])")

# Providers that ignore dots or what follows a plus sign in the local part.
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})
MANY_SPELLINGS = _DOTLESS | {
    "outlook.com",
    "icloud.com",
    "fastmail.com",
    "proton.me",
    "protonmail.com",
}
"""Domains at which one mailbox has several addresses (see `suppression_key`)."""

# Scripts that are written together in one word; any other two are not.
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
)
_IDEOGRAPHIC = {"IDEOGRAPHIC": "CJK", "KATAKANA-HIRAGANA": "KATAKANA"}
_LIKE_LATIN = frozenset("асԁеһіјӏорԛѕԝхуѵүԍ" + "αικνορτυχγω")
_PHONETIC = range(0x250, 0x2B0)

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
    result = f"{local}@{ascii_domain(domain)}"
    if len(local) > MAX_LOCAL or len(result) > MAX_ADDRESS:
        raise RefusedInput("the address is too long")
    return result


def ascii_domain(domain: str) -> str:
    """Return a mail domain in lower case and as A-labels, or raise RefusedInput."""
    # One by one: the lower case of a whole word can depend on what stands around a letter.
    labels = [_a_label("".join(map(str.lower, label))) for label in _DOTS.split(domain)]
    if len(labels) < 2:  # noqa: PLR2004 (a name and a top level)
        raise RefusedInput("the domain is not a valid name")
    if _NUMBER.fullmatch(labels[-1]):
        raise RefusedInput("the domain is an IP address")
    if not _TOP.fullmatch(labels[-1]):
        raise RefusedInput("the domain is not a valid name")
    return ".".join(labels)


def _a_label(label: str) -> str:
    try:
        made = _encoded(label)
        sound = not made.startswith(_A_LABEL) or _is_sound(made)
    except (UnicodeError, ValueError):
        sound, made = False, ""
    if not sound or not _LABEL.fullmatch(made):
        raise RefusedInput("the domain is not a valid name")
    return made


def _is_sound(made: str) -> bool:
    """Say whether an A-label stands for one text, and that for letters and digits alone."""
    shown = _u_label(made)
    kinds = [unicodedata.category(char) for char in shown]
    worded = all(
        char in _BETWEEN or kind[0] in "LM" or kind == "Nd"
        for char, kind in zip(shown, kinds, strict=True)
    )
    begins = kinds[:1] != [] and kinds[0][0] != "M" and shown[0] != "-" != shown[-1]
    return worded and begins and _encoded(shown) == made


def _encoded(label: str) -> str:
    if label.isascii() or not _KEPT.search(label):
        return ToASCII(label).decode("ascii")
    parts = [part if _KEPT.fullmatch(part) else nameprep(part) for part in _KEPT.split(label)]
    return f"{_A_LABEL}{unicodedata.normalize('NFC', ''.join(parts)).encode('punycode').decode()}"


def _u_label(label: str) -> str:
    """Return a label as people read it."""
    if not label.startswith(_A_LABEL):
        return label
    return label.removeprefix(_A_LABEL).encode().decode("punycode")


def doubt_about(address: str) -> str:
    """Return why the domain of a parsed address may pretend to be another, or nothing.

    It is a flag for people, not a refusal: such domains exist, and their owners get mail.
    """
    labels = [_u_label(label) for label in address.rpartition("@")[2].split(".")]
    if all(label.isascii() for label in labels):
        return ""
    shown = ".".join(labels)
    top = _scripts(labels[-1])
    for label in labels:
        scripts = _scripts(label)
        if len(scripts) > 1 and not any(scripts <= known for known in _TOGETHER):
            return f"the domain {shown} mixes letters: {_named(scripts)}"
        letters = {char for char in label if char.isalpha()}
        if letters and letters <= _LIKE_LATIN and not scripts & top:
            return f"the domain {shown} looks Latin and is not: {_named(scripts)}"
        if any(ord(char) in _PHONETIC for char in letters):
            return f"the domain {shown} has phonetic letters that look like others"
    return ""


def _scripts(label: str) -> frozenset[str]:
    """Return the scripts of the letters, as the names of Unicode's characters begin."""
    first = (unicodedata.name(char, "?").split(" ")[0] for char in label if char.isalpha())
    return frozenset(_IDEOGRAPHIC.get(script, script) for script in first)


def _named(scripts: frozenset[str]) -> str:
    return " and ".join(sorted({"CJK": "Chinese"}.get(s, s.capitalize()) for s in scripts))


def match_key(address: str) -> str:
    """Return the key by which two spellings of one address are the same lead."""
    return address.casefold()


def suppression_key(address: str) -> str:
    """Return the looser key under which an opt-out is kept: dots and +tags do not reopen it."""
    local, _, domain = match_key(address).rpartition("@")
    if domain in MANY_SPELLINGS:
        local = local.split("+", 1)[0]
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def is_role_account(address: str) -> bool:
    """Say whether the address belongs to a function rather than a person."""
    return address.partition("@")[0].casefold() in ROLE_ACCOUNTS
