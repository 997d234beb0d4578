"""Erasure: personal content goes for good; ids, counts and the keyed hash stay.

`tables.PERSONAL` is the one map of personal columns; a test holds this module to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update

from nurture.core.lead import Stage, Temperature
from nurture.core.message import MessageState
from nurture.store import profiles
from nurture.store.db import Connection, Database
from nurture.store.sets import among
from nurture.store.tables import (
    account_signals,
    accounts,
    attempts,
    consents,
    enrollments,
    event_details,
    events,
    facts,
    handoff_attempts,
    handoffs,
    leads,
    messages,
    raw_posts,
    stage_moves,
    tasks,
    traces,
    verdicts,
)


def addresses(connection: Connection, lead_ids: Sequence[int]) -> dict[int, str]:
    """Return the addresses that are about to be erased."""
    rows = connection.execute(
        select(leads.c.id, leads.c.email).where(leads.c.id.in_(lead_ids), leads.c.email != "")
    )
    return {row.id: row.email for row in rows}


def erase(connection: Connection, lead_ids: Sequence[int], *, now: datetime) -> None:
    """Remove everything personal about these leads, and their accounts if nobody else is there."""
    ids = list(lead_ids)
    if not ids:
        return
    _stop_work(connection, ids, now)
    own = select(events.c.id).where(events.c.lead_id.in_(ids))
    connection.execute(delete(event_details).where(event_details.c.event_id.in_(own)))
    connection.execute(delete(facts).where(facts.c.lead_id.in_(ids)))
    connection.execute(delete(consents).where(consents.c.lead_id.in_(ids)))
    own_messages = select(messages.c.id).where(messages.c.lead_id.in_(ids))
    connection.execute(
        update(attempts).where(attempts.c.message_id.in_(own_messages)).values(detail="")
    )
    connection.execute(update(messages).where(messages.c.lead_id.in_(ids)).values(slots={}))
    own_handoffs = select(handoffs.c.id).where(handoffs.c.lead_id.in_(ids))
    connection.execute(
        update(handoff_attempts)
        .where(handoff_attempts.c.handoff_id.in_(own_handoffs))
        .values(detail="")
    )
    connection.execute(
        update(handoffs).where(handoffs.c.lead_id.in_(ids)).values(body="", answer_reason="")
    )
    connection.execute(
        update(tasks).where(tasks.c.lead_id.in_(ids)).values(title="(erased)", outcome="")
    )
    connection.execute(
        update(stage_moves).where(stage_moves.c.lead_id.in_(ids)).values(evidence={})
    )
    connection.execute(
        update(traces)
        .where(traces.c.message_id.in_(own_messages))
        .values(network="", judge_at=None)
    )
    connection.execute(update(verdicts).where(verdicts.c.lead_id.in_(ids)).values(evidence={}))
    _erase_people(connection, ids, now)


def _stop_work(connection: Connection, ids: list[int], now: datetime) -> None:
    connection.execute(
        update(messages)
        .where(messages.c.lead_id.in_(ids), messages.c.state == MessageState.READY)
        .values(state=MessageState.CANCELLED, reason="erased", closed_at=now)
    )
    connection.execute(
        update(handoffs)
        .where(handoffs.c.lead_id.in_(ids), handoffs.c.state.in_(("waiting", "ready")))
        .values(state="withdrawn", reason="erased")
    )
    connection.execute(delete(enrollments).where(enrollments.c.lead_id.in_(ids)))


def _erase_people(connection: Connection, ids: list[int], now: datetime) -> None:
    theirs = list(
        connection.scalars(select(leads.c.account_id).where(leads.c.id.in_(ids)).distinct())
    )
    shared = set(
        connection.scalars(
            select(leads.c.account_id).where(
                leads.c.account_id.in_(theirs),
                leads.c.id.not_in(ids),
                leads.c.stage != Stage.ERASED,
            )
        )
    )
    alone = [account for account in theirs if account not in shared]
    connection.execute(
        update(leads)
        .where(leads.c.id.in_(ids))
        .values(
            email="",
            match_key=None,
            profile={},
            note="",
            source="",
            language="",
            time_zone="UTC",
            stage=Stage.ERASED,
            temperature=Temperature.CLOSED,
            locked=False,
            check_at=None,
            erased_at=now,
            suppressed="erased",
            version=leads.c.version + 1,
        )
    )
    _erase_accounts(connection, alone, now)


def _erase_accounts(connection: Connection, ids: list[int], now: datetime) -> None:
    """Empty accounts without anybody; a target keeps what our own lists say of it."""
    targets = set(
        connection.scalars(
            select(accounts.c.id).where(accounts.c.id.in_(ids), accounts.c.target_at.is_not(None))
        )
    )
    _, kept = profiles.current_profiles(connection, account_ids=targets, now=now)
    gone = [account for account in ids if account not in targets]
    connection.execute(delete(account_signals).where(account_signals.c.account_id.in_(gone)))
    for account in ids:
        values: dict[str, object] = {"key": f"erased:{account}", "name": "", "profile": {}}
        if account in targets:
            name = str(kept[account].get("name", ""))
            values = {"name": name, "profile": kept[account]}
        connection.execute(update(accounts).where(accounts.c.id == account).values(values))


def mails_of_erased(connection: Connection, *, since: datetime) -> list[tuple[str, datetime]]:
    """Return public id and planning time of every mail to leads erased since then."""
    rows = connection.execute(
        select(messages.c.uid, messages.c.planned_at)
        .join(leads, leads.c.id == messages.c.lead_id)
        .where(leads.c.erased_at >= since)
    )
    return [(row.uid, row.planned_at) for row in rows]


_AT_ONCE = 8
"""So many posts, of up to four megabytes, are in memory at the same time."""


def drop_posts_naming(connection: Connection, addresses_: Sequence[str]) -> int:
    """Delete raw provider posts that name one of the addresses, worked or not."""
    written = [address.lower().encode() for address in addresses_]
    # A few at a time: ninety days of posts fit into no memory.
    posts = connection.execute(
        select(raw_posts.c.id, raw_posts.c.body), execution_options={"yield_per": _AT_ONCE}
    )
    found = [post.id for post in posts if any(a in bytes(post.body).lower() for a in written)]
    connection.execute(delete(raw_posts).where(among(raw_posts.c.id, found)))
    return len(found)


def scrub(database: Database) -> None:
    """Make the erased bytes unreadable in the files as well.

    SQLite: checkpoint and truncate the write-ahead log, where old page images live until then
    (`secure_delete` has zeroed the pages). PostgreSQL rewrites its tables in `hygiene`.
    """
    if database.dialect == "sqlite":
        with database.engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            cursor = raw.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.close()
