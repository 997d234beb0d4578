"""JSON Schemas, for editors: current, valid, and of one mind with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from nurture.project.layout import kind_of
from nurture.project.schema import MODELS, json_schemas, write_schemas
from nurture.project.template_file import split
from nurture.project.yaml_file import scan
from tests.project.support import BASE, ROOT, read_tree

FOLDERS = ("segments", "sequences", "forms", "handoffs", "personas", "templates/emails")


def starter() -> dict[str, str]:
    files = {file: (ROOT / file).read_text(encoding="utf-8") for file in BASE if "/" not in file}
    for folder in FOLDERS:
        files |= {f"{folder}/{file}": text for file, text in read_tree(ROOT / folder).items()}
    return files


def documents() -> list[tuple[str, str, Any]]:
    """Return name, kind and content of each YAML document of the base and the starter."""
    found = []
    for whose, files in (("base", BASE), ("starter", starter())):
        for file, text in files.items():
            kind = kind_of(file)
            if kind is not None and kind in MODELS:
                parts = split(text) if kind == "template" else None
                document, _ = scan(parts.head if parts else text, file=file)
                assert document is not None
                found.append((f"{whose}: {file}", kind, document.content))
    return found


def test_the_schemas_in_the_repository_are_current(tmp_path: Path) -> None:
    write_schemas(tmp_path / "schemas")
    assert read_tree(ROOT / "schemas") == read_tree(tmp_path / "schemas")


@pytest.mark.parametrize("kind", list(MODELS))
def test_a_schema_is_one(kind: str) -> None:
    Draft202012Validator.check_schema(json_schemas()[kind])


@pytest.mark.parametrize(
    ("kind", "content"),
    [pytest.param(kind, content, id=name) for name, kind, content in documents()],
)
def test_what_loads_fits_its_schema(kind: str, content: object) -> None:
    errors = Draft202012Validator(json_schemas()[kind]).iter_errors(content)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        pytest.param("segment", {"title": "A", "when": "true", "wen": 1}, id="unknown key"),
        pytest.param("segment", {"title": "A"}, id="missing key"),
        pytest.param("template", {"subject": "A", "step": "pain"}, id="unknown choice"),
        pytest.param(
            "sequence",
            {"title": "A", "enter": {"when": "true"}, "steps": [{"wait": "2 days"}]},
            id="malformed duration",
        ),
        pytest.param(
            "sequence",
            {"title": "A", "enter": {"when": "true"}, "steps": [{"goto": "x"}]},
            id="goto without a bound",
        ),
        pytest.param(
            "handoff",
            {
                "title": "A",
                "url": "https://a.example",
                "secret": "whsec_abc",
                "feedback_secret": "${B}",
                "team": "sales",
            },
            id="written secret",
        ),
    ],
)
def test_an_editor_sees_what_the_loader_would_say(kind: str, content: object) -> None:
    assert list(Draft202012Validator(json_schemas()[kind]).iter_errors(content))


def test_defaults_are_written_as_in_the_files() -> None:
    schemas = json_schemas()
    properties = schemas["handoff"]["properties"]
    assert properties["accept_within"]["default"] == "1d"
    assert schemas["sequence"]["$defs"]["EnterModel"]["properties"]["reentry"]["default"] == "never"


def test_every_key_is_text_in_json() -> None:
    assert json.loads(json.dumps(json_schemas())) == json_schemas()
