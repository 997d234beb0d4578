"""Import leads from CSV: what can be used comes in, the rest goes to a reject file with reasons.

Importing a file twice changes nothing: every row is one event with a key made of its content.
An opt-out survives every import, and an erased address is not created again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from nurture.core.address import doubt_about, match_key, parse_address
from nurture.core.answers import LONGEST_NAME, clean_text, is_nothing, parse_answer
from nurture.core.errors import RefusedInput
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import Value
from nurture.core.project import Project
from nurture.core.token import public_id
from nurture.engine import intake
from nurture.engine.accounts import account_of
from nurture.engine.csv_rows import LARGEST_CELL, Line, Rejected, as_csv, read_rows
from nurture.engine.runtime import Runtime
from nurture.store import leads, profiles
from nurture.store.db import Connection

CHUNK = 500
BUILT_IN = frozenset(
    {
        "email", "time_zone", "language", "source", "company", "topics", "consent_basis",
        "consent_source", "consent_wording", "consent_at", "captured_at", "downloaded", "notes",
    }
)  # fmt: skip
BASES = frozenset({"consent", "contract", "legitimate-interest"})
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Imported:
    """What an import did."""

    rows: int = 0
    created: int = 0
    merged: int = 0
    unchanged: int = 0
    without_consent: int = 0
    suppressed: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    remarks: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    line: int
    raw: Mapping[str, str]
    email: str
    key: str
    fingerprint: str
    company: str
    values: Mapping[str, Value]
    time_zone: str
    language: str
    source: str
    topics: tuple[str, ...]
    basis: str
    consent_source: str
    wording: str
    consent_at: datetime
    captured_at: datetime
    downloaded: str
    note: str


def import_csv(
    runtime: Runtime,
    project: Project,
    content: bytes,
    *,
    now: datetime,
    name: str = "leads.csv",
    dry_run: bool = False,
    result: Imported | None = None,
) -> Imported:
    """Import the file and return what happened; with `dry_run` nothing is stored.

    Each chunk of rows is one transaction; a broken import is simply run again. A dry run does the
    same work in one transaction and takes it back: only so does it see what it would meet. Whoever
    shows progress passes a `result` and reads it meanwhile.
    """
    result = Imported() if result is None else result
    rows = _readable(read_rows(content, needs=("email",)), project, result, now)
    chunks = iter(lambda: list(islice(rows, CHUNK)), [])
    if dry_run:
        with runtime.database.write() as connection:
            for chunk in chunks:
                _store(_Pass(runtime, connection, project, result, name, now), chunk)
            connection.rollback()
        return result
    for chunk in chunks:
        with runtime.database.write() as connection:
            _store(_Pass(runtime, connection, project, result, name, now), chunk)
    return result


def _readable(
    lines: Iterable[Line], project: Project, result: Imported, now: datetime
) -> Iterator[_Row]:
    for line in lines:
        result.rows += 1
        number, raw = line.number, line.cells
        try:
            row, remarks = _read(line, project, now)
        except RefusedInput as error:
            told = Rejected(line=number, reason=str(error), row=raw, surplus=line.surplus)
            result.rejected.append(told)
        else:
            result.remarks.extend(Rejected(line=number, reason=r, row={}) for r in remarks)
            yield row


def _read(line: Line, project: Project, now: datetime) -> tuple[_Row, list[str]]:
    """Return the row as values, with remarks about cells that were left out."""
    if line.surplus:
        raise RefusedInput("more cells than columns: one comma too many, or a quote missing?")
    raw = line.cells
    cells = {k: clean_text(v, longest=LARGEST_CELL) for k, v in raw.items()}
    # As it was given: what cleaning takes out of other cells makes another address of this one.
    email = "" if is_nothing(raw["email"]) else parse_address(raw["email"])
    doubt = doubt_about(email)
    remarks = [f"{doubt}: is it the one that is meant?"] if doubt else []
    values = field_values(cells, project, remarks)
    company = _company(cells)
    if company and "account.name" in project.fields:
        values["account.name"] = company
    if not email and not any(values.get(key) for key in ("lead.phone", "lead.last_name")):
        raise RefusedInput("no address, and neither phone nor name to know the person by")
    content = "\x1f".join(f"{k}={cells[k]}" for k in sorted(cells))
    fingerprint = sha256(content.encode()).hexdigest()[:32]
    row = _Row(
        line=line.number,
        raw=raw,
        email=email,
        key=match_key(email) if email else "",
        fingerprint=fingerprint,
        company=company,
        values=values,
        time_zone=_zone(cells.get("time_zone", ""), project, remarks),
        language=cells.get("language", "")[:10] or "en",
        source=cells.get("source", "")[:LONGEST_NAME] or "unknown",
        topics=_topics(cells, project, remarks),
        basis=_basis(cells),
        consent_source=cells.get("consent_source", ""),
        wording=cells.get("consent_wording", ""),
        consent_at=_moment(cells.get("consent_at", ""), project, now),
        captured_at=_moment(cells.get("captured_at", ""), project, now),
        downloaded=_download(cells, project, remarks),
        note=cells.get("notes", ""),
    )
    return row, remarks


def field_values(
    cells: Mapping[str, str], project: Project, remarks: list[str]
) -> dict[str, Value]:
    """Return what the cells say about fields, with a remark for each that cannot be used."""
    found: dict[str, Value] = {}
    for column, text in cells.items():
        keys = [column] if "." in column else [f"lead.{column}", f"account.{column}"]
        known = next((project.fields[key] for key in keys if key in project.fields), None)
        if known is None or column in BUILT_IN or is_nothing(text):
            continue
        try:
            value = parse_answer(known, [text])
        except RefusedInput as error:
            remarks.append(f"{column} left out ({text[:40]!r}): {error}")
        else:
            if value is not None:
                found[known.key] = value
    return found


def _company(cells: Mapping[str, str]) -> str:
    name = cells.get("company", "")
    # A cell that a spreadsheet would run as a formula is nobody's company name.
    return "" if is_nothing(name) or name[0] in "=+@" else name[:LONGEST_NAME]


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(text: str, project: Project, remarks: list[str]) -> str:
    if text in _zone_names():
        return text
    if text:
        remarks.append(f"unknown time zone {text[:40]!r}: {project.workspace.time_zone} is used")
    return project.workspace.time_zone


def _topics(cells: Mapping[str, str], project: Project, remarks: list[str]) -> tuple[str, ...]:
    named = [topic.strip() for topic in cells.get("topics", "").replace(",", ";").split(";")]
    strangers = [topic for topic in named if topic and topic not in project.workspace.topics]
    remarks.extend(f"unknown topic {topic[:40]!r}" for topic in strangers)
    return tuple(topic for topic in named if topic in project.workspace.topics)


def _basis(cells: Mapping[str, str]) -> str:
    basis = cells.get("consent_basis", "").casefold()
    proven = basis in BASES and cells.get("consent_source") and cells.get("consent_wording")
    return basis if proven else ""


def _download(cells: Mapping[str, str], project: Project, remarks: list[str]) -> str:
    form = cells.get("downloaded", "")
    if form and form not in project.forms:
        remarks.append(f"unknown form {form[:40]!r} in 'downloaded'")
        return ""
    return form


def _moment(text: str, project: Project, now: datetime) -> datetime:
    if not text:
        return now
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedInput(f"{text[:40]!r} is not a time like 2026-08-31T10:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(project.workspace.time_zone))
    if moment > now:
        raise RefusedInput(f"{text[:40]!r} lies in the future")
    if moment < EARLIEST:
        raise RefusedInput(f"{text[:40]!r} lies before 1970")
    return moment.astimezone(UTC)


# -- store ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pass:
    """One chunk's transaction and what it adds to."""

    runtime: Runtime
    connection: Connection
    project: Project
    result: Imported
    name: str
    now: datetime


def _store(work: _Pass, chunk: Sequence[_Row]) -> None:
    connection, result = work.connection, work.result
    uids = {row.line: _uid(work.runtime, row) for row in chunk}
    hashes = {row.key: intake.address_hash(work.runtime, row.email) for row in chunk if row.email}
    stopped = profiles.suppressed(connection, hashes.values())
    known = leads.ids_by_uid(connection, uids.values())
    # An address may belong to a lead that came in another way, under an id of its own.
    by_key = leads.ids_by_match_key(connection, [row.key for row in chunk if row.key])
    new: dict[str, leads.NewLead] = {}
    usable: list[_Row] = []
    for row in chunk:
        reason = stopped.get(hashes.get(row.key, ""), "")
        if reason == "erased":
            line = Rejected(line=row.line, reason="asked to be forgotten", row={})
            result.rejected.append(line)
            continue
        usable.append(row)
        result.suppressed += bool(reason)
        if uids[row.line] not in known and row.key not in by_key:
            new.setdefault(uids[row.line], _new_lead(row, uids[row.line], reason, work.project))
    if new:
        leads.insert_leads(connection, list(new.values()), now=work.now)
        known |= leads.ids_by_uid(connection, new)
    ids = {
        row.line: by_key[row.key] if row.key in by_key else known[uids[row.line]] for row in usable
    }
    _record(work, usable, ids)
    result.created += len(new)
    result.merged -= len(new)


def _uid(runtime: Runtime, row: _Row) -> str:
    who = row.key or f"hearsay/{row.fingerprint}"
    return public_id(runtime.secrets.identity, f"lead/{who}")


def _new_lead(row: _Row, uid: str, suppressed: str, project: Project) -> leads.NewLead:
    account_key, account_name = account_of(row.email, row.company, uid, project)
    return leads.NewLead(
        uid=uid,
        email=row.email,
        match_key=row.key or None,
        time_zone=row.time_zone,
        language=row.language,
        source=row.source,
        account_key=account_key,
        account_name=account_name,
        note=row.note,
        suppressed=suppressed,
        captured_at=row.captured_at,
    )


def _record(work: _Pass, rows: Sequence[_Row], ids: Mapping[int, int]) -> None:
    """Append what the rows say; a row that was imported before adds nothing."""
    captured = [_captured(row, ids[row.line], work.name) for row in rows]
    fresh = {event.source_key for event in _append(work, captured)}
    told = {row.fingerprint: row for row in rows if row.fingerprint in fresh}.values()
    work.result.merged += len(told)
    work.result.unchanged += len(captured) - len(told)
    people = leads.read(work.connection, sorted({ids[row.line] for row in told}))
    answers = [
        answer
        for row in told
        for answer in intake.answers_about(
            people[ids[row.line]],
            row.values.items(),
            source=f"import {work.name}",
            occurred_at=row.captured_at,
        )
    ]
    intake.store_answers(work.connection, answers, project=work.project, now=work.now)
    work.result.without_consent += sum(not (row.basis and row.topics) for row in told)
    profiles.give_consent(
        work.connection, [given for row in told for given in _consents(row, ids[row.line])]
    )
    _append(work, [_submitted(row, ids[row.line]) for row in told if row.downloaded])


def _append(work: _Pass, events: Sequence[NewEvent]) -> list[NewEvent]:
    return intake.record(work.runtime, work.connection, events, project=work.project, now=work.now)


def _captured(row: _Row, lead_id: int, name: str) -> NewEvent:
    return NewEvent(
        lead_id=lead_id,
        kind=EventKind.LEAD_CAPTURED,
        subject=row.source,
        occurred_at=row.captured_at,
        source="import",
        source_key=row.fingerprint,
        detail={"file": name, "line": row.line, "note": row.note},
    )


def _submitted(row: _Row, lead_id: int) -> NewEvent:
    return NewEvent(
        lead_id=lead_id,
        kind=EventKind.FORM_SUBMITTED,
        subject=row.downloaded,
        occurred_at=row.captured_at,
        source="import",
        source_key=f"{row.fingerprint}/{row.downloaded}",
    )


def _consents(row: _Row, lead_id: int) -> Iterator[dict[str, object]]:
    if not row.basis:
        return
    for topic in row.topics:
        yield {
            "lead_id": lead_id,
            "topic": topic,
            "basis": row.basis,
            "source": row.consent_source,
            "wording": row.wording,
            "given_at": row.consent_at,
        }


def reject_file(result: Imported) -> str:
    """Return the rejected rows as CSV with line and reason first."""
    return as_csv(result.rejected)
