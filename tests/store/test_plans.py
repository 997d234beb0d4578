"""In a large database, whatever a tick, a post or a link asks for is found along an index.

What the real functions say to a database is written down while they run, and the database is
asked afterwards how it goes about each statement. A whole table may be read only where
`READ_WHOLE` says why.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, Text, case, cast, event, literal, select

from nurture.core.doubt import Absent, Evidence
from nurture.core.event import EventKind
from nurture.core.message import Accepted, Halted, Outcome, OutgoingMessage, Refused, Uncertain
from nurture.core.throttle import Pacing
from nurture.core.token import Grant, Purpose, sign
from nurture.engine import (
    account_view,
    doubt,
    feedback,
    forms,
    health,
    held,
    importing_accounts,
    landing,
    public,
    replies,
    retrying,
    sending,
    settling,
    signals,
    tick,
    traces,
)
from nurture.engine.by_hand import Who
from nurture.engine.fence import Recall
from nurture.engine.handoff import Answer
from nurture.engine.traces import Caller
from nurture.store import (
    account_signals,
    accounts,
    buckets,
    enrollments,
    fences,
    handoffs,
    raw_posts,
)
from nurture.store.db import Connection, Database, open_database, stored
from nurture.store.doubts import Selection
from nurture.store.sending import decide_late, waiting as waiting_mails
from nurture.store.tables import leads, metadata
from nurture.transports.sendgrid_fence import SendGridFencedTransport, SendGridKeeper
from tests.databases import PostgresServer
from tests.engine.programme import SECRETS, TUESDAY, Programme, row
from tests.engine.test_echo import Provider, Told
from tests.engine.test_transitions import Oracle
from tests.transports.keeping import SEND, SILENCE, Keeping

SIZE = 20_000
# Two of them have a row for each batch that somebody is at.
SMALL = {"departures", "installation", "leases", "releases", "switches"}
LARGE = sorted(set(metadata.tables) - SMALL)
"""Tables that grow with the programme: to read one whole takes longer every month."""

READ_WHOLE = {
    ("an_erasure", "raw_posts"): "an address may stand in any post, so every body is looked at",
    ("a_night", "raw_posts"): "as an erasure; and what has been worked is dropped once a night",
    ("a_night", "traces"): "where old requests came from is forgotten once a night",
    ("a_night", "buckets"): "a receiving domain's that was not used for a day is dropped",
    **{
        ("a_night", table): "every segment is counted once a night, so everybody is asked"
        for table in ("leads", "accounts", "events", "messages", "enrollments", "past_enrollments")
    },
    ("a_look_at_the_queues", "tasks"): "no tick asks for open tasks; people keep them few",
}
"""Who reads which table from end to end, and why that is all right."""

# -- what happens --------------------------------------------------------------------------------

ADA, BO, CY = (f"{name}@berg-foods.example" for name in ("ada", "bo", "cy"))


def first_mail(programme: Programme) -> OutgoingMessage:
    """Bring in Ada, Bo, Cy and somebody without an address; return Ada's first mail."""
    programme.bring(row(ADA), row(BO), row(CY), row("", source="hearsay", consent=",,,,"))
    programme.tick()
    return next(m for m in programme.post.sent if m.mail.recipient.email == ADA)


def people_come_in(programme: Programme) -> None:
    programme.bring(row(ADA), row(BO))
    assert programme.bring(row(ADA), row(CY), name="again.csv").created == 1
    opened = landing.open_landing(programme.runtime, "leak-guide")
    assert opened
    shown = landing.stamp(programme.runtime, "leak-guide", now=programme.now)
    for each in (ADA, ADA, "di@plant.example"):
        programme.now += timedelta(minutes=1)
        values = {"email": [each], "consent": ["yes"], "shown": [shown]}
        found = landing.submit_landing(programme.runtime, opened, values, now=programme.now)
        assert isinstance(found, forms.Submitted)


def weeks_pass(programme: Programme) -> None:
    first_mail(programme)
    programme.wait(days=3)
    ada = programme.lead(ADA)
    programme.tells(ada, lead__role="plant-manager", account__compressors=3)
    programme.happens(ada, EventKind.FORM_SUBMITTED, "profile-basics")
    assert programme.tick([ada]).advance["enrollments"], "the doorbell"
    programme.happens(programme.lead(BO), EventKind.MESSAGE_UNSUBSCRIBED, "leak-walk")
    programme.wait(days=8)
    programme.now += timedelta(days=90)
    programme.wait(days=1)
    assert programme.standing(programme.lead(BO))["stage"] == "inactive"


def a_transport_is_in_trouble(programme: Programme) -> None:
    answers: list[Outcome] = [Uncertain(reason="x"), Refused(reason="x", permanent=False)]
    answers.append(Halted(reason="x", until=programme.now + timedelta(hours=1)))
    programme.post.answer = lambda _: answers.pop()
    programme.bring(row(ADA), row(BO), row(CY))
    programme.tick()
    programme.post.answer = lambda _: Accepted(odd=True)
    evidences = doubt.Evidences(
        transport="post", rules=Evidence(reports=True, look_up=True), look_up=Oracle(Absent())
    )
    programme.ways = replace(programme.ways, evidences=evidences)
    programme.now += timedelta(minutes=30)
    programme.tick()
    assert len(held.look(programme.runtime, evidences, limit=9, now=programme.now).mails) == 3
    programme.now += timedelta(days=2)
    assert programme.tick().deliver["parked"] == 1
    wanted = Selection(transport="post", sequence="welcome", before=programme.now, parked=True)
    who, now = Who(name="Di"), programme.now
    assert settling.settle_all(programme.runtime, wanted, who, count=1, sent=False, now=now)
    of_late = Selection(after=now - timedelta(days=1))
    assert retrying.retry_all(programme.runtime, of_late, who, count=0, now=now) == []


def a_mail_is_called_back(programme: Programme) -> None:
    there = Keeping(says=lambda _, path: SILENCE if path == SEND else None)
    fence = timedelta(minutes=30)
    with (
        there.running(),
        closing(SendGridKeeper(there.settings)) as keeper,
        closing(SendGridFencedTransport(there.settings, fence=fence)) as line,
    ):
        recall = Recall(keeper=keeper, fence=fence)
        evidences = doubt.Evidences(transport=line.name, recall=recall)
        programme.ways = replace(programme.ways, transport=line, evidences=evidences)
        programme.bring(row(ADA))
        assert programme.tick().deliver["uncertain"] == 1
        there.says = lambda _method, _path: None
        assert doubt.settle(programme.runtime, evidences, now=programme.now).called_back == 1
        uid, at = there.taken[0].uid, programme.now
        Provider(programme).post(Told("1", "message.processed", uid, at, email=ADA))
        assert programme.tick().deliver["accepted"] == 1
        programme.happens(programme.lead(ADA), EventKind.MESSAGE_UNSUBSCRIBED, "leak-walk")
        assert programme.tick().deliver["withheld"] == 1
        programme.now += timedelta(hours=2)
        programme.tick()
    with programme.database.read() as connection:
        assert fences.kept_until(connection, [1], now=programme.now) == {}


def mail_comes_back(programme: Programme) -> None:
    uid, at = first_mail(programme).uid, programme.now
    posted = Provider(programme).post(
        Told("1", "message.delivered", uid, at, email=ADA),
        Told("2", "message.clicked", uid, at, email=ADA),
        Told("3", "message.bounced", None, at, email=BO),
    )
    assert posted.events == 3
    later = at + timedelta(minutes=10)
    assert traces.run(programme.runtime, now=later).mails == 1
    reply = f"From: {ADA}\r\nIn-Reply-To: <{uid}@mail.example>\r\n\r\nYes, gladly.".encode()
    assert replies.take_reply(programme.runtime, reply, now=at)


def signals_come_in(programme: Programme) -> None:
    programme.bring(row(ADA))
    said = {"kind": "intent.topic", "occurred_at": programme.now.isoformat()}
    post = [{**said, "id": "1", "email": ADA}, {**said, "id": "2", "account": "berg-foods.example"}]
    with programme.database.write() as connection:
        body = json.dumps(post).encode()
        raw_posts.keep(connection, provider=signals.PROVIDER, body=body, now=programme.now)
    assert programme.tick().echo["events"] == 2
    with programme.database.read() as connection:
        home = accounts.by_keys(connection, ["domain:berg-foods.example"])
        assert account_signals.of_account(connection, *home.values(), limit=10)


def organizations_are_looked_at(programme: Programme) -> None:
    programme.bring(row(ADA), row(BO), row("cy@freemail.example", company=""))
    lists = b"domain,employees\nberg-foods.example,90\nnew.example,400\n"
    done = importing_accounts.import_accounts(programme.runtime, lists, now=programme.now)
    assert done.targets == 2
    cy, who = programme.lead("cy@freemail.example"), Who(name="Di")
    joined = account_view.join(programme.runtime, cy, "new.example", who, now=programme.now)
    with programme.database.read() as connection:
        view = account_view.look_at_account(
            connection, joined.id, programme.project, now=programme.now
        )
    assert len(view.people) == 1


def links_are_followed(programme: Programme) -> None:
    guide = first_mail(programme).uid
    programme.wait(days=3)
    asking = next(m.uid for m in programme.post.sent if "three-quick-questions" in m.categories)
    runtime, mailroom, now = programme.runtime, programme.ways.mailroom, programme.now

    def token(purpose: Purpose, uid: str = guide) -> str:
        expires = now + timedelta(days=1) if purpose is Purpose.FORM else None
        return sign(SECRETS.links, Grant(purpose=purpose, subject=uid), expires_at=expires)

    caller = Caller(user_agent="Mozilla/5.0 Gecko/20100101 Firefox/140.0", ip="198.51.100.7")
    assert public.follow_click(runtime, mailroom, token(Purpose.CLICK), caller, now=now)
    assert public.view_message(runtime, mailroom, token(Purpose.VIEW), now=now)
    public.note_look(
        runtime, token(Purpose.VIEW), Purpose.VIEW, caller, now=now + timedelta(minutes=1)
    )
    later = now + timedelta(minutes=11)
    assert traces.run(runtime, now=later).people == 1
    answers = {"lead.authority": ["user"]}
    found = forms.submit_profile(runtime, token(Purpose.FORM, asking), answers, now=now)
    assert isinstance(found, forms.Submitted)
    public.choose_topics(runtime, token(Purpose.PREFERENCES), ["guides"], now=now)
    assert public.unsubscribe(runtime, token(Purpose.UNSUBSCRIBE), now=now)


def a_handoff(programme: Programme) -> None:
    first_mail(programme)
    programme.now += timedelta(days=14)
    programme.qualify(programme.lead(ADA))
    programme.crm.answer = Answer(kind="retry", status=503, detail="busy")
    programme.tick()
    programme.crm.answer = Answer(kind="delivered", status=204, detail="")
    programme.wait(days=2)
    told = {"type": "handoff.accepted", "data": {"handoff_id": programme.crm.got[0][0]}}
    answer = json.dumps(told).encode()
    assert feedback.take(programme.runtime, "inside-sales", answer, "1", now=programme.now)


def an_erasure(programme: Programme) -> None:
    first_mail(programme)
    programme.happens(programme.lead(CY), EventKind.ERASURE_REQUESTED)
    assert programme.tick().assess["erased"]


def a_night(programme: Programme) -> None:
    first_mail(programme)
    long_ago = {"stage": "inactive", "archived_at": programme.now - timedelta(days=3000)}
    retired = leads.update().where(leads.c.id == programme.lead(CY)).values(long_ago)
    with programme.database.write() as connection:
        connection.execute(retired)
    assert tick.hygiene(programme.runtime, programme.ways, now=programme.now).erased == 1


def a_look_at_the_queues(programme: Programme) -> None:
    health.look(programme.runtime, now=programme.now)


def mail_leaves_at_a_pace(programme: Programme) -> None:
    now = programme.now
    pace = Pacing(sender_domain="a.example", per_minute=5, per_other_domain=1, breakers=True)
    workspace = replace(programme.project.workspace, pacing=replace(pace, ramp_from=now))
    programme.project = replace(programme.project, workspace=workspace)
    programme.runtime._projects.clear()  # noqa: SLF001 (the same release, at another pace)
    programme.bring(row(ADA), row(BO), row(CY))
    assert programme.tick().deliver["postponed"] == 2
    assert sending.look(programme.runtime, now=now).held
    with programme.database.write() as connection:
        assert buckets.troubles(connection, since=now - timedelta(days=1)) == {}
        assert waiting_mails(connection, [programme.lead(BO)])
        assert decide_late(connection, "x", "y", send=True, reason="", now=now) == 0


SCENES = (
    *(
        people_come_in,
        weeks_pass,
        a_transport_is_in_trouble,
        a_mail_is_called_back,
        mail_comes_back,
    ),
    *(signals_come_in, organizations_are_looked_at, links_are_followed, a_handoff),
    *(an_erasure, a_night, a_look_at_the_queues, mail_leaves_at_a_pace),
)

# -- what is said, and how the database goes about it --------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """A statement as the driver got it, with the values of one row."""

    sql: str
    values: Any


Whole = set[tuple[str, str]]
"""The large tables that are read from end to end, each with a statement that does it."""


def listen(database: Database) -> list[Said]:
    """Return the list on which everything is put down that is said to the database from now on."""
    said: list[Said] = []

    def keep(_1: object, _2: object, sql: str, values: Any, *_: object) -> None:
        if sql.split(maxsplit=1)[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
            said.append(Said(sql, values[0] if isinstance(values, list) else values))

    event.listen(database.engine, "before_cursor_execute", keep)
    return said


def read_whole(connection: Connection, said: Sequence[Said]) -> Whole:
    """Return which large tables the database reads whole for these statements."""
    scans = _sqlite_scans if connection.dialect.name == "sqlite" else _postgres_scans
    different = {(each.sql, repr(each.values)): each for each in said}.values()
    return {
        (table, " ".join(each.sql.split()))
        for each in different
        for table in scans(connection, each)
        if table in LARGE
    }


# These hold open work only: to go through one of them is to go through that.
PARTIAL = {
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
_STEP = re.compile(r"(SCAN|SEARCH) (\w+)(?: USING (.*?)INDEX(?: (\w+))?)?")


def _sqlite_scans(connection: Connection, said: Said) -> Iterator[str]:
    for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said.sql}", said.values):
        if step := _STEP.match(line.detail):
            how, table, kind, index = step.groups(default="")
            # To make an index for one statement, SQLite reads the whole table.
            if "AUTOMATIC" in kind or (how == "SCAN" and index not in PARTIAL):
                yield table


def _postgres_scans(connection: Connection, said: Said) -> Iterator[str]:
    told = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {said.sql}", said.values)
    nodes = [told.scalar_one()[0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", ())
        searched = "Index Cond" in node or node.get("Index Name") in PARTIAL
        if node["Node Type"] in {"Seq Scan", "Index Scan", "Index Only Scan"} and not searched:
            yield node["Relation Name"]


# -- a large database ----------------------------------------------------------------------------


def add(connection: Connection, name: str, *, size: int = SIZE, **told: Any) -> None:
    """Add rows, with what is told (a constant, or a function of the row's number) and must be."""
    start = select(literal(1, BigInteger).label("n")).cte("numbers", recursive=True)
    numbers = start.union_all(select(start.c.n + 1).where(start.c.n < size))
    n, table, values = numbers.c.n, metadata.tables[name], dict[str, Any]()
    for column in table.columns:
        if column.name in told:
            value = told[column.name]
            values[column.name] = value(n) if callable(value) else literal(value)
        elif isinstance(column.type, JSON):
            values[column.name] = literal({}, column.type)
        elif not (column.nullable or column.default or column is table.autoincrement_column):
            own = literal(f"{column.name}-") + cast(n, Text)
            values[column.name] = own if isinstance(column.type, Text) else n
    rows = select(*values.values()).select_from(numbers)
    connection.execute(table.insert().from_select([*values], rows))


def before(day: int) -> Callable[[Any], Any]:
    """Return a moment for each row, a minute before the last row's, backwards from the day."""
    return lambda n: literal(stored(TUESDAY + timedelta(days=day))) - n * 60_000_000


def fill(connection: Connection) -> None:
    """Store what a programme has after some years; nothing of it is due for another one."""
    put = partial(add, connection)
    homes = SIZE // 2
    put("accounts", size=homes)
    put(
        "leads",
        account_id=lambda n: n % homes + 1,
        match_key=lambda n: cast(n, Text),
        time_zone="Europe/Berlin",
        stage=lambda n: case((n % 4 == 0, "inactive"), else_="lead"),
        temperature="new",
        check_at=lambda n: case((n % 4 > 0, before(400)(n))),
        archived_at=lambda n: case((n % 4 == 0, before(0)(n))),
    )
    whose: dict[str, Any] = {"lead_id": lambda n: n % SIZE + 1}
    at_home: dict[str, Any] = {"account_id": lambda n: case((n % 2 == 0, n % homes + 1))}
    put("account_signals", size=2 * SIZE, account_id=lambda n: n % homes + 1)
    put("facts", size=2 * SIZE, **whose, **at_home, valid_until=before(400))
    put("events", size=2 * SIZE, **whose, kind="message.clicked", occurred_at=before(0))
    put("event_details")
    put("buckets", last_at=before(0))
    put("raw_posts", received_at=before(0), worked_at=before(0), body=b"[]")
    put("consents", **whose, topic="guides")
    put("suppressions")
    # Thirteen segments for some years, the last of them long before any scene.
    put("segment_days", day=lambda n: 700_000 + n / 13, segment=lambda n: cast(n % 13, Text))
    put("segment_stays", segment=lambda n: cast(n % 13, Text), **whose)
    passage: dict[str, Any] = {**whose, "sequence": "nurture", "release_id": 1}
    put("enrollments", **passage, awaiting="time", due_at=before(400))
    put("past_enrollments", size=2 * SIZE, **passage)
    once: dict[str, Any] = {"accepted_at": before(-40), "planned_at": before(-40)}
    put("messages", size=2 * SIZE, **whose, **once, state="accepted", closed_at=before(-40))
    asked: dict[str, Any] = {"at": before(-40), "agent": "browser", "chance": 800, "source": "p"}
    named: dict[str, Any] = {"network": lambda n: cast(n % 500, Text)}
    put("traces", size=2 * SIZE, **whose, **asked, **named, message_id=lambda n: n, link="0")
    put("attempts", size=2 * SIZE, epoch=1)
    put("fences", size=2 * SIZE, epoch=1, send_at=before(0))
    sold: dict[str, Any] = {"endpoint": "inside-sales", "released_at": before(-40)}
    sold["state"] = lambda n: case((n % 9 > 0, "delivered"), (n % 2 > 0, "dead"), else_="withdrawn")
    put("handoffs", **whose, **sold, kind=handoffs.CREATED, answer="x", accept_by=before(-40))
    put("handoff_attempts")
    put("tasks", **whose, enrollment_id=lambda n: n, done_at=before(-40))
    for name in ("decisions", "stage_moves", "verdicts", "audit"):
        put(name)


def prepare(url: str) -> None:
    """Put the starter project in force and fill its database."""
    with closing(open_database(url)) as database:
        Programme(database)
        with database.write() as connection:
            if database.dialect == "sqlite":
                fill(connection)
                return
            # It would look up each reference by itself; those of `fill` are right.
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            fill(connection)
            # What autovacuum does of its own accord.
            connection.exec_driver_sql("ANALYZE")


Copies = Callable[[], AbstractContextManager[Database]]
Scene = tuple[Sequence[Said], Whole]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def copies(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Copies:
    """Return what opens a copy of a large database, of each kind in turn."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("large") / "nurture.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        prepare(f"sqlite:///{file}")
        return partial(_copy_file, file)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    server.create("large", template=request.getfixturevalue("postgres_template"))
    prepare(server.url("large"))
    return partial(_copy_in, server)


@contextmanager
def _copy_file(file: Path) -> Iterator[Database]:
    copy = shutil.copy(file, file.with_name("copy.db"))
    with closing(open_database(f"sqlite:///{copy}")) as database:
        yield database


@contextmanager
def _copy_in(server: PostgresServer) -> Iterator[Database]:
    server.create("copy", template="large")
    try:
        with closing(open_database(server.url("copy"))) as database:
            yield database
    finally:
        server.drop("copy")


@pytest.fixture(scope="module")
def scenes(copies: Copies) -> Mapping[str, Scene]:
    """Play every scene in a large database of its own; return what was asked of it, and how."""
    found = {}
    for act in SCENES:
        with copies() as database:
            programme, said = Programme(database), listen(database)
            act(programme)
            with database.write() as connection:
                whole = read_whole(connection, said)
                if database.dialect == "sqlite":
                    # It has to manage without statistics, and with those that somebody makes.
                    connection.exec_driver_sql("ANALYZE")
                    whole |= read_whole(connection, said)
        found[act.__name__] = said, whole
    return found


# -- tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", LARGE)
def test_a_large_table_is_never_read_whole(scenes: Mapping[str, Scene], table: str) -> None:
    found: dict[str, list[str]] = {}
    for name, (_, whole) in scenes.items():
        for read, sql in whole:
            if read == table and (name, table) not in READ_WHOLE:
                found.setdefault(sql, []).append(name)
    assert not found, "\n".join(f"{sql}\nin {', '.join(names)}" for sql, names in found.items())


def test_every_large_table_was_asked_for(scenes: Mapping[str, Scene]) -> None:
    asked = "\n".join(each.sql for said, _ in scenes.values() for each in said)
    unasked = set(LARGE) - set(re.findall(r"(?:FROM|JOIN|UPDATE) (\w+)", asked))
    assert unasked == {"audit", "decisions"}, "what is only written, for people to read"


def test_a_missing_index_is_noticed(copies: Copies) -> None:
    with copies() as database, database.write() as connection:
        connection.exec_driver_sql("DROP INDEX ix_enrollments_due_at")
        said = listen(database)
        enrollments.claim(connection, now=TUESDAY, lease=timedelta(minutes=1), limit=10)
        assert [table for table, _ in read_whole(connection, said)] == ["enrollments"]


@pytest.mark.parametrize(
    "sql", ["SELECT id FROM leads WHERE note = 'x'", "SELECT count(*) FROM leads"]
)
def test_a_table_that_is_read_whole_is_noticed(copies: Copies, sql: str) -> None:
    with copies() as database, database.read() as connection:
        assert read_whole(connection, [Said(sql, ())]) == {("leads", sql)}
