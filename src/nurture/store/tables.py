"""Every table, constraint and index in one read.

Times are `Instant` (microseconds). A comment beside an index names the query it serves. Columns
that hold personal data are listed in `PERSONAL`: erasure and its test both work from that list.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
)
from sqlalchemy.dialects.postgresql import JSONB

from nurture.core.enrollment import Awaiting
from nurture.core.lead import Stage, Temperature
from nurture.core.message import DeliveryState, MessageState
from nurture.store.db import Instant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Json = JSON().with_variant(JSONB(), "postgresql")
# What is only written and read whole; taking it apart and together again takes longer.
Document = JSON()
Id = BigInteger().with_variant(Integer(), "sqlite")

TROUBLE = ("message.complained", "message.bounced", "message.deferred")
"""Kinds of events that are counted against a sending domain."""

BULK = ("messages", "attempts", "decisions")
"""Tables that grow by a thousand rows a statement, and have no foreign keys: PostgreSQL would look
each of them up by itself, at a quarter of a tick's time in the database. Nothing that they refer to
is ever deleted, and `invariants` looks for orphans."""


def _one_of(
    column: str,
    values: type[Stage | Temperature | MessageState | DeliveryState | Awaiting]
    | tuple[MessageState, ...],
) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _while(column: str, *states: MessageState) -> str:
    return f"CASE WHEN {_one_of('state', states)} THEN {column} END"


releases = Table(
    "releases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("content_hash", Text, nullable=False, unique=True),
    Column("files", Json, nullable=False),
    Column("applied_at", Instant, nullable=False),
    Column("applied_by", Text, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    # domain:…, name:… or lead:… (a person whose organization nobody knows yet)
    Column("key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, default=""),
    Column("profile", Json, nullable=False),
    # Where it is from, if we put it on the target list ourselves, and when.
    Column("source", Text, nullable=False, default=""),
    Column("target_at", Instant, nullable=True),
    Column("created_at", Instant, nullable=False),
)

leads = Table(
    "leads",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("version", Integer, nullable=False, default=1),
    Column("email", Text, nullable=False, default=""),
    # Normalised address for duplicates; NULL for hearsay leads and after erasure.
    Column("match_key", Text, nullable=True, unique=True),
    Column("time_zone", Text, nullable=False),
    Column("language", Text, nullable=False, default="en"),
    Column("source", Text, nullable=False, default=""),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("profile", Json, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("stage", Text, nullable=False),
    Column("temperature", Text, nullable=False),
    # Since when; NULL before the first assessment.
    Column("temperature_at", Instant, nullable=True),
    Column("grade", Text, nullable=False, default="?"),
    Column("fit", Integer, nullable=False, default=0),
    Column("engagement", Integer, nullable=False, default=0),
    Column("readiness", Integer, nullable=False, default=0),
    Column("verdict_organization", Text, nullable=False, default="unknown"),
    Column("verdict_opportunity", Text, nullable=False, default="unknown"),
    Column("verdict_stakeholder", Text, nullable=False, default="unknown"),
    Column("verdict_nurtured", Text, nullable=False, default="unknown"),
    Column("trait_pain", Integer, nullable=False, default=0),
    Column("trait_interest", Integer, nullable=False, default=0),
    Column("trait_fit", Integer, nullable=False, default=0),
    Column("cycle", Integer, nullable=False, default=1),
    # When the present cycle began: touches before it do not qualify again.
    Column("cycle_at", Instant, nullable=False),
    # Sales has the lead: no nurture mail until it is given back.
    Column("locked", Boolean, nullable=False, default=False),
    # Why nothing may be mailed to this address; '' if nothing stands against it.
    Column("suppressed", Text, nullable=False, default=""),
    Column("captured_at", Instant, nullable=False),
    Column("last_life_at", Instant, nullable=True),
    # When to assess next; NULL: only an event can change anything.
    Column("check_at", Instant, nullable=True),
    # When the derived columns were last worked out: scores are as of then.
    Column("assessed_at", Instant, nullable=True),
    Column("archived_at", Instant, nullable=True),
    Column("erased_at", Instant, nullable=True),
    CheckConstraint(_one_of("stage", Stage), name="stage"),
    CheckConstraint(_one_of("temperature", Temperature), name="temperature"),
    CheckConstraint("stage <> 'erased' OR (email = '' AND match_key IS NULL)", name="erased"),
    Index("ix_leads_check_at", "check_at", "id"),  # assess: whose turn is it?
    Index("ix_leads_account_id", "account_id"),
    Index("ix_leads_stage", "stage"),
)
# Hygiene and the tick after an erasure: whose copies must go?
Index(
    "ix_leads_erased_at",
    leads.c.erased_at,
    sqlite_where=leads.c.erased_at.is_not(None),
    postgresql_where=leads.c.erased_at.is_not(None),
)

account_signals = Table(
    "account_signals",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, default=""),
    Column("occurred_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_key", Text, nullable=False),
    Column("human", Boolean, nullable=False, default=True),
    UniqueConstraint("source", "source_key"),
    Index("ix_account_signals_account_id_occurred_at", "account_id", "occurred_at"),
)

facts = Table(
    "facts",
    metadata,
    Column("id", Id, primary_key=True),
    # One of the two: whose fact it is. `lead_id` also says who told us about an account; NULL:
    # a list of target accounts did.
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=True),
    Column("name", Text, nullable=False),
    Column("value", Json, nullable=False),
    Column("source", Text, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    # When we learned of it: a backtest must not know before.
    Column("recorded_at", Instant, nullable=False),
    Column("valid_until", Instant, nullable=True),
    Index("ix_facts_lead_id_name", "lead_id", "name"),
    Index("ix_facts_account_id_name", "account_id", "name"),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, default=""),
    Column("occurred_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    # Ordinal of the day in the workspace's zone: what scores count by.
    Column("day", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_key", Text, nullable=False),
    Column("human", Boolean, nullable=False, default=True),
    Column("points", Integer, nullable=False, default=0),
    UniqueConstraint("source", "source_key"),
    # conditions and scores of a batch of leads
    Index(
        "ix_events_lead_id_kind_subject_occurred_at", "lead_id", "kind", "subject", "occurred_at"
    ),
)

# deliver: what came back of late, for the breakers
Index(
    "ix_events_trouble",
    events.c.occurred_at,
    events.c.kind,
    events.c.lead_id,
    sqlite_where=events.c.kind.in_(TROUBLE),
    postgresql_where=events.c.kind.in_(TROUBLE),
)

event_details = Table(
    "event_details",
    metadata,
    Column("event_id", Id, ForeignKey("events.id"), primary_key=True),
    Column("detail", Json, nullable=False),
)

traces = Table(
    "traces",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False),
    Column("message_id", Id, nullable=False),  # as BULK says
    # Those of the event that it is the trace of, where a click or an open was recorded.
    Column("source", Text, nullable=False),
    Column("source_key", Text, nullable=False),
    # Which link of the mail; '' for an open.
    Column("link", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("head", Boolean, nullable=False, default=False),
    Column("agent", Text, nullable=False),
    # Keyed hash of where it came from; '' if that says nothing, or is forgotten.
    Column("network", Text, nullable=False, default=""),
    # What the provider thinks: true is a machine.
    Column("said", Boolean, nullable=True),
    # How likely a person did it, in thousandths; NULL before it is judged.
    Column("chance", Integer, nullable=True),
    # When to judge it, or to judge it again; NULL: it is judged.
    Column("judge_at", Instant, nullable=True),
    UniqueConstraint("source", "source_key"),
    Index("ix_traces_message_id", "message_id"),  # judge: what else happened to this mail?
)
# judge: whose turn is it?
Index(
    "ix_traces_judge_at",
    traces.c.judge_at,
    traces.c.id,
    sqlite_where=traces.c.judge_at.is_not(None),
    postgresql_where=traces.c.judge_at.is_not(None),
)
# judge: what else did this network look at? Opens come by the thousands from a few proxies.
Index(
    "ix_traces_network",
    traces.c.network,
    traces.c.at,
    sqlite_where=and_(traces.c.network != "", traces.c.link != ""),
    postgresql_where=and_(traces.c.network != "", traces.c.link != ""),
)

raw_posts = Table(
    "raw_posts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    # NULL: still to be worked
    Column("worked_at", Instant, nullable=True),
    Column("error", Text, nullable=False, default=""),
    # how often it could not be worked, and when that is tried again
    Column("failures", Integer, nullable=False, default=0),
    Column("retry_at", Instant, nullable=True),
)

# hygiene and the doorbell: posts still to be worked
Index(
    "ix_raw_posts_open",
    raw_posts.c.id,
    sqlite_where=raw_posts.c.worked_at.is_(None),
    postgresql_where=raw_posts.c.worked_at.is_(None),
)

consents = Table(
    "consents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False),
    Column("topic", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("wording", Text, nullable=False),
    Column("given_at", Instant, nullable=False),
    Column("withdrawn_at", Instant, nullable=True),
    UniqueConstraint("lead_id", "topic"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", Id, primary_key=True),
    # Keyed hash of the normalised address: outlives the lead, says nothing without the key.
    Column("address_hash", Text, nullable=False, unique=True),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False, default=""),
    Column("created_at", Instant, nullable=False),
)

enrollments = Table(
    "enrollments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False),
    Column("sequence", Text, nullable=False),
    Column("exclusive", Text, nullable=False, default=""),
    Column("release_id", Id, ForeignKey("releases.id"), nullable=False),
    Column("step", Text, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("awaiting", Text, nullable=False),
    # NULL only for a hold: nothing but an event ends it.
    Column("due_at", Instant, nullable=True),
    Column("wait_until", Instant, nullable=True),
    Column("since", Instant, nullable=False),
    Column("entered_at", Instant, nullable=False),
    Column("visit", Integer, nullable=False, default=0),
    Column("jumps", Document, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("reason", Text, nullable=False, default=""),
    # One open passage per lead and sequence: races to enroll are settled here.
    UniqueConstraint("lead_id", "sequence"),
    CheckConstraint(_one_of("awaiting", Awaiting), name="awaiting"),
    CheckConstraint("due_at IS NOT NULL OR awaiting IN ('hold', 'sales')", name="next_action"),
    Index("ix_enrollments_due_at", "due_at", "id"),  # advance: what is due?
    # Mails, tasks and events are keyed by the id: one that is used again would swallow them.
    sqlite_autoincrement=True,
)

past_enrollments = Table(
    "past_enrollments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False),
    Column("sequence", Text, nullable=False),
    Column("release_id", Id, ForeignKey("releases.id"), nullable=False),
    Column("step", Text, nullable=False),
    Column("entered_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_past_enrollments_lead_id_sequence", "lead_id", "sequence"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    # Made from lead, passage, step and visit, so that the same step is planned once.
    Column("uid", Text, nullable=False, unique=True),
    Column("lead_id", Id, nullable=False),  # as BULK says
    Column("enrollment_id", Id, nullable=False),
    Column("release_id", Id, nullable=False),
    Column("sequence", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("visit", Integer, nullable=False),
    Column("template", Text, nullable=False),
    Column("template_version", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("window", Text, nullable=False),
    Column("form", Text, nullable=False, default=""),
    # The values the template reads, pinned when the message was planned. Redacted by erasure.
    Column("slots", Document, nullable=False),
    Column("state", Text, nullable=False),
    Column("delivery", Text, nullable=False, default="none"),
    Column("not_before", Instant, nullable=False),
    Column("expires_at", Instant, nullable=True),
    # Refusals; renderings that failed are counted apart, so that neither uses up the other's.
    Column("tries", Integer, nullable=False, default=0),
    Column("unrendered", Integer, nullable=False, default=0),
    Column("epoch", Integer, nullable=False, default=0),
    Column("planned_at", Instant, nullable=False),
    Column("accepted_at", Instant, nullable=True),
    Column("closed_at", Instant, nullable=True),
    Column("delivered_at", Instant, nullable=True),
    Column("provider_id", Text, nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    # Derived: the queue that the mail is in, and its time there. What leaves or has left is in none
    # of them, so that whatever else happens to it concerns no index.
    Column("ready_at", Instant, Computed(_while("not_before", MessageState.READY), persisted=True)),
    Column(
        "doubtful_since",
        Instant,
        Computed(_while("closed_at", MessageState.UNCERTAIN, MessageState.PARKED), persisted=True),
    ),
    Column(
        "failed_at", Instant, Computed(_while("closed_at", MessageState.FAILED), persisted=True)
    ),
    CheckConstraint(_one_of("state", MessageState), name="state"),
    CheckConstraint(_one_of("delivery", DeliveryState), name="delivery"),
    CheckConstraint("(state = 'accepted') = (accepted_at IS NOT NULL)", name="accepted"),
    Index("ix_messages_lead_id_planned_at", "lead_id", "planned_at"),  # caps, timeline
)


# The id as well: when a window opens, thousands are due in the same moment.
def _queue(name: str, at: Column[Any]) -> Index:
    return Index(
        name, at, messages.c.id, sqlite_where=at.is_not(None), postgresql_where=at.is_not(None)
    )


_queue("ix_messages_ready", messages.c.ready_at)
_queue("ix_messages_doubtful", messages.c.doubtful_since)
_queue("ix_messages_failed", messages.c.failed_at)

# The groups of mail that are leaving: who is not settled by the deadline is in doubt.
departures = Table(
    "departures",
    metadata,
    Column("id", Id, primary_key=True),
    Column("deadline", Instant, nullable=False),
    Column("message_ids", Document, nullable=False),
    # A worker that comes late must not end what another has begun.
    sqlite_autoincrement=True,
)

# The stretches of the queues that somebody is at: a row for each batch that was claimed.
leases = Table(
    "leases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("first_id", Id, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("last_id", Id, nullable=False),
    Column("until", Instant, nullable=False),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("message_id", Id, primary_key=True, autoincrement=False),  # as BULK says
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("transport", Text, nullable=False),
    # Whose reports can tell of it: a hash that stands for the provider's account; '' without one.
    Column("account", Text, nullable=False, default=""),
    Column("body_hash", Text, nullable=False, default=""),
    Column("started_at", Instant, nullable=False),
    # After this the worker is taken for dead and the outcome for unknown.
    Column("deadline", Instant, nullable=False),
    Column("finished_at", Instant, nullable=True),
    Column("outcome", Text, nullable=False, default=""),
    Column("provider_id", Text, nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),
    # When the provider, asked about the mail, last did not know it.
    Column("absent_at", Instant, nullable=True),
)

# Beside the attempts of mail that the provider keeps for a while: only they have a row here.
fences = Table(
    "fences",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    # The provider's id of what can be called back together: this mail alone.
    Column("batch_id", Text, nullable=False),
    Column("send_at", Instant, nullable=False),
    # When the provider was last asked to call it back; committed before the call.
    Column("asked_at", Instant, nullable=True),
    # When the provider said that it does not leave.
    Column("called_back_at", Instant, nullable=True),
    # When the place that a cancellation takes up at the provider was given back.
    Column("freed_at", Instant, nullable=True),
    Index("ix_fences_send_at", "send_at"),  # what has not left yet, and what is forgotten
)
Index(
    "ix_fences_asked",
    fences.c.send_at,
    sqlite_where=and_(fences.c.asked_at.is_not(None), fences.c.freed_at.is_(None)),
    postgresql_where=and_(fences.c.asked_at.is_not(None), fences.c.freed_at.is_(None)),
)

handoffs = Table(
    "handoffs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False),
    Column("cycle", Integer, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # waiting (capacity) -> ready -> delivered | dead; withdrawn if qualification fell before
    Column("state", Text, nullable=False),
    Column("readiness", Integer, nullable=False, default=0),
    # The exact bytes, pinned at release; redacted by erasure.
    Column("body", Text, nullable=False, default=""),
    Column("completeness", Integer, nullable=False, default=0),
    Column("created_at", Instant, nullable=False),
    Column("released_at", Instant, nullable=True),
    Column("next_attempt_at", Instant, nullable=True),
    Column("lease_until", Instant, nullable=True),
    Column("tries", Integer, nullable=False, default=0),
    Column("delivered_at", Instant, nullable=True),
    Column("accept_by", Instant, nullable=True),
    Column("overdue_at", Instant, nullable=True),
    Column("answer", Text, nullable=False, default=""),
    Column("answer_reason", Text, nullable=False, default=""),
    Column("answered_at", Instant, nullable=True),
    Column("reason", Text, nullable=False, default=""),
    UniqueConstraint("lead_id", "cycle", "endpoint", "kind"),
    CheckConstraint(
        "state IN ('waiting', 'ready', 'delivered', 'dead', 'withdrawn')", name="state"
    ),
    Index("ix_handoffs_state_next_attempt_at", "state", "next_attempt_at"),
    Index("ix_handoffs_answer_accept_by", "answer", "accept_by"),  # who is overdue?
    Index("ix_handoffs_endpoint_released_at", "endpoint", "released_at"),  # capacity used
)

handoff_attempts = Table(
    "handoff_attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("handoff_id", Id, ForeignKey("handoffs.id"), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=True),
    Column("status", Integer, nullable=True),
    Column("outcome", Text, nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),
    Index("ix_handoff_attempts_handoff_id", "handoff_id"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False),
    Column("enrollment_id", Id, nullable=True),
    Column("step", Text, nullable=False, default=""),
    Column("visit", Integer, nullable=False, default=0),
    Column("title", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("done_at", Instant, nullable=True),
    Column("outcome", Text, nullable=False, default=""),
    # What it cost, and the stage of the lead when it was done. NULL: open, or nobody said.
    Column("minutes", Integer, nullable=True),
    Column("stage", Text, nullable=True),
    UniqueConstraint("enrollment_id", "step", "visit"),
    Index("ix_tasks_lead_id", "lead_id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, nullable=False),  # as BULK says
    Column("enrollment_id", Id, nullable=True),
    Column("release_id", Id, nullable=True),
    Column("at", Instant, nullable=False),
    Column("sequence", Text, nullable=False, default=""),
    Column("step", Text, nullable=False, default=""),
    Column("rule", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("inputs", Json, nullable=False),
    Index("ix_decisions_lead_id", "lead_id"),
)

# Asked about a lead outside any sequence: the same question once.
Index(
    "ix_tasks_asked",
    tasks.c.lead_id,
    tasks.c.step,
    unique=True,
    sqlite_where=and_(tasks.c.enrollment_id.is_(None), tasks.c.step != ""),
    postgresql_where=and_(tasks.c.enrollment_id.is_(None), tasks.c.step != ""),
)

stage_moves = Table(
    "stage_moves",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Json, nullable=False),
    Index("ix_stage_moves_lead_id", "lead_id"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False),
    Column("gate", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("evidence", Json, nullable=False),
    Index("ix_verdicts_lead_id", "lead_id"),
)

switches = Table(
    "switches",
    metadata,
    # "sending" (pause all) or "transport:NAME" (halted by the provider)
    Column("name", Text, primary_key=True),
    Column("until", Instant, nullable=True),
    Column("reason", Text, nullable=False),
    Column("set_at", Instant, nullable=False),
)

segment_days = Table(
    "segment_days",
    metadata,
    # Ordinal of the day in the workspace's zone; first, as the last days are asked for.
    Column("day", Integer, primary_key=True),
    Column("segment", Text, primary_key=True),
    Column("leads", Integer, nullable=False),
    # Which rule it was: a hash of the condition, so that a change of it can be told.
    Column("rule", Text, nullable=False, default=""),
    # When its members were looked at; NULL: there were too many to keep who they are.
    Column("looked_at", Instant, nullable=True),
)

segment_stays = Table(
    "segment_stays",
    metadata,
    Column("segment", Text, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), primary_key=True, autoincrement=False),
    # The looks that first found the lead in the segment, and gone from it; NULL: it is in it.
    Column("entered_at", Instant, primary_key=True),
    Column("left_at", Instant, nullable=True),
)
# Hygiene: stays that ended long ago.
Index(
    "ix_segment_stays_left_at",
    segment_stays.c.left_at,
    sqlite_where=segment_stays.c.left_at.is_not(None),
    postgresql_where=segment_stays.c.left_at.is_not(None),
)

# How fast mail left of late: tokens that were used, by minute, hour and day.
buckets = Table(
    "buckets",
    metadata,
    Column("name", Text, primary_key=True),
    # [[when, how many], …], oldest first; when as Instant stores it
    Column("taken", Json, nullable=False),
    # When a warm-up began again, or when counting began.
    Column("since", Instant, nullable=True),
    # Up to when mails that found no token may ask again, one after the other.
    Column("booked_to", Instant, nullable=True),
    Column("last_at", Instant, nullable=True),
    # Mails that found no token since then though their booked time had come.
    Column("missed", Integer, nullable=False, default=0),
    Index("ix_buckets_booked_to", "booked_to"),  # a tick: is a line longer than it has to be?
)

# What the database remembers about itself; see `store.installation`.
installation = Table(
    "installation",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Json, nullable=False),
)

PERSONAL = {
    "leads": ("email", "match_key", "profile", "note"),
    "facts": ("value",),
    "event_details": ("detail",),
    "raw_posts": ("body",),
    "messages": ("slots",),
    "handoffs": ("body", "answer_reason"),
    "handoff_attempts": ("detail",),
    "tasks": ("title", "outcome"),
    "consents": ("source", "wording"),
    "accounts": ("name", "profile"),
    "attempts": ("detail",),
    "stage_moves": ("evidence",),
    "traces": ("network",),
}
