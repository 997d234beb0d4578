"""What a database that cannot be used right now looks like, for those who may not speak SQL."""

from sqlalchemy.exc import DBAPIError, InternalError, OperationalError, TimeoutError as PoolTimeout

Outage = (OperationalError, InternalError, PoolTimeout)
"""Locked for too long, full, read-only, gone or out of connections: worth another try later.

PostgreSQL's driver calls a stand-in that may only be read as yet an internal error.
"""


def called(error: BaseException) -> str:
    """Return what the driver calls it: a damaged table and a stand-in are one kind otherwise."""
    return type((isinstance(error, DBAPIError) and error.orig) or error).__name__
