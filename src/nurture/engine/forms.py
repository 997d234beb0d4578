"""Forms behind a personal link: which questions are still open, and what becomes of the answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import blake2b

from nurture.core.answers import LONGEST_NAME, clean_text, parse_answer
from nurture.core.condition import Facts, Ref, ValueType, value_of
from nurture.core.errors import RefusedInput, TokenError
from nurture.core.event import EventKind, NewEvent
from nurture.core.known import as_statement, known
from nurture.core.lead import Lead, Stage, Value
from nurture.core.project import Field, Form, Project
from nurture.core.token import Purpose
from nurture.engine import arrived, intake
from nurture.engine.addressed import Addressed, addressed, granted
from nurture.engine.links import message_link
from nurture.engine.runtime import Runtime
from nurture.store import profiles
from nurture.store.db import Connection

ONE_LINE = frozenset(
    {"city", "first_name", "job_title", "last_name", "name", "phone", "site", "website"}
)
"""Text fields that hold a name or a number: one short line. Others may be a paragraph."""

_TALKS_MONEY = frozenset({Stage.OPPORTUNITY, Stage.CUSTOMER})

Values = Mapping[str, Sequence[str]]
"""What a browser posted: the texts of each input by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenForm:
    """A form as it is shown to one person. Stored values are no part of it."""

    project: Project
    form: Form
    questions: tuple[Field, ...]
    preferences_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one input, in words for the person; `key` '' means the whole form."""

    key: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problems:
    """Nothing was stored: the form as it has to be shown again, and why."""

    opened: OpenForm
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The answers are stored. `lead_ids` are worth an assessment; empty if nothing changed."""

    opened: OpenForm
    lead_ids: tuple[int, ...]


def questions(project: Project, form: Form, lead: Lead | None) -> tuple[Field, ...]:
    """Return the first few fields of the form that are unknown; a stranger's are all unknown."""
    still_open = [
        field for field in askable(project, form, lead) if lead is None or not is_known(field, lead)
    ]
    return tuple(still_open[: form.at_most])


def askable(project: Project, form: Form, lead: Lead | None) -> list[Field]:
    """Return the fields that this form may ever ask this person.

    Budget, authority, need and timeline are talked about, not asked for by a form, until there
    is an opportunity.
    """
    close = lead is not None and lead.standing.stage in _TALKS_MONEY
    fields = [project.fields[key] for key in form.ask if key in project.fields]
    return [field for field in fields if close or not field.bant]


def is_known(field: Field, lead: Lead) -> bool:
    """Say whether the field has a value of its type."""
    ref = Ref(field.owner, field.name, field.type)
    return value_of(ref, Facts(lead=lead, today=date.min)) is not None


def open_profile(runtime: Runtime, token: str, *, now: datetime) -> OpenForm:
    """Return the form that the link leads to, or raise TokenError whatever is wrong with it."""
    grant = granted(runtime, token, Purpose.FORM, now=now)
    with runtime.database.read() as connection:
        return _opened(runtime, connection, addressed(runtime, connection, grant))


def submit_profile(
    runtime: Runtime, token: str, values: Values, *, now: datetime
) -> Submitted | Problems:
    """Store the answers with provenance, or say what is wrong and store nothing.

    Posting the same answers again changes nothing. A link may be forwarded: it fills in what is
    unknown and corrects what the same form was told before, and changes no other value.
    """
    grant = granted(runtime, token, Purpose.FORM, now=now)
    with runtime.database.write() as connection:
        found = addressed(runtime, connection, grant)
        opened = _opened(runtime, connection, found)
        fields = askable(opened.project, opened.form, found.lead)
        answers, problems = read_answers(fields, values)
        if not answers and not problems:
            problems = (Problem(key="", text="Answer at least one question"),)
        if problems:
            shown = tuple(f for f in fields if f in opened.questions or f.key in values)
            again = OpenForm(
                project=opened.project,
                form=opened.form,
                questions=shown,
                preferences_url=opened.preferences_url,
            )
            return Problems(opened=again, problems=problems)
        lead_ids = _keep(runtime, connection, found, answers, now)
    return Submitted(opened=opened, lead_ids=lead_ids)


def read_answers(
    fields: Iterable[Field], values: Values
) -> tuple[dict[str, Value], tuple[Problem, ...]]:
    """Return the answers by field and a problem for each input that cannot be one."""
    answers: dict[str, Value] = {}
    problems: list[Problem] = []
    for field in fields:
        try:
            value = _read(field, values.get(field.key, ()))
        except RefusedInput as error:
            problems.append(Problem(key=field.key, text=_sentence(str(error))))
        else:
            if value is not None:
                answers[field.key] = value
    return answers, tuple(problems)


def digest(answers: Mapping[str, Value]) -> str:
    """Return the name of these very answers: the same ones again are the same submission."""
    text = json.dumps(answers, sort_keys=True, ensure_ascii=False)
    return blake2b(text.encode(), digest_size=12).hexdigest()


def _read(field: Field, given: Sequence[str]) -> Value | None:
    if field.type is not ValueType.CHOICES and len({text.strip() for text in given}) > 1:
        raise RefusedInput("give one answer")
    if field.type is ValueType.TEXT and field.name in ONE_LINE:
        given = [" ".join(clean_text(text, longest=LONGEST_NAME).split()) for text in given]
    return parse_answer(field, given)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _project(runtime: Runtime, connection: Connection, found: Addressed) -> Project:
    """Return the project that the mail was sent by; if nobody can read it, the one in force."""
    return found.project or runtime.in_force(connection).project


def _opened(runtime: Runtime, connection: Connection, found: Addressed) -> OpenForm:
    project = _project(runtime, connection, found)
    form = project.forms.get(found.message.form)
    if form is None or form.landing:
        raise TokenError("this link is not valid")
    message = found.message
    return OpenForm(
        project=project,
        form=form,
        questions=questions(project, form, found.lead),
        preferences_url=message_link(
            runtime.secrets.links,
            project.workspace.public_url,
            Purpose.PREFERENCES,
            message.uid,
            message.planned_at,
        ),
    )


def _keep(
    runtime: Runtime,
    connection: Connection,
    found: Addressed,
    answers: Mapping[str, Value],
    now: datetime,
) -> tuple[int, ...]:
    lead, project = found.lead, _project(runtime, connection, found)
    form = project.forms[found.message.form]
    event = NewEvent(
        lead_id=lead.id,
        kind=EventKind.FORM_SUBMITTED,
        subject=form.name,
        occurred_at=now,
        source="form",
        source_key=f"{found.message.uid}/{digest(answers)}",
        detail={"answered": sorted(answers)},
    )
    arrived.note(connection, found.message, arrived.FOLLOWED, now=now)
    fresh = intake.record(runtime, connection, [event], project=project, now=now)
    source = source_of(form)
    corrects = _told_before(connection, lead, source)
    changes = {
        key: value
        for key, value in answers.items()
        if not is_known(project.fields[key], lead)
        or (key in corrects and (fresh or corrects[key] != value))
    }
    told = intake.answers_about(lead, changes.items(), source=source, occurred_at=now)
    intake.store_answers(connection, told, project=project, now=now)
    return (lead.id,) if fresh or changes else ()


def source_of(form: Form) -> str:
    """Return how the provenance of an answer names the form."""
    return f"form {form.name}"


def _told_before(connection: Connection, lead: Lead, source: str) -> dict[str, Value]:
    """Return the values in force that this person gave through the same form."""
    told = list(map(as_statement, profiles.facts_of(connection, lead.id, lead.account_id)))
    # However long ago: whoever opens the form again may correct what has expired, too.
    counting = known((replace(one, valid_until=None) for one in told), told[-1].at) if told else {}
    return {
        key: one.held.value
        for key, one in counting.items()
        if one.held.source == source and one.held.by == lead.id
    }
