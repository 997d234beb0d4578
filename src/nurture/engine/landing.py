"""Capture by a public form: an address, a consent in its exact words, and the first answers.

Anybody can type anybody's address here. So the answer never tells whether the address is known,
and what is known about a lead already is not changed by it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.core.address import is_role_account, match_key, parse_address
from nurture.core.errors import RefusedInput
from nurture.core.event import STOPS_MAIL, EventKind, NewEvent
from nurture.core.lead import Lead, Value
from nurture.core.project import Form, Project
from nurture.core.token import keyed_hash, public_id
from nurture.engine import intake
from nurture.engine.accounts import account_of
from nurture.engine.forms import (
    OpenForm,
    Problem,
    Problems,
    Submitted,
    Values,
    digest,
    is_known,
    questions,
    read_answers,
    source_of,
)
from nurture.engine.runtime import Runtime, today
from nurture.store import captures, events, leads, profiles
from nurture.store.db import Connection

EMAIL = "email"
CONSENT = "consent"
TRAP = "website_url"
"""An input that people do not see; a machine fills it in."""
SHOWN = "shown"
"""The signed time at which the page was made."""

LONGEST_OPEN = timedelta(hours=24)
UNSUBSCRIBED = intake.SUPPRESSION_REASONS[EventKind.MESSAGE_UNSUBSCRIBED]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Capture:
    email: str
    consents: bool
    answers: Mapping[str, Value]


def open_landing(runtime: Runtime, name: str) -> OpenForm | None:
    """Return the public form of that name, None if there is none."""
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
    form = project.forms.get(name)
    if form is None or not form.landing:
        return None
    return OpenForm(project=project, form=form, questions=questions(project, form, None))


def stamp(runtime: Runtime, name: str, *, now: datetime) -> str:
    """Return the signed time at which the form was shown."""
    at = format(int(now.timestamp()), "x")
    ring = runtime.secrets.links
    return f"{at}.{_mac(ring.keys[ring.current], name, at)}"


def submit_landing(
    runtime: Runtime,
    opened: OpenForm,
    values: Values,
    *,
    now: datetime,
    shortest: timedelta = timedelta(seconds=2),
) -> Submitted | Problems:
    """Create or find the lead and store consent and answers, or say what is wrong.

    An address that must not be mailed gets the same answer and leaves no trace; only an
    unsubscription is lifted, by a new and explicit consent. `shortest` is how long a person
    needs at least to fill in the form.
    """
    if any(text.strip() for text in values.get(TRAP, ())):
        return Submitted(opened=opened, lead_ids=())
    problems: list[Problem] = []
    email = _email(values, problems)
    consents = bool(opened.form.consent_topics) and values.get(CONSENT) == ["yes"]
    if opened.form.consent_required and not consents:
        problems.append(Problem(key=CONSENT, text="Tick the box, so that we may write to you"))
    answers, wrong = read_answers(opened.questions, values)
    problems.extend(wrong)
    late = None if problems else _impatient(runtime, opened.form, values, shortest, now)
    if late is not None:
        problems.append(late)
    if problems:
        return Problems(opened=opened, problems=tuple(problems))
    capture = _Capture(email=email, consents=consents, answers=answers)
    with runtime.database.write() as connection:
        lead_ids = _capture(runtime, connection, opened, capture, now)
    return Submitted(opened=opened, lead_ids=lead_ids)


def _email(values: Values, problems: list[Problem]) -> str:
    given = set(values.get(EMAIL, ()))
    text = given.pop() if len(given) == 1 else ""
    try:
        email = parse_address(text)
    except RefusedInput:
        said = "Enter an email address, like ada@example.com"
        problems.append(Problem(key=EMAIL, text=said))
        return ""
    if is_role_account(email):
        problems.append(Problem(key=EMAIL, text="Enter your own address, not a shared one"))
    return email


def _impatient(
    runtime: Runtime, form: Form, values: Values, shortest: timedelta, now: datetime
) -> Problem | None:
    """Return a problem if the page was answered too quickly, too late, or was never shown."""
    at, _, mac = next(iter(values.get(SHOWN, ())), "").partition(".")
    keys = runtime.secrets.links.keys.values()
    good = mac.isascii() and any(hmac.compare_digest(_mac(k, form.name, at), mac) for k in keys)
    if not good or now.timestamp() - int(at, 16) > LONGEST_OPEN.total_seconds():
        return Problem(key="", text="This page was open for a long time; please send it once more")
    if now.timestamp() - int(at, 16) < shortest.total_seconds():
        return Problem(key="", text="That was very quick; please send it once more")
    return None


def _mac(key: bytes, name: str, at: str) -> str:
    return keyed_hash(key, f"form shown/{name}/{at}")[:32]


# -- store ---------------------------------------------------------------------------------------


def _capture(
    runtime: Runtime,
    connection: Connection,
    opened: OpenForm,
    capture: _Capture,
    now: datetime,
) -> tuple[int, ...]:
    project, form = opened.project, opened.form
    lead_id = leads.ids_by_match_key(connection, [match_key(capture.email)]).get(
        match_key(capture.email)
    )
    if not _may_write(runtime, connection, lead_id, capture, now):
        return ()
    if lead_id is None:
        lead_id = _create(runtime, connection, opened, capture, now)
    lead = leads.read(connection, [lead_id])[lead_id]
    found = _events(project, form, lead, capture, now)
    intake.record(runtime, connection, found, project=project, now=now)
    if capture.consents:
        profiles.give_consent(connection, _consents(form, lead, now))
    news = {k: v for k, v in capture.answers.items() if not is_known(project.fields[k], lead)}
    told = intake.answers_about(lead, news.items(), source=source_of(form), occurred_at=now)
    intake.store_answers(connection, told, project=project, now=now)
    return (lead.id,)


def _may_write(
    runtime: Runtime,
    connection: Connection,
    lead_id: int | None,
    capture: _Capture,
    now: datetime,
) -> bool:
    """Say whether this address may be captured, lifting an unsubscription that is taken back."""
    hashed = intake.address_hash(runtime, capture.email)
    listed = profiles.suppressed(connection, [hashed]).get(hashed, "")
    marked = leads.read(connection, [lead_id])[lead_id].suppressed if lead_id is not None else ""
    if not listed and not marked:
        return True
    if not capture.consents or not lifts(connection, lead_id, {listed, marked} - {""}):
        return False
    captures.lift(connection, lead_id, hashed, reason=UNSUBSCRIBED, now=now)
    return True


def lifts(connection: Connection, lead_id: int | None, reasons: set[str]) -> bool:
    """Say whether a new consent lifts what stands against the address.

    The first reason stays on the list, so the ledger is asked whether a graver one followed.
    """
    if reasons != {UNSUBSCRIBED}:
        return False
    past = events.of_lead(connection, lead_id) if lead_id is not None else []
    return not any(e.kind in STOPS_MAIL - {EventKind.MESSAGE_UNSUBSCRIBED} for e in past)


def _create(
    runtime: Runtime,
    connection: Connection,
    opened: OpenForm,
    capture: _Capture,
    now: datetime,
) -> int:
    project, form = opened.project, opened.form
    key = match_key(capture.email)
    uid = public_id(runtime.secrets.identity, f"lead/{key}")
    company = str(capture.answers.get("account.name", ""))
    account_key, account_name = account_of(capture.email, company, uid, project)
    new = leads.NewLead(
        uid=uid,
        email=capture.email,
        match_key=key,
        time_zone=project.workspace.time_zone,
        language="en",
        source=form.name,
        account_key=account_key,
        account_name=account_name,
        note="",
        suppressed="",
        captured_at=now,
    )
    captures.insert_if_new(connection, new, now=now)
    return leads.ids_by_match_key(connection, [key])[key]


def _events(
    project: Project, form: Form, lead: Lead, capture: _Capture, now: datetime
) -> list[NewEvent]:
    """Return what happened. A submission counts once a day, however often it is sent."""
    name = f"{lead.uid}/{form.name}"
    day = today(project, now).isoformat()
    told = [
        (EventKind.LEAD_CAPTURED, form.name, name),
        (EventKind.FORM_SUBMITTED, form.name, f"{name}/{day}/{digest(capture.answers)}"),
    ]
    if capture.consents:
        told.extend(
            (EventKind.CONSENT_GIVEN, topic, f"{name}/{topic}/{now.isoformat()}")
            for topic in form.consent_topics
            if topic not in lead.topics
        )
    return [
        NewEvent(
            lead_id=lead.id,
            kind=kind,
            subject=subject,
            occurred_at=now,
            source="form",
            source_key=f"{key}/{kind}",
        )
        for kind, subject, key in told
    ]


def _consents(form: Form, lead: Lead, now: datetime) -> list[dict[str, object]]:
    return [
        {
            "lead_id": lead.id,
            "topic": topic,
            "basis": "consent",
            "source": source_of(form),
            "wording": form.consent_wording,
            "given_at": now,
        }
        for topic in form.consent_topics
    ]
