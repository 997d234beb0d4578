"""Read what people type as the value of a field: one parser for forms, imports and webhooks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime

from nurture.core.condition import ValueType
from nurture.core.errors import RefusedInput
from nurture.core.lead import Value
from nurture.core.project import Field

LONGEST_TEXT = 4000
LONGEST_NAME = 200
LARGEST = 2**31 - 1

_NOTHING = frozenset({"", "-", "--", "n/a", "na", "none", "null", "unknown", "?", "tba", "tbd"})
_ABOUT = re.compile(r"^(ca\.?|circa|about|approx\.?|around|etwa|ungefähr|~|>|<)\s*", re.IGNORECASE)
# 1200 · 1,200 · 1.200 · 1 200 · 1'200: a separator stands before exactly three digits
_NUMBER = re.compile(r"[+-]?\d{1,3}(?:[.,' \u00a0\u202f]\d{3})+|[+-]?\d+")
_UNIT = re.compile(r"(?<=\d)\s*([^\W\d_]{1,12})\.?$")
# "5k" is not 5: what multiplies is no unit.
_MULTIPLES = frozenset(
    {"k", "m", "mw", "bn", "mio", "mln", "mrd", "tsd", "million", "thousand", "tausend"}
)
_DECIMALS = re.compile(r"([+-]?\d+)[.,]\d{1,2}")
_YES = frozenset({"yes", "y", "true", "1", "on", "ja"})
_NO = frozenset({"no", "n", "false", "0", "off", "nein"})
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d")
_YEARS = (1900, 2200)


def clean_text(text: str, *, longest: int = LONGEST_TEXT) -> str:
    """Return the text in NFC, trimmed, without control characters, or raise RefusedInput."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RefusedInput("this is not valid text") from None
    kept = "".join(char for char in text if char in "\t\n" or unicodedata.category(char) != "Cc")
    normal = unicodedata.normalize("NFC", kept).strip()
    if len(normal) > longest:
        raise RefusedInput(f"this is longer than {longest} characters")
    return normal


def is_nothing(text: str) -> bool:
    """Say whether the text stands for "no answer"."""
    return text.strip().casefold() in _NOTHING


def parse_answer(field: Field, given: Sequence[str]) -> Value | None:
    """Return the field's value, None for no answer; raise RefusedInput saying what is wrong."""
    texts = [clean_text(text) for text in given]
    told = [text for text in texts if text]
    if field.type is ValueType.CHOICES:
        return tuple(sorted({_choice(field, text) for text in told})) or None
    text = told[0] if told else ""
    if not text or (field.type is not ValueType.CHOICE and is_nothing(text)):
        return None
    match field.type:
        case ValueType.TEXT:
            return clean_text(text)
        case ValueType.NUMBER:
            return _number(field, text)
        case ValueType.BOOL:
            return _bool(text)
        case ValueType.DATE:
            return _date(text)
        case _:
            return _choice(field, text)


def _choice(field: Field, text: str) -> str:
    wanted = text.casefold()
    for key, label in field.choices.items():
        if wanted in (key.casefold(), label.casefold()):
            return key
    raise RefusedInput("choose one of the answers that are offered")


def _number(field: Field, text: str) -> int:
    bare = _ABOUT.sub("", text)
    unit = _UNIT.search(bare)
    if unit and unit[1].casefold() not in _MULTIPLES:
        bare = bare[: unit.start()]
    decimals = _DECIMALS.fullmatch(bare)
    if decimals:
        bare = decimals[1]
    if len(bare) > 20 or not _NUMBER.fullmatch(bare):  # noqa: PLR2004 (more digits than any field)
        raise RefusedInput("enter a whole number, for example 250")
    value = int(re.sub(r"[.,' \u00a0\u202f]", "", bare))
    low = field.minimum if field.minimum is not None else -LARGEST
    high = field.maximum if field.maximum is not None else LARGEST
    if not low <= value <= high:
        raise RefusedInput(f"enter a number from {low} to {high}")
    return value


def _bool(text: str) -> bool:
    word = text.casefold()
    if word not in _YES | _NO:
        raise RefusedInput("answer yes or no")
    return word in _YES


def _date(text: str) -> str:
    for form in _DATES:
        try:
            day: date = datetime.strptime(text, form).date()  # noqa: DTZ007 (a date has no zone)
        except ValueError:
            continue
        if _YEARS[0] <= day.year <= _YEARS[1]:
            return day.isoformat()
    raise RefusedInput("enter a date like 2026-11-30")
