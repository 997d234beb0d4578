"""Signed links: only what we signed, only for what it was signed for, only as long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from nurture.core.errors import TokenError
from nurture.core.token import (
    Grant,
    Keyring,
    Purpose,
    keyed_hash,
    public_id,
    sign,
    signers,
    verify,
)
from tests.core.builders import DAY, NOW, SECOND

OLD, NEW = b"old key" * 5, b"new key" * 5
RING = Keyring(current="k1", keys={"k1": OLD})
ROTATED = Keyring(current="k2", keys={"k1": OLD, "k2": NEW})
GRANT = Grant(purpose=Purpose.CLICK, subject="0123456789abcdef", number=3)
TOKEN = sign(RING, GRANT, expires_at=NOW + DAY)


def test_what_was_signed_is_granted() -> None:
    assert verify(RING, TOKEN, Purpose.CLICK, now=NOW) == GRANT


@pytest.mark.parametrize("asked", list(Purpose), ids=lambda purpose: f"as {purpose.name}")
@pytest.mark.parametrize("signed", list(Purpose), ids=lambda purpose: f"signed {purpose.name}")
def test_a_link_may_do_only_what_it_is_for(signed: Purpose, asked: Purpose) -> None:
    token = sign(RING, replace(GRANT, purpose=signed))
    if signed is asked:
        assert verify(RING, token, asked, now=NOW).purpose is signed
    else:
        with pytest.raises(TokenError, match="not valid"):
            verify(RING, token, asked, now=NOW)


@given(
    purpose=st.sampled_from(Purpose),
    number=st.integers(0, 999),
    subject=st.text("0af", max_size=32),
)
def test_tokens_that_share_their_beginning_are_the_same(
    purpose: Purpose, number: int, subject: str
) -> None:
    many = signers(RING, purpose, before="https://n.example/c/")
    for each in (subject, "another", subject):
        grant = Grant(purpose=purpose, subject=each, number=number)
        assert many(each, "0")(number) == f"https://n.example/c/{sign(RING, grant)}"


def test_no_changed_byte_verifies() -> None:
    for place in range(len(TOKEN)):
        for code in range(256):
            forged = f"{TOKEN[:place]}{chr(code)}{TOKEN[place + 1 :]}"
            if forged != TOKEN:
                with pytest.raises(TokenError, match="not valid"):
                    verify(RING, forged, Purpose.CLICK, now=NOW)


def test_no_lost_or_added_byte_verifies() -> None:
    shorter = [TOKEN[:i] + TOKEN[i + 1 :] for i in range(len(TOKEN))]
    longer = [TOKEN[:i] + char + TOKEN[i:] for i in range(len(TOKEN) + 1) for char in "A0.="]
    for forged in (*shorter, *longer):
        with pytest.raises(TokenError, match="not valid"):
            verify(RING, forged, Purpose.CLICK, now=NOW)


@given(st.text())
def test_no_text_verifies(text: str) -> None:
    with pytest.raises(TokenError, match="not valid"):
        verify(RING, text, Purpose.CLICK, now=NOW)


@pytest.mark.parametrize(
    "key_id", ["", "k9"], ids=["a key without a name", "a key that is not on the ring"]
)
def test_a_foreign_key_does_not_verify_even_if_empty(key_id: str) -> None:
    forged = sign(Keyring(current=key_id, keys={key_id: b""}), GRANT)
    with pytest.raises(TokenError, match="not valid"):
        verify(RING, forged, Purpose.CLICK, now=NOW)


@pytest.mark.parametrize("seconds", [-1, 0], ids=["a second before", "on the second"])
def test_a_link_works_until_it_expires(seconds: int) -> None:
    assert verify(RING, TOKEN, Purpose.CLICK, now=NOW + DAY + seconds * SECOND) == GRANT


def test_a_link_is_dead_a_second_after_it_expires() -> None:
    with pytest.raises(TokenError, match="expired"):
        verify(RING, TOKEN, Purpose.CLICK, now=NOW + DAY + SECOND)


def test_a_link_without_an_end_works_forever() -> None:
    token = sign(RING, GRANT)
    assert verify(RING, token, Purpose.CLICK, now=NOW + 36500 * DAY) == GRANT


def test_old_links_outlive_a_change_of_keys() -> None:
    assert verify(ROTATED, TOKEN, Purpose.CLICK, now=NOW) == GRANT


def test_a_new_key_signs_from_its_first_day() -> None:
    token = sign(ROTATED, GRANT)
    assert token.startswith("k2.")
    with pytest.raises(TokenError):
        verify(RING, token, Purpose.CLICK, now=NOW)


def test_a_key_taken_off_the_ring_ends_its_links() -> None:
    with pytest.raises(TokenError):
        verify(Keyring(current="k2", keys={"k2": NEW}), TOKEN, Purpose.CLICK, now=NOW)


def test_a_token_can_stand_in_an_address_as_it_is() -> None:
    assert set(TOKEN) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")


def test_a_keyring_does_not_print_its_keys() -> None:
    assert "old" not in repr(RING)


def test_public_ids_and_hashes_need_the_key() -> None:
    assert len(public_id(OLD, "lead/1")) == 32
    assert public_id(OLD, "lead/1") == public_id(OLD, "lead/1")
    assert public_id(OLD, "lead/1") != public_id(NEW, "lead/1")
    assert keyed_hash(OLD, "ada@plant.example") != keyed_hash(NEW, "ada@plant.example")
    assert len(keyed_hash(OLD, "ada@plant.example")) == 64
