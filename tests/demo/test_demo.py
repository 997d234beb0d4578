"""The demo: the same seed gives the same numbers, on either database, and keeps every promise."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nurture.bootstrap import mark_demo, settings, wall_clock
from nurture.core.errors import MisuseError
from nurture.demo.crm import PretendCrm
from nurture.demo.run import START, Options, demo, prepare_folder
from nurture.simulate.clock import VirtualClock
from nurture.transports import signing

DAYS = 3
SECRET = "whsec_ZGVtbyBvbmx5OiBzaWducyB3aGF0IHdlIHNlbmQgdG8gc2FsZXM="


def live(folder: Path, *, database_url: str = "", seed: int = 7) -> dict[str, Any]:
    """Run a short demo without flows and return its numbers."""
    options = Options(folder=folder, seed=seed, days=DAYS, database_url=database_url, flows=False)
    seen = []
    with demo(options, lambda day, days, world: seen.append(day), dict(os.environ)) as result:
        assert seen == list(range(1, DAYS + 1))
        return result.numbers


def test_the_same_seed_gives_the_same_numbers_on_both_databases(
    tmp_path: Path, postgres_url: str
) -> None:
    first = live(tmp_path / "one")
    on_postgres = live(tmp_path / "two", database_url=postgres_url)
    other = live(tmp_path / "three", seed=8)
    text = json.dumps(first, sort_keys=True)
    assert json.dumps(on_postgres, sort_keys=True) == text
    assert json.dumps(other, sort_keys=True) != text
    assert {
        "leads", "messages", "forms", "handoffs", "archived", "erased", "invariants",
    } <= set(first)  # fmt: skip
    assert first["leads"]["total"] == 283
    assert first["forms"]["submitted"] == first["people"]["forms"] > 0
    assert first["people"]["clicks"] > 0
    assert [check for check in first["invariants"] if check["broken"]] == []
    assert sum(check["rows"] for check in first["invariants"]) > 1000


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(MisuseError, match="not empty and holds no demo"):
        prepare_folder(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_an_old_demo_is_overwritten(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "demo")
    (tmp_path / "demo" / "left-over").write_text("x")
    prepare_folder(tmp_path / "demo")
    assert not (tmp_path / "demo" / "left-over").exists()
    assert (tmp_path / "demo" / "nurture.yaml").exists()


def test_only_its_owner_can_read_a_demos_secret(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "demo")
    state = tmp_path / "demo" / ".nurture"
    assert state.stat().st_mode & 0o077 == 0
    assert (state / "secret").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("days_ahead", [7, -400])
def test_in_a_demos_folder_nothing_of_the_demo_lies_ahead(tmp_path: Path, days_ahead: int) -> None:
    prepare_folder(tmp_path / "demo")
    today = wall_clock()
    ended = today + timedelta(days=days_ahead)
    mark_demo(tmp_path / "demo" / ".nurture", ended)
    now = settings(tmp_path / "demo", env={}).clock()
    assert max(ended, today) <= now <= max(ended, today) + timedelta(minutes=1)


def test_the_pretend_crm_takes_only_what_is_signed_and_each_id_once() -> None:
    with PretendCrm(SECRET, VirtualClock(START)) as crm:
        body = b'{"data": {"x": 1}}'
        headers = signing.signed_headers(body, message_id="msg_1", secrets=[SECRET], now=START)
        assert crm.take(body + b" ", headers) == 401
        assert crm.take(body, headers) == 204
        assert crm.take(body, headers) == 200
        assert [received.uid for received in crm.take_new()] == ["msg_1"]
        assert crm.take_new() == []
        assert (crm.ledger.refused, crm.ledger.repeated) == (1, 1)
