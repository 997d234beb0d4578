"""A lead's story in plain words: what happened, why, and what comes next with its exact time.

Pure gathering: everything is read from stored rows, nothing is stored. The command line and the
web show the same story.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from nurture.core.effort import over_budget
from nurture.core.lead import Stage, Verdict
from nurture.core.overrides import Overridden
from nurture.core.project import Project
from nurture.engine.apply import why_unreadable
from nurture.engine.explain_text import rounded
from nurture.engine.moments import Zones
from nurture.engine.person import Person, look_at
from nurture.engine.recheck_words import right_yes
from nurture.engine.runtime import Runtime
from nurture.engine.story_events import tell_consents, tell_events, tell_learned
from nurture.engine.story_lines import LineKind, NextLine, StoryLine
from nurture.engine.story_next import Open, tell_next
from nurture.engine.story_sequences import tell_decisions, tell_tasks
from nurture.engine.story_standing import tell_gates, tell_handoffs, tell_moves
from nurture.engine.words import VERDICT_SAYS, both
from nurture.store import (
    effort,
    enrollments,
    events,
    handoffs,
    history,
    lead_story,
    pauses,
    profiles,
    records,
    switches,
)
from nurture.store.db import Connection
from nurture.store.outage import Outage

__all__ = ["LineKind", "NextLine", "Story", "StoryLine", "tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Who it is, where they stand, what happened and why, and what comes next."""

    uid: str
    name: str
    email: str
    company: str
    zones: Zones
    told_at: datetime
    standing: tuple[str, ...]
    lines: tuple[StoryLine, ...]
    next: tuple[NextLine, ...]

    @property
    def who(self) -> str:
        """Who it is, on one line."""
        named = self.name or self.email or f"Lead {self.uid[:12]}"
        parts = [named, f"<{self.email}>" if self.name and self.email else ""]
        company = f", {self.company}" if self.company else ""
        return " ".join(part for part in parts if part) + company

    def as_text(self, *, minor: bool = False) -> str:
        """Return the story as plain text; with `minor`, also what is rarely asked for."""
        shown = [line for line in self.lines if minor or not line.minor]
        return "\n".join(
            [
                self.who,
                *self.standing,
                "",
                f"What happened (times in {' and '.join(self.zones.names)})",
                *(_paragraph(self.zones.columns(line.at), line) for line in shown),
                "",
                f"What comes next, as of {self.zones.both(self.told_at)}",
                *(
                    _paragraph(self.zones.columns(line.at) if line.at else ("no date set",), line)
                    for line in self.next
                ),
            ]
        )


def _paragraph(times: tuple[str, ...], line: StoryLine | NextLine) -> str:
    # Zones that show the same are said once.
    said = " | ".join(dict.fromkeys(times))
    return "\n".join([f"{said}  {line.what}", *([f"    {line.why}"] if line.why else [])])


def tell(runtime: Runtime, connection: Connection, lead_id: int, *, now: datetime) -> Story:
    """Tell the lead's story as of now, oldest line first."""
    person = look_at(runtime, connection, lead_id, now=now)
    return Story(
        uid=person.lead.uid,
        name=person.name,
        email=person.lead.email,
        company=person.company,
        zones=person.zones,
        told_at=now,
        standing=tuple(_standing(person, _over_budget(connection, person))),
        lines=tuple(_lines(connection, person)),
        next=tuple(tell_next(person, _open(runtime, connection, person, now), now=now)),
    )


def _over_budget(connection: Connection, person: Person) -> list[str]:
    spent = effort.spent(connection, [person.lead.id]).get(person.lead.id, {})
    return list(over_budget(person.project.qualification.stages, spent))


def _standing(person: Person, over: Sequence[str]) -> list[str]:
    """Return where the lead stands now, in a few sentences."""
    lead, standing, now = person.lead, person.lead.standing, person.found.standing
    if standing.stage is Stage.ERASED:
        return ["Asked us to forget them, and we did. Only counts and dates are left."]
    scores = (
        f"engagement {rounded(now.engagement)}, fit {rounded(now.fit)}, "
        f"readiness {f'{now.readiness} of 100' if now.readiness_known else 'unknown'}"
    )
    stage = person.words.stage(standing.stage)
    kind = f"Stage {stage}, temperature {standing.temperature}, grade {standing.grade}"
    said = [f"{kind}; {scores}."]
    gates = [f"{gate} {VERDICT_SAYS[verdict]}" for gate, verdict in standing.verdicts.items()]
    said.append(f"Gates: {both(gates)}.")
    failed = [gate for gate, verdict in standing.verdicts.items() if verdict is Verdict.FAIL]
    if instead := right_yes(person.project, failed):
        said.append(f"Instead we can offer {'; '.join(instead)}.")
    said.extend(_by_hand(person))
    said.extend(f"Over its effort budget: {one}." for one in over)
    if lead.topics and not lead.suppressed:
        said.append(f"May be sent mail about: {both(sorted(lead.topics))}.")
    return said


def _by_hand(person: Person) -> list[str]:
    """Say what stands by a person's word, and how long."""
    said = []
    for one in person.history.overrides.all():
        value = person.words.stage(one.value) if one.what == Overridden.STAGE else one.value
        is_gate = one.what not in tuple(Overridden)
        what = f"the gate {one.what} is waived" if is_gate else f"{one.what} {value}"
        until = f", until {person.zones.both(one.until)}" if one.until else ""
        said.append(f"By hand: {what} ({one.said}){until}.")
    return said


def _lines(connection: Connection, person: Person) -> list[StoryLine]:
    lead_id = person.lead.id
    happened = events.of_lead(connection, lead_id)
    decided = records.decisions_of(connection, lead_id)
    moves = records.moves_of(connection, lead_id)
    lines = [
        *tell_events(person, happened),
        *tell_learned(person, happened),
        *tell_consents(person, profiles.consents_of(connection, lead_id), happened),
        *tell_decisions(person, decided, lead_story.mails_of(connection, lead_id)),
        *tell_tasks(person, lead_story.tasks_of(connection, lead_id), decided),
        *tell_gates(person, records.verdicts_of(connection, lead_id), moves),
        *tell_moves(person, moves, happened),
        *tell_handoffs(person, handoffs.of_lead(connection, lead_id)),
    ]
    lines.sort(key=lambda line: (line.at, line.kind.rank))
    return _folded(person, lines)


def _folded(person: Person, lines: list[StoryLine]) -> list[StoryLine]:
    """Tell what happened several times on one day in a row once, with the count."""
    folded = []
    for _, group in groupby(
        lines, key=lambda line: (person.zones.day(line.at), line.kind, line.what, line.why)
    ):
        same = list(group)
        first, times = same[0], len(same)
        what = f"{first.what} ({times} times that day)" if times > 1 else first.what
        folded.append(
            StoryLine(at=first.at, kind=first.kind, what=what, why=first.why, minor=first.minor)
        )
    return folded


def _projects(
    runtime: Runtime, connection: Connection, release_ids: Iterable[int]
) -> tuple[dict[int, Project], dict[int, str]]:
    """Return the projects of the releases, and why some cannot be read any more."""
    found: dict[int, Project] = {}
    lost: dict[int, str] = {}
    for release_id in sorted(release_ids):
        try:
            found[release_id] = runtime.project(connection, release_id)
        except Outage:
            raise
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, the rest is told)
            lost[release_id] = f"release {release_id} cannot be read: {why_unreadable(error)}"
    return found, lost


def _open(runtime: Runtime, connection: Connection, person: Person, now: datetime) -> Open:
    lead_id = person.lead.id
    passages = enrollments.of_lead(connection, lead_id)
    ready = lead_story.ready_mails(connection, lead_id)
    release_ids = {e.release_id for e, _ in passages} | {m.release_id for m in ready}
    projects, lost = _projects(runtime, connection, release_ids)
    still = [
        NextLine(
            at=max(e.due_at or now, now),
            what=f"The sequence '{e.sequence}' stands still and is tried again then",
            why=lost[e.release_id],
        )
        for e, _ in passages
        if e.release_id in lost
    ]
    still += [
        NextLine(
            at=max(m.not_before, now),
            what=f"The mail '{m.template}' cannot be written and is tried again then",
            why=lost[m.release_id],
        )
        for m in ready
        if m.release_id in lost
    ]
    return Open(
        still=still,
        enrollments=[
            (e, reason, projects[e.release_id])
            for e, reason in passages
            if e.release_id in projects
        ],
        mails=lead_story.mails_of(connection, lead_id),
        ready=[(m, projects[m.release_id]) for m in ready if m.release_id in projects],
        recent_sends=history.mailed(connection, [lead_id], now=now).recent.get(lead_id, []),
        left_recently=history.left_recently(connection, [lead_id], now=now).get(lead_id, []),
        handoffs=[
            (h, lead_story.waiting_before(connection, h) if h.state == "waiting" else 0)
            for h in handoffs.of_lead(connection, lead_id)
            if h.cycle == person.lead.standing.cycle
        ],
        tasks=lead_story.tasks_of(connection, lead_id),
        check_at=lead_story.schedule_of(connection, lead_id).check_at,
        pause=pauses.pause_of(connection, lead_id, now=now),
        halted=switches.all_halted(connection, now=now),
    )
