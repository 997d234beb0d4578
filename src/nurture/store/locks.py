"""In which order rows are locked, the three locks that are no rows, and one more try after all.

Whoever locks several things does so in this order, and several of one kind by their ids:

1. what others pass over while it is taken: the post that is worked, the right to judge clicks;
2. leads (`leads.hold`), all that the transaction is going to touch;
3. what belongs to these leads: enrollments, mails, attempts, events, traces. Nobody else is at it;
4. the stop list. Whoever has locked it locks no further lead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from nurture.store.db import Connection

log = logging.getLogger(__name__)

_JUDGING = text("SELECT pg_try_advisory_xact_lock(7118)")
_JUDGING_IN_TURN = text("SELECT pg_advisory_xact_lock(7118)")
_LEAVING = text("SELECT pg_advisory_xact_lock_shared(7119)")
_STOPPING = text("SELECT pg_advisory_xact_lock(7119)")
_CLAIMING = text("SELECT pg_advisory_xact_lock(7120, hashtext(:queue))")

Done = TypeVar("Done")


def may_judge(connection: Connection) -> bool:
    """Take the right to judge clicks for this transaction; False: another has it at this moment."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.execute(_JUDGING).scalar_one())


def wait_to_judge(connection: Connection) -> None:
    """Take the right to judge clicks for this transaction, after whoever has it now."""
    if connection.dialect.name == "postgresql":
        connection.execute(_JUDGING_IN_TURN)


def before_leaving(connection: Connection) -> None:
    """Let nothing come onto the stop list until this transaction, in which mail leaves, is over.

    A lead's lock is not enough: somebody else may be the same mailbox under another spelling.
    Any number of transactions with leaving mail get on together.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LEAVING)


def before_stopping(connection: Connection) -> None:
    """Wait for transactions in which mail leaves; those that begin now see what is stopped."""
    if connection.dialect.name == "postgresql":
        connection.execute(_STOPPING)


def before_claiming(connection: Connection, queue: str) -> None:
    """Let nobody else claim from the queue until this transaction, which does, is over.

    Nothing else is locked meanwhile. On SQLite there is but one that writes.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_CLAIMING, {"queue": queue})


def once_more(work: Callable[[], Done]) -> Done:
    """Do the work; if the database ended it because of a deadlock, do it once more.

    Work is whole transactions: what was ended has left nothing behind, and the other is through.
    """
    try:
        return work()
    except DBAPIError as error:
        if not is_deadlock(error):
            raise
        log.warning("the database ended a deadlock; once more")
    return work()


def is_deadlock(error: BaseException) -> bool:
    """Say whether the database ended the transaction so that another could go on."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, psycopg.errors.DeadlockDetected)
