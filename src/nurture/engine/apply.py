"""Put a checked project in force as a release."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nurture.core.errors import MisuseError, NurtureError, ProjectError
from nurture.core.project import Project
from nurture.engine import throttle
from nurture.engine.runtime import Runtime
from nurture.project.inspection import RULES
from nurture.project.signing import in_force_otherwise, unsigned
from nurture.store import leads, records, releases
from nurture.store.outage import Outage


def apply(runtime: Runtime, project: Project, *, by: str, now: datetime) -> int:
    """Put the project in force, ask for every lead in play to be assessed, return the release.

    New enrollments are pinned to it; open ones stay on the release they began with.
    """
    teams = {signature.team for signature in project.qualification.signatures}
    if not {"marketing", "sales"} <= teams:
        raise MisuseError(
            "qualification.yaml is not signed by marketing and sales; add both signatures"
        )
    if told := unsigned(project.files):
        raise ProjectError(told)
    with runtime.database.write() as connection:
        before = releases.current(connection)
        earlier = releases.texts(connection, RULES)
        if told := in_force_otherwise(project.files, earlier):
            raise ProjectError(told)
        release_id = releases.apply(
            connection, content_hash=project.content_hash, files=project.files, by=by, now=now
        )
        if before is None or before.content_hash != project.content_hash:
            leads.check_everybody(connection, now=now)
            throttle.ask_again(connection, now=now)
        records.note_audit(
            connection,
            actor=by,
            action="release.applied",
            subject=project.content_hash,
            detail={"release": release_id},
            now=now,
        )
    return release_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A release that cannot be loaded any more, and what hangs on it."""

    release_id: int
    enrollments: int
    mails: int
    why: str


def unreadable(runtime: Runtime) -> list[Unreadable]:
    """Return the releases that something open still hangs on and that cannot be loaded."""
    found = []
    with runtime.database.read() as connection:
        for release_id, (people, mails) in sorted(releases.in_use(connection).items()):
            try:
                runtime.project(connection, release_id)
            except Outage:
                raise
            except Exception as error:  # noqa: BLE001 (whatever is wrong with it)
                why = why_unreadable(error)
                found.append(
                    Unreadable(release_id=release_id, enrollments=people, mails=mails, why=why)
                )
    return found


def why_unreadable(error: Exception) -> str:
    """Return in a line why a release cannot be loaded."""
    if isinstance(error, ProjectError):
        return str(error.findings[0])
    return str(error) if isinstance(error, NurtureError) else type(error).__name__


def project_in_force(runtime: Runtime) -> Project | None:
    """Return the project in force, None before the first apply."""
    with runtime.database.read() as connection:
        release = releases.current(connection)
        return None if release is None else runtime.project(connection, release.id)
