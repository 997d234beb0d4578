"""The figures of a known history are those that were counted by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from nurture.reports import Report
from nurture.reports.report import rows_of
from tests.reports.history import SALES, one

Tables = Mapping[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def tables(report: Report) -> Tables:
    return {name: rows_of(table) for name, table in report.tables.items()}


def _column(table: list[dict[str, Any]], key: str, value: str) -> dict[str, Any]:
    return {row[key]: row[value] for row in table}


def test_whoever_got_further_counts_for_every_milestone_before(tables: Tables) -> None:
    assert _column(tables["milestones"], "milestone", "leads") == {
        "captured": 10,
        "prospect": 6,
        "handed_over": 3,
        "accepted": 2,
        "customer": 1,
    }
    assert _column(tables["milestones"], "milestone", "of_previous") == {
        "captured": 1.0,
        "prospect": 0.6,
        "handed_over": 0.5,
        "accepted": 0.6667,
        "customer": 0.5,
    }


def test_a_stage_says_who_went_on_who_is_in_play_and_who_is_lost(tables: Tables) -> None:
    lead = one(tables["stages"], stage="lead")
    assert (lead["reached"], lead["went_on"], lead["in_play"]) == (10, 6, 3)
    assert (lead["disqualified"], lead["waste"]) == (1, 0.1)
    prospect = one(tables["stages"], stage="prospect")
    assert (prospect["reached"], prospect["went_on"], prospect["in_play"]) == (6, 1, 3)
    assert (prospect["inactive"], prospect["erased"], prospect["waste"]) == (1, 1, 0.3333)
    customer = one(tables["stages"], stage="customer")
    assert (customer["reached"], customer["customers"]) == (1, 1)


def test_sources_keep_their_people_apart_and_the_erased_have_none(tables: Tables) -> None:
    assert _column(tables["sources"], "source", "captured") == {
        "fair": 4,
        "web": 4,
        "(erased)": 1,
        "(not said)": 1,
    }
    fair, web = (one(tables["sources"], source=source) for source in ("fair", "web"))
    counts = ("prospects", "handed_over", "accepted", "customers", "in_play", "wasted")
    assert [fair[name] for name in counts] == [3, 2, 1, 1, 2, 1]
    assert [web[name] for name in counts] == [2, 1, 1, 0, 3, 1]
    assert (fair["prospect_rate"], web["prospect_rate"]) == (0.75, 0.5)


@pytest.mark.parametrize(
    ("scope", "source", "ends", "quartiles"),
    [
        pytest.param("all", "", "prospect", [6, 4.5, 7, 9.5], id="prospects of all sources"),
        pytest.param("source", "fair", "prospect", [3, 5, 6, 8], id="prospects of the fair"),
        pytest.param("source", "web", "prospect", [2, 9.5, 11, 12.5], id="prospects of the web"),
        pytest.param("all", "", "handed_over", [3, 13, 18, 19.5], id="handed over"),
        pytest.param("all", "", "opportunity", [1, 20, 20, 20], id="one opportunity"),
    ],
)
def test_time_counts_from_capture_to_the_first_arrival(
    tables: Tables, scope: str, source: str, ends: str, quartiles: list[float]
) -> None:
    row = one(tables["pace"], scope=scope, source=source, begins="captured", ends=ends)
    names = ("leads", "quarter_days", "median_days", "three_quarters_days")
    assert [row[name] for name in names] == quartiles


def test_arrivals_rise_to_everybody_who_arrived(tables: Tables) -> None:
    own = [row for row in tables["arrivals"] if row["milestone"] == "prospect"]
    assert [(row["day"], row["arrived"]) for row in own] == [
        (2, 1),
        (4, 2),
        (6, 3),
        (8, 4),
        (10, 5),
        (14, 6),
    ]
    assert own[-1]["share"] == 1.0


def test_a_step_counts_its_mails_by_what_became_of_them(tables: Tables) -> None:
    guide = one(tables["steps"], sequence="welcome", step="guide")
    counts = ("planned", "sent", "in_doubt", "stopped", "failed", "on_the_way")
    assert [guide[name] for name in counts] == [7, 4, 2, 1, 0, 0]
    assert (guide["delivered"], guide["refused"], guide["people"]) == (2, 1, 4)


def test_steps_stand_in_the_order_of_their_sequence(tables: Tables) -> None:
    assert [(row["sequence"], row["step"], row["kind"]) for row in tables["steps"]] == [
        ("nurture", "again", "email"),
        ("welcome", "guide", "email"),
        ("welcome", "basics", "form"),
        ("welcome", "pause", "wait"),
    ]


def test_clicks_count_people_once_and_machines_never(tables: Tables) -> None:
    guide = one(tables["steps"], sequence="welcome", step="guide")
    basics = one(tables["steps"], sequence="welcome", step="basics")
    assert (guide["clicked"], guide["click_rate"]) == (1, 0.25)
    assert (basics["clicked"], basics["click_rate"]) == (1, 0.5)


def test_a_click_belongs_to_the_mail_that_was_sent_last(tables: Tables) -> None:
    again = one(tables["steps"], sequence="nurture", step="again")
    assert (again["people"], again["clicked"]) == (1, 1)


def test_an_answer_counts_where_the_mail_had_asked_for_the_form(tables: Tables) -> None:
    basics = one(tables["steps"], sequence="welcome", step="basics")
    guide = one(tables["steps"], sequence="welcome", step="guide")
    assert (basics["answered"], basics["answer_rate"]) == (1, 0.5)
    assert (guide["answered"], guide["answer_rate"]) == (0, None)


def test_people_stand_at_a_step_or_left_there_for_a_reason(tables: Tables) -> None:
    welcome = one(tables["sequences"], sequence="welcome")
    assert (welcome["entered"], welcome["inside"], welcome["left"]) == (5, 3, 2)
    assert [(row["step"], row["reason"], row["leads"]) for row in tables["exits"]] == [
        ("basics", "with sales", 1),
        ("pause", "finished", 1),
    ]
    assert one(tables["steps"], sequence="welcome", step="guide")["inside"] == 2


def test_weeks_begin_on_monday_in_the_workspaces_zone(tables: Tables) -> None:
    names = ("week", "monday", "sequence", "template", "mails")
    assert [tuple(row[name] for name in names) for row in tables["weeks"]] == [
        ("2026-W23", "2026-06-01", "welcome", "guide", 3),
        ("2026-W23", "2026-06-01", "welcome", "three-questions", 2),
        ("2026-W24", "2026-06-08", "welcome", "guide", 1),
        ("2026-W28", "2026-07-06", "nurture", "guide", 1),
    ]


@pytest.mark.parametrize("endpoint", [pytest.param("", id="in all"), pytest.param(SALES, id=SALES)])
def test_handoffs_are_counted_by_where_they_are_and_what_sales_said(
    tables: Tables, endpoint: str
) -> None:
    line = one(tables["handoffs"], endpoint=endpoint)
    states = ("created", "waiting", "on_the_way", "withdrawn", "dead", "delivered")
    assert [line[name] for name in states] == [5, 1, 0, 0, 0, 4]
    answers = ("unanswered", "answered", "in_work", "rejected", "recycled", "won", "lost")
    assert [line[name] for name in answers] == [1, 3, 0, 1, 1, 1, 0]
    assert (line["overdue"], line["overdue_now"]) == (1, 1)
    assert line["median_hours_to_answer"] == 12


def test_acceptance_counts_whoever_sales_ever_took_on(tables: Tables) -> None:
    line = one(tables["handoffs"], endpoint=SALES)
    assert (line["accepted"], line["acceptance"]) == (2, 0.6667)
    assert (line["acceptance_low"], line["acceptance_high"]) == (0.2077, 0.9385)


def test_what_sales_said_once_is_shown_only_in_usual_words(tables: Tables) -> None:
    assert [
        (row["answer"], row["reason"], row["handoffs"]) for row in tables["handoff_reasons"]
    ] == [
        ("rejected", "in other words", 1),
        ("recycled", "bad timing", 1),
    ]


def test_departures_say_who_was_archived_revived_stopped_or_erased(tables: Tables) -> None:
    assert [(row["what"], row["reason"], row["leads"]) for row in tables["departures"]] == [
        ("archived", "silent for too long", 1),
        ("archived", "unresponsive", 1),
        ("revived", "showed a sign of life", 1),
        ("mail stopped", "unsubscribed", 1),
        ("erased", "closed", 1),
    ]


def test_held_work_names_the_urgent_first_and_nobodys_address(tables: Tables) -> None:
    assert [
        (row["what"], row["reason"], row["count"], row["urgent"]) for row in tables["held"]
    ] == [
        ("handoff overdue", "sales has not answered in time", 1, True),
        ("mail parked", "451 <(address)> is busy", 1, True),
        ("set aside after an error", "set aside: ValueError", 1, True),
        ("handoff waiting", "waits for room in the week", 1, False),
        ("mail in doubt", "lost", 1, False),
        ("on hold", "no consent for news", 1, False),
        ("with sales", "until sales answers", 1, False),
    ]
    assert one(tables["held"], what="handoff overdue")["oldest_days"] == 50


def test_lately_compares_the_last_thirty_days_with_those_before(tables: Tables) -> None:
    found = {
        row["figure"]: (row["last_30_days"], row["previous_30_days"]) for row in tables["lately"]
    }
    assert found == {
        "captured": (0, 0),
        "prospects": (0, 1),
        "mails_sent": (0, 1),
        "clicked": (0, 1),
        "answered": (0, 0),
        "handed_over": (0, 1),
        "accepted": (0, 0),
        "customers": (0, 0),
        "opted_out": (1, 0),
        "archived": (2, 0),
    }
