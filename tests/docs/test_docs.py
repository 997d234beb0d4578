"""The documentation tells everything there is, and what it shows works."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from typer.main import get_command

from nurture.cli.root import app
from nurture.core.condition import Facts, Operator, Ref, holds
from nurture.core.event import EventKind
from nurture.core.lead import Gate, Stage, Trait
from nurture.project.check import check_folder
from nurture.project.check_mails import _ALWAYS_ALLOWED as NAMES_IN_MAILS
from nurture.project.codes import Code
from nurture.project.expressions import parse
from nurture.project.functions import USAGE
from nurture.project.load import load_folder, read_folder
from nurture.project.names import BUILT_IN, BUILT_IN_CHOICES, Names, names_of
from nurture.project.schema import MODELS
from nurture.project.schema_sequence import STEP_KINDS, StepModel
from nurture.project.yaml_file import read
from nurture.render.environment import lint
from nurture.render.filters import FILTERS, TESTS
from tests.core.builders import lead
from tests.docs.pages import (
    ROOT,
    Block,
    anchors,
    blocks,
    codes,
    links,
    pages,
    prose,
    table,
    tables,
    text_of,
)
from tests.docs.project_keys import environment, keys_of, step_models, value_of

FILES = "docs/reference/project-files.md"
SEQUENCES = "docs/reference/sequences.md"
EXPRESSIONS = "docs/reference/expressions.md"
NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)

FOLDERS = {
    "segment": "segments",
    "sequence": "sequences",
    "form": "forms",
    "handoff": "handoffs",
    "persona": "personas",
    "email": "templates/emails",
    "mjml": "templates/emails",
}
STEPS = """title: Example
enter: {{when: "known(lead.first_name)"}}
send: {{window: office-hours, topic: guides}}
steps:
{}"""
WHOLE = frozenset({*FOLDERS, "steps", "nurture", "fields", "qualification"})
SHOWN = [b for page in pages() for b in blocks(page) if b.language in ("yaml", "html")]
EXAMPLES = [shown for shown in SHOWN if shown.kind in WHOLE]


# --- examples -----------------------------------------------------------------------------------


@cache
def starter() -> Mapping[str, str]:
    files, _ = read_folder(ROOT)
    return files


@cache
def names() -> Names:
    return names_of(load_folder(ROOT, {}))


def embedded(example: Block) -> tuple[str, str]:
    """Return the file that the example is, or that it changes, and its text."""
    match example.kind:
        case "steps":
            lines = example.text.splitlines()
            return "sequences/example.yaml", STEPS.format("\n".join(f"  {line}" for line in lines))
        case "nurture" | "fields" | "qualification" as kind:
            file = f"{kind}.yaml"
            whole: Any = read(starter()[file], file=file).content
            part: Any = read(example.text, file=file).content
            if kind == "fields":
                part = {owner: {**whole[owner], **fields} for owner, fields in part.items()}
            # JSON is YAML.
            return file, json.dumps({**whole, **part})
        case kind:
            suffix = {"email": "html", "mjml": "mjml"}.get(kind, "yaml")
            return f"{FOLDERS[kind]}/example.{suffix}", example.text


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_fits_into_the_starter(example: Block, tmp_path: Path) -> None:
    file, text = embedded(example)
    for name, content in {**starter(), file: text}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    result = check_folder(tmp_path, environment(text), lint)
    assert [str(finding) for finding in result.errors] == []


def test_every_yaml_block_of_the_reference_says_what_it_is() -> None:
    reference = [shown for shown in SHOWN if shown.page.startswith("docs/reference/")]
    assert [str(shown) for shown in reference if shown.kind not in WHOLE] == []


def shown_conditions() -> list[tuple[str, str]]:
    """Return page and text of every condition that is shown as one."""
    found = [
        (b.page, line)
        for page in pages()
        for b in blocks(page)
        if b.kind == "condition"
        for line in b.text.splitlines()
    ]
    for page in pages():
        for shown in tables(page):
            for column in ("condition", "example condition", "written"):
                found += [(page, c) for row in shown.rows for c in codes(row.get(column, ""))]
    return found


@pytest.mark.parametrize(("page", "condition"), shown_conditions())
def test_a_condition_can_be_read(page: str, condition: str) -> None:
    parse(condition, names())


def test_what_is_missing_is_no_as_the_page_says() -> None:
    rows = table(EXPRESSIONS, "condition", "for a lead whose role is unknown").rows
    facts = Facts(lead=lead(profile={}, account={}), today=date(2026, 9, 1))
    for row in rows:
        answer = holds(parse(codes(row["condition"])[0], names()), facts, now=NOW)
        said = row["for a lead whose role is unknown"]
        assert said == ("yes" if answer else "no"), row["condition"]


# --- keys ---------------------------------------------------------------------------------------

HEADINGS = {
    "nurture": (FILES, "nurture.yaml"),
    "fields": (FILES, "fields.yaml"),
    "qualification": (FILES, "qualification.yaml"),
    "segment": (FILES, "Segments"),
    "form": (FILES, "Forms"),
    "handoff": (FILES, "Handoffs"),
    "persona": (FILES, "Personas"),
    "template": (FILES, "Mails"),
    "sequence": (SEQUENCES, "The file"),
}


def rows_of(page: str, heading: str) -> dict[str, dict[str, str]]:
    """Return the rows of the tables of keys under the heading, by key."""
    # What stands under "Every step" besides its own table is about single kinds of steps.
    found = [t for t in tables(page) if t.head[0] == "key" and heading in t.headings]
    own = [t for t in found if page == FILES or t.headings[-1] == heading]
    return {codes(row["key"])[0]: row for t in own for row in t.rows}


def assert_documented(model: type[BaseModel], rows: Mapping[str, Mapping[str, str]]) -> None:
    """Expect each key in a row of its own, with the default that it has, and an example."""
    known = list(keys_of(model))
    assert {path for path, _ in known} - set(rows) == set(), "not documented"
    assert set(rows) - {path for path, _ in known} == set(), "there is no such key"
    for path, info in known:
        assert _has_default(path, info, rows[path]["default"]), f"{path}: another default"
    for path, row in rows.items():
        (example,) = codes(row["example"])
        assert any(_takes(info, example) for key, info in known if key == path), path


def _takes(info: FieldInfo, example: str) -> bool:
    """Say whether the example is right; a key of several kinds of transport is so for one."""
    try:
        value_of(info, example)
    except ValidationError:
        return False
    return True


def _has_default(path: str, info: FieldInfo, said: str) -> bool:
    if info.is_required() or said == "required":
        return info.is_required() and said == "required"
    default = info.get_default(call_default_factory=True, validated_data={})
    match said:
        case "none":
            return default is None
        case "empty":
            return default in ([], {})
        case "built in":
            return isinstance(default, list) and len(default) > 0
        case _:
            key = path.rpartition(".")[2]
            return bool(default == value_of(info, f"{key}: {codes(said)[0]}"))


@pytest.mark.parametrize("kind", list(MODELS))
def test_every_key_of_a_file_is_documented(kind: str) -> None:
    page, heading = HEADINGS[kind]
    assert_documented(MODELS[kind], rows_of(page, heading))


@pytest.mark.parametrize("kind", STEP_KINDS)
def test_every_kind_of_step_is_documented_with_an_example(kind: str) -> None:
    model = step_models()[kind]
    rows = rows_of(SEQUENCES, kind) | rows_of(SEQUENCES, "Every step")
    assert_documented(model, rows)
    section = text_of(SEQUENCES).split(f"\n### {kind}\n")[1].split("\n### ")[0]
    examples = re.findall(r"```yaml steps\n(.*?)```", section, re.DOTALL)
    assert examples
    assert all(re.search(rf"\b{kind}:", example) for example in examples)


def test_any_step_may_carry_an_id() -> None:
    assert_documented(StepModel, rows_of(SEQUENCES, "Every step"))


@pytest.mark.parametrize("names_of_keys", [Stage, Gate, Trait])
def test_every_fixed_key_is_named(names_of_keys: type[Stage | Gate | Trait]) -> None:
    assert {f"`{name}`" for name in names_of_keys if f"`{name}`" not in prose(FILES)} == set()


def test_every_name_and_filter_of_mails_is_documented() -> None:
    section = prose(FILES).split("\n## Mails\n")[1]
    wanted = {".".join(path) for path in NAMES_IN_MAILS} | set(FILTERS) | set(TESTS)
    assert wanted - set(codes(section)) == set()


# --- conditions ---------------------------------------------------------------------------------


def test_every_reference_is_documented_with_its_type_and_choices() -> None:
    rows = table(EXPRESSIONS, "reference", "type").rows
    told = {code: row for row in rows for code in codes(row["reference"])}
    for ref in BUILT_IN:
        assert told[ref.text]["type"] == ref.type
        if ref in BUILT_IN_CHOICES:
            _assert_choices(ref, set(codes(told[ref.text]["is"])))


def _assert_choices(ref: Ref, said: set[str]) -> None:
    choices = set(BUILT_IN_CHOICES[ref])
    # The gate "nurtured" never fails; the others have all of them.
    assert said == (choices - {"fail"} if ref.name == Gate.NURTURED else choices)


def test_every_function_is_documented() -> None:
    rows = table(EXPRESSIONS, "function", "written").rows
    assert [codes(row["function"])[0] for row in rows] == list(USAGE)
    assert all(codes(row["written"])[0].startswith(codes(row["function"])[0]) for row in rows)


def test_every_operator_is_documented() -> None:
    told = {codes(row["operator"])[0] for row in table(EXPRESSIONS, "operator").rows}
    assert set(map(str, Operator)) | {"in", "not in", "and", "or", "not"} <= told


def test_every_kind_of_event_is_documented() -> None:
    told = {codes(row["kind"])[0] for row in table(EXPRESSIONS, "kind", "happens when").rows}
    assert told == set(map(str, EventKind))


def test_every_code_of_the_checker_is_documented() -> None:
    told = re.findall(r"^### (\w\d{3}) ", text_of("docs/reference/checks.md"), re.MULTILINE)
    assert sorted(told) == sorted(map(str, Code))


# --- settings -----------------------------------------------------------------------------------


def test_every_variable_of_the_environment_is_documented() -> None:
    rows = table("docs/reference/settings.md", "variable", "default", "what for", "example").rows
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    texts += [text for name, text in starter().items() if name.endswith(".yaml")]
    read_somewhere = {name for text in texts for name in re.findall(r"NURTURE_[A-Z_]*[A-Z]", text)}
    assert {codes(row["variable"])[0] for row in rows} == read_somewhere
    assert [row for row in rows if not all(row.values())] == []


# --- links and commands -------------------------------------------------------------------------


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_somewhere(page: str) -> None:
    assert [link for link in links(page) if not leads_somewhere(page, link)] == []


def leads_somewhere(page: str, link: str) -> bool:
    """Say whether a relative link names a file that is there, and a heading in it."""
    path, _, anchor = link.partition("#")
    if "://" in path or path.startswith("mailto:"):
        return True
    target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
    if not target.exists():
        return False
    return not anchor or anchor in anchors(target.relative_to(ROOT).as_posix())


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = {link.partition("#")[0] for link in links("docs/README.md")}
    wanted = {
        page.removeprefix("docs/")
        for page in pages()
        if page.startswith(("docs/howto/", "docs/reference/"))
    }
    assert wanted - listed == set()


def shown_commands() -> list[str]:
    """Return every command line that begins with `nurture` and a verb."""
    shown = [
        line.partition("#")[0].strip()
        for page in pages()
        for b in blocks(page)
        for line in b.text.splitlines()
        if b.language in ("", "sh")
    ]
    shown += [code for page in pages() for code in codes(prose(page))]
    found = {part.strip() for line in shown for part in line.split("&&")}
    return sorted(line for line in found if re.match(r"nurture [a-z]", line))


@pytest.mark.parametrize("line", shown_commands())
def test_a_command_exists_with_its_options(line: str) -> None:
    command: Any = get_command(app)
    words = line.split()[1:]
    while hasattr(command, "commands") and words:
        assert words[0] in command.commands, f"no command {words[0]}"
        command = command.commands[words.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options | {"--help"}
