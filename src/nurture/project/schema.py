"""All file kinds of a project and their models, from which the JSON Schemas are generated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from nurture.project import durations, schema_sequence
from nurture.project.codes import Code
from nurture.project.schema_base import FieldKey, Flag, Line, Slug, Strict, Text, When, wrong
from nurture.project.schema_persona import PersonaModel
from nurture.project.schema_qualification import QualificationModel
from nurture.project.schema_sequence import SequenceModel
from nurture.project.schema_workspace import EndpointModel, FieldsModel, WorkspaceModel


class SegmentModel(Strict):
    """segments/NAME.yaml: a named condition."""

    title: Line
    description: Text | None = None
    when: When


class ThanksModel(Strict):
    """What the page says afterwards."""

    title: Line
    text: Text


class ConsentModel(Strict):
    """What a visitor agrees to, in the words shown."""

    topics: Annotated[list[Slug], Field(min_length=1)]
    wording: Text
    required: bool = True
    """Without consent the form is not taken."""


class FormModel(Strict):
    """forms/NAME.yaml: questions behind a signed link, or a public page."""

    kind: Literal["profile", "landing"]
    title: Line
    intro: Text
    ask: Annotated[list[FieldKey], Field(min_length=1)]
    """Fields in order of value."""
    at_most: Annotated[int, Field(ge=1, le=20)] = 3
    """How many unknown fields are asked at once."""
    submit: Line = "Send"
    thanks: ThanksModel
    consent: ConsentModel | None = None
    """For landing forms."""

    @model_validator(mode="after")
    def _consent(self) -> FormModel:
        if self.kind == "landing" and self.consent is None:
            remedy = "add consent: {topics: [...], wording: ...}"
            raise wrong(Code.CONTRADICTION, "a landing form needs consent", remedy)
        if self.kind == "profile" and self.consent is not None:
            remedy = 'remove it, or write "kind: landing"'
            raise wrong(Code.CONTRADICTION, "a profile form asks for no consent", remedy)
        if len(set(self.ask)) < len(self.ask):
            raise wrong(Code.CONTRADICTION, "ask names a field twice", "name it once")
        return self


class TemplateModel(Strict):
    """The front matter of templates/emails/NAME.html or NAME.mjml."""

    subject: Line
    preheader: Line | None = None
    """The line that inboxes show after the subject."""
    topic: Slug | None = None
    """The consent topic; the sequence's if it is left out."""
    step: Literal["problem", "exploring", "comparing", "deciding"] | None = None
    """Where the buyer stands who needs this mail."""
    on_uncertain: Literal["hold", "resend"] = "hold"
    """What becomes of it when nobody knows whether it left: resend goes by evidence alone."""
    answers_form: Flag = False
    """It answers a form that was just sent, so no machine shall write back."""


MODELS: Mapping[str, type[Strict]] = {
    "nurture": WorkspaceModel,
    "fields": FieldsModel,
    "qualification": QualificationModel,
    "segment": SegmentModel,
    "sequence": SequenceModel,
    "form": FormModel,
    "handoff": EndpointModel,
    "template": TemplateModel,
    "persona": PersonaModel,
}
"""The model of each kind of file."""


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each kind of file, for editors."""
    return {
        kind: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **_as_written(model.model_json_schema(by_alias=True, mode="validation")),
        }
        for kind, model in MODELS.items()
    }


def write_schemas(folder: Path) -> None:
    """Write `<kind>.json` for each kind of file into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, schema in json_schemas().items():
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{kind}.json").write_text(text, encoding="utf-8", newline="\n")


def _as_written(schema: Any) -> Any:  # noqa: ANN401 (JSON, whatever it is)
    """Give defaults in the words of the files: models hold durations as seconds."""
    if isinstance(schema, list):
        return [_as_written(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _as_written(item) for key, item in schema.items()}
    match plain:
        case {"pattern": durations.PATTERN, "default": int(seconds)}:
            plain["default"] = durations.to_text(seconds)
        case {"pattern": schema_sequence.REENTRY_PATTERN, "default": None}:
            plain["default"] = "never"
        case _:
            pass
    return plain
