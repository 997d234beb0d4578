"""What every verb works with: the database, the releases, the secrets, the ways out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.core.policy import zone
from nurture.core.project import Project
from nurture.core.token import Keyring
from nurture.store import releases
from nurture.store.db import Connection, Database
from nurture.store.history import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Keys that never enter the database: links, public ids, and the suppression hash."""

    links: Keyring
    identity: bytes = field(repr=False)
    pepper: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A release and its project."""

    release_id: int
    project: Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A database with its releases. `load` turns a release's files into a project."""

    database: Database
    secrets: Secrets
    load: Callable[[Mapping[str, str]], Project]
    _projects: dict[int, Project] = field(default_factory=dict, repr=False)

    def project(self, connection: Connection, release_id: int) -> Project:
        """Return the project of a release."""
        found = self._projects.get(release_id)
        if found is None:
            found = self.load(releases.files(connection, release_id))
            self._projects[release_id] = found
        return found

    def in_force(self, connection: Connection) -> InForce:
        """Return the release in force, or raise MisuseError when nothing was applied yet."""
        release = releases.current(connection)
        if release is None:
            raise MisuseError("no project is in force; run `nurture apply` first")
        return InForce(release_id=release.id, project=self.project(connection, release.id))


def today(project: Project, now: datetime) -> date:
    """Return the date in the workspace's zone."""
    return now.astimezone(home_zone(project)).date()


def home_zone(project: Project) -> ZoneInfo:
    """Return the workspace's zone."""
    return zone(project.workspace.time_zone)


def asked_by(project: Project) -> Asked:
    """Return what the project's conditions, forms and scores ask of the ledger."""
    scored = frozenset(
        rule.kind for group in project.qualification.engagement.groups for rule in group.rules
    )
    return Asked(
        latest=project.asked_kinds | {EventKind.FORM_SUBMITTED},
        tallied=scored,
    )
