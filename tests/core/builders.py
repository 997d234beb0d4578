"""A ready-made project, lead and assessment; a test changes the one thing it is about.

The project is small but whole: one question per gate, one field per trait, one group per kind of
engagement. `NOW` is a Tuesday, ten in the morning in the workspace's zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from nurture.core.assess import Assessment, assess
from nurture.core.condition import (
    TRUE,
    Compare,
    Condition,
    Facts,
    Happened,
    Known,
    OneOf,
    Operator,
    Ref,
    ValueType,
)
from nurture.core.event import EventKind
from nurture.core.history import History
from nurture.core.lead import (
    Gate,
    Lead,
    Stage,
    Standing,
    Temperature,
    Trait,
    first_standing as first_standing_of_all,
)
from nurture.core.project import (
    Band,
    EngagementGroup,
    EngagementModel,
    EngagementRule,
    Field,
    FitModel,
    FitRule,
    GateRule,
    HandoffRule,
    NurturedRule,
    Project,
    Qualification,
    Readiness,
    Segment,
    TemperatureRule,
    TraitRow,
    TraitRule,
    TransportSettings,
    Window,
    Workspace,
)
from nurture.core.sequence import Sequence
from nurture.core.stages import BACK, FORWARD, StageDefinition, first_entry

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
TODAY = NOW.date()
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))


def given(*values: Mapping[str, object]) -> dict[str, Any]:
    """Return what is said, the later over the earlier, for a constructor to check."""
    return {name: value for said in values for name, value in said.items()}


# --- references and conditions ------------------------------------------------------------------

EMPLOYEES = Ref("account", "employees", ValueType.NUMBER)
COMPRESSOR_KW = Ref("account", "compressor_kw", ValueType.NUMBER)
SENSORS_FIT = Ref("account", "sensors_fit", ValueType.BOOL)
AUTHORITY = Ref("lead", "authority", ValueType.CHOICE)
PAIN = Ref("lead", "pain", ValueType.CHOICE)
INTEREST = Ref("lead", "interest", ValueType.CHOICE)
NAME = Ref("lead", "first_name", ValueType.TEXT)
REVISIT_ON = Ref("lead", "revisit_on", ValueType.DATE)
TOOLS = Ref("lead", "tools", ValueType.CHOICES)
STAGE = Ref("", "stage", ValueType.CHOICE)
READINESS = Ref("", "readiness", ValueType.NUMBER)
ENGAGEMENT = Ref("score", "engagement", ValueType.NUMBER)


def equals(ref: Ref, value: str | int | bool) -> Compare:
    """Return `ref == value`."""
    return Compare(ref, Operator.EQ, value)


def at_least(ref: Ref, value: int) -> Compare:
    """Return `ref >= value`."""
    return Compare(ref, Operator.GE, value)


def in_stage(stage: Stage) -> Compare:
    """Return `stage == ...`."""
    return Compare(STAGE, Operator.EQ, str(stage))


ASKED_TO_BE_FORGOTTEN = Happened(EventKind.ERASURE_REQUESTED)
RAISED_A_HAND = Happened(EventKind.FORM_SUBMITTED, "walkthrough", 14 * 86400)

# --- the project --------------------------------------------------------------------------------

OFFICE_HOURS = Window(
    name="office-hours", days=frozenset({1, 2, 3, 4, 5}), start=time(8, 30), until=time(17, 30)
)
ANY_TIME = Window(name="any-time", days=frozenset(range(1, 8)), start=time(0), until=None)

WORKSPACE = Workspace(
    company={"name": "Havelock Air"},
    sender_name="Ingrid",
    sender_email="ingrid@mail.havelock-air.example",
    reply_to="",
    public_url="https://go.havelock-air.example",
    time_zone="Europe/Berlin",
    default_window="office-hours",
    windows={window.name: window for window in (OFFICE_HOURS, ANY_TIME)},
    holidays=frozenset({date(2026, 12, 25)}),
    cap_per_day=1,
    cap_per_week=3,
    topics={"news": "News", "guides": "Guides"},
    free_mail_domains=frozenset(),
    transport=TransportSettings(kind="outbox"),
    retention_inactive_seconds=365 * 86400,
    retention_raw_events_seconds=90 * 86400,
)

CLICK = EngagementRule(id="click", kind=EventKind.MESSAGE_CLICKED, points=6, max_per_day=1)
REPLY = EngagementRule(id="reply", kind=EventKind.MESSAGE_REPLIED, points=20)
GUIDE = EngagementRule(
    id="guide", kind=EventKind.FORM_SUBMITTED, subject="guide", points=10, max_count=2
)
CAREERS = EngagementRule(
    id="careers", kind=EventKind.PAGE_VIEWED, subject="careers", points=-15, max_count=1
)


def group(*rules: EngagementRule, **changes: object) -> EngagementGroup:
    """Return a group of rules that fades by half in ten days."""
    plain = {"id": "mail", "minimum": 0, "maximum": 40, "half_life_days": 10}
    return EngagementGroup(rules=rules, **given(plain, changes))


MODEL = EngagementModel(
    maximum=100,
    groups=(
        group(CLICK, REPLY),
        group(GUIDE, id="answers", maximum=60, half_life_days=20),
        group(CAREERS, id="negative", minimum=-60, maximum=0, half_life_days=None),
    ),
    bands={"1": 60, "2": 25},
)

FIT = FitModel(
    rules=(
        FitRule(id="size", key="account.employees", bands=(Band(low=50, high=None, points=40),)),
        FitRule(id="say", when=equals(AUTHORITY, "decider"), text="decides", points=30),
    ),
    exclusions=(),
    grades={"A": 60, "B": 40, "C": 20},
)


def _gate(gate: Gate, when: Condition) -> GateRule:
    return GateRule(gate=gate, when=when, text=f"the {gate} question")


def _trait(trait: Trait, *rows: tuple[Condition, int]) -> TraitRule:
    found = tuple(TraitRow(when=when, text="", value=value) for when, value in rows)
    return TraitRule(trait=trait, minimum=2, rows=found)


def temperature(which: Temperature, when: Condition) -> TemperatureRule:
    """Return a rule of the temperature."""
    return TemperatureRule(temperature=which, when=when, text=str(which))


def definition(stage: Stage, *, silence: timedelta | None = None) -> StageDefinition:
    """Return the definition of a stage."""
    seconds = None if silence is None else int(silence.total_seconds())
    return StageDefinition(
        stage=stage,
        name=stage,
        definition="",
        owner="automation",
        silence_seconds=seconds,
        entry=first_entry(stage),
        forward=FORWARD[stage],
        back=BACK[stage],
    )


QUALIFICATION = Qualification(
    version=1,
    signatures=(),
    stages={stage: definition(stage) for stage in Stage}
    | {
        Stage.LEAD: definition(Stage.LEAD, silence=75 * DAY),
        Stage.PROSPECT: definition(Stage.PROSPECT, silence=150 * DAY),
    },
    fit=FIT,
    engagement=MODEL,
    readiness=Readiness(fit_weight=40, engagement_weight=60, bands={"ready": 70, "soon": 45}),
    gates=(
        _gate(Gate.ORGANIZATION, at_least(EMPLOYEES, 50)),
        _gate(Gate.OPPORTUNITY, at_least(COMPRESSOR_KW, 75)),
        _gate(Gate.STAKEHOLDER, OneOf(AUTHORITY, ("decider", "influencer"))),
    ),
    nurtured=NurturedRule(touches=3, span_seconds=7 * 86400),
    traits=(
        _trait(Trait.PAIN, (equals(PAIN, "severe"), 3), (equals(PAIN, "moderate"), 2)),
        _trait(Trait.INTEREST, (equals(INTEREST, "high"), 2), (Known(INTEREST), 1)),
        _trait(Trait.FIT, (equals(SENSORS_FIT, True), 2)),
    ),
    temperatures=(
        temperature(Temperature.CLOSED, ASKED_TO_BE_FORGOTTEN),
        temperature(Temperature.HOT, RAISED_A_HAND),
        temperature(Temperature.NEW, TRUE),
    ),
    handoff=HandoffRule(
        from_stage=Stage.PROSPECT,
        endpoint="inside-sales",
        capacity_per_week=25,
        accept_within_seconds=86400,
        minimum_completeness=0,
    ),
)

PROJECT = Project(
    content_hash="0",
    workspace=WORKSPACE,
    fields={
        ref.text: Field(owner=ref.owner, name=ref.name, type=ref.type, label=ref.name)
        for ref in (EMPLOYEES, COMPRESSOR_KW, SENSORS_FIT, AUTHORITY, PAIN, INTEREST, REVISIT_ON)
    },
    qualification=QUALIFICATION,
    segments={},
    sequences={},
    forms={},
    templates={},
    partials={},
    endpoints={},
    files={},
)


def project(*sequences: Sequence, watches: Condition | None = None, **rules: object) -> Project:
    """Return the project with these sequences and other rules of qualification.

    `watches` is a condition that stands in a segment, so that somebody asks for it.
    """
    asked = () if watches is None else (watches,)
    watched = [Segment(name="s", title="", description="", when=when, text="") for when in asked]
    return replace(
        PROJECT,
        sequences={sequence.name: sequence for sequence in sequences},
        segments={segment.name: segment for segment in watched},
        qualification=replace(QUALIFICATION, **given(rules)),
    )


# --- leads and what is known of them ------------------------------------------------------------

LEAD = Lead(
    id=1,
    uid="0123456789abcdef0123456789abcdef",
    version=1,
    email="ada@plant.example",
    time_zone="Europe/Berlin",
    language="en",
    source="fair",
    account_id=1,
    profile={},
    account={},
    standing=first_standing_of_all(),
    topics=frozenset({"news", "guides"}),
    suppressed="",
    locked=False,
    captured_at=NOW - 10 * DAY,
    last_life_at=NOW - DAY,
)

QUALIFIED_PROFILE = {"authority": "decider"}
QUALIFIED_ACCOUNT = {"employees": 100, "compressor_kw": 90}
TRAITS_PROFILE = {"pain": "severe", "interest": "high"}
TRAITS_ACCOUNT = {"sensors_fit": True}


def standing(**changes: object) -> Standing:
    """Return the standing of a new lead, changed."""
    return replace(first_standing_of_all(), **given(changes))


def lead(**changes: object) -> Lead:
    """Return a reachable lead of whom nothing is known; `stage` stands for the standing's."""
    if "stage" in changes:
        changes["standing"] = standing(stage=changes.pop("stage"))
    return replace(LEAD, **given(changes))


def qualified(**changes: object) -> Lead:
    """Return a lead that passes the three gates."""
    return lead(**given({"profile": QUALIFIED_PROFILE, "account": QUALIFIED_ACCOUNT}, changes))


def facts(who: Lead = LEAD, **changes: object) -> Facts:
    """Return the facts of a lead to whom nothing happened."""
    return Facts(**given({"lead": who, "today": TODAY}, changes))


NURTURED = History(touches=3, first_touch=NOW - 8 * DAY, last_touch=NOW - DAY)
"""Of a lead whose touches qualify it."""


def assessed(
    who: Lead = LEAD,
    history: History | None = None,
    rules: Project = PROJECT,
    *,
    now: datetime = NOW,
    **known: object,
) -> Assessment:
    """Assess the lead."""
    return assess(facts(who, **known), history or History(), rules, now=now)
