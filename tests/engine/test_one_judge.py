"""Wherever an address comes in, the same judge looks at it."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

from ruamel.yaml import YAML
from sqlalchemy import func, select

from nurture.core.errors import ProjectError, RefusedInput
from nurture.core.signal import read_signals
from nurture.engine import importing, landing
from nurture.engine.forms import Problems, Submitted
from nurture.project.load import load_files
from nurture.store.tables import leads
from tests.engine.programme import Programme
from tests.project.support import BASE

TABLE = Path(__file__).parents[1] / "core" / "addresses.yaml"
WORST = {
    "a line feed behind, which would begin a header",
    "a header",
    "a zero byte in the domain",
    "right to left from here: shows another address",
    "two with a comma",
    "a quoted name that needs no quotes",
    "a comment",
    "a name and angle brackets",
    "one too many",
    "a no-break space",
}
ROWS = {row["why"]: row for row in YAML(typ="safe", pure=True).load(TABLE)}
PRETENDS = ROWS["two Cyrillic letters in a Latin word"]


def by_form(programme: Programme, address: str) -> str:
    """Fill in the public form; return what it says about the address."""
    opened = landing.open_landing(programme.runtime, "leak-guide")
    assert opened is not None
    shown = landing.stamp(programme.runtime, "leak-guide", now=programme.now)
    programme.now += timedelta(seconds=5)
    values = {"email": [address], "consent": ["yes"], "shown": [shown]}
    answer = landing.submit_landing(programme.runtime, opened, values, now=programme.now)
    if isinstance(answer, Submitted):
        return "" if answer.lead_ids else "left no trace"
    assert isinstance(answer, Problems)
    return " ".join(problem.text for problem in answer.problems if problem.key == landing.EMAIL)


def by_file(programme: Programme, address: str) -> importing.Imported:
    """Import a file with the address and a name, by which hearsay could come in."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["email", "last_name"], [address, "Berg"]])
    content = text.getvalue().encode()
    return importing.import_csv(
        programme.runtime, programme.project, content, now=programme.now, name="judge.csv"
    )


def by_signal(programme: Programme, address: str) -> str:
    """Post a signal about the address; return why it is refused."""
    told = {
        "id": "1",
        "kind": "page.viewed",
        "email": address,
        "occurred_at": programme.now.isoformat(),
    }
    try:
        read_signals(json.dumps(told).encode(), now=programme.now)
    except RefusedInput as error:
        return str(error)
    return ""


def by_settings(address: str) -> str:
    """Write from the address; return what is wrong with the settings."""
    sender = YAML(typ="safe", pure=True).load(BASE["nurture.yaml"])["sender"]["email"]
    text = BASE["nurture.yaml"].replace(sender, json.dumps(address))
    try:
        load_files({**BASE, "nurture.yaml": text}, {"PUBLIC_URL": "https://public.example"})
    except ProjectError as error:
        return error.findings[0].message
    return ""


def test_the_worst_addresses_come_in_nowhere(lite: Programme) -> None:
    for why in WORST:
        address, reason = ROWS[why]["address"], ROWS[why]["refused"]
        assert by_form(lite, address) == "Enter an email address, like ada@example.com", why
        assert [line.reason for line in by_file(lite, address).rejected] == [reason], why
        assert by_signal(lite, address) == reason, why
        assert by_settings(address) == '"email": this is not an e-mail address', why
    with lite.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(leads)) == 0


def test_a_good_address_comes_in_everywhere(lite: Programme) -> None:
    assert by_form(lite, "ada@müller.example") == ""
    assert by_signal(lite, "ada@müller.example") == ""
    assert by_file(lite, "bo@müller.example").created == 1
    assert by_settings("ada@plant.example") == ""
    assert lite.lead("ada@xn--mller-kva.example") != lite.lead("bo@xn--mller-kva.example")


def test_an_address_that_pretends_comes_in_and_is_flagged(lite: Programme) -> None:
    assert by_form(lite, PRETENDS["address"]) == ""
    found = by_file(lite, PRETENDS["address"])
    assert [line.reason for line in found.remarks] == [
        f"{PRETENDS['flagged']}: is it the one that is meant?"
    ]
