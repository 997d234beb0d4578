"""What a database that cannot be used right now looks like, for those who may not speak SQL."""

from sqlalchemy.exc import OperationalError, TimeoutError as PoolTimeout

Outage = (OperationalError, PoolTimeout)
"""Locked for too long, full, read-only, gone or out of connections: worth another try later."""
