"""The whole way of a lead through the starter programme, and a release put in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core.errors import MisuseError, ProjectError
from nurture.core.event import EventKind
from nurture.engine import apply as applying, verify
from nurture.engine.runtime import Runtime
from nurture.project.signing import TEAMS, Signing, signed_text
from nurture.store import enrollments, records, releases, switches
from nurture.store.db import Database
from tests.engine.programme import SECRETS, Programme, row

ADA = "ada@berg-foods.example"


def test_a_form_is_asked_for_and_its_answer_goes_on_at_once(programme: Programme) -> None:
    programme.bring(row(ADA))
    lead_id = programme.lead(ADA)
    programme.wait(days=3)
    assert programme.templates_sent() == ["guide-delivery", "three-quick-questions"]
    programme.tells(lead_id, lead__authority="user", lead__role="purchasing")
    programme.happens(lead_id, EventKind.FORM_SUBMITTED, "profile-basics")
    programme.tick([lead_id])
    with programme.database.read() as connection:
        ((enrollment, _),) = enrollments.of_lead(connection, lead_id)
        rules = [d.outcome for d in records.decisions_of(connection, lead_id)]
    assert enrollment.step == "boss-wait"
    assert programme.templates_sent()[-1] == "numbers-for-your-boss"
    assert "answered" in rules


def test_without_an_answer_the_sequence_goes_on_at_the_timeout(programme: Programme) -> None:
    programme.bring(row(ADA))
    programme.wait(days=9)
    assert programme.templates_sent()[:3] == [
        "guide-delivery",
        "three-quick-questions",
        "what-leaks-cost",
    ]


def test_a_competitor_is_disqualified_and_not_mailed(programme: Programme) -> None:
    programme.bring(row(ADA))
    lead_id = programme.lead(ADA)
    programme.tells(lead_id, account__industry="competitor")
    programme.wait(days=10)
    assert programme.standing(lead_id)["stage"] == "disqualified"
    assert programme.post.sent == []


def test_hearsay_without_an_address_gets_a_task_and_no_mail(programme: Programme) -> None:
    programme.bring(row("", source="hearsay", downloaded="", consent=",,,,"))
    programme.tick()
    with programme.database.read() as connection:
        (task,) = records.open_tasks(connection)
    assert task.title.startswith("Call:")
    assert programme.post.sent == []


def test_a_task_that_is_done_goes_on(programme: Programme) -> None:
    programme.bring(row("", source="hearsay", downloaded="", consent=",,,,"))
    programme.tick()
    with programme.database.write() as connection:
        (task,) = records.open_tasks(connection)
        lead_id = records.finish_task(connection, task.id, outcome="true", now=programme.now)
        assert records.finish_task(connection, task.id, outcome="x", now=programme.now) is None
    assert lead_id is not None
    programme.happens(lead_id, EventKind.TASK_DONE)
    programme.tick()
    with programme.database.read() as connection:
        assert enrollments.of_lead(connection, lead_id) == []


def test_paused_sending_keeps_every_mail_ready(programme: Programme) -> None:
    programme.bring(row(ADA))
    with programme.database.write() as connection:
        switches.halt(
            connection, switches.SENDING, reason="a mistake", until=None, now=programme.now
        )
    assert programme.tick().halted == "a mistake"
    assert programme.post.sent == []
    with programme.database.write() as connection:
        assert switches.all_halted(connection, now=programme.now) == [
            ("sending", "a mistake", None)
        ]
        switches.resume(connection, switches.SENDING)
    programme.tick()
    assert programme.templates_sent() == ["guide-delivery"]


def test_a_new_release_leaves_open_enrollments_where_they_are(programme: Programme) -> None:
    programme.bring(row(ADA))
    programme.tick()
    before = programme.runtime
    changed = replace(programme.project, content_hash="another")
    programme.project = changed
    release = applying.apply(before, changed, by="test", now=programme.now + timedelta(hours=1))
    with programme.database.read() as connection:
        ((enrollment, _),) = enrollments.of_lead(connection, programme.lead(ADA))
        current = releases.current(connection)
    assert current is not None
    assert (current.id, enrollment.release_id) == (release, 1)


def test_an_unsigned_project_is_not_put_in_force(lite: Programme) -> None:
    rules = replace(lite.project.qualification, signatures=())
    unsigned = replace(lite.project, qualification=rules)
    with pytest.raises(MisuseError, match="not signed"):
        applying.apply(lite.runtime, unsigned, by="test", now=lite.now)


def test_a_project_that_changed_after_signing_is_not_put_in_force(lite: Programme) -> None:
    files = dict(lite.project.files)
    files["qualification.yaml"] = files["qualification.yaml"].replace("touches: 4", "touches: 3")
    changed = replace(lite.project, content_hash="another", files=files)
    with pytest.raises(ProjectError, match=r"qualification.yaml:\d+: T006 this has changed since"):
        applying.apply(lite.runtime, changed, by="test", now=lite.now)
    with lite.database.read() as connection:
        current = releases.current(connection)
    assert current is not None
    assert current.content_hash == lite.project.content_hash


def test_a_version_that_was_in_force_is_not_put_in_force_with_other_values(
    programme: Programme,
) -> None:
    text = programme.project.files["qualification.yaml"].replace("touches: 4", "touches: 3")
    begin, end = text.index("signatures:"), text.index("# The keys are fixed")
    text = text[:begin] + text[end:]
    for team in TEAMS:
        text = signed_text(text, Signing(team=team, name=f"{team}'s", on=programme.now.date()))
    files = {**programme.project.files, "qualification.yaml": text}
    changed = replace(programme.project, content_hash="another", files=files)
    with pytest.raises(ProjectError, match="version 1 was in force with other content"):
        applying.apply(programme.runtime, changed, by="test", now=programme.now)
    again = applying.apply(programme.runtime, programme.project, by="test", now=programme.now)
    assert again == 1


def test_without_a_release_every_verb_says_what_to_do(database: Database) -> None:
    runtime = Runtime(database=database, secrets=SECRETS, load=lambda _: None)  # type: ignore[arg-type, return-value]
    assert applying.project_in_force(runtime) is None
    with database.read() as connection, pytest.raises(MisuseError, match="nurture apply"):
        runtime.in_force(connection)


def test_a_fact_that_expires_is_unknown_again(programme: Programme) -> None:
    programme.bring(row(ADA))
    lead_id = programme.lead(ADA)
    programme.tells(lead_id, lead__authority="decider")
    programme.tick()
    assert programme.standing(lead_id)["verdict_stakeholder"] == "pass"
    programme.now += timedelta(days=366)
    programme.tick()
    assert programme.standing(lead_id)["verdict_stakeholder"] == "unknown"


def test_verify_finds_what_is_broken(programme: Programme) -> None:
    programme.bring(row(ADA))
    programme.tick()
    kept = verify.run(programme.runtime, now=programme.now)
    assert [check.id for check in kept if check.broken] == []
    assert {check.id: check.rows for check in kept}["I1"] == 1
    with programme.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE leads SET engagement = 999999, check_at = 9000000000000000"
        )
        connection.exec_driver_sql("DELETE FROM consents")
        connection.exec_driver_sql("UPDATE attempts SET outcome = 'accepted'")
        connection.exec_driver_sql(
            "INSERT INTO attempts (message_id, epoch, transport, account, body_hash,"
            " started_at, deadline, outcome, provider_id, detail)"
            " SELECT message_id, 2, transport, account, '', started_at, deadline,"
            " outcome, '', '' FROM attempts"
        )
    broken = {
        check.id for check in verify.run(programme.runtime, now=programme.now) if check.broken
    }
    assert {"I1", "I3", "I16"} <= broken
