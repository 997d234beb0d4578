from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nurture.core.errors import RenderError
from nurture.core.message import Accepted, Halted, Refused
from nurture.render.mime import to_bytes
from nurture.transports.base import Transport
from nurture.transports.outbox import OutboxTransport
from tests.transports.letters import NOW, letter


@pytest.fixture
def transport(outbox: Path) -> OutboxTransport:
    return OutboxTransport(outbox, to_bytes=to_bytes, durable=False)


def files(outbox: Path) -> list[str]:
    return sorted(str(p.relative_to(outbox)) for p in outbox.rglob("*") if p.is_file())


def test_it_is_a_transport(transport: Transport) -> None:
    assert (transport.name, transport.group_size) == ("outbox", 100)
    transport.close()


def test_a_message_is_one_file_under_the_day_it_was_planned(
    transport: OutboxTransport, outbox: Path
) -> None:
    outcomes = transport.send([letter(1), letter(2)], now=NOW + timedelta(days=3))
    assert outcomes == [Accepted(provider_id=f"{n:032x}.eml") for n in (1, 2)]
    assert files(outbox) == [f"2026-03-05/{n:032x}.eml" for n in (1, 2)]
    path = transport.path(letter(1).uid, planned_at=NOW)
    assert path.read_bytes() == to_bytes(letter(1))


def test_the_same_message_again_is_accepted_and_stays_as_it_is(
    transport: OutboxTransport, outbox: Path
) -> None:
    transport.send([letter(1)], now=NOW)
    again = replace(letter(1, subject="Another"), attempt_uid="b")
    assert transport.send([again], now=NOW) == [Accepted(provider_id=f"{1:032x}.eml")]
    assert transport.path(again.uid, planned_at=NOW).read_bytes() == to_bytes(letter(1))
    assert len(files(outbox)) == 1


@pytest.mark.parametrize("durable", [True, False])
def test_writing_through_to_the_disk_is_a_setting(outbox: Path, durable: bool) -> None:
    transport = OutboxTransport(outbox, to_bytes=to_bytes, durable=durable)
    assert isinstance(transport.send([letter()], now=NOW)[0], Accepted)


def test_a_message_that_cannot_be_assembled_is_refused_and_the_next_one_is_not(
    transport: OutboxTransport,
) -> None:
    bad, good = transport.send([letter(1, subject="a\nb"), letter(2)], now=NOW)
    assert isinstance(bad, Refused)
    assert bad.permanent
    assert isinstance(good, Accepted)


@pytest.mark.parametrize("uid", ["../x", "a/b", "", ".", "a" * 65, "a\x00"])
def test_no_uid_leads_out_of_the_folder(transport: OutboxTransport, uid: str) -> None:
    [outcome] = transport.send([replace(letter(), uid=uid)], now=NOW)
    assert isinstance(outcome, Refused)
    assert outcome.permanent


def test_a_message_planned_in_no_zone_has_no_day(transport: OutboxTransport) -> None:
    with pytest.raises(RenderError):
        transport.path("a", planned_at=datetime(2026, 3, 5))  # noqa: DTZ001 (the mistake)


def test_where_nothing_can_be_written_everything_is_kept(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    transport = OutboxTransport(blocked, to_bytes=to_bytes)
    outcomes = transport.send([letter(1), letter(2)], now=NOW)
    assert len(outcomes) == 2
    assert all(isinstance(o, Halted) and o.until == NOW + timedelta(minutes=1) for o in outcomes)


def test_a_disk_that_fills_up_leaves_no_half_file(
    transport: OutboxTransport, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport.send([letter(1)], now=NOW)

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    accepted, halted, kept = transport.send([letter(1), letter(2), letter(3)], now=NOW)
    assert isinstance(accepted, Accepted)
    assert (
        halted
        == kept
        == Halted(reason="outbox: No space left on device", until=NOW + timedelta(minutes=1))
    )
    assert len(files(outbox)) == 1


def test_names_that_may_not_survive_are_not_accepted(
    outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = OutboxTransport(outbox, to_bytes=to_bytes)
    real = os.fsync

    def broken(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(5, "Input/output error")
        real(handle)

    monkeypatch.setattr(os, "fsync", broken)
    bad, written = transport.send([letter(1, subject="a\nb"), letter(2)], now=NOW)
    assert isinstance(bad, Refused)
    assert isinstance(written, Halted)
    monkeypatch.undo()
    assert isinstance(transport.send([letter(2)], now=NOW)[0], Accepted)


def test_forgetting_removes_the_file_and_what_was_half_written(
    transport: OutboxTransport, outbox: Path
) -> None:
    transport.send([letter(1), letter(2)], now=NOW)
    path = transport.path(letter(1).uid, planned_at=NOW)
    path.with_name(f".{letter(1).uid}.a1.tmp").write_text("half")
    transport.forget([(letter(1).uid, NOW), (letter(3).uid, NOW)])
    assert files(outbox) == [f"2026-03-05/{2:032x}.eml"]
