"""Import target accounts: organizations that fit, of which we know nobody yet.

They are suspects. Nothing is ever mailed to an organization: mail needs a person and a consent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nurture.core.answers import LONGEST_NAME, clean_text, is_nothing
from nurture.core.errors import RefusedInput
from nurture.core.lead import Value
from nurture.core.project import Project
from nurture.core.signal import domain_of
from nurture.engine import intake
from nurture.engine.accounts import name_key
from nurture.engine.csv_rows import LARGEST_CELL, Line, Rejected, read_rows
from nurture.engine.importing import field_values
from nurture.engine.runtime import Runtime
from nurture.store import accounts, leads
from nurture.store.db import Connection

CHUNK = 500
NAMES = ("domain", "company")


@dataclass(slots=True, kw_only=True)
class ImportedAccounts:
    """What an import of accounts did."""

    rows: int = 0
    targets: int = 0
    known_before: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    remarks: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    line: int
    key: str
    name: str
    source: str
    values: Mapping[str, Value]


def import_accounts(
    runtime: Runtime, content: bytes, *, now: datetime, name: str = "accounts.csv"
) -> ImportedAccounts:
    """Put the file's organizations on the target list; the same file twice changes nothing."""
    result = ImportedAccounts()
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
    found: dict[str, _Row] = {}
    for line in read_rows(content, needs=NAMES):
        result.rows += 1
        try:
            row = _first(_read(line, project, result), found)
        except RefusedInput as error:
            told = Rejected(
                line=line.number, reason=str(error), row=line.cells, surplus=line.surplus
            )
            result.rejected.append(told)
        else:
            found[row.key] = row
    rows = list(found.values())
    for start in range(0, len(rows), CHUNK):
        with runtime.database.write() as connection:
            _store(connection, rows[start : start + CHUNK], project, (result, name), now)
    return result


def _first(row: _Row, found: Mapping[str, _Row]) -> _Row:
    """Return the row; raise RefusedInput if the file has named its account before."""
    if row.key in found:
        raise RefusedInput(f"the same account as line {found[row.key].line}")
    return row


def _read(line: Line, project: Project, result: ImportedAccounts) -> _Row:
    raw = line.cells
    if line.surplus:
        raise RefusedInput("more cells than columns: one comma too many, or a quote missing?")
    if "email" in raw:
        raise RefusedInput("a list of accounts names no people; import them with `nurture import`")
    cells = {k: clean_text(v, longest=LARGEST_CELL) for k, v in raw.items()}
    domain, company = cells.get("domain", ""), cells.get("company", "")
    company = "" if is_nothing(company) or company[0] in "=+@" else company[:LONGEST_NAME]
    if is_nothing(domain) and not company:
        raise RefusedInput("neither domain nor company to know the account by")
    key = f"name:{name_key(company)}" if is_nothing(domain) else f"domain:{domain_of(domain)}"
    if key.removeprefix("domain:") in project.workspace.free_mail_domains:
        raise RefusedInput(f"{domain} is a free-mail domain and says nothing about an employer")
    remarks: list[str] = []
    values = {
        each: value
        for each, value in field_values(cells, project, remarks).items()
        if each.startswith("account.")
    }
    if company and "account.name" in project.fields:
        values["account.name"] = company
    result.remarks.extend(Rejected(line=line.number, reason=told, row={}) for told in remarks)
    source = cells.get("source", "")[:LONGEST_NAME] or "unknown"
    return _Row(line=line.number, key=key, name=company, source=source, values=values)


def _store(
    connection: Connection,
    rows: Sequence[_Row],
    project: Project,
    told: tuple[ImportedAccounts, str],
    now: datetime,
) -> None:
    result, name = told
    ids = leads.account_ids(connection, {row.key: row.name for row in rows}, now=now)
    fresh = accounts.target(
        connection, {ids[row.key]: (row.name, row.source) for row in rows}, now=now
    )
    result.targets += fresh
    result.known_before += len(rows) - fresh
    source = f"import {name}"
    said = {
        (account_id, one.key): one.value
        for account_id, several in accounts.statements(connection, list(ids.values())).items()
        for one in several
        if one.source == source
    }
    answers = [
        intake.Answer(
            lead_id=None,
            account_id=ids[row.key],
            key=key,
            value=value,
            source=source,
            occurred_at=now,
        )
        for row in rows
        for key, value in row.values.items()
        if said.get((ids[row.key], key)) != value
    ]
    intake.store_answers(connection, answers, project=project, now=now)
