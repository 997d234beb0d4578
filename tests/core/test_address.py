"""Addresses: what is taken, what is refused, and which ones are the same person."""

from __future__ import annotations

from pathlib import Path

import pytest
from email_validator import validate_email
from hypothesis import given, strategies as st
from ruamel.yaml import YAML

from nurture.core.address import (
    doubt_about,
    is_role_account,
    match_key,
    parse_address,
    suppression_key,
)
from nurture.core.errors import RefusedInput

_VERDICTS = ("taken", "flagged", "refused")
TABLE = YAML(typ="safe", pure=True).load(Path(__file__).with_name("addresses.yaml"))


def judged(text: str) -> dict[str, str]:
    """Return what becomes of an address, as the table says it."""
    try:
        address = parse_address(text)
    except RefusedInput as error:
        return {"refused": str(error)}
    doubt = doubt_about(address)
    return {"taken": address, "flagged": doubt} if doubt else {"taken": address}


def test_addresses_are_judged_as_the_table_says() -> None:
    assert len(TABLE) >= 200
    assert len({row["address"] for row in TABLE}) == len(TABLE)
    wrong = [
        (row["why"], found)
        for row in TABLE
        if (found := judged(row["address"])) != {key: row[key] for key in row if key in _VERDICTS}
    ]
    assert wrong == []


def test_what_is_taken_is_also_lawful_to_a_stricter_reader_of_the_standards() -> None:
    taken = [row for row in TABLE if "taken" in row]
    for row in taken:
        told = row["address"].strip(" \t")
        other = validate_email(told, check_deliverability=False, test_environment=True)
        assert other.ascii_email == row["taken"], row["why"]


def test_an_endless_address_is_refused_before_it_costs_time() -> None:
    with pytest.raises(RefusedInput, match="too long"):
        parse_address(f"a@{'ü' * 100_000}.example")


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
