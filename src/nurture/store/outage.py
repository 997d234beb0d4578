"""What a database that cannot be used right now looks like, for those who may not speak SQL."""

from sqlalchemy.exc import InternalError, OperationalError, TimeoutError as PoolTimeout

Outage = (OperationalError, InternalError, PoolTimeout)
"""Locked for too long, full, read-only, gone or out of connections: worth another try later.

PostgreSQL's driver calls a stand-in that may only be read as yet an internal error.
"""
