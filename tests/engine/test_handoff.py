"""Handoff: a qualified lead reaches sales once, with a dossier, and sales' answer counts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from nurture.core.errors import RefusedInput
from nurture.core.event import EventKind
from nurture.core.lead import Stage
from nurture.engine import assess, feedback, in_line, overriding
from nurture.engine.apply import apply
from nurture.engine.by_hand import Who
from nurture.engine.handoff import RETRIES, Answer
from nurture.engine.overriding import Term
from nurture.engine.story import tell
from nurture.store import handoffs, records
from nurture.store.handoffs import Handoff
from tests.engine.programme import Programme, row

ADA = "ada@berg-foods.example"


@pytest.fixture
def ada(programme: Programme) -> int:
    """Bring in a lead that qualifies."""
    programme.bring(row(ADA))
    lead_id = programme.lead(ADA)
    programme.tick()
    programme.now += timedelta(days=14)
    programme.qualify(lead_id)
    return lead_id


def only(programme: Programme) -> Handoff:
    """Return the only handoff there is."""
    with programme.database.read() as connection:
        (found,) = handoffs.listing(connection)
    return found


def answer(programme: Programme, verb: str, *, key: str = "", **data: object) -> int | None:
    """Let sales answer the only handoff."""
    told = {"type": f"handoff.{verb}", "data": {"handoff_id": only(programme).uid, **data}}
    body = json.dumps(told, default=str).encode()
    return feedback.take(
        programme.runtime, "inside-sales", body, key or f"id-{verb}", now=programme.now
    )


def test_a_qualified_lead_is_handed_over_once_with_its_dossier(
    programme: Programme, ada: int
) -> None:
    programme.tick()
    programme.tick()
    ((uid, body),) = programme.crm.got
    told = json.loads(body)
    assert told["type"] == "lead.handoff.created"
    assert told["data"]["handoff"]["id"] == uid == only(programme).uid
    assert told["data"]["person"]["email"] == ADA
    assert told["data"]["gates"] == dict.fromkeys(
        ("organization", "opportunity", "stakeholder", "nurtured"), "pass"
    )
    assert told["data"]["pain_points"][0]["value"] == "We have to act, it costs us every month"
    assert told["data"]["budget"] == "unknown"
    assert told["data"]["history"]["counts"]["message.clicked"] == 4
    explained = told["data"]["explain"]["engagement"]
    assert sum(line["net"] for line in explained["rows"]) == explained["value"]
    assert explained["value"] == told["data"]["scores"]["engagement"] * 1000


def test_no_mail_leaves_while_sales_has_the_lead(programme: Programme, ada: int) -> None:
    programme.tick()
    sent = len(programme.post.sent)
    programme.wait(days=20)
    assert programme.standing(ada)["locked"]
    assert len(programme.post.sent) == sent


def test_a_busy_crm_gets_the_same_bytes_again_on_the_published_schedule(
    programme: Programme, ada: int
) -> None:
    programme.crm.answer = Answer(kind="retry", status=503, detail="busy")
    programme.tick()
    waits = []
    for pause in RETRIES:
        before = programme.now
        programme.now += pause * 1.11
        programme.tick()
        waits.append(programme.now - before)
    assert len(programme.crm.got) == len(RETRIES) + 1
    assert len({(uid, body) for uid, body in programme.crm.got}) == 1
    assert only(programme).state == "dead"
    with programme.database.read() as connection:
        assert "could not be delivered" in records.open_tasks(connection)[-1].title


@pytest.mark.parametrize("kind", ["refused", "gone"])
def test_a_receiver_that_refuses_is_not_asked_again(
    programme: Programme, ada: int, kind: str
) -> None:
    programme.crm.answer = Answer(kind=kind, status=410, detail="no")
    programme.tick()
    programme.wait(days=2)
    assert len(programme.crm.got) == 1
    assert only(programme).state == "dead"


def test_a_dead_handoff_can_be_sent_again_under_its_id(programme: Programme, ada: int) -> None:
    programme.crm.answer = Answer(kind="refused", status=400, detail="no")
    programme.tick()
    programme.crm.answer = Answer(kind="delivered", status=200, detail="")
    with programme.database.write() as connection:
        assert handoffs.replay(connection, only(programme).id, now=programme.now)
    programme.tick()
    assert len({uid for uid, _ in programme.crm.got}) == 1
    assert only(programme).state == "delivered"


def test_the_weeks_capacity_lets_the_readiest_through(lite: Programme) -> None:
    rules = lite.project.qualification
    few = replace(rules, handoff=replace(rules.handoff, capacity_per_week=2))
    lite.project = replace(lite.project, qualification=few, content_hash="few")
    people = [f"p{n}@plant{n}.example" for n in range(4)]
    lite.bring(*(row(email) for email in people))
    lite.tick()
    lite.now += timedelta(days=14)
    for email in people:
        lite.qualify(lite.lead(email))
    lite.happens(lite.lead(people[3]), EventKind.FORM_SUBMITTED, "book-a-walkthrough")
    lite.tick()
    handed = {json.loads(body)["data"]["person"]["email"] for _, body in lite.crm.got}
    assert len(handed) == 2
    assert people[3] in handed
    lite.now += timedelta(days=7, minutes=1)
    lite.tick()
    assert len(lite.crm.got) == 4


def test_a_thin_dossier_waits_with_the_reason(lite: Programme) -> None:
    rules = lite.project.qualification
    rich = replace(rules, handoff=replace(rules.handoff, minimum_completeness=90))
    lite.project = replace(lite.project, qualification=rich, content_hash="rich")
    lite.bring(row(ADA))
    lite.tick()
    lite.now += timedelta(days=14)
    lite.qualify(lite.lead(ADA))
    lite.tick()
    assert lite.crm.got == []
    assert "sales wants 90 %" in only(lite).reason


def test_nobody_below_the_floor_is_handed_over_however_much_room_there_is(
    lite: Programme,
) -> None:
    handing_over(lite, floor=100)
    lite.bring(row(ADA))
    lite.now += timedelta(days=14)
    lead_id = lite.lead(ADA)
    lite.qualify(lead_id)
    lite.tick()
    assert (lite.crm.got, lite.standing(lead_id)["locked"]) == ([], False)
    with lite.database.read() as connection:
        assert handoffs.listing(connection) == []
        told = tell(lite.runtime, connection, lead_id, now=lite.now)
    assert "sales takes nobody below 100" in " ".join(line.why for line in told.next)
    handing_over(lite, floor=0, capacity_per_week=0)
    lite.tick()
    handing_over(lite, floor=100, capacity_per_week=5)
    lite.tick()
    assert "sales wants 100" in only(lite).reason
    assert (only(lite).state, lite.crm.got) == ("waiting", [])
    handing_over(lite, floor=10)
    lite.tick()
    assert len(lite.crm.got) == 1


def test_who_stops_qualifying_before_the_release_is_withdrawn_and_may_come_back(
    lite: Programme,
) -> None:
    rules = lite.project.qualification
    none = replace(rules, handoff=replace(rules.handoff, minimum_completeness=99))
    lite.project = replace(lite.project, qualification=none, content_hash="none")
    lite.bring(row(ADA))
    lite.tick()
    lite.now += timedelta(days=14)
    lead_id = lite.lead(ADA)
    lite.qualify(lead_id)
    lite.tick()
    lite.tells(lead_id, account__employees=12)
    lite.tick()
    assert (only(lite).state, only(lite).reason) == ("withdrawn", "stage is lead")
    lite.tells(lead_id, account__employees=400)
    lite.tick()
    assert only(lite).state == "waiting"


def handing_over(programme: Programme, **changes: object) -> None:
    """Let handoffs go by another rule."""
    rules = programme.project.qualification
    other = replace(rules, handoff=replace(rules.handoff, **changes))  # type: ignore[arg-type]
    programme.project = replace(programme.project, qualification=other, content_hash=str(changes))
    apply(programme.runtime, programme.project, by="test", now=programme.now)


def test_who_falls_back_below_the_stage_to_hand_over_from_is_withdrawn(lite: Programme) -> None:
    handing_over(lite, from_stage=Stage.OPPORTUNITY, capacity_per_week=0)
    lite.bring(row(ADA))
    lead_id = lite.lead(ADA)
    lite.now += timedelta(days=14)
    lite.qualify(lead_id)
    lite.tick()
    assert (lite.standing(lead_id)["stage"], only(lite).state) == ("opportunity", "waiting")
    lite.tells(lead_id, lead__pain="none")
    lite.tick()
    handing_over(lite, from_stage=Stage.OPPORTUNITY, capacity_per_week=5)
    lite.tick()
    assert (only(lite).state, only(lite).reason) == ("withdrawn", "stage is prospect")
    assert lite.crm.got == []


def test_a_handoff_is_held_while_a_gate_is_open_again(lite: Programme) -> None:
    lite.bring(row(ADA))
    lead_id = lite.lead(ADA)
    lite.tells(lead_id, account__compressors=3, lead__role="plant-manager")
    bo, until = Who(name="Bo", reason="met her"), lite.now + timedelta(days=2)
    waived = Term(until=until)
    overriding.waive(lite.runtime, lead_id, bo, "stakeholder", waived, now=lite.now)
    lite.now = until
    overriding.waive(lite.runtime, lead_id, bo, "nurtured", now=lite.now)
    lite.tick()
    assert (only(lite).state, only(lite).reason) == (
        "waiting",
        "the gate stakeholder is open again",
    )
    lite.now += timedelta(hours=1)
    overriding.move(lite.runtime, lead_id, bo, "prospect", now=lite.now)
    lite.tick()
    assert only(lite).state == "delivered"


def test_however_many_have_to_wait_the_next_in_line_is_found(programme: Programme) -> None:
    handing_over(programme, minimum_completeness=25, capacity_per_week=1)
    thin = [f"thin{n}@plant{n}.example" for n in range(3)]
    programme.bring(row(ADA), *(row(email, employees="", compressor_kw="") for email in thin))
    programme.now += timedelta(days=14)
    ids = [programme.lead(email) for email in (ADA, *thin)]
    bo = Who(name="Bo", reason="met them")
    for lead_id in ids:
        programme.tells(lead_id, lead__role="plant-manager")
        overriding.waive(programme.runtime, lead_id, bo, "nurtured", now=programme.now)
        overriding.move(programme.runtime, lead_id, bo, "prospect", now=programme.now)
    programme.tells(ids[0], account__compressors=3)
    for lead_id in ids[1:]:
        programme.happens(lead_id, EventKind.FORM_SUBMITTED, "book-a-walkthrough")
    assess.run(programme.runtime, now=programme.now)
    with programme.database.write() as connection:
        in_force = programme.runtime.in_force(connection)
        seen = list(in_line.turns(connection, in_force, now=programme.now, look_past=0))
    assert [turn.lead.id for turn in seen if not turn.held] == [ids[0]]
    assert {turn.lead.id for turn in seen[:-1]} == set(ids[1:])


def test_a_clock_runs_on_sales(programme: Programme, ada: int) -> None:
    programme.tick()
    programme.now += timedelta(hours=25)
    programme.tick()
    programme.tick()
    with programme.database.read() as connection:
        titles = [task.title for task in records.open_tasks(connection)]
    assert sum("not answered" in title for title in titles) == 1


@pytest.mark.parametrize(
    ("verb", "stage", "locked"),
    [
        ("accepted", "opportunity", True),
        ("working", "opportunity", True),
        ("rejected", "lead", False),
        ("recycled", "lead", False),
        ("won", "customer", False),
        ("lost", "lost", False),
    ],
)
def test_what_sales_answers_moves_the_lead(
    programme: Programme, ada: int, verb: str, stage: str, locked: bool
) -> None:
    programme.tick()
    assert answer(programme, verb, reason="because") == ada
    programme.tick()
    standing = programme.standing(ada)
    if verb in ("rejected", "recycled"):
        # Its gates still pass, so it is a prospect again at once; but in a new cycle.
        assert standing["cycle"] == 2
        assert standing["verdict_nurtured"] == "unknown"
        assert not standing["locked"]
        assert len(programme.crm.got) == 1
    else:
        assert (standing["stage"], bool(standing["locked"])) == (stage, locked)


def test_a_recycled_lead_is_handed_over_again_after_new_touches(
    programme: Programme, ada: int
) -> None:
    programme.tick()
    answer(programme, "recycled", reason="not this year")
    programme.tick()
    programme.wait(days=14)
    for days in (12, 8, 4, 0):
        at = programme.now - timedelta(days=days)
        programme.happens(ada, EventKind.MESSAGE_CLICKED, "leak-walk", at=at)
    programme.tick()
    assert [json.loads(body)["data"]["handoff"]["cycle"] for _, body in programme.crm.got] == [1, 2]


@pytest.mark.parametrize(
    ("first", "then", "counts"),
    [
        ("accepted", "won", "won"),
        ("won", "accepted", "won"),
        ("working", "recycled", "recycled"),
        ("recycled", "lost", "lost"),
        ("rejected", "meeting", "rejected"),
    ],
)
def test_of_two_answers_of_one_moment_the_one_further_on_counts(
    lite: Programme, first: str, then: str, counts: str
) -> None:
    lite.bring(row(ADA))
    lite.now += timedelta(days=14)
    lite.qualify(lite.lead(ADA))
    lite.tick()
    at = lite.now
    lite.now += timedelta(days=1)
    for verb in (first, then):
        answer(lite, verb, occurred_at=at.isoformat())
    assert only(lite).answer == f"handoff.{counts}"


@pytest.mark.parametrize("order", list(permutations(("accepted", "working", "won")))[:6])
def test_answers_may_come_in_any_order(lite: Programme, order: tuple[str, ...]) -> None:
    lite.bring(row(ADA))
    lite.tick()
    lite.now += timedelta(days=14)
    lite.qualify(lite.lead(ADA))
    lite.tick()
    happened = {"accepted": 1, "working": 2, "won": 3}
    lite.now += timedelta(hours=5)
    for verb in order:
        at = lite.now - timedelta(hours=4 - happened[verb])
        answer(lite, verb, occurred_at=at.isoformat())
        answer(lite, verb, occurred_at=at.isoformat())
    lite.tick()
    assert lite.standing(lite.lead(ADA))["stage"] == "customer"
    assert only(lite).answer == "handoff.won"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"type": "handoff.maybe", "data": {}}',
        b'{"type": "handoff.won"}',
        b'{"type": "handoff.won", "data": {"handoff_id": 7}}',
        b'{"type": "handoff.won", "data": {"handoff_id": "\\u0000"}}',
        b'{"type": "won", "data": {"handoff_id": "x", "occurred_at": "0001-01-01T00:00:00+14:00"}}',
        b'{"type": "handoff.won", "data": {"handoff_id": "x", "occurred_at": "2030-01-01"}}',
        b'{"type": "handoff.won", "data": {"handoff_id": "x", "occurred_at": "later"}}',
        b'{"type": "won", "data": {"handoff_id": "x", "occurred_at": "2030-01-01T00:00:00Z"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer_is_refused(lite: Programme, body: bytes) -> None:
    with pytest.raises(RefusedInput):
        feedback.take(lite.runtime, "inside-sales", body, "id", now=lite.now)


def test_an_unknown_handoff_is_parked_without_a_row(lite: Programme) -> None:
    body = b'{"type": "handoff.won", "data": {"handoff_id": "msg_unknown"}}'
    assert feedback.take(lite.runtime, "inside-sales", body, "id", now=lite.now) is None
