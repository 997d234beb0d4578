"""What passes through the door between the flows and the engine, and what does not."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from flows import verbs, work
from flows.work import Bench, Counts, WorkFailed
from nurture.bootstrap.ways import make_ways
from nurture.core.errors import MisuseError
from nurture.engine import tick, verify
from nurture.store.summary import summary
from tests.flows import programme
from tests.flows.programme import DUE

PLANTED = "melusine@planted-brewery.example"


@pytest.fixture
def at_work(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let verbs of this process work on the project."""
    for name, value in programme.environment(project).items():
        if name.startswith(("CRM_", "NURTURE_")):
            monkeypatch.setenv(name, value)
    yield project
    work.close()


def do(verb: str, now: datetime | None = DUE) -> work.Done:
    verbs_by_name: dict[str, work.Verb] = {
        "think": partial(verbs.think, limit=1000),
        "mail": partial(verbs.mail, limit=1000),
        "hand off": partial(verbs.hand_off, limit=1000),
        "hygiene": verbs.hygiene,
        "pull": verbs.pull_stop_lists,
        "stumble": _stumble,
        "misuse": _misuse,
    }
    return asyncio.run(work.do(verbs_by_name[verb], now=now))


def _stumble(bench: Bench) -> Counts:
    raise ValueError(f"cannot read {PLANTED}")


def _misuse(bench: Bench) -> Counts:
    raise MisuseError("no project is in force")


@pytest.mark.usefixtures("at_work")
def test_an_error_comes_out_as_its_kind_without_its_text() -> None:
    with pytest.raises(WorkFailed) as failed:
        do("stumble")

    assert "ValueError" in str(failed.value)
    assert PLANTED not in str(failed.value)
    # What Prefect prints of an error shows its cause, and its context unless that is suppressed.
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


@pytest.mark.usefixtures("at_work")
def test_what_is_wrong_with_the_set_up_comes_out_in_full() -> None:
    with pytest.raises(WorkFailed, match="no project is in force"):
        do("misuse")


@pytest.mark.usefixtures("at_work")
def test_a_time_can_only_be_chosen_in_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NURTURE_PROFILE")

    with pytest.raises(WorkFailed, match="NURTURE_PROFILE=test"):
        do("think")


@pytest.mark.usefixtures("at_work")
def test_a_time_needs_a_zone() -> None:
    with pytest.raises(WorkFailed, match="zone"):
        do("think", DUE.replace(tzinfo=None))


@pytest.mark.usefixtures("at_work")
def test_without_a_chosen_time_the_clock_is_read() -> None:
    assert do("hygiene", now=None).health.at > DUE


@pytest.mark.usefixtures("at_work")
def test_who_keeps_no_stop_lists_has_none_to_pull() -> None:
    assert do("pull").counts == {"stop lists": {}}


@pytest.mark.usefixtures("at_work")
def test_every_verb_tells_how_the_work_stands_after_it() -> None:
    thought = do("think")
    sent = do("mail")
    left = {line.name: line.due for line in sent.health.lines}

    assert thought.counts["advance"]["planned"] > 100
    assert sent.counts["deliver"]["accepted"] == thought.counts["advance"]["planned"]
    assert (left["assess"], left["advance"], left["deliver"]) == (0, 0, 0)


def test_verbs_that_run_twice_at_once_do_everything_once(at_work: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(at_work, tmp_path / "twin"))
    with programme.opened(twin) as app:
        tick.run(app.runtime, replace(make_ways(app), clock=None), now=DUE)

    for verb in (verbs.think, verbs.mail, verbs.hand_off):
        asyncio.run(_twice(partial(verb, limit=50)))

    with programme.opened(twin) as app, app.database.read() as connection:
        directly = summary(connection)
    with programme.opened(at_work) as app, app.database.read() as connection:
        assert summary(connection) == directly
        broken = [check for check in verify.run(app.runtime, now=DUE) if check.broken]
    assert not broken


async def _twice(verb: work.Verb) -> None:
    await asyncio.gather(work.do(verb, now=DUE), work.do(verb, now=DUE))
