"""What a template may do with a value. Every filter is total on the empty string and bounded.

An unknown field reaches a template as the empty string, so a filter, sum or comparison that meets
one says nothing instead of failing the mail.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import wraps
from typing import ParamSpec
from urllib.parse import quote

from jinja2 import Undefined
from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import do_capitalize, do_int, do_title, do_trim
from markupsafe import Markup, escape

MAX_TEXT = 16_384
"""Characters that one value may have, before and after any filter."""

MAX_ITEMS = 200
"""Items that a loop may go over."""

MAX_NUMBER = 10**15
"""Beyond this, sums are mistakes."""

# English whatever the machine's locale says, which is why strftime will not do.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)

MAX_TRIMMED = 64
"""Characters that trim may be told to cut off."""

# RFC 3986, 2.3: what is the same behind percent-encoding; most of what stands in links is.
_UNRESERVED = re.compile("[A-Za-z0-9._~-]*")

P = ParamSpec("P")


def display(value: object) -> str:
    """Return how a value reads in a mail."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, Undefined):
        return str(value)  # raises, and names what is missing
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
    if isinstance(value, list | tuple):
        return join(value, ", ")
    raise TemplateRuntimeError(f"a {type(value).__name__} cannot be written into a mail")


def bounded(function: Callable[P, str]) -> Callable[P, str]:
    """Make the filter refuse to return more than MAX_TEXT characters."""

    @wraps(function)
    def check(*args: P.args, **kwargs: P.kwargs) -> str:
        text = function(*args, **kwargs)
        if len(text) > MAX_TEXT:
            raise TemplateRuntimeError(f"a value grew beyond {MAX_TEXT} characters")
        return text

    return check


def default(value: object, instead: object = "", boolean: object = False) -> object:  # noqa: FBT002 (Jinja2's own signature)
    """Return `instead` for what is unknown; with `boolean`, for anything that counts as no."""
    unknown = isinstance(value, Undefined) or value is None or value in ("", [], ())
    return instead if unknown or (boolean and not value) else value


def join(value: object, between: str = "") -> str:
    """Join the items of a list as text."""
    # Flat lists only: lists of lists of lists grow exponentially with the template.
    parts = [_scalar(item) for item in items(value)]
    if sum(map(len, parts)) + len(parts) * len(between) > MAX_TEXT:
        raise TemplateRuntimeError(f"a value grew beyond {MAX_TEXT} characters")
    return between.join(parts)


def replace(value: object, old: str, new: str, count: int = -1) -> str:
    """Replace `old` by `new`."""
    text = display(value)
    # Counted before it is built: two replacements can square the length of a text.
    if len(text) + text.count(old) * max(0, len(new) - len(old)) > MAX_TEXT:
        raise TemplateRuntimeError(f"a value grew beyond {MAX_TEXT} characters")
    return text.replace(old, new, count)


def truncate(value: object, length: int = 255, killwords: object = False, end: str = "...") -> str:  # noqa: FBT002 (Jinja2's own signature)
    """Shorten to `length` characters, `end` included, at the end of a word unless `killwords`."""
    text = display(value)
    if len(text) <= length:
        return text
    kept = text[: max(0, length - len(end))]
    return (kept if killwords else kept.rpartition(" ")[0] or kept) + end


def rounded(value: object, precision: int = 0, method: str = "common") -> object:
    """Round a number; `method` is common, ceil or floor."""
    if value == "" or value is None:
        return ""
    if not isinstance(value, int | float) or not 0 <= precision <= 12:  # noqa: PLR2004 (digits of a float)
        raise TemplateRuntimeError("round takes a number and up to 12 digits")
    if method == "common":
        return round(value, precision)
    if method not in {"ceil", "floor"}:
        raise TemplateRuntimeError("round knows the methods common, ceil and floor")
    factor: int = 10**precision
    scaled = value * factor
    return (math.ceil(scaled) if method == "ceil" else math.floor(scaled)) / factor


def first(value: object) -> object:
    """Return the first item or character, or nothing."""
    whole = _sequence(value)
    return whole[0] if whole else ""


def last(value: object) -> object:
    """Return the last item or character, or nothing."""
    whole = _sequence(value)
    return whole[-1] if whole else ""


def length(value: object) -> int:
    """Return how many items or characters there are."""
    return len(_sequence(value))


def english_date(value: object) -> str:
    """Write a date, or a text that begins like 2026-03-12, as 12 March 2026."""
    if isinstance(value, str) and value:
        try:
            return display(date.fromisoformat(value[:10]))
        except ValueError:
            raise TemplateRuntimeError("date takes a date such as 2026-03-12") from None
    return display(value)


def urlencode(value: object) -> str:
    """Percent-encode a value for use inside a URL."""
    text = value if type(value) is str else display(value)
    return text if _UNRESERVED.fullmatch(text) else _quoted(text)


@bounded
def _quoted(text: str) -> str:
    return quote(text, safe="")


def items(value: object) -> Sequence[object]:
    """Return the list that a loop goes over; nothing known means nothing to go over."""
    if value is None or value == "":
        return ()
    if not isinstance(value, list | tuple):
        raise TemplateRuntimeError("a loop goes over a list, and this is none")
    if len(value) > MAX_ITEMS:
        raise TemplateRuntimeError(f"a loop goes over at most {MAX_ITEMS} items")
    return value


def ordered(left: object, operator: str, right: object) -> bool:
    """Compare by size; with something unknown, or text against a number, the answer is no."""
    if isinstance(left, str) != isinstance(right, str) or left in ("", None):
        return False
    if right in ("", None):
        return False
    try:
        return bool(_COMPARE[operator](left, right))
    except TypeError:
        return False


def same(left: object, operator: str, right: object) -> bool:
    """Compare for equality."""
    return bool(left == right) is (operator == "eq")


def within(left: object, operator: str, right: object) -> bool:
    """Tell whether something stands in a text or a list."""
    if isinstance(right, Undefined):
        str(right)  # raises, and names what is missing
    if right in ("", None):
        return operator != "in"
    if isinstance(right, list | tuple) or (isinstance(left, str) and isinstance(right, str)):
        return (left in right) is (operator == "in")
    raise TemplateRuntimeError("a text stands in a text or a list, anything else in a list")


def reckon(left: object, operator: str, right: object) -> object:
    """Calculate with two numbers; with something unknown, the result is unknown."""
    if left in ("", None) or right in ("", None):
        return ""
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise TemplateRuntimeError(f"{operator!r} takes two numbers")
    if operator in {"/", "//"} and right == 0:
        raise TemplateRuntimeError("a division by zero")
    result = _RECKON[operator](left, right)
    if not -MAX_NUMBER <= result <= MAX_NUMBER:
        raise TemplateRuntimeError("a number grew beyond all reason")
    return result


def is_odd(value: object) -> bool:
    """Tell whether a number is odd."""
    return isinstance(value, int) and value % 2 == 1


def is_even(value: object) -> bool:
    """Tell whether a number is even."""
    return isinstance(value, int) and value % 2 == 0


def _scalar(value: object) -> str:
    if isinstance(value, list | tuple):
        raise TemplateRuntimeError("a list of lists cannot be written into a mail")
    return display(value)


def _sequence(value: object) -> Sequence[object]:
    if isinstance(value, str | list | tuple):
        return value
    if value is None:
        return ""
    raise TemplateRuntimeError("this filter takes a text or a list")


def _text(function: Callable[[str], str]) -> Callable[[object], str]:
    return lambda value: function(display(value))


def whole_number(value: object, default: int = 0, base: int = 10) -> int:
    """Return the whole number that a text is; `default` if it is none, or beyond all reason."""
    try:
        number = do_int(value, default, base)
    except OverflowError:
        return default
    return number if -MAX_NUMBER <= number <= MAX_NUMBER else default


def _trim(value: object, chars: str | None = None) -> str:
    if chars is not None and len(chars) > MAX_TRIMMED:
        raise TemplateRuntimeError(f"trim takes up to {MAX_TRIMMED} characters to cut off")
    return do_trim(display(value), chars)


def _title(text: str) -> str:
    # One word: what Jinja2 does with each, without looking for more of them.
    return text[0].upper() + text[1:].lower() if text.isalpha() else do_title(text)


def _escape(value: object) -> Markup:
    return escape(display(value))


_COMPARE: Mapping[str, Callable[..., object]] = {
    "lt": lambda left, right: left < right,
    "lteq": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gteq": lambda left, right: left >= right,
}

_RECKON: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
}

FILTERS: Mapping[str, Callable[..., object]] = {
    "capitalize": bounded(_text(do_capitalize)),
    "date": english_date,
    "default": default,
    "e": bounded(_escape),
    "escape": bounded(_escape),
    "first": first,
    "int": whole_number,
    "join": join,
    "last": last,
    "length": length,
    "lower": bounded(_text(str.lower)),
    "replace": replace,
    "round": rounded,
    "title": bounded(_text(_title)),
    "trim": bounded(_trim),
    "truncate": bounded(truncate),
    "upper": bounded(_text(str.upper)),
    "urlencode": urlencode,
}
"""Filters that an author may use."""

TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "even": is_even,
    "none": lambda value: value is None,
    "odd": is_odd,
    "undefined": lambda value: isinstance(value, Undefined),
}
"""Tests that an author may use."""
