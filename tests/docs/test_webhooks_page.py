"""docs/reference/webhooks.md and import.md: what they show is what the engine makes and takes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from nurture.core.event import EventKind
from nurture.core.lead import Value
from nurture.engine import feedback, handoff, intake
from nurture.engine.importing import BASES, BUILT_IN, import_csv
from nurture.store import leads
from nurture.store.db import Database
from nurture.transports import sendgrid_events, signing
from tests.docs.pages import block, codes, flowing, table
from tests.engine.programme import Programme, row

PAGE = "docs/reference/webhooks.md"
IMPORT = "docs/reference/import.md"
SECRET = "whsec_ZXhhbXBsZSBvbmx5OiBub3RoaW5nIGlzIHNpZ25lZCBieSB0aGlz"
OTHER = "whsec_ZXhhbXBsZSBvbmx5OiBub3RoaW5nIGlzIHByb3ZlbiBieSB0aGlz"
ADA = "ada@berg-foods.example"


@pytest.fixture
def programme(sqlite_database: Database) -> Programme:
    return Programme(sqlite_database)


def contains(real: object, shown: object) -> bool:
    """Say whether all that is shown is real; mappings and lists may be shortened."""
    match shown:
        case dict():
            return isinstance(real, dict) and all(
                key in real and contains(real[key], value) for key, value in shown.items()
            )
        case list():
            return isinstance(real, list) and all(
                any(contains(item, one) for item in real) for one in shown
            )
        case str() if shown.endswith("..."):
            return isinstance(real, str) and real.startswith(shown.removesuffix("..."))
        case _:
            return real == shown


# --- the handoff --------------------------------------------------------------------------------

ANSWERS: Mapping[str, Mapping[str, Value]] = {
    "profile-basics": {
        "lead.authority": "decider",
        "lead.role": "plant-manager",
        "account.compressors": 3,
        "account.industry": "food",
    },
    "plant-details": {"lead.pain": "severe", "lead.interest": "see-it"},
}


def tell(programme: Programme, lead_id: int, source: str, answers: Mapping[str, Value]) -> None:
    """Store what the lead answered in a form."""
    with programme.database.write() as connection:
        person = leads.read(connection, [lead_id])[lead_id]
        told = intake.answers_about(
            person, answers.items(), source=source, occurred_at=programme.now
        )
        intake.store_answers(connection, told, project=programme.project, now=programme.now)


def test_the_example_of_a_handoff_is_one_that_the_engine_makes(programme: Programme) -> None:
    programme.bring(row(ADA))
    programme.tick()
    programme.now += timedelta(days=14)
    lead_id = programme.lead(ADA)
    for form, answers in ANSWERS.items():
        tell(programme, lead_id, f"form {form}", answers)
    for days in (12, 8, 4, 0):
        at = programme.now - timedelta(days=days)
        programme.happens(lead_id, EventKind.MESSAGE_CLICKED, "leak-walk", at=at)
    programme.tick()
    ((uid, body),) = programme.crm.got
    real, shown = json.loads(body), json.loads(block(PAGE, "json", "handoff"))
    assert shown["data"]["handoff"]["id"] == uid
    assert [key for key in shown if not contains(real[key], shown[key])] == [], body.decode()
    # Only lists and profiles are shortened.
    assert set(shown["data"]) == set(real["data"])
    told = {code for line in table(PAGE, "slot", "is").rows for code in codes(line["slot"])}
    assert set(real["data"]) - told == set()


def test_the_pauses_between_tries_are_those_of_the_engine() -> None:
    units = {"s": "seconds", "min": "minutes", "h": "hours"}
    said = flowing(PAGE).split("Pauses between tries: ")[1].split(", each up")[0]
    pauses = [one.split() for one in said.split(", ")]
    assert [timedelta(**{units[u]: int(n)}) for n, u in pauses] == list(handoff.RETRIES)


# --- signatures ---------------------------------------------------------------------------------


@cache
def python_code() -> Mapping[str, Callable[..., Any]]:
    """Return what the page's Python code defines."""
    defined: dict[str, Any] = {}
    code = block(PAGE, "python", "receiver") + block(PAGE, "python", "answer")
    exec(code, defined)  # noqa: S102 (the page's own code, to see that it works)
    return defined


def signed(body: bytes, *, at: datetime, secret: str = SECRET) -> dict[str, str]:
    return signing.signed_headers(body, message_id="msg_1", secrets=[OTHER, secret], now=at)


def test_the_receiver_in_python_takes_what_we_sign() -> None:
    body = '{"type": "lead.handoff.created", "data": {"name": "Jörg"}}'.encode()
    headers = signed(body, at=datetime.now(UTC))  # noqa: TID251 (the code reads the clock)
    assert python_code()["verify"](body, headers, SECRET)["data"] == {"name": "Jörg"}


@pytest.mark.parametrize(
    ("body", "late", "secret"),
    [
        pytest.param(b"{ }", 0, SECRET, id="another body"),
        pytest.param(b"{}", 301, SECRET, id="too old"),
        pytest.param(b"{}", -302, SECRET, id="from the future"),
        pytest.param(b"{}", 0, SECRET.replace("ZXh", "ZXi"), id="another secret"),
    ],
)
def test_the_receiver_in_python_takes_nothing_else(body: bytes, late: int, secret: str) -> None:
    now = datetime.now(UTC)  # noqa: TID251 (the code reads the clock)
    headers = signed(b"{}", at=now - timedelta(seconds=late))
    with pytest.raises(ValueError, match=r"old|signed"):
        python_code()["verify"](body, headers, secret)


def test_the_answer_in_python_is_one_that_we_take() -> None:
    body, headers = python_code()["answer"]("msg_1", "won", "signed today", SECRET)
    now = datetime.now(UTC)  # noqa: TID251 (the code reads the clock)
    assert signing.verify(body, headers, secrets=[SECRET], now=now).id == headers["webhook-id"]
    told = feedback.parse(body, now=now)
    assert (told.handoff_uid, told.kind) == ("msg_1", EventKind.HANDOFF_WON)
    assert told.reason == "signed today"


# --- what comes in ------------------------------------------------------------------------------


def test_the_example_of_an_answer_can_be_read() -> None:
    body = block(PAGE, "json", "answer").encode()
    told = feedback.parse(body, now=datetime(2026, 9, 20, tzinfo=UTC))
    assert told.kind is EventKind.HANDOFF_RECYCLED
    assert told.occurred_at == datetime(2026, 9, 18, 12, 30, tzinfo=UTC)


def test_every_answer_of_sales_is_documented() -> None:
    told = {codes(line["type"])[0] for line in table(PAGE, "type", "says").rows}
    assert told == {str(kind) for kind in feedback.ANSWERS.values()}


def test_every_event_of_sendgrid_is_documented() -> None:
    rows = table(PAGE, "SendGrid says", "recorded as").rows
    told = {
        said: codes(line["recorded as"])[0]
        for line in rows
        for said in codes(line["SendGrid says"].partition(" of the type ")[0])
        if said != "bounce"
    }
    kinds = {name: str(kind) for name, kind in sendgrid_events.KINDS.items()}
    assert told == {name: kind for name, kind in kinds.items() if name != "bounce"}
    bounces = {
        kind: codes(line["recorded as"])[0]
        for line in rows
        for kind in codes(line["SendGrid says"].partition(" of the type ")[2])
    }
    assert bounces == {name: str(kind) for name, kind in sendgrid_events.BOUNCES.items()}


# --- import -------------------------------------------------------------------------------------


def test_every_column_of_an_import_is_documented() -> None:
    rows = {codes(line["column"])[0]: line for line in table(IMPORT, "column", "holds").rows}
    assert set(rows) == BUILT_IN
    assert set(codes(rows["consent_basis"]["holds"])) == BASES


def test_the_example_of_an_import_comes_in_as_the_page_says(programme: Programme) -> None:
    content = block(IMPORT, "csv", "import")
    result = import_csv(
        programme.runtime, programme.project, content.encode(), now=programme.now, name="x.csv"
    )
    assert (result.rows, result.created, result.without_consent) == (4, 3, 2)
    (rejected,) = result.rejected
    assert f'"{rejected.reason}"' in flowing(IMPORT)
    assert ["'a few'" in remark.reason for remark in result.remarks] == [True]
    used = set(next(csv.reader(io.StringIO(content))))
    assert used - BUILT_IN <= {key.partition(".")[2] for key in programme.project.fields}
