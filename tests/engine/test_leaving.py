"""Leaving: unsubscribe, silence, revival, and erasure down to the bytes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from nurture.core.event import EventKind
from nurture.engine import erase, tick, verify
from nurture.store import enrollments, profiles, raw_posts, timeline
from nurture.store.db import Database
from nurture.store.tables import PERSONAL, metadata
from tests.engine.programme import Programme, row

ADA = "ada.planted@berg-foods.example"
PLANTED = ("ada.planted", "Plantedname", "Plantedfirst", "planted remark")


@pytest.fixture
def ada(programme: Programme) -> int:
    """Bring in a lead with planted names, and let the first mail leave."""
    programme.bring(
        row(ADA, first_name="Plantedfirst", last_name="Plantedname", notes="planted remark")
    )
    programme.tick()
    return programme.lead(ADA)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (EventKind.MESSAGE_UNSUBSCRIBED, "unsubscribed"),
        (EventKind.MESSAGE_COMPLAINED, "complained"),
        (EventKind.MESSAGE_BOUNCED, "bounced"),
        (EventKind.MESSAGE_DROPPED, "dropped by the provider"),
    ],
)
def test_a_stop_acts_at_once_and_for_good(
    programme: Programme, ada: int, kind: EventKind, reason: str
) -> None:
    programme.happens(ada, kind, "guide-delivery")
    assert programme.standing(ada)["suppressed"] == reason
    programme.wait(days=30)
    assert programme.templates_sent() == ["guide-delivery"]
    with programme.database.read() as connection:
        assert enrollments.of_lead(connection, ada) == []
        (passage,) = timeline.passages_of(connection, ada)
    assert passage["reason"] == f"suppressed: {reason}"


def test_a_complaint_outranks_an_unsubscription(programme: Programme, ada: int) -> None:
    programme.happens(ada, EventKind.MESSAGE_UNSUBSCRIBED, "guide-delivery")
    programme.happens(ada, EventKind.MESSAGE_COMPLAINED, "guide-delivery")
    assert programme.standing(ada)["suppressed"] == "complained"


def test_a_mail_that_is_planned_but_has_not_left_is_stopped_too(
    programme: Programme, ada: int
) -> None:
    programme.now += timedelta(days=2, minutes=1)
    total = tick.Ticked()
    tick.think(programme.runtime, programme.ways, total, now=programme.now, limit=100)
    assert total.advance["planned"] == 1
    programme.happens(ada, EventKind.MESSAGE_UNSUBSCRIBED, "guide-delivery")
    programme.tick()
    assert programme.templates_sent() == ["guide-delivery"]
    with programme.database.read() as connection:
        last = timeline.messages_of(connection, ada)[-1]
    assert (last["state"], last["reason"]) == ("suppressed", "stopped by the person")


def test_the_same_event_twice_changes_nothing(programme: Programme, ada: int) -> None:
    programme.happens(ada, EventKind.MESSAGE_CLICKED, "guide-delivery", key="same")
    version = programme.standing(ada)["version"]
    programme.happens(ada, EventKind.MESSAGE_CLICKED, "guide-delivery", key="same")
    assert programme.standing(ada)["version"] == version


def test_who_stays_silent_gets_a_last_chance_and_is_archived(
    programme: Programme, ada: int
) -> None:
    programme.wait(days=95)
    sent = programme.templates_sent()
    assert sent[-1] == "last-note"
    assert programme.standing(ada)["stage"] == "inactive"
    programme.wait(days=30)
    assert programme.templates_sent() == sent


def test_a_sign_of_life_brings_an_archived_lead_back(programme: Programme, ada: int) -> None:
    programme.wait(days=95)
    programme.happens(ada, EventKind.MESSAGE_CLICKED, "last-note")
    programme.tick()
    assert programme.standing(ada)["stage"] == "lead"
    assert programme.standing(ada)["check_at"] is not None


def test_after_retention_the_inactive_are_erased(programme: Programme, ada: int) -> None:
    programme.wait(days=95)
    programme.now += timedelta(days=366)
    swept = tick.hygiene(programme.runtime, programme.ways, now=programme.now)
    assert swept.erased == 1
    assert programme.standing(ada)["stage"] == "erased"


def everything(database: Database) -> str:
    """Return every value of every table as text."""
    with database.read() as connection:
        return "\n".join(
            repr(value)
            for table in metadata.sorted_tables
            if table.name != "releases"
            for line in connection.execute(select(table))
            for value in line
        )


def test_closing_erases_name_and_address_everywhere(programme: Programme, ada: int) -> None:
    programme.qualify(ada)
    programme.tells(ada, lead__pain_note="planted remark")
    with programme.database.write() as connection:
        raw_posts.keep(
            connection,
            provider="sendgrid",
            body=f'[{{"email": "{ADA}"}}]'.encode(),
            now=programme.now,
        )
    programme.wait(days=12)
    assert all(name in everything(programme.database) for name in PLANTED)
    programme.happens(ada, EventKind.ERASURE_REQUESTED, detail={"text": "planted remark"})
    programme.tick()
    left = everything(programme.database).casefold()
    assert [name for name in PLANTED if name.casefold() in left] == []
    standing = programme.standing(ada)
    assert (standing["stage"], standing["email"], standing["check_at"]) == ("erased", "", None)
    assert programme.post.forgotten != []
    with programme.database.read() as connection:
        assert profiles.suppression_count(connection) == 1
    assert all(not check.broken for check in verify.run(programme.runtime, now=programme.now))


def test_no_byte_of_an_erased_name_stays_in_the_database_file(
    lite: Programme, tmp_path: Path
) -> None:
    lite.bring(row(ADA, first_name="Plantedfirst", last_name="Plantedname"))
    lite.tick()
    lite.happens(lite.lead(ADA), EventKind.ERASURE_REQUESTED)
    lite.tick()
    erase.finish(lite.runtime)
    files = [path for path in tmp_path.iterdir() if path.name.startswith("nurture.db")]
    assert files
    for path in files:
        content = path.read_bytes()
        assert [name for name in PLANTED if name.encode() in content] == [], path.name


def test_late_events_do_not_bring_an_erased_lead_back(programme: Programme, ada: int) -> None:
    programme.happens(ada, EventKind.ERASURE_REQUESTED)
    programme.tick()
    programme.happens(ada, EventKind.MESSAGE_CLICKED, "guide-delivery")
    programme.wait(days=3)
    assert programme.standing(ada)["stage"] == "erased"
    assert programme.templates_sent() == ["guide-delivery"]


def test_the_map_of_personal_columns_names_real_columns() -> None:
    for table, columns in PERSONAL.items():
        assert set(columns) <= set(metadata.tables[table].c.keys())
