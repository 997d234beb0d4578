"""What every verb works with: the database, the releases, the secrets, the ways out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from nurture.core.condition import Condition, Happened, InSequence, Sent, leaves
from nurture.core.errors import DamagedRelease, MisuseError, ProjectError
from nurture.core.essentials import Essentials, essentials_of
from nurture.core.event import EventKind
from nurture.core.policy import zone
from nurture.core.project import Project, Template
from nurture.core.sequence import (
    BranchStep,
    EmailStep,
    FormStep,
    Sequence as NurtureSequence,
    WaitForStep,
)
from nurture.core.token import Keyring
from nurture.engine.values import Paths, read_by
from nurture.project.environment import is_expanded
from nurture.project.essentials import read_essentials
from nurture.store import releases
from nurture.store.db import Connection, Database
from nurture.store.history import Asked
from nurture.store.outage import Outage

log = logging.getLogger(__name__)


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
    """A database with its releases. `load` turns a release's files into a project.

    `salvage` reads what must always work from files that cannot be loaded.
    """

    database: Database
    secrets: Secrets
    load: Callable[[Mapping[str, str]], Project]
    salvage: Callable[[Mapping[str, str]], Essentials] = lambda files: read_essentials(files, {})
    _projects: dict[int, Project] = field(default_factory=dict, repr=False)
    _lost: dict[Hashable, tuple[object, Exception]] = field(default_factory=dict, repr=False)
    _past: dict[tuple[int, int], Project] = field(default_factory=dict, repr=False)
    _read_by: dict[tuple[str, str], Paths] = field(default_factory=dict, repr=False)

    def project(self, connection: Connection, release_id: int) -> Project:
        """Return the project of a release."""
        found = self._projects.get(release_id)
        if found is None:
            files = _files(connection, release_id)
            try:
                found = self._loaded(release_id, files)
            except ProjectError:
                current = releases.current(connection)
                if current is None or current.id == release_id:
                    raise
                return self._of_the_past(connection, (release_id, current.id), files)
            self._projects[release_id] = found
        return found

    def _of_the_past(
        self, connection: Connection, past_and_present: tuple[int, int], files: Mapping[str, str]
    ) -> Project:
        """Return an old release with the settings of the present.

        What it took from the environment may be gone with the provider it was for. Its sequences
        and mails are still what people are in.
        """
        if past_and_present not in self._past:
            present = _files(connection, past_and_present[1])
            settings = {file: text for file, text in present.items() if is_expanded(file)}
            merged = {**files, **settings}
            self._past[past_and_present] = self._loaded(past_and_present, merged)
        return self._past[past_and_present]

    def _loaded(self, key: Hashable, files: Mapping[str, str]) -> Project:
        """Load the files. What could not be loaded cannot be as long as it is the same."""
        tried, error = self._lost.get(key, (None, None))
        if error is not None and tried == files:
            raise error.with_traceback(None)
        try:
            return self.load(files)
        except Exception as error:
            self._lost[key] = (files, error)
            raise

    def projects(
        self, connection: Connection, release_ids: Iterable[int]
    ) -> Callable[[int], Project]:
        """Read the projects of releases; return how to look one up.

        A release that cannot be loaded any more raises when it is looked up, and stops no other.
        """
        found: dict[int, Project | Exception] = {}
        for release_id in release_ids:
            try:
                found[release_id] = self.project(connection, release_id)
            except Exception as error:  # noqa: BLE001 (raised again for whoever needs it)
                found[release_id] = error

        def project(release_id: int) -> Project:
            known = found[release_id]
            if isinstance(known, Exception):
                raise known
            return known

        return project

    def read_by(self, project: Project, template: Template) -> Paths:
        """Return the names that a mail reads, looked up once for each version of it."""
        key = (template.name, template.version)
        if key not in self._read_by:
            self._read_by[key] = read_by(project, template)
        return self._read_by[key]

    def in_force(self, connection: Connection) -> InForce:
        """Return the release in force, or raise MisuseError when nothing was applied yet."""
        release = releases.current(connection)
        if release is None:
            raise MisuseError("no project is in force; run `nurture apply` first")
        return InForce(release_id=release.id, project=self.project(connection, release.id))

    def readable(self, connection: Connection) -> Project | None:
        """Return the project in force, None if there is none or it cannot be loaded.

        For what must not wait until somebody has mended that.
        """
        release = releases.current(connection)
        if release is None:
            return None
        try:
            return self.project(connection, release.id)
        except Outage:
            raise
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, people may leave)
            kind = type(error).__name__
            log.error("release=%s is in force and cannot be loaded: %s", release.id, kind)  # noqa: TRY400 (doctor says the rest)
            return None

    def essentials(self, connection: Connection) -> Essentials:
        """Return what must always work, of the release in force whatever state it is in."""
        project = self.readable(connection)
        if project is not None:
            return essentials_of(project.workspace)
        release = releases.current(connection)
        files: Mapping[str, str] = {}
        if release is not None:
            with suppress(DamagedRelease):
                files = _files(connection, release.id)
        return self.salvage(files)


def _files(connection: Connection, release_id: int) -> Mapping[str, str]:
    """Return a release's files, or raise DamagedRelease."""
    try:
        files: object = releases.files(connection, release_id)
    except ValueError:
        files = None
    if not isinstance(files, dict):
        raise DamagedRelease(
            f"the files of release {release_id} are damaged in the database; apply them again"
        )
    return files


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
        latest=project.asked_kinds | _told_by(project.sequences.values()) | _FORMS,
        tallied=scored,
        limited=frozenset(
            stage
            for stage, definition in project.qualification.stages.items()
            if definition.at_most_seconds is not None
        ),
    )


_FORMS = frozenset({EventKind.FORM_SUBMITTED})


def _told_by(sequences: Iterable[NurtureSequence]) -> frozenset[EventKind]:
    """Return what steps ask for beside conditions: answers, and what shows the buyer's step."""
    sequences = list(sequences)
    if _choose(sequences):
        return _FORMS | {EventKind.MESSAGE_CLICKED}
    asks = any(isinstance(step, FormStep) for one in sequences for step in one.steps)
    return _FORMS if asks else frozenset()


def _choose(sequences: Iterable[NurtureSequence]) -> bool:
    """Say whether a step chooses among several mails."""
    mails = (step for one in sequences for step in one.steps if isinstance(step, EmailStep))
    return any(step.others for step in mails)


def asked_inside(sequences: Iterable[NurtureSequence]) -> Asked:
    """Return what the steps and exits of these sequences ask; who enters is not their question."""
    trees: list[Condition] = []
    sequences = list(sequences)
    for sequence in sequences:
        trees.extend(rule.when for rule in sequence.exits)
        for step in sequence.steps:
            match step:
                case BranchStep(arms=arms):
                    trees.extend(arm.when for arm in arms)
                case WaitForStep(when=when):
                    trees.append(when)
                case _:
                    pass
    asked = {leaf for tree in trees for leaf in leaves(tree)}
    kinds = {leaf.kind for leaf in asked if isinstance(leaf, Happened)}
    return Asked(
        latest=frozenset(kinds) | _told_by(sequences),
        sent=_choose(sequences) or any(isinstance(leaf, Sent) for leaf in asked),
        sequences=any(isinstance(leaf, InSequence) for leaf in asked),
    )
