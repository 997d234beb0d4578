"""A report leaves as JSON, as CSV and as one page; none of them can be turned against a reader."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import update

from nurture import reports
from nurture.core.project import Project
from nurture.core.spreadsheet import harmless
from nurture.reports import Report
from nurture.store.db import Database
from nurture.store.tables import leads, messages, past_enrollments
from tests.reports.history import NOW, PROJECT, WELCOME, tell

HOSTILE = '=cmd|"/c calc"!A1 <script>alert(1)</script> "onload=x\' \u202eevil'


class Page(HTMLParser):
    """Collects what a browser would find."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        """Yield the attributes of every such element."""
        return (attributes for name, attributes in self.tags if name == tag)


# -- JSON ----------------------------------------------------------------------------------------


def test_json_is_the_same_for_the_same_state(told: Database, report: Report) -> None:
    again = reports.build(told, PROJECT, now=NOW)
    assert json.dumps(again.to_json()) == json.dumps(report.to_json())


def test_json_holds_plain_values_and_no_number_that_json_does_not_know(report: Report) -> None:
    text = json.dumps(report.to_json(), allow_nan=False)
    assert json.loads(text) == report.to_json()


def test_json_is_sorted_through_and_through(report: Report) -> None:
    told = report.to_json()
    assert json.dumps(told) == json.dumps(told, sort_keys=True)


def test_json_rounds_what_is_not_whole(report: Report) -> None:
    numbers = [
        value
        for table in json.loads(json.dumps(report.to_json()))["tables"].values()
        for row in table
        for value in row.values()
        if isinstance(value, float)
    ]
    assert numbers
    assert all(round(number, 4) == number for number in numbers)


def test_both_databases_give_the_same_report(
    sqlite_database: Database, postgres_database: Database
) -> None:
    found = []
    for database in (sqlite_database, postgres_database):
        tell(database)
        found.append(reports.build(database, PROJECT, now=NOW).to_json())
    assert found[0] == found[1]


# -- CSV -----------------------------------------------------------------------------------------


def test_each_table_becomes_a_file_with_a_row_for_each_row(report: Report, tmp_path: Path) -> None:
    files = report.write_csv(tmp_path / "csv")
    assert {file.stem for file in files} == set(report.tables)
    for file in files:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            heading, *rows = csv.reader(opened)
        table = report.tables[file.stem]
        assert heading == list(table.columns)
        assert len(rows) == len(table)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n1", "\uff1d1", "\u00a0=1"],
)
def test_a_spreadsheet_calculates_no_cell(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["website", "a=b", "", "'=1", "2026-W23", "fair-hannover"])
def test_ordinary_cells_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_a_hostile_source_is_shown_and_not_calculated(
    sqlite_database: Database, tmp_path: Path
) -> None:
    hostile_report = _hostile(sqlite_database)
    hostile_report.write_csv(tmp_path)
    with (tmp_path / "sources.csv").open(encoding="utf-8-sig", newline="") as opened:
        sources = [row["source"] for row in csv.DictReader(opened)]
    assert f"'{HOSTILE}" in sources


# -- the page ------------------------------------------------------------------------------------


def _hostile(database: Database) -> Report:
    """Return a report in which every name that somebody else may choose is an attack."""
    tell(database)
    with database.write() as connection:
        connection.execute(update(leads).where(leads.c.source == "web").values(source=HOSTILE))
        connection.execute(update(messages).values(template=HOSTILE))
        connection.execute(update(past_enrollments).values(reason=HOSTILE))
    title = replace(WELCOME, title=HOSTILE)
    project: Project = replace(
        PROJECT,
        sequences={**PROJECT.sequences, "welcome": title},
        workspace=replace(PROJECT.workspace, company={"name": HOSTILE}),
    )
    return reports.build(database, project, now=NOW)


def test_a_hostile_name_stays_text(sqlite_database: Database) -> None:
    html = _hostile(sqlite_database).html()
    page = Page(html)
    assert not list(page.all("script"))
    assert all(not name.startswith("on") for _, found in page.tags for name in found)
    assert "\u202e" not in html
    assert "<script>alert(1)</script>" in "".join(page.text)


def test_the_page_needs_nothing_but_itself(report: Report) -> None:
    html = report.html()
    page = Page(html)
    for tag in ("script", "link", "img", "iframe", "object", "form", "image", "use"):
        assert not list(page.all(tag)), tag
    assert "http" not in html.replace("http-equiv", "")
    assert "@import" not in html
    assert "url(" not in html
    assert all((found["href"] or "").startswith("#") for found in page.all("a"))


def test_every_link_of_the_page_leads_somewhere(report: Report) -> None:
    page = Page(report.html())
    ids = [found["id"] for _, found in page.tags if "id" in found]
    assert len(ids) == len(set(ids))
    assert {(found["href"] or "")[1:] for found in page.all("a")} <= set(ids)


def test_every_drawing_says_in_a_sentence_what_it_shows(report: Report) -> None:
    drawings = list(Page(report.html()).all("svg"))
    assert len(drawings) > 10
    for drawing in drawings:
        assert drawing["role"] == "img"
        assert (drawing["aria-label"] or "").endswith(".")


def test_every_figure_with_a_drawing_has_its_numbers_as_a_table(report: Report) -> None:
    for figure in report.html().split("<figure ")[1:]:
        if "<svg" in figure:
            assert "<table>" in figure, figure[:200]


def test_the_page_shows_the_counted_figures(report: Report) -> None:
    text = re.sub(r"[ \n]+", " ", " ".join(Page(report.html()).text))
    assert "Of 10 people captured, 60\u00a0% reached prospect" in text
    assert "Sales takes on 67\u00a0% of what it answers" in text
    assert "3 things need somebody" in text


def test_the_page_names_nobody(report: Report) -> None:
    html = report.html()
    assert "@plant.example" not in html
    assert "Mr Hall" not in html
    assert "uid-" not in html


def test_a_page_without_a_single_lead_says_what_to_do(database: Database) -> None:
    html = reports.build(database, PROJECT, now=NOW).html()
    text = " ".join(Page(html).text)
    assert "Nobody has been captured yet." in text
    assert "As soon as leads are imported" in text
    for word in ("nan", "None", "NaN"):
        assert word not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


def test_an_empty_report_is_plain_in_every_form(database: Database, tmp_path: Path) -> None:
    report = reports.build(database, PROJECT, now=NOW)
    json.dumps(report.to_json(), allow_nan=False)
    assert len(report.write_csv(tmp_path)) == len(report.tables)


def test_whoever_wants_no_report_does_not_wait_for_pandas() -> None:
    program = "import sys, nurture.reports; print('pandas' in sys.modules, 'jinja2' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert told.stdout.split() == ["False", "False"]
