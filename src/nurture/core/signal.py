"""Signals: what other systems saw a person or an organization do, read strictly.

A website, a webinar tool or a monitor of mentions reports a visit, an attendance or a mention. One
parser serves the signed hook and the files of `nurture signal`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nurture.core.address import match_key, parse_address
from nurture.core.answers import clean_text
from nurture.core.errors import RefusedInput
from nurture.core.event import EventKind

KINDS = {
    str(kind): kind
    for kind in (
        EventKind.PAGE_VIEWED,
        EventKind.WEBINAR_ATTENDED,
        EventKind.SIGNAL_MENTIONED,
        EventKind.INTENT_TOPIC,
        EventKind.REVIEW_VISITED,
    )
}
MOST_SIGNALS = 1000
OLDEST = timedelta(days=365)
CLOCK_SKEW = timedelta(minutes=10)
LONGEST_SUBJECT = 100
LONGEST_NOTE = 500

_KEYS = frozenset(
    {"id", "kind", "email", "lead", "account", "subject", "occurred_at", "human", "source", "note"}
)
_WHO = ("email", "lead", "account")
WHOLE_ID = "the whole id of a lead, 32 letters and digits, as `nurture lead show LEAD --json` says"
"""Lists and pages show its beginning, which another lead may share one day."""
_ID = re.compile(r"[!-~]{1,128}")
_UID = re.compile(r"[0-9a-f]{32}")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_YEARS = range(2000, 9999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One thing that was seen. Exactly one of `person` (match key), `lead` and `domain` is set."""

    id: str
    kind: EventKind
    subject: str
    occurred_at: datetime
    human: bool
    source: str
    note: str = ""
    person: str = ""
    lead: str = ""
    domain: str = ""


def read_signals(body: bytes, *, now: datetime | None) -> list[Signal]:
    """Return the signals of a body: one JSON object, or a list of them.

    Raises RefusedInput for the whole body if one of them cannot be used. With `now` the times are
    looked at too; a body that was stored is read again without.
    """
    told = _json(body)
    items = told if isinstance(told, list) else [told]
    if not 1 <= len(items) <= MOST_SIGNALS:
        raise RefusedInput(f"a post holds 1 to {MOST_SIGNALS} signals")
    found = []
    for number, item in enumerate(items, start=1):
        try:
            found.append(read_signal(item, now=now))
        except RefusedInput as error:
            where = f"signal {number}: " if isinstance(told, list) else ""
            raise RefusedInput(f"{where}{error}") from None
    return found


def read_line(line: bytes, *, now: datetime) -> Signal:
    """Return the signal that one line of a file holds."""
    return read_signal(_json(line), now=now)


def _json(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise RefusedInput("this is not JSON") from None


def _refuse(text: str) -> object:
    raise ValueError(text)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RefusedInput("a key is there twice")
    return found


def read_signal(told: object, *, now: datetime | None) -> Signal:
    """Return the signal, or raise RefusedInput saying what is wrong with it."""
    if not isinstance(told, Mapping):
        raise RefusedInput("a signal is a JSON object")
    strange = sorted(str(key) for key in set(told) - _KEYS)
    if strange:
        raise RefusedInput(f"{strange[0][:40]!r} is no key of a signal: {', '.join(sorted(_KEYS))}")
    kind = KINDS.get(str(told.get("kind")))
    if kind is None:
        raise RefusedInput(f'"kind" must be one of {", ".join(KINDS)}')
    human = told.get("human", True)
    if not isinstance(human, bool):
        raise RefusedInput('"human" is true or false')
    return Signal(
        id=_matching(told, "id", _ID, "1 to 128 visible ASCII characters"),
        kind=kind,
        subject=_text(told, "subject", LONGEST_SUBJECT),
        occurred_at=_moment(told.get("occurred_at"), now),
        human=human,
        source=(
            _matching(told, "source", _SOURCE, "small letters, digits and hyphens")
            if "source" in told
            else ""
        ),
        note=_text(told, "note", LONGEST_NOTE),
        **_who(told),
    )


def _who(told: Mapping[Any, object]) -> dict[str, str]:
    named = [key for key in _WHO if key in told]
    if len(named) != 1:
        raise RefusedInput('say who it is by one of "email", "lead" and "account"')
    value = told[named[0]]
    if not isinstance(value, str):
        raise RefusedInput(f'"{named[0]}" must be text')
    match named[0]:
        case "email":
            return {"person": match_key(parse_address(value))}
        case "lead":
            return {"lead": _matching(told, "lead", _UID, WHOLE_ID)}
        case _:
            return {"domain": domain_of(value)}


def domain_of(text: str) -> str:
    """Return the mail domain as accounts are known by it, or raise RefusedInput."""
    try:
        return parse_address(f"x@{text.strip()}").rpartition("@")[2]
    except RefusedInput:
        raise RefusedInput(f"{text[:80]!r} is not a mail domain like example.com") from None


def _matching(told: Mapping[Any, object], key: str, shape: re.Pattern[str], wanted: str) -> str:
    value = told.get(key)
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise RefusedInput(f'"{key}" must be {wanted}')
    return value


def _text(told: Mapping[Any, object], key: str, longest: int) -> str:
    value = told.get(key, "")
    if not isinstance(value, str):
        raise RefusedInput(f'"{key}" must be text')
    return clean_text(value, longest=longest)


def _moment(text: object, now: datetime | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        raise RefusedInput('"occurred_at" must be a time like 2026-09-01T10:00:00Z') from None
    if moment.tzinfo is None:
        raise RefusedInput('"occurred_at" needs a time zone')
    if moment.year not in _YEARS:
        raise RefusedInput('"occurred_at" is no time at which anything was seen')
    if now is not None and moment > now + CLOCK_SKEW:
        raise RefusedInput('"occurred_at" lies in the future')
    if now is not None and moment < now - OLDEST:
        raise RefusedInput('"occurred_at" is more than a year ago')
    return moment.astimezone(UTC)
