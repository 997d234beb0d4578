"""Every figure adds up to what the tables of the database hold."""

from __future__ import annotations

import pandas as pd
import pytest
from sqlalchemy import Table, func, select

from nurture.core.message import MessageState
from nurture.reports import Report
from nurture.store.db import Database
from nurture.store.tables import (
    enrollments,
    handoffs,
    leads,
    messages,
    past_enrollments,
    stage_moves,
)


class Counts:
    """Asks the database without the queries of the reports."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def __call__(self, table: Table, **wanted: str) -> int:
        statement = select(func.count()).select_from(table)
        for column, value in wanted.items():
            statement = statement.where(table.c[column] == value)
        with self.database.read() as connection:
            return connection.execute(statement).scalar_one()


@pytest.fixture
def raw(told: Database) -> Counts:
    return Counts(told)


def _sum(table: pd.DataFrame, *columns: str) -> int:
    return int(table[list(columns)].to_numpy().sum())


def test_every_lead_stands_in_one_source_and_stops_at_one_stage(
    report: Report, raw: Counts
) -> None:
    stopped = ("in_play", "customers", "inactive", "disqualified", "lost", "erased")
    assert int(report.tables["milestones"]["leads"].iloc[0]) == raw(leads)
    assert _sum(report.tables["sources"], "captured") == raw(leads)
    assert _sum(report.tables["stages"], *stopped) == raw(leads)
    for stage in ("customer", "inactive", "disqualified", "erased"):
        column = "customers" if stage == "customer" else stage
        assert _sum(report.tables["stages"], column) == raw(leads, stage=stage)


def test_what_a_stage_reached_went_on_or_stopped_there(report: Report) -> None:
    stages = report.tables["stages"]
    parts = ("went_on", "in_play", "customers", "inactive", "disqualified", "lost", "erased")
    assert stages["reached"].tolist() == stages[list(parts)].sum(axis=1).tolist()
    assert stages["went_on"].tolist()[:-1] == stages["reached"].tolist()[1:]


def test_sources_add_up_to_the_milestones(report: Report) -> None:
    reached = report.tables["milestones"].set_index("milestone")["leads"]
    names = {
        "captured": "captured",
        "prospects": "prospect",
        "handed_over": "handed_over",
        "accepted": "accepted",
        "customers": "customer",
    }
    for column, milestone in names.items():
        assert _sum(report.tables["sources"], column) == reached[milestone]


def test_every_planned_mail_is_somewhere(report: Report, raw: Counts) -> None:
    steps = report.tables["steps"]
    assert _sum(steps, "planned") == raw(messages)
    assert _sum(steps, "sent") == raw(messages, state=MessageState.ACCEPTED)
    assert _sum(steps, "failed") == raw(messages, state=MessageState.FAILED)
    somewhere = ("sent", "on_the_way", "in_doubt", "stopped", "failed")
    assert steps["planned"].tolist() == steps[list(somewhere)].sum(axis=1).tolist()
    assert _sum(report.tables["sequences"], "planned") == raw(messages)


def test_the_weeks_hold_every_mail_that_was_sent(report: Report, raw: Counts) -> None:
    assert _sum(report.tables["weeks"], "mails") == raw(messages, state=MessageState.ACCEPTED)


def test_every_passage_is_open_or_has_ended_for_a_reason(report: Report, raw: Counts) -> None:
    sequences = report.tables["sequences"]
    assert _sum(sequences, "inside") == raw(enrollments) == _sum(report.tables["steps"], "inside")
    assert _sum(sequences, "left") == raw(past_enrollments)
    assert _sum(report.tables["exits"], "leads") == raw(past_enrollments)
    assert _sum(sequences, "entered") == raw(enrollments) + raw(past_enrollments)


def test_every_handoff_is_in_one_state_and_every_answer_in_one_kind(
    report: Report, raw: Counts
) -> None:
    line = report.tables["handoffs"].iloc[[0]]
    states = ("waiting", "on_the_way", "withdrawn", "dead", "delivered")
    answers = ("in_work", "rejected", "recycled", "won", "lost")
    assert _sum(line, *states) == raw(handoffs) == _sum(line, "created")
    assert _sum(line, "unanswered", "answered") == _sum(line, "delivered")
    assert _sum(line, *answers) == _sum(line, "answered")
    assert _sum(report.tables["handoffs"].iloc[1:], "created") == raw(handoffs)


def test_departures_are_the_moves_into_the_file_and_the_people_erased(
    report: Report, raw: Counts
) -> None:
    found = report.tables["departures"].groupby("what")["leads"].sum().to_dict()
    assert found["archived"] == raw(stage_moves, after="inactive")
    assert found["revived"] == raw(stage_moves, before="inactive")
    assert found["erased"] == raw(leads, stage="erased")


def test_held_mail_is_all_mail_in_doubt(report: Report, raw: Counts) -> None:
    held = report.tables["held"].groupby("what")["count"].sum().to_dict()
    assert held["mail in doubt"] == raw(messages, state=MessageState.UNCERTAIN)
    assert held["mail parked"] == raw(messages, state=MessageState.PARKED)


def test_arrivals_end_where_the_quartiles_counted_people(report: Report) -> None:
    pace = report.tables["pace"]
    own = pace[(pace["scope"] == "all") & (pace["begins"] == "captured")]
    counted = own.set_index("ends")["leads"].to_dict()
    arrived = report.tables["arrivals"].groupby("milestone")["leads"].sum().to_dict()
    assert arrived == {key: value for key, value in counted.items() if value}
