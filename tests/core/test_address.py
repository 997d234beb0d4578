"""Addresses: what is taken, what is refused, and which ones are the same person."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from nurture.core.address import (
    is_role_account,
    match_key,
    parse_address,
    suppression_key,
)
from nurture.core.errors import RefusedInput


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param("ada@plant.example", "ada@plant.example", id="plain"),
        pytest.param(" ada@plant.example\t", "ada@plant.example", id="blanks around it"),
        pytest.param("Ada@Plant.EXAMPLE", "Ada@plant.example", id="only the domain is lowered"),
        pytest.param("a.b+c@plant.example", "a.b+c@plant.example", id="dots and a tag"),
        pytest.param("o'brien@plant.example", "o'brien@plant.example", id="an apostrophe"),
        pytest.param("a@müller.example", "a@xn--mller-kva.example", id="an umlaut domain"),
        pytest.param("a@MÜLLER.example", "a@xn--mller-kva.example", id="in capitals too"),
        pytest.param("a@plant。example", "a@plant.example", id="an ideographic full stop"),
        pytest.param("a@b-c.d3.example", "a@b-c.d3.example", id="hyphens and digits"),
        pytest.param("a@3m.example", "a@3m.example", id="a label that begins with a digit"),
        pytest.param(f"{'a' * 64}@b.example", f"{'a' * 64}@b.example", id="the longest name"),
    ],
)
def test_taken(text: str, address: str) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "no address", id="nothing"),
        pytest.param(" \t ", "no address", id="blanks"),
        pytest.param("ada", "not an address", id="no at sign"),
        pytest.param("@plant.example", "not an address", id="no name"),
        pytest.param("ada@", "not an address", id="no domain"),
        pytest.param("ada@b@plant.example", "cannot be mailed", id="two at signs"),
        pytest.param("a b@plant.example", "cannot be mailed", id="a space in the name"),
        pytest.param('"a"@plant.example', "cannot be mailed", id="quotes"),
        pytest.param("a..b@plant.example", "cannot be mailed", id="two dots"),
        pytest.param(".a@plant.example", "cannot be mailed", id="a dot in front"),
        pytest.param("a.@plant.example", "cannot be mailed", id="a dot behind"),
        pytest.param("ä@plant.example", "cannot be mailed", id="a name beyond ASCII"),
        pytest.param("A <a@plant.example>", "cannot be mailed", id="a display name"),
        pytest.param("a@plant.example, b@plant.example", "cannot be mailed", id="two addresses"),
        pytest.param("a@plant.example,b.example", "not a valid name", id="a list of domains"),
        pytest.param("a@plant", "not a valid name", id="no top level"),
        pytest.param("a@plant.example.", "not a valid name", id="a dot at the end"),
        pytest.param("a@.example", "not a valid name", id="an empty label"),
        pytest.param("a@-plant.example", "not a valid name", id="a hyphen in front"),
        pytest.param("a@plant-.example", "not a valid name", id="a hyphen behind"),
        pytest.param("a@pla_nt.example", "not a valid name", id="an underscore"),
        pytest.param("a@pla nt.example", "not a valid name", id="a space in the domain"),
        pytest.param(f"a@{'b' * 64}.example", "not a valid name", id="a label too long"),
        pytest.param("a@127.0.0.1", "IP address", id="an IP address"),
        pytest.param("a@[127.0.0.1]", "not a valid name", id="an address literal"),
        pytest.param("a@plant.example\r\nBcc: b@c.example", "control", id="a header"),
        pytest.param("a@pl\x00ant.example", "control", id="a zero byte"),
        pytest.param("a\x7f@plant.example", "control", id="delete"),
        pytest.param("a@pl\u200bant.example", "control", id="an invisible character"),
        pytest.param(f"{'a' * 65}@b.example", "too long", id="a name too long"),
        pytest.param(f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 63}", "too long", id="too long"),
        pytest.param(f"a@{'ü.' * 100}example", "too long", id="too long once spelled out"),
        pytest.param(f"a@{'ü' * 100_000}.example", "too long", id="so long that it costs time"),
    ],
)
def test_refused(text: str, why: str) -> None:
    with pytest.raises(RefusedInput, match=why):
        parse_address(text)


@given(st.text() | st.from_regex(r"[^@]{1,8}@[^@]{1,8}\.[a-zà-ž]{1,4}", fullmatch=True))
def test_whatever_is_taken_is_one_plain_address_and_stays_as_it_is(text: str) -> None:
    try:
        address = parse_address(text)
    except RefusedInput:
        return
    assert address.isascii()
    assert address.isprintable()
    assert address.count("@") == 1
    assert not set(address) & set(' ,;:<>()[]"\\')
    assert parse_address(address) == address


def test_capitals_do_not_make_another_lead() -> None:
    assert match_key("Ada@plant.example") == match_key("ADA@plant.example")


def test_a_tag_makes_another_lead() -> None:
    assert match_key("ada+1@plant.example") != match_key("ada@plant.example")


@pytest.mark.parametrize(
    ("other", "address"),
    [
        pytest.param("A.d.a@gmail.com", "ada@gmail.com", id="dots at gmail"),
        pytest.param("ada+news@gmail.com", "ada@gmail.com", id="a tag at gmail"),
        pytest.param("ada@googlemail.com", "ada@gmail.com", id="gmail's other name"),
        pytest.param("Ada+x@outlook.com", "ada@outlook.com", id="a tag at outlook"),
        pytest.param("ADA@plant.example", "ada@plant.example", id="capitals anywhere"),
    ],
)
def test_an_opt_out_also_holds_for(other: str, address: str) -> None:
    assert suppression_key(other) == suppression_key(address)


@pytest.mark.parametrize(
    ("other", "address"),
    [
        pytest.param("a.da@outlook.com", "ada@outlook.com", id="dots at outlook"),
        pytest.param("ada+x@plant.example", "ada@plant.example", id="a tag at an own server"),
        pytest.param("a.da@plant.example", "ada@plant.example", id="dots at an own server"),
        pytest.param("ada@outlook.com", "ada@gmail.com", id="another provider"),
    ],
)
def test_an_opt_out_does_not_hold_for(other: str, address: str) -> None:
    assert suppression_key(other) != suppression_key(address)


@pytest.mark.parametrize(
    ("address", "function"),
    [
        ("postmaster@plant.example", True),
        ("No-Reply@plant.example", True),
        ("ada@plant.example", False),
        ("root.ada@plant.example", False),
    ],
)
def test_functions_are_told_from_people(address: str, *, function: bool) -> None:
    assert is_role_account(address) is function
