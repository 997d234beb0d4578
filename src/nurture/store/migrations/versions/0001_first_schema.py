"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TROUBLE = "kind IN ('message.complained', 'message.bounced', 'message.deferred')"

# Rows of these change soon after they were written: with room, PostgreSQL keeps them on their page.
CHANGING = ("attempts", "enrollments", "messages")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "accounts",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("profile", JSON, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("key", name=op.f("uq_accounts_key")),
    )
    op.create_table(
        "account_signals",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("human", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_signals_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_signals")),
        sa.UniqueConstraint(
            "source", "source_key", name=op.f("uq_account_signals_source_source_key")
        ),
    )
    op.create_index(
        "ix_account_signals_account_id_occurred_at",
        "account_signals",
        ["account_id", "occurred_at"],
        unique=False,
    )
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "raw_posts",
        sa.Column("id", ID, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("worked_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raw_posts")),
    )
    op.create_index(
        "ix_raw_posts_open",
        "raw_posts",
        ["id"],
        unique=False,
        sqlite_where=sa.text("worked_at IS NULL"),
        postgresql_where=sa.text("worked_at IS NULL"),
    )
    op.create_table(
        "releases",
        sa.Column("id", ID, nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("files", JSON, nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sa.UniqueConstraint("content_hash", name=op.f("uq_releases_content_hash")),
    )
    op.create_table(
        "suppressions",
        sa.Column("id", ID, nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
        sa.UniqueConstraint("address_hash", name=op.f("uq_suppressions_address_hash")),
    )
    op.create_table(
        "installation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
    )
    op.create_table(
        "switches",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switches")),
    )
    op.create_table(
        "buckets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("taken", JSON, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("booked_to", sa.BigInteger(), nullable=True, index=True),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_buckets")),
    )
    op.create_table(
        "leads",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("match_key", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("profile", JSON, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("temperature", sa.Text(), nullable=False),
        sa.Column("temperature_at", sa.BigInteger(), nullable=True),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("fit", sa.Integer(), nullable=False),
        sa.Column("engagement", sa.Integer(), nullable=False),
        sa.Column("readiness", sa.Integer(), nullable=False),
        sa.Column("verdict_organization", sa.Text(), nullable=False),
        sa.Column("verdict_opportunity", sa.Text(), nullable=False),
        sa.Column("verdict_stakeholder", sa.Text(), nullable=False),
        sa.Column("verdict_nurtured", sa.Text(), nullable=False),
        sa.Column("trait_pain", sa.Integer(), nullable=False),
        sa.Column("trait_interest", sa.Integer(), nullable=False),
        sa.Column("trait_fit", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("cycle_at", sa.BigInteger(), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("suppressed", sa.Text(), nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=False),
        sa.Column("last_life_at", sa.BigInteger(), nullable=True),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.Column("assessed_at", sa.BigInteger(), nullable=True),
        sa.Column("archived_at", sa.BigInteger(), nullable=True),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "stage <> 'erased' OR (email = '' AND match_key IS NULL)", name=op.f("ck_leads_erased")
        ),
        sa.CheckConstraint(
            "stage IN ('suspect', 'lead', 'prospect', 'opportunity', 'customer', 'inactive', 'disqualified', 'lost', 'erased')",
            name=op.f("ck_leads_stage"),
        ),
        sa.CheckConstraint(
            "temperature IN ('new', 'hot', 'warm', 'cold', 'closed')",
            name=op.f("ck_leads_temperature"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_leads_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
        sa.UniqueConstraint("match_key", name=op.f("uq_leads_match_key")),
        sa.UniqueConstraint("uid", name=op.f("uq_leads_uid")),
    )
    op.create_index("ix_leads_account_id", "leads", ["account_id"], unique=False)
    op.create_index("ix_leads_check_at", "leads", ["check_at", "id"], unique=False)
    op.create_index(
        "ix_leads_erased_at",
        "leads",
        ["erased_at"],
        unique=False,
        sqlite_where=sa.text("erased_at IS NOT NULL"),
        postgresql_where=sa.text("erased_at IS NOT NULL"),
    )
    op.create_index("ix_leads_stage", "leads", ["stage"], unique=False)
    op.create_table(
        "consents",
        sa.Column("id", ID, nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_consents_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint("lead_id", "topic", name=op.f("uq_consents_lead_id_topic")),
    )
    op.create_table(
        "decisions",
        sa.Column("id", ID, nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("enrollment_id", ID, nullable=True),
        sa.Column("release_id", ID, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("inputs", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_lead_id", "decisions", ["lead_id"], unique=False)
    op.create_table(
        "enrollments",
        sa.Column("id", ID, nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.Column("exclusive", sa.Text(), nullable=False),
        sa.Column("release_id", ID, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("awaiting", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("wait_until", sa.BigInteger(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("jumps", sa.JSON(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "awaiting IN ('turn', 'time', 'event', 'sales', 'hold')",
            name=op.f("ck_enrollments_awaiting"),
        ),
        sa.CheckConstraint(
            "due_at IS NOT NULL OR awaiting IN ('hold', 'sales')",
            name=op.f("ck_enrollments_next_action"),
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_enrollments_lead_id")),
        sa.ForeignKeyConstraint(
            ["release_id"], ["releases.id"], name=op.f("fk_enrollments_release_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollments")),
        sa.UniqueConstraint("lead_id", "sequence", name=op.f("uq_enrollments_lead_id_sequence")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_enrollments_due_at", "enrollments", ["due_at", "id"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", ID, nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("human", sa.Boolean(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_events_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("source", "source_key", name=op.f("uq_events_source_source_key")),
    )
    op.create_index(
        "ix_events_lead_id_kind_subject_occurred_at",
        "events",
        ["lead_id", "kind", "subject", "occurred_at"],
        unique=False,
    )
    op.create_table(
        "facts",
        sa.Column("id", ID, nullable=False),
        sa.Column("lead_id", ID, nullable=True),
        sa.Column("account_id", ID, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_facts_account_id")),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_facts_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facts")),
    )
    op.create_index("ix_facts_account_id_name", "facts", ["account_id", "name"], unique=False)
    op.create_index("ix_facts_lead_id_name", "facts", ["lead_id", "name"], unique=False)
    op.create_table(
        "handoffs",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("readiness", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("completeness", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("accept_by", sa.BigInteger(), nullable=True),
        sa.Column("overdue_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answer_reason", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'ready', 'delivered', 'dead', 'withdrawn')",
            name=op.f("ck_handoffs_state"),
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_handoffs_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handoffs")),
        sa.UniqueConstraint(
            "lead_id",
            "cycle",
            "endpoint",
            "kind",
            name=op.f("uq_handoffs_lead_id_cycle_endpoint_kind"),
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_handoffs_uid")),
    )
    op.create_index(
        "ix_handoffs_answer_accept_by", "handoffs", ["answer", "accept_by"], unique=False
    )
    op.create_index(
        "ix_handoffs_endpoint_released_at", "handoffs", ["endpoint", "released_at"], unique=False
    )
    op.create_index(
        "ix_handoffs_state_next_attempt_at", "handoffs", ["state", "next_attempt_at"], unique=False
    )
    op.create_table(
        "messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("enrollment_id", ID, nullable=False),
        sa.Column("release_id", ID, nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("template_version", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("unrendered", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "ready_at",
            sa.BigInteger(),
            sa.Computed("CASE WHEN state IN ('ready') THEN not_before END", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "doubtful_since",
            sa.BigInteger(),
            sa.Computed(
                "CASE WHEN state IN ('uncertain', 'parked') THEN closed_at END", persisted=True
            ),
            nullable=True,
        ),
        sa.Column(
            "failed_at",
            sa.BigInteger(),
            sa.Computed("CASE WHEN state IN ('failed') THEN closed_at END", persisted=True),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(state = 'accepted') = (accepted_at IS NOT NULL)", name=op.f("ck_messages_accepted")
        ),
        sa.CheckConstraint(
            "delivery IN ('none', 'processed', 'deferred', 'delivered', 'bounced', 'blocked', 'dropped')",
            name=op.f("ck_messages_delivery"),
        ),
        sa.CheckConstraint(
            "state IN ('ready', 'dispatching', 'accepted', 'failed', 'uncertain', 'parked', 'suppressed', 'expired', 'cancelled')",
            name=op.f("ck_messages_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("uid", name=op.f("uq_messages_uid")),
    )
    op.create_index(
        "ix_messages_lead_id_planned_at", "messages", ["lead_id", "planned_at"], unique=False
    )
    for name, at in (
        ("ix_messages_ready", "ready_at"),
        ("ix_messages_doubtful", "doubtful_since"),
        ("ix_messages_failed", "failed_at"),
    ):
        op.create_index(
            name,
            "messages",
            [at, "id"],
            unique=False,
            sqlite_where=sa.text(f"{at} IS NOT NULL"),
            postgresql_where=sa.text(f"{at} IS NOT NULL"),
        )
    _create_traces()
    _create_past()
    op.create_table(
        "tasks",
        sa.Column("id", ID, nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("enrollment_id", ID, nullable=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_tasks_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint(
            "enrollment_id", "step", "visit", name=op.f("uq_tasks_enrollment_id_step_visit")
        ),
    )
    op.create_index(
        "ix_tasks_asked",
        "tasks",
        ["lead_id", "step"],
        unique=True,
        sqlite_where=sa.text("enrollment_id IS NULL AND step != ''"),
        postgresql_where=sa.text("enrollment_id IS NULL AND step != ''"),
    )
    op.create_index("ix_tasks_lead_id", "tasks", ["lead_id"], unique=False)
    op.create_table(
        "verdicts",
        sa.Column("id", ID, nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_verdicts_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdicts")),
    )
    op.create_index("ix_verdicts_lead_id", "verdicts", ["lead_id"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("message_id", ID, autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("absent_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("message_id", "epoch", name=op.f("pk_attempts")),
    )
    op.create_index(
        "ix_events_trouble",
        "events",
        ["occurred_at", "kind", "lead_id"],
        unique=False,
        sqlite_where=sa.text(TROUBLE),
        postgresql_where=sa.text(TROUBLE),
    )
    op.create_table(
        "event_details",
        sa.Column("event_id", ID, nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_details_event_id")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_details")),
    )
    _make_hand_overs()
    _make_segments()
    _leave_room()


def _make_hand_overs() -> None:
    op.create_table(
        "handoff_attempts",
        sa.Column("id", ID, nullable=False),
        sa.Column("handoff_id", ID, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["handoff_id"], ["handoffs.id"], name=op.f("fk_handoff_attempts_handoff_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handoff_attempts")),
    )
    op.create_index(
        "ix_handoff_attempts_handoff_id", "handoff_attempts", ["handoff_id"], unique=False
    )
    op.create_table(
        "departures",
        sa.Column("id", ID, nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("message_ids", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departures")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "leases",
        sa.Column("id", ID, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("first_id", ID, nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("last_id", ID, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leases")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "fences",
        sa.Column("message_id", ID, autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("send_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("called_back_at", sa.BigInteger(), nullable=True),
        sa.Column("freed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_fences_message_id")),
        sa.PrimaryKeyConstraint("message_id", "epoch", name=op.f("pk_fences")),
    )
    op.create_index("ix_fences_send_at", "fences", ["send_at"], unique=False)
    asked = "asked_at IS NOT NULL AND freed_at IS NULL"
    op.create_index(
        "ix_fences_asked",
        "fences",
        ["send_at"],
        unique=False,
        sqlite_where=sa.text(asked),
        postgresql_where=sa.text(asked),
    )


def _make_segments() -> None:
    op.create_table(
        "segment_days",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("day", "segment", name=op.f("pk_segment_days")),
    )
    op.create_table(
        "segment_stays",
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("lead_id", ID, autoincrement=False, nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_segment_stays_lead_id")),
        sa.PrimaryKeyConstraint("segment", "lead_id", "entered_at", name=op.f("pk_segment_stays")),
    )
    op.create_index(
        "ix_segment_stays_left_at",
        "segment_stays",
        ["left_at"],
        unique=False,
        sqlite_where=sa.text("left_at IS NOT NULL"),
        postgresql_where=sa.text("left_at IS NOT NULL"),
    )


def _leave_room() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in CHANGING:
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 40)")


def _create_traces() -> None:
    op.create_table(
        "traces",
        sa.Column("id", ID, nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("message_id", ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.Boolean(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("said", sa.Boolean(), nullable=True),
        sa.Column("chance", sa.Integer(), nullable=True),
        sa.Column("judge_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_traces_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traces")),
        sa.UniqueConstraint("source", "source_key", name=op.f("uq_traces_source_source_key")),
    )
    op.create_index("ix_traces_message_id", "traces", ["message_id"], unique=False)
    op.create_index(
        "ix_traces_judge_at",
        "traces",
        ["judge_at", "id"],
        unique=False,
        sqlite_where=sa.text("judge_at IS NOT NULL"),
        postgresql_where=sa.text("judge_at IS NOT NULL"),
    )
    op.create_index(
        "ix_traces_network",
        "traces",
        ["network", "at"],
        unique=False,
        sqlite_where=sa.text("network != '' AND link != ''"),
        postgresql_where=sa.text("network != '' AND link != ''"),
    )


def _create_past() -> None:
    op.create_table(
        "past_enrollments",
        sa.Column("id", ID, nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.Column("release_id", ID, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lead_id"], ["leads.id"], name=op.f("fk_past_enrollments_lead_id")
        ),
        sa.ForeignKeyConstraint(
            ["release_id"], ["releases.id"], name=op.f("fk_past_enrollments_release_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_enrollments")),
    )
    op.create_index(
        "ix_past_enrollments_lead_id_sequence",
        "past_enrollments",
        ["lead_id", "sequence"],
        unique=False,
    )
    op.create_table(
        "stage_moves",
        sa.Column("id", ID, nullable=False),
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_stage_moves_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_moves")),
    )
    op.create_index("ix_stage_moves_lead_id", "stage_moves", ["lead_id"], unique=False)
