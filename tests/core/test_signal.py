"""What is a signal and what is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nurture.core.errors import RefusedInput
from nurture.core.event import EventKind
from nurture.core.signal import MOST_SIGNALS, read_signals

NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "id": "visit-1",
    "kind": "page.viewed",
    "email": "Ada@Berg-Foods.example",
    "subject": "pricing",
    "occurred_at": "2026-09-01T09:55:00+02:00",
}


def body(*signals: dict[str, Any]) -> bytes:
    return json.dumps(list(signals)).encode()


def changed(**changes: Any) -> dict[str, Any]:
    """Return a good signal with some keys changed; None takes a key away."""
    return {k: v for k, v in {**GOOD, **changes}.items() if v is not None}


def test_one_signal_needs_no_list() -> None:
    (found,) = read_signals(json.dumps(GOOD).encode(), now=NOW)
    assert (found.kind, found.subject, found.human) == (EventKind.PAGE_VIEWED, "pricing", True)
    assert found.person == "ada@berg-foods.example"
    assert found.occurred_at == datetime(2026, 9, 1, 7, 55, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": None}, '"id"'),
        ({"id": ""}, '"id"'),
        ({"id": "a b"}, '"id"'),
        ({"id": "x" * 129}, '"id"'),
        ({"id": 7}, '"id"'),
        ({"kind": "form.submitted"}, '"kind"'),
        ({"kind": ["page.viewed"]}, '"kind"'),
        ({"kind": None}, '"kind"'),
        ({"email": None}, "one of"),
        ({"account": "berg-foods.example"}, "one of"),
        ({"email": "nobody"}, "address"),
        ({"email": 5}, '"email"'),
        ({"email": None, "lead": "../etc"}, '"lead"'),
        ({"email": None, "lead": "f8fc0123abcd"}, "the whole id of a lead, 32 letters"),
        ({"email": None, "account": "berg foods"}, "domain"),
        ({"email": None, "account": "a@b.example"}, "domain"),
        ({"subject": 5}, '"subject"'),
        ({"subject": "x" * 101}, "longer"),
        ({"note": "\ud800"}, "valid"),
        ({"human": "yes"}, '"human"'),
        ({"human": 1}, '"human"'),
        ({"source": "My Site"}, '"source"'),
        ({"occured_at": "2026-09-01T09:55:00Z"}, "no key of a signal"),
        ({"occurred_at": None}, '"occurred_at"'),
        ({"occurred_at": 1788249600}, '"occurred_at"'),
        ({"occurred_at": "2026-09-01T09:55:00"}, "zone"),
        ({"occurred_at": "2026-09-01T08:11:00Z"}, "future"),
        ({"occurred_at": "2025-09-01T07:59:00Z"}, "a year ago"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "no time"),
    ],
)
def test_what_is_wrong_with_a_signal_is_told(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedInput, match=said):
        read_signals(json.dumps(changed(**changes)).encode(), now=NOW)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"5", b"null", b"[]", b"[5]", b"\xff", b"[" * 30_000, b'{"id": NaN}'),
        *(body(*[GOOD] * (MOST_SIGNALS + 1)), b'{"id": "a", "id": "b"}'),
    ],
)
def test_what_is_no_body_of_signals_is_refused(raw: bytes) -> None:
    with pytest.raises(RefusedInput):
        read_signals(raw, now=NOW)


def test_one_wrong_signal_refuses_the_whole_post_and_is_named() -> None:
    with pytest.raises(RefusedInput, match=r"^signal 2: "):
        read_signals(body(GOOD, changed(kind="x")), now=NOW)


def test_a_stored_post_is_read_again_however_late() -> None:
    raw = body(GOOD)
    assert read_signals(raw, now=None) == read_signals(raw, now=NOW)
    with pytest.raises(RefusedInput):
        read_signals(raw, now=NOW + timedelta(days=366))


def test_both_ends_of_the_time_that_is_taken() -> None:
    for at in ("2025-09-01T08:00:00Z", "2026-09-01T08:10:00Z"):
        assert read_signals(body(changed(occurred_at=at)), now=NOW)
