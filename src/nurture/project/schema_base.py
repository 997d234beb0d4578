"""What the models of all files share: strict reading, and the small types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from nurture.core.address import parse_address
from nurture.core.errors import RefusedInput
from nurture.core.host import is_host
from nurture.project import durations
from nurture.project.codes import Code

SLUG = r"^[a-z0-9][a-z0-9-]{0,63}$"
NAME = r"^[a-z][a-z0-9_]{0,47}$"
KEY = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
_NO_ADDRESS = ("this is not an e-mail address", "write name@example.com")
EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
SELECTOR = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
HOST_PORT = r"^[A-Za-z0-9.-]+:[0-9]{1,5}$"
VARIABLE = r"^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$"
_TAKEN = r"\$\{"
"""Part of the text comes from the environment."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Strict(BaseModel):
    """A mapping of known keys whose values are taken as they are written, never converted."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
        model_title_generator=lambda model: model.__name__.removesuffix("Model"),
    )


def wrong(code: Code, message: str, remedy: str = "") -> PydanticCustomError:
    """Return the error that a validator raises; the loader turns it into a finding."""
    return PydanticCustomError(code.value, "{text}", {"text": message, "remedy": remedy})


def _matching(pattern: str, message: str, remedy: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), text):
            raise wrong(Code.MALFORMED, message, remedy)
        return text

    return check


def _address(text: str) -> str:
    try:
        return parse_address(text)
    except RefusedInput:
        raise wrong(Code.MALFORMED, *_NO_ADDRESS) from None


def _line(text: str) -> str:
    if not text.strip():
        raise wrong(Code.MALFORMED, "this text is empty", "write something, or remove the key")
    if any(ord(letter) < ord(" ") for letter in text):
        raise wrong(Code.MALFORMED, "this text must be one line", "remove the line breaks")
    return text.strip()


def _text(text: str) -> str:
    if not text.strip():
        raise wrong(Code.MALFORMED, "this text is empty", "write something, or remove the key")
    return text.strip()


def _duration(value: object) -> object:
    if not isinstance(value, str):
        raise wrong(Code.MALFORMED, "this is not a duration", durations.EXAMPLE)
    try:
        return durations.seconds(value)
    except ValueError as error:
        raise wrong(Code.MALFORMED, str(error), durations.EXAMPLE) from error


def _days(seconds: int) -> int:
    if seconds % durations.DAY:
        raise wrong(Code.MALFORMED, "this must be whole days", 'write for example "21d"')
    return seconds // durations.DAY


def is_date(text: str) -> bool:
    """Say whether the text is a day of the calendar, written year-month-day."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _date(value: object) -> object:
    example = "write it as year-month-day, for example 2026-12-24"
    if not isinstance(value, str) or not is_date(value):
        raise wrong(Code.MALFORMED, "this is not a day", example)
    return date.fromisoformat(value)


def _time(value: object) -> object:
    """Return the minute of the day; 24:00 is its end."""
    example = 'write it as hours and minutes in quotes, for example "08:30"'
    if not isinstance(value, str) or not re.fullmatch(r"\d{2}:\d{2}", value, re.ASCII):
        raise wrong(Code.MALFORMED, "this is not a time of day", example)
    hours, minutes = int(value[:2]), int(value[3:])
    if minutes >= durations.MINUTE or hours * 60 + minutes > durations.DAY // 60:
        raise wrong(Code.MALFORMED, "there is no such time of day", example)
    return hours * 60 + minutes


def minute_of_day(minute: int) -> time | None:
    """Return the time of day, None for the end of the day."""
    hours, minutes = divmod(minute, 60)
    return None if hours == 24 else time(hours, minutes)  # noqa: PLR2004 (hours of a day)


def _url(text: str) -> str:
    remedy = "write a whole address, for example https://www.example.com"
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and is_host(parts.hostname or "")
        valid = valid and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not re.fullmatch(r"[!-~]+", text):
        raise wrong(Code.MALFORMED, "this is not a web address", remedy)
    if "@" in urlsplit(text).netloc:
        remedy = "put a secret into a header or a ${NAME}, not into the address"
        raise wrong(Code.MALFORMED, "this address carries a user name or password", remedy)
    return text.rstrip("/")


def _condition(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _number_from_text(value: object) -> object:
    """Take the digits that a `${NAME}` left behind."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) else value


def _flag_from_text(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def or_variable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a value that may also come from the environment."""
    return {"anyOf": [schema, {"type": "string", "pattern": VARIABLE}]}


Line = Annotated[str, AfterValidator(_line)]
"""Text on one line."""

Text = Annotated[str, AfterValidator(_text)]

Slug = Annotated[
    str,
    AfterValidator(
        _matching(SLUG, "this is not a name", "use small letters, digits and hyphens: my-name")
    ),
    WithJsonSchema({"type": "string", "pattern": SLUG}),
]
"""The name of a file or step."""

FieldName = Annotated[
    str,
    AfterValidator(
        _matching(NAME, "this is not a field name", "use small letters, digits and _: my_field")
    ),
    WithJsonSchema({"type": "string", "pattern": NAME}),
]

FieldKey = Annotated[
    str,
    AfterValidator(
        _matching(
            rf"(lead|account)\.{NAME[1:-1]}",
            "this is not a field",
            "write lead.NAME or account.NAME",
        )
    ),
    WithJsonSchema({"type": "string", "pattern": rf"^(lead|account)\.{NAME[1:]}"}),
]

ChoiceKey = Annotated[
    str,
    AfterValidator(
        _matching(KEY, "this cannot be a choice's key", "use letters, digits, '.', '_' and '-'")
    ),
    WithJsonSchema({"type": "string", "pattern": KEY}),
]

Email = Annotated[
    str,
    AfterValidator(_matching(EMAIL, *_NO_ADDRESS)),
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "pattern": rf"{EMAIL}|{_TAKEN}"}),
]

Selector = Annotated[
    str,
    AfterValidator(_matching(SELECTOR, "this is not a DKIM selector", "write s1, or mail.2026")),
    WithJsonSchema({"type": "string", "pattern": rf"{SELECTOR}|{_TAKEN}"}),
]

HostPort = Annotated[
    str,
    AfterValidator(_matching(HOST_PORT, "this is not host:port", 'write "127.0.0.1:8499"')),
    WithJsonSchema({"type": "string", "pattern": rf"{HOST_PORT}|{_TAKEN}"}),
]

Url = Annotated[
    str,
    AfterValidator(_url),
    WithJsonSchema({"type": "string", "pattern": rf"^https?://|{_TAKEN}"}),
]

Seconds = Annotated[
    int,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": durations.PATTERN}),
]
"""A duration such as 2d, in seconds."""

Days = Annotated[
    int,
    BeforeValidator(_duration),
    AfterValidator(_days),
    WithJsonSchema({"type": "string", "pattern": r"^[1-9][0-9]{0,4}[dw]$"}),
]
"""A duration in whole days."""

Day = Annotated[
    date,
    BeforeValidator(_date),
    WithJsonSchema({"type": "string", "format": "date"}),
]

MinuteOfDay = Annotated[
    int,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"}),
]

When = Annotated[
    Text,
    BeforeValidator(_condition),
    WithJsonSchema({"type": ["string", "boolean"], "description": "A condition."}),
]
"""A condition, as text."""

Points = Annotated[int, Field(ge=-1000, le=1000)]

Port = Annotated[
    int,
    BeforeValidator(_number_from_text),
    Field(ge=1, le=65535),
    WithJsonSchema(or_variable({"type": "integer", "minimum": 1, "maximum": 65535})),
]

Flag = Annotated[
    bool,
    BeforeValidator(_flag_from_text),
    WithJsonSchema(or_variable({"type": "boolean"})),
]

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
