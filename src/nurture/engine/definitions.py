"""The definitions page: what both teams agreed on, in words. One value for shell and web."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from nurture.core.lead import Stage
from nurture.core.project import Project
from nurture.core.stages import EntryGate, StageDefinition
from nurture.engine.moments import say_seconds
from nurture.engine.words import Words, both
from nurture.project.inspection import RULES
from nurture.project.signing import content_of, open_teams
from nurture.project.yaml_file import read

_ENTRIES = {
    EntryGate.THREE_GATES: "all three gates pass: organization, opportunity and stakeholder",
    EntryGate.COMMITTED: "the person expressly agreed to commit",
}

_BY_EVENT = {
    Stage.SUSPECT: "chosen by us, before any sign of interest",
    Stage.LEAD: "came in by a form, an import or a colleague",
    Stage.CUSTOMER: "sales says: won",
    Stage.INACTIVE: "silent for too long, or archived by a sequence",
    Stage.DISQUALIFIED: "an exclusion holds",
    Stage.LOST: "sales says: lost",
    Stage.ERASED: "asked to be forgotten, or kept long enough",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSaid:
    """One stage in words; moves by display name."""

    key: str
    name: str
    aliases: tuple[str, ...]
    definition: str
    owner: str
    entry: str
    forward: tuple[str, ...]
    back: tuple[str, ...]
    minutes: int | None
    silence: str
    at_most: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSaid:
    """One gate in words, and what is asked while its answer is unknown."""

    key: str
    passes_if: str
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Who signed; `current` says whether it was for what stands here."""

    team: str
    name: str
    on: date
    version: int | None
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """Everything on the page."""

    company: str
    version: int
    content: str
    signatures: tuple[Signed, ...]
    open_teams: tuple[str, ...]
    stages: tuple[StageSaid, ...]
    gates: tuple[GateSaid, ...]
    temperatures: tuple[tuple[str, str], ...]


def definitions(project: Project) -> Definitions:
    """Return the project's definitions in words."""
    rules, text = project.qualification, project.files[RULES]
    content = content_of(read(text, file=RULES))
    words = Words(project=project)
    return Definitions(
        company=str(project.workspace.company.get("name", "")),
        version=rules.version,
        content=content,
        signatures=tuple(
            Signed(
                team=one.team,
                name=one.name,
                on=one.on,
                version=one.version,
                current=one.content == content,
            )
            for one in rules.signatures
        ),
        open_teams=tuple(open_teams(text)),
        stages=tuple(_stage(project, words, one) for one in rules.stages.values()),
        gates=tuple(_gates(project, words)),
        temperatures=tuple(
            (str(rule.temperature), words.rule(rule.text)) for rule in rules.temperatures
        ),
    )


def _stage(project: Project, words: Words, one: StageDefinition) -> StageSaid:
    silence, limit = one.silence_seconds, one.at_most_seconds
    return StageSaid(
        key=str(one.stage),
        name=one.name,
        aliases=one.aliases,
        definition=one.definition,
        owner=one.owner,
        entry=_entry(project, one),
        forward=tuple(words.stage(stage) for stage in one.forward),
        back=tuple(words.stage(stage) for stage in one.back),
        minutes=one.minutes,
        silence=say_seconds(silence) if silence is not None else "",
        at_most=say_seconds(limit) if limit is not None else "",
    )


def _entry(project: Project, one: StageDefinition) -> str:
    if one.entry is EntryGate.PAIN_INTEREST_FIT:
        traits = project.qualification.traits
        return both([f"{rule.trait} at least {rule.minimum} of 3" for rule in traits])
    return _ENTRIES.get(one.entry) or _BY_EVENT.get(one.stage, "by an event or by hand")


def _gates(project: Project, words: Words) -> list[GateSaid]:
    rules = project.qualification
    found = [
        GateSaid(
            key=str(rule.gate),
            passes_if=words.rule(rule.text),
            asks=tuple(
                project.fields[key].label if key in project.fields else key for key in rule.ask
            ),
        )
        for rule in rules.gates
    ]
    touches, span = rules.nurtured.touches, say_seconds(rules.nurtured.span_seconds)
    said = f"meaningful touches on {touches} days or more, the first and the last {span} apart"
    return [*found, GateSaid(key="nurtured", passes_if=said)]
