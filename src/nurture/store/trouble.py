"""Say in one line what is wrong with a database, for people who have to put it right."""

from __future__ import annotations

from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, TimeoutError as PoolTimeout

LONGEST = 200


def explain(error: BaseException) -> str | None:
    """Return the line, None if the error is not the database's. It names no value, no password."""
    match error:
        case NoSuchModuleError() | ArgumentError():
            return "this is no address of a database; write sqlite:///FILE or postgresql://USER@HOST/NAME"
        case PoolTimeout():
            return "the database has no connection left; stop other processes or try again later"
        case DBAPIError(orig=BaseException() as cause):
            return _said(str(cause).strip().splitlines() or [type(cause).__name__])
        case _:
            return None


def _said(lines: list[str]) -> str:
    """Return the driver's first line with what it means, without the address it may repeat."""
    said = lines[0][:LONGEST]
    if "no such table" in said or ("relation" in said and "does not exist" in said):
        return f"the database is not ready ({said}); run `nurture apply`"
    if any(word in said for word in ("connection", "could not translate", "unable to open")):
        return f"the database cannot be reached ({said}); is it running, and is its address right?"
    if "not a database" in said:
        return "the file holds something else than a database; is its address right?"
    if "locked" in said:
        return f"the database is busy ({said}); try again when other work is done"
    return f"the database refused: {said}"
