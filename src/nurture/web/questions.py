"""A question as its input: kind, hints for the browser's autofill, and what was typed before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nurture.core.condition import ValueType
from nurture.core.project import Field
from nurture.engine.forms import ONE_LINE, Problem, Values

MOST_ROWS = 8
"""A choice among more answers than this is a list to pull down."""

# https://html.spec.whatwg.org/#autofill
AUTOFILL = {
    "account.city": "address-level2",
    "account.country": "country",
    "account.name": "organization",
    "account.site": "address-level2",
    "account.website": "url",
    "lead.city": "address-level2",
    "lead.country": "country",
    "lead.first_name": "given-name",
    "lead.job_title": "organization-title",
    "lead.last_name": "family-name",
    "lead.phone": "tel",
}
_MODES = {"lead.phone": "tel", "account.website": "url"}
_YES_NO = (("yes", "Yes"), ("no", "No"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One input of a form. `kind` names its macro; `values` is what this person just typed."""

    id: str
    name: str
    kind: str
    text: str
    help: str
    problem: str
    values: tuple[str, ...]
    choices: tuple[tuple[str, str], ...] = ()
    autofill: str = "off"
    mode: str = "text"


def questions_for(
    fields: Iterable[Field], values: Values, problems: Sequence[Problem]
) -> list[Question]:
    """Return the inputs for the fields, with what was typed and what is wrong with it."""
    wrong = {problem.key: problem.text for problem in problems}
    return [
        Question(
            id=field.key.replace(".", "-"),
            name=field.key,
            kind=_kind(field),
            text=field.question or field.label,
            help=field.help,
            problem=wrong.get(field.key, ""),
            values=tuple(values.get(field.key, ())),
            choices=_YES_NO if field.type is ValueType.BOOL else tuple(field.choices.items()),
            autofill=AUTOFILL.get(field.key, "off"),
            mode="numeric" if field.type is ValueType.NUMBER else _MODES.get(field.key, "text"),
        )
        for field in fields
    ]


def _kind(field: Field) -> str:
    match field.type:
        case ValueType.CHOICES:
            return "boxes"
        case ValueType.CHOICE if len(field.choices) > MOST_ROWS:
            return "list"
        case ValueType.CHOICE | ValueType.BOOL:
            return "rows"
        case ValueType.DATE:
            return "date"
        case ValueType.NUMBER:
            return "line"
        case _:
            return "line" if field.name in ONE_LINE else "paragraph"
