"""Say in one line what is wrong with a database, for people who have to put it right."""

from __future__ import annotations

from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, TimeoutError as PoolTimeout

LONGEST = 200


def explain(error: BaseException) -> str | None:
    """Return the line, None if the error is not the database's. It names no value and no password."""
    match error:
        case NoSuchModuleError() | ArgumentError():
            return "this is no address of a database; write sqlite:///FILE or postgresql://USER@HOST/NAME"
        case PoolTimeout():
            return "the database has no connection left; stop other processes or try again later"
        case DBAPIError(orig=BaseException() as cause):
            lines = str(cause).strip().splitlines() or [type(cause).__name__]
            said = lines[0][:LONGEST]
            if "no such table" in said or "does not exist" in said:
                return f"the database is not ready ({said}); run `nurture apply`"
            return f"the database refused: {said}"
        case _:
            return None
