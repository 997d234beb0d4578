"""Rare turns of delivery: proofs half worked, one mailbox with two leads, halts on top of halts."""

from __future__ import annotations

import re
import tracemalloc
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from nurture.core.doubt import Evidence
from nurture.core.event import EventKind
from nurture.core.message import OnUncertain, Refused, Uncertain
from nurture.core.throttle import Pacing
from nurture.engine import by_hand, erase, held, intake, public, replies, tick
from nurture.engine.doubt import Evidences
from nurture.engine.traces import Caller
from nurture.store import erasure, events, history, raw_posts, switches
from nurture.store.db import Database
from nurture.store.tables import (
    event_details,
    events as events_table,
    messages,
    raw_posts as posts,
    traces as traces_table,
)
from tests.engine.programme import Programme, row, starter
from tests.engine.test_deliver_trouble import ADA as P0, ANN, Wire, mail, plan, rows
from tests.engine.test_echo import ADA, BROWSER, Provider, Told, reply

CALLER = Caller(user_agent=BROWSER, ip="203.0.113.9")


# -- doubt ---------------------------------------------------------------------------------------


def test_nothing_is_sent_again_while_another_worker_is_at_the_proof(
    postgres_database: Database,
) -> None:
    resending = {
        name: replace(template, on_uncertain=OnUncertain.RESEND)
        for name, template in starter().templates.items()
    }
    programme = Programme(postgres_database, project=replace(starter(), templates=resending))
    wire = Wire()
    wire.first = [lambda mails: [Uncertain(reason="lost") for _ in mails]]
    told: dict[bytes, list[Told]] = {}
    evidences = Evidences(transport="wire", rules=Evidence(reports=True))
    programme.ways = replace(
        programme.ways,
        transport=wire,
        evidences=evidences,
        parsers={"wire": lambda body: (told[bytes(body)], ())},
    )
    plan(programme, 1)
    mail(programme)
    (lost,) = rows(programme, "uncertain")
    delivered, sent_at = str(EventKind.MESSAGE_DELIVERED), programme.now
    programme.bring(row(ADA), name="more.csv")
    programme.tick()
    (other,) = rows(programme, "accepted")
    told[b"proof"] = [Told("1", delivered, lost.uid, sent_at, email=P0)]
    told[b"other"] = [Told("2", delivered, other.uid, sent_at + timedelta(minutes=20))]
    programme.now += timedelta(hours=1)
    with programme.database.write() as connection:
        for body in (b"proof", b"other"):
            raw_posts.keep(connection, provider="wire", body=body, now=programme.now)
    with programme.database.write() as other_worker:
        assert raw_posts.take(other_worker, now=programme.now) is not None
        programme.tick()
    assert wire.offered == [lost.uid, other.uid]
    (still,) = held.look(programme.runtime, evidences, limit=9, now=programme.now).mails
    assert "a post that may tell of it is still to be worked" in still.settles
    programme.tick()
    assert [each.state for each in rows(programme)] == ["accepted", "accepted"]


# -- one mailbox ---------------------------------------------------------------------------------


def test_who_leaves_under_one_spelling_of_a_mailbox_gets_no_mail_under_another(
    programme: Programme,
) -> None:
    programme.bring(row("ada@gmail.com"), row("a.d.a+x@gmail.com"), row("bo@gmail.com"))
    tick.think(programme.runtime, programme.ways, tick.Ticked(), now=programme.now, limit=9)
    ada, also_ada = programme.lead("ada@gmail.com"), programme.lead("a.d.a+x@gmail.com")
    with programme.database.write() as connection:
        intake.stop(programme.runtime, connection, {ada: "unsubscribed"}, now=programme.now)
    programme.tick()
    sent = [message.mail.recipient.email for message in programme.post.sent]
    assert sent == ["bo@gmail.com"]
    assert programme.standing(also_ada)["suppressed"] == "unsubscribed"


def test_a_server_that_knows_no_such_mailbox_stops_the_address(programme: Programme) -> None:
    programme.post.answer = lambda _: Refused(
        reason="smtp: 550 5.1.1 user unknown", permanent=True, no_mailbox=True
    )
    programme.bring(row(ADA))
    programme.tick()
    lead_id = programme.lead(ADA)
    assert programme.standing(lead_id)["suppressed"] == "bounced"
    with programme.database.read() as connection:
        kinds = [event.kind for event in events.of_lead(connection, lead_id)]
    assert kinds.count(EventKind.MESSAGE_BOUNCED) == 1


# -- halts ---------------------------------------------------------------------------------------

NOW = datetime.fromisoformat("2026-09-01T08:00:00Z")
SOON, LATER = NOW + timedelta(seconds=30), NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [
        pytest.param(None, SOON, ("first", None), id="for ever, and then for a while"),
        pytest.param(LATER, SOON, ("first", LATER), id="long, and then short"),
        pytest.param(SOON, LATER, ("second", LATER), id="short, and then long"),
        pytest.param(SOON, None, ("second", None), id="for a while, and then for ever"),
        pytest.param(None, None, ("first", None), id="for ever twice"),
    ],
)
def test_of_two_halts_the_longer_one_stands(
    database: Database, first: datetime | None, second: datetime | None, stands: object
) -> None:
    with database.write() as connection:
        for reason, until in (("first", first), ("second", second)):
            switches.halt_at_least(connection, "transport:x", reason=reason, until=until, now=NOW)
        ((_, *found),) = switches.all_halted(connection, now=NOW)
    assert tuple(found) == stands


def test_mail_that_a_breaker_holds_is_listed_with_its_reason(lite: Programme) -> None:
    pacing = Pacing(sender_domain="m.example", breakers=True)
    workspace = replace(lite.project.workspace, pacing=pacing)
    lite.project = replace(lite.project, workspace=workspace)
    lite.runtime = replace(lite.runtime, load=lambda _: lite.project, _projects={})
    plan(lite, 1)
    with lite.database.write() as connection:
        name = switches.BREAKER + "m.example"
        switches.halt(connection, name, reason="complaints", until=None, now=lite.now)
    (found,) = held.look(lite.runtime, Evidences(transport="post"), limit=9, now=lite.now).mails
    assert (found.reason, found.settles) == (
        "breaker:m.example is off: complaints",
        "nurture sending resume",
    )


# -- mail that cannot be rendered ----------------------------------------------------------------


@pytest.fixture
def unrendered(lite: Programme) -> Programme:
    """Return a programme with one mail whose template asks for what Ada has not told."""
    templates = dict(starter().templates)
    guide = templates["guide-delivery"]
    broken = replace(guide, subject="{{ lead.first_name }}", version="first name")
    programme = Programme(
        lite.database, project=replace(starter(), templates=templates | {guide.name: broken})
    )
    plan(programme, 1, first_name="")
    assert mail(programme).deliver["unrendered"] == 1
    return programme


def test_a_mail_that_cannot_be_rendered_expires_like_any_other(unrendered: Programme) -> None:
    expires = unrendered.now + timedelta(hours=2)
    with unrendered.database.write() as connection:
        connection.execute(messages.update().values(expires_at=expires))
    unrendered.now += timedelta(hours=3)
    mail(unrendered)
    assert [each.state for each in rows(unrendered)] == ["expired"]


def test_a_mail_that_can_never_be_rendered_ends(unrendered: Programme) -> None:
    with unrendered.database.write() as connection:
        connection.execute(messages.update().values(expires_at=None))
    tried = 1
    for _ in range(7 * 24):
        unrendered.now += timedelta(hours=1)
        tried += mail(unrendered).deliver["claimed"]
    (ended,) = rows(unrendered)
    assert (tried, ended.state) == (8, "failed")
    assert ended.reason == (
        "gave up after 8 tries: not rendered: guide-delivery: the subject is empty"
    )


def test_a_reason_names_nobody(lite: Programme) -> None:
    templates = dict(starter().templates)
    guide = templates["guide-delivery"]
    broken = replace(guide, html=f"{{{{ lead['{P0}'] }}}}", version="an address")
    programme = Programme(
        lite.database, project=replace(starter(), templates=templates | {guide.name: broken})
    )
    plan(programme, 1)
    mail(programme)
    (bad,) = rows(programme, "ready")
    assert bad.reason.startswith("not rendered: ")
    assert P0 not in bad.reason


# -- what stays of somebody ----------------------------------------------------------------------


@pytest.fixture
def provider(lite: Programme) -> Provider:
    """Bring in Ada and let her first mail leave."""
    lite.bring(row(ADA))
    lite.tick()
    return Provider(lite)


def _erase(programme: Programme) -> None:
    by_hand.erase(programme.runtime, programme.lead(ADA), ANN, now=programme.now)
    erase.finish(programme.runtime)


def test_of_what_the_erased_still_write_nothing_is_kept(provider: Provider) -> None:
    programme = provider.programme
    raw = reply(provider, "My secret is 42.")
    _erase(programme)
    assert replies.take_reply(programme.runtime, raw, now=programme.now) is None
    with programme.database.read() as connection:
        kept = connection.scalars(select(event_details.c.detail)).all()
    assert "secret" not in str(kept)


@pytest.mark.parametrize("named", [True, False], ids=["with our id", "without our id"])
def test_a_post_about_the_erased_is_not_kept(provider: Provider, named: bool) -> None:
    programme, uid = provider.programme, provider.programme.post.sent[0].uid
    _erase(programme)
    kind = str(EventKind.MESSAGE_BOUNCED)
    provider.post(Told("1", kind, uid if named else None, programme.now))
    with programme.database.read() as connection:
        assert connection.scalars(select(posts.c.body)).all() == [b""]


def test_an_erasure_looks_through_many_large_posts_with_little_memory(lite: Programme) -> None:
    with lite.database.write() as connection:
        for place in range(64):
            body = b"x" * 500_000 + (ADA.upper().encode() if place % 8 == 5 else b"")
            raw_posts.keep(connection, provider="p", body=body, now=lite.now)
        tracemalloc.start()
        try:
            assert erasure.drop_posts_naming(connection, [ADA]) == 8
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert connection.scalar(select(func.count()).select_from(posts)) == 56
    assert most < 10_000_000


def test_where_a_click_came_from_is_in_no_key(provider: Provider) -> None:
    programme = provider.programme
    found = re.search(r'/c/([^"<> ]+)', programme.post.sent[0].mail.html)
    assert found
    public.follow_click(
        programme.runtime, programme.ways.mailroom, found[1], CALLER, now=programme.now
    )
    with programme.database.read() as connection:
        (trace,) = connection.execute(select(traces_table)).all()
        keys = connection.scalars(select(events_table.c.source_key)).all()
    assert len(trace.network) == 32
    assert trace.network[:16] not in f"{trace.source_key} {keys}"


# -- clocks --------------------------------------------------------------------------------------


def test_a_delivery_of_the_future_was_now_at_the_latest(provider: Provider) -> None:
    programme = provider.programme
    uid, ahead = programme.post.sent[0].uid, programme.now + timedelta(hours=1)
    provider.post(Told("1", str(EventKind.MESSAGE_DELIVERED), uid, ahead))
    with programme.database.read() as connection:
        assert connection.scalar(select(messages.c.delivered_at)) == programme.now


# -- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        *("Stop please", "Unsubscribe me, please.", "remove me please", "Abmelden bitte!"),
        *("Please remove me from your mailing list.", "No more e-mails!", "opt-out"),
        "Bitte keine weiteren Mails mehr",
    ],
)
def test_a_stop_with_a_please_behind_it_is_a_stop(provider: Provider, words: str) -> None:
    programme = provider.programme
    taken = replies.take_reply(programme.runtime, reply(provider, words), now=programme.now)
    assert taken
    assert taken.meaning is replies.Meaning.OPT_OUT


def test_a_mailboxs_button_may_encode_its_subject(provider: Provider) -> None:
    programme = provider.programme
    uid = programme.post.sent[0].uid
    raw = f"From: {ADA}\nSubject: =?utf-8?q?unsubscribe_{uid}?=\n\n".encode()
    taken = replies.take_reply(programme.runtime, raw, now=programme.now)
    assert taken
    assert taken.meaning is replies.Meaning.OPT_OUT


# -- caps ----------------------------------------------------------------------------------------


def test_mail_that_waited_for_weeks_counts_when_it_leaves(provider: Provider) -> None:
    programme, at = provider.programme, provider.programme.now
    with programme.database.write() as connection:
        connection.execute(messages.update().values(planned_at=at - timedelta(days=90)))
        ada = programme.lead(ADA)
        left = history.left_recently(connection, [ada], now=at)
        counted = history.mailed(connection, [ada], now=at).recent
        doubtful = {"state": "uncertain", "accepted_at": None}
        connection.execute(messages.update().values(doubtful))
        in_doubt = history.mailed(connection, [ada], now=at).recent
    assert left == counted == in_doubt == {ada: [at]}
