"""YAML without surprises."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from nurture.core.errors import ProjectError
from nurture.project.codes import Code
from nurture.project.yaml_file import MAX_BYTES, MAX_NODES, Document, read, scan

PIECES = st.sampled_from(
    ["a", ": ", "- ", "\n", "  ", "[", "]", "{", "}", ", ", "&a ", "*a ", "!!int ", "<<: ", "'",
     '"',
     "|\n", ">\n", "#", "---\n", "...\n", "%YAML 1.2\n", "? ", "\t", "1", "1.5", "true", "\ud800",
     "\x00", "\x85", "\u2028", "\ufeff", "é"]
)  # fmt: skip


def content(text: str) -> object:
    return read(text, file="x.yaml").content


def codes(text: str) -> list[str]:
    return [finding.code for finding in scan(text, file="x.yaml")[1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("a: no", "no", id="no is a word"),
        pytest.param("a: on", "on", id="on is a word"),
        pytest.param("a: true", True, id="true is true"),
        pytest.param("a: False", False, id="so is False"),
        pytest.param("a: 12:30:00", "12:30:00", id="a time is text"),
        pytest.param("a: 2026-12-24", "2026-12-24", id="a day is text"),
        pytest.param("a: 1.10", 1.1, id="decimals are numbers, which text fields refuse"),
        pytest.param("a: '1.10'", "1.10", id="quotes make text"),
        pytest.param("a: 0123", 123, id="a leading zero changes nothing"),
        pytest.param("a: 0x1F", 31, id="hexadecimal"),
        pytest.param("a: 0o17", 15, id="octal"),
        pytest.param("a: -5", -5, id="minus"),
        pytest.param("a: 1e3", 1000.0, id="exponent"),
        pytest.param("a: -.inf", float("-inf"), id="infinity"),
        pytest.param("a:", None, id="nothing"),
        pytest.param("a: ~", None, id="null"),
        pytest.param("a: |\n  one\n  two\n", "one\ntwo\n", id="block text"),
        pytest.param("a: {1: x, true: y}", {"1": "x", "true": "y"}, id="keys are text"),
        pytest.param("\ufeffa: 1", 1, id="a byte order mark is no letter"),
        pytest.param("a: [1, [2]]", [1, [2]], id="lists"),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: object) -> None:
    assert content(text) == {"a": value}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("a: [", Code.YAML_SYNTAX, id="unfinished"),
        pytest.param("a: \x07", Code.YAML_SYNTAX, id="control character"),
        pytest.param("a: &x 1", Code.YAML_ALIAS, id="anchor"),
        pytest.param("a: [*x]", Code.YAML_ALIAS, id="alias in a list"),
        pytest.param("a: *x", Code.YAML_ALIAS, id="alias in a mapping"),
        pytest.param("a: !x 1", Code.YAML_TAG, id="tag"),
        pytest.param("a: !!python/object:os.system {}", Code.YAML_TAG, id="python tag"),
        pytest.param("<<: {a: 1}", Code.YAML_MERGE, id="merge key"),
        pytest.param("a: 1\na: 2", Code.YAML_DUPLICATE, id="key twice"),
        pytest.param("{1: a, '1': b}", Code.YAML_DUPLICATE, id="number and text are one key"),
        pytest.param("? [a]\n: 1", Code.YAML_KEY, id="list as key"),
        pytest.param(": 1", Code.YAML_KEY, id="no key"),
        pytest.param("", Code.YAML_DOCUMENT, id="nothing"),
        pytest.param("a: 1\n---\nb: 2", Code.YAML_DOCUMENT, id="two documents"),
        pytest.param("%YAML 1.1\n---\na: no", Code.YAML_DOCUMENT, id="directive"),
        pytest.param("a: 1234567890123456789", Code.YAML_NUMBER, id="a number beyond 18 digits"),
        pytest.param("[" * 21 + "]" * 21, Code.YAML_TOO_LARGE, id="21 levels"),
        pytest.param("[" * 5000, Code.YAML_TOO_LARGE, id="5000 levels"),
        pytest.param("- x\n" * (MAX_NODES + 1), Code.YAML_TOO_LARGE, id="too many values"),
        pytest.param("#" * (MAX_BYTES + 1), Code.YAML_TOO_LARGE, id="too many bytes"),
    ],
)
def test_a_trap_is_refused(text: str, code: Code) -> None:
    assert codes(text) == [code]


def test_an_alias_is_no_key() -> None:
    assert codes("*x : 1") == [Code.YAML_ALIAS, Code.YAML_KEY]


def test_a_bomb_is_refused_before_it_grows() -> None:
    bomb = "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(20))
    assert set(codes(bomb)) == {Code.YAML_ALIAS}


def test_everything_wrong_is_told_at_once() -> None:
    text = "a: &x 1\nb: *x\n<<: {d: 1}\na: !t 3\n"
    found = scan(text, file="x.yaml")[1]
    assert [(finding.line, finding.code) for finding in found] == [
        (1, Code.YAML_ALIAS),
        (2, Code.YAML_ALIAS),
        (3, Code.YAML_MERGE),
        (4, Code.YAML_DUPLICATE),
        (4, Code.YAML_TAG),
    ]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        pytest.param("a:\n\t- b", "spaces", id="tab"),
        pytest.param("a: 1\n{{ b }} c", "quotes", id="Jinja2 outside quotes"),
        pytest.param("a: b: c", "indentation", id="anything else"),
    ],
)
def test_a_syntax_error_says_what_usually_helps(text: str, remedy: str) -> None:
    (finding,) = scan(text, file="x.yaml")[1]
    assert remedy in finding.remedy


def test_read_raises_what_scan_returns() -> None:
    with pytest.raises(ProjectError, match=r"x\.yaml:2: Y005"):
        read("a: 1\na: 2\n", file="x.yaml")


def test_every_value_knows_its_line() -> None:
    document = read("a: 1\nb:\n  - x\n  - y: 2\n    z: >\n      text\n", file="x.yaml")
    assert dict(document.lines) == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "y"): 4,
        ("b", 1, "z"): 5,
    }


def test_an_unknown_path_has_the_line_around_it() -> None:
    document = read("a: 1\nb: {c: 2}\n", file="x.yaml")
    assert document.line(("b", "d", "e")) == 2
    assert document.at(("b", "c")) == 2
    assert document.at(("b", "c", 0)) is None
    assert document.at(("b", 0)) is None


@given(st.text() | st.lists(PIECES, max_size=60).map("".join))
@example("? ")
def test_any_text_is_read_or_refused(text: str) -> None:
    document, found = scan(text, file="x.yaml")
    assert isinstance(document, Document) or found
    assert all(finding.line >= 1 for finding in found)
