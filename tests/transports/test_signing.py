from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from nurture.core.errors import MisuseError, RefusedInput
from nurture.transports.signing import Verified, signed_headers, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + b64encode(b"x" * 64).decode()
NOW = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"


def headers(secrets: tuple[str, ...] = (SECRET,), now: datetime = NOW) -> dict[str, str]:
    return signed_headers(BODY, message_id=ID, secrets=secrets, now=now)


def test_the_published_example_comes_out() -> None:
    assert headers() == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_verified_webhook_proves_its_id_and_time() -> None:
    assert verify(BODY, headers(), secrets=[SECRET], now=NOW) == Verified(id=ID, attempted_at=NOW)


def test_header_names_are_found_in_any_case() -> None:
    shouted = {name.title(): value for name, value in headers().items()}
    assert verify(BODY, shouted, secrets=[SECRET], now=NOW).id == ID


@pytest.mark.parametrize(
    ("signs", "knows"),
    [((SECRET, OTHER), (OTHER,)), ((OTHER,), (SECRET, OTHER)), ((SECRET, OTHER), (SECRET, OTHER))],
)
def test_in_a_rotation_old_and_new_meet(signs: tuple[str, ...], knows: tuple[str, ...]) -> None:
    assert verify(BODY, headers(signs), secrets=knows, now=NOW).id == ID


def test_signatures_of_other_kinds_are_skipped() -> None:
    proof = headers()
    proof["webhook-signature"] = f"v1a,AAAA v2,BBBB {proof['webhook-signature']} v1"
    assert verify(BODY, proof, secrets=[SECRET], now=NOW).id == ID


def test_a_retry_signs_the_same_id_and_body_at_another_time() -> None:
    later = headers(now=NOW + timedelta(hours=2))
    assert later["webhook-id"] == headers()["webhook-id"]
    assert later["webhook-signature"] != headers()["webhook-signature"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"webhook-id": "other"}, "no signature matches"),
        ({"webhook-timestamp": "1614265331"}, "no signature matches"),
        ({"webhook-signature": ""}, "no signature matches"),
        ({"webhook-signature": "v1,AAAA"}, "no signature matches"),
        ({"webhook-signature": "v1,ü\ud800"}, "no signature matches"),
        ({"webhook-signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, "no signature"),
        ({"webhook-id": ""}, "missing or malformed"),
        ({"webhook-id": "a.b"}, "missing or malformed"),
        ({"webhook-id": "a b"}, "missing or malformed"),
        ({"webhook-id": "a" * 129}, "missing or malformed"),
        ({"webhook-timestamp": ""}, "missing or malformed"),
        ({"webhook-timestamp": "1614265330.0"}, "missing or malformed"),
        ({"webhook-timestamp": "-1"}, "missing or malformed"),
        ({"webhook-timestamp": "99999999999"}, "too old, or from the future"),
    ],
)
def test_what_is_changed_is_refused(change: dict[str, str], complaint: str) -> None:
    with pytest.raises(RefusedInput, match=complaint):
        verify(BODY, {**headers(), **change}, secrets=[SECRET], now=NOW)


def test_another_body_is_refused() -> None:
    with pytest.raises(RefusedInput, match="no signature matches"):
        verify(BODY + b" ", headers(), secrets=[SECRET], now=NOW)


def test_more_signatures_than_a_rotation_needs_are_not_read() -> None:
    proof = headers()
    proof["webhook-signature"] = "v1,AAAA " * 20 + proof["webhook-signature"]
    with pytest.raises(RefusedInput, match="no signature matches"):
        verify(BODY, proof, secrets=[SECRET], now=NOW)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_outside_the_tolerance_nothing_is_taken(minutes: int) -> None:
    late = NOW + timedelta(minutes=minutes)
    with pytest.raises(RefusedInput, match="too old, or from the future"):
        verify(BODY, headers(), secrets=[SECRET], now=late)
    tolerance = timedelta(minutes=10)
    assert verify(BODY, headers(), secrets=[SECRET], now=late, tolerance=tolerance).id == ID


@pytest.mark.parametrize(
    "secret",
    [
        *("", "whsec_", "whsec_%%%", "whsec_" + b64encode(b"x" * 23).decode()),
        *("whsec_" + b64encode(b"x" * 65).decode(), SECRET.removeprefix("whsec_"), "whsec_ü"),
    ],
)
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(MisuseError) as refusal:
        headers((secret,))
    assert secret[6:] not in str(refusal.value) or len(secret) < 8
    with pytest.raises(MisuseError):
        verify(BODY, headers(), secrets=[secret], now=NOW)


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\n", "ü", "a" * 129])
def test_an_id_that_cannot_be_sent_is_refused(message_id: str) -> None:
    with pytest.raises(MisuseError, match="id of a webhook"):
        signed_headers(BODY, message_id=message_id, secrets=[SECRET], now=NOW)


def test_without_a_secret_or_a_zone_nothing_is_signed() -> None:
    with pytest.raises(MisuseError, match="needs a secret"):
        headers(())
    with pytest.raises(MisuseError, match="time zone"):
        headers(now=datetime(2026, 3, 5))  # noqa: DTZ001 (the mistake)


def test_without_a_secret_nothing_is_verified() -> None:
    with pytest.raises(RefusedInput, match="no signature matches"):
        verify(BODY, headers(), secrets=[], now=NOW)


@given(body=st.binary(max_size=200), key=st.binary(min_size=24, max_size=64))
def test_what_is_signed_verifies_and_nothing_else_does(body: bytes, key: bytes) -> None:
    secret = "whsec_" + b64encode(key).decode()
    proof = signed_headers(body, message_id="a", secrets=[secret], now=NOW)
    assert verify(body, proof, secrets=[secret], now=NOW).id == "a"
    with pytest.raises(RefusedInput):
        verify(body + b"x", proof, secrets=[secret], now=NOW)
