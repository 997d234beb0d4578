from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, strategies as st
from sendgrid.helpers.eventwebhook import EventWebhook

from nurture.core.errors import MisuseError, RefusedInput
from nurture.core.event import EventKind
from nurture.transports.sendgrid_events import EventVerifier, Malformed, parse

SAMPLE = json.loads(
    (Path(__file__).parents[1] / "contracts" / "vendor" / "sendgrid_events_sample.json").read_text()
)
KEY, OLD_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
BODY = b'[{"event":"delivered","timestamp":1795255211}]\r\n'


def public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    encoded = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(encoded).decode()


def signed(
    body: bytes = BODY, *, at: datetime = NOW, key: ec.EllipticCurvePrivateKey = KEY
) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    proof = key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
    return {"signature": b64encode(proof).decode(), "timestamp": timestamp}


VERIFIER = EventVerifier([public(OLD_KEY), public(KEY)])

# --- who sent it ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", [KEY, OLD_KEY])
def test_any_of_the_keys_will_do(key: ec.EllipticCurvePrivateKey) -> None:
    VERIFIER.verify(BODY, **signed(key=key), now=NOW)


def test_sendgrids_own_helper_agrees() -> None:
    proof = signed()
    helper = EventWebhook(public(KEY))
    assert helper.verify_signature(BODY.decode(), proof["signature"], proof["timestamp"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(BODY.strip(), id="stripped"),
        pytest.param(json.dumps(json.loads(BODY)).encode(), id="written anew"),
        pytest.param(BODY + b" ", id="longer"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_another_body_is_not_what_was_signed(body: bytes) -> None:
    with pytest.raises(RefusedInput, match="does not match"):
        VERIFIER.verify(body, **signed(), now=NOW)


def test_another_timestamp_is_not_what_was_signed() -> None:
    proof = {**signed(), "timestamp": str(int(NOW.timestamp()) - 1)}
    with pytest.raises(RefusedInput, match="does not match"):
        VERIFIER.verify(BODY, **proof, now=NOW)


def test_another_key_is_not_one_of_ours() -> None:
    with pytest.raises(RefusedInput, match="does not match"):
        VERIFIER.verify(BODY, **signed(key=ec.generate_private_key(ec.SECP256R1())), now=NOW)


@pytest.mark.parametrize(
    ("age", "good"),
    [
        (timedelta(hours=24, minutes=59), True),
        (timedelta(hours=25, minutes=1), False),
        (-timedelta(minutes=9), True),
        (-timedelta(minutes=11), False),
    ],
)
def test_a_post_may_be_as_late_as_its_repetitions(age: timedelta, good: bool) -> None:
    proof = signed(at=NOW - age)
    if good:
        VERIFIER.verify(BODY, **proof, now=NOW)
        return
    with pytest.raises(RefusedInput, match="too old, or from the future"):
        VERIFIER.verify(BODY, **proof, now=NOW)


def test_how_late_is_a_setting() -> None:
    strict = EventVerifier([public(KEY)], max_age=timedelta(minutes=10))
    with pytest.raises(RefusedInput, match="too old"):
        strict.verify(BODY, **signed(at=NOW - timedelta(minutes=11)), now=NOW)


@pytest.mark.parametrize(
    "proof",
    [
        {"signature": "", "timestamp": ""},
        {"signature": "", "timestamp": "1795255211"},
        {"signature": "%%%", "timestamp": "1795255211"},
        {"signature": "ü", "timestamp": "1795255211"},
        {"signature": "AAAA", "timestamp": "soon"},
        {"signature": "AAAA", "timestamp": "-1"},
        {"signature": "AAAA", "timestamp": " 1795255211"},
        {"signature": "AAAA", "timestamp": "9" * 12},
        {"signature": "AAAA", "timestamp": "١٧٩٥٢٥٥٢١١"},
    ],
)
def test_a_malformed_proof_is_refused_and_no_crash(proof: dict[str, str]) -> None:
    with pytest.raises(RefusedInput):
        VERIFIER.verify(BODY, **proof, now=datetime(2026, 11, 21, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ([], "at least one"),
        (["%%%"], "not base64"),
        (["AAAA"], "not base64 of a public key"),
        ([public(ec.generate_private_key(ec.SECP384R1()))], "P-256"),
        ([public(rsa.generate_private_key(65_537, 2_048))], "P-256"),
    ],
)
def test_a_key_that_is_none_stops_the_start(keys: list[str], complaint: str) -> None:
    with pytest.raises(MisuseError, match=complaint):
        EventVerifier(keys)


def test_a_key_may_be_pasted_with_line_breaks() -> None:
    text = public(KEY)
    EventVerifier([f"{text[:64]}\n{text[64:]}\n"]).verify(BODY, **signed(), now=NOW)


# --- what it says ---------------------------------------------------------------------------


def events_of(items: object) -> Any:
    post = parse(json.dumps(items).encode())
    assert post.malformed == ()
    return post.events


KINDS = [
    *("message.processed", "message.processed", "message.deferred", "message.delivered"),
    *("message.bounced", "message.blocked", "message.blocked", "message.blocked"),
    *(["message.dropped"] * 4),
    "message.blocked",
    *("message.opened", "message.opened", "message.opened", "message.clicked"),
    *("message.complained", "message.unsubscribed", "message.unsubscribed"),
    *("message.unknown", "message.unknown"),
]


def test_each_of_sendgrids_words_has_one_of_ours() -> None:
    events = events_of(SAMPLE["one_of_each"])
    assert [str(event.kind) for event in events] == KINDS
    assert [event.raw_type for event in events] == [e["event"] for e in SAMPLE["one_of_each"]]
    assert len({event.event_id for event in events}) == len(events)


@pytest.mark.parametrize(
    "reason",
    ["Recipient List over Package Quota", "Spam Content (if Spam Checker app is enabled)",
     "Invalid SMTPAPI header"],
)  # fmt: skip
def test_what_is_dropped_for_a_fault_of_ours_says_nothing_about_the_address(reason: str) -> None:
    item = {"event": "dropped", "email": "a@example.com", "timestamp": 1, "reason": reason}
    [event] = events_of([item])
    assert (event.kind, event.soft) == ("message.blocked", False)


def test_an_event_brings_along_what_a_decision_may_need() -> None:
    [event] = events_of(
        [
            {
                **SAMPLE["one_of_each"][16],
                "nurture_message": "0123456789abcdef0123456789abcdef",
                "nurture_attempt": "a1",
            }
        ]
    )
    assert event.kind is EventKind.MESSAGE_CLICKED
    assert event.message_uid == "0123456789abcdef0123456789abcdef"
    assert event.attempt_uid == "a1"
    assert event.email == "ana@example.com"
    assert event.occurred_at == datetime.fromtimestamp(1795255855, UTC)
    assert event.url == "https://www.example.test/checklist?utm_source=nurture"
    assert event.ip == "198.51.100.7"
    assert event.user_agent.startswith("Mozilla/5.0")
    assert event.machine is None
    assert event.event_id == "XxVHVHjJfXvujgiqel8RNN"


def test_a_bounce_says_why() -> None:
    events = events_of(SAMPLE["one_of_each"])
    assert events[4].reason.startswith("5.1.1 550 5.1.1 The email account")
    assert events[2].reason.startswith("451 4.7.1 Greylisted")
    assert events[21].reason == "compliance_suspend"


def test_a_machines_open_is_known_where_sendgrid_knows() -> None:
    opened = [e.machine for e in events_of(SAMPLE["one_of_each"]) if e.raw_type == "open"]
    assert opened == [False, True, False]


@pytest.mark.parametrize("name", sorted(set(SAMPLE["scenarios"]) - {"bad_bodies"}))
def test_every_scenario_can_be_read(name: str) -> None:
    for post in SAMPLE["scenarios"][name]["posts"]:
        events_of(post)


def test_the_same_event_has_the_same_id_however_often_it_comes() -> None:
    posts = SAMPLE["scenarios"]["duplicates"]["posts"]
    assert len({event.event_id for post in posts for event in events_of(post)}) == 2


def test_an_event_without_an_id_has_one_made_of_what_it_says() -> None:
    one = {"event": "open", "timestamp": 1795255211, "email": "a@b.example"}
    same = dict(reversed(one.items()))
    other = {**one, "timestamp": 1795255212}
    [a], [b], [c] = events_of([one]), events_of([same]), events_of([other])
    assert a.event_id == b.event_id != c.event_id


def test_a_bounce_without_ids_names_no_message() -> None:
    for event in events_of(SAMPLE["scenarios"]["async_bounce_without_ids"]["posts"][0]):
        assert event.message_uid is None
        assert event.email.endswith("@example.net")


def test_milliseconds_and_text_are_times_too() -> None:
    at = [1795255211, 1795255211000, "1795255211", 1795255211.0]
    events = events_of([{"event": "open", "timestamp": each} for each in at])
    assert {event.occurred_at for event in events} == {datetime.fromtimestamp(1795255211, UTC)}


def test_an_unknown_word_is_kept_under_its_own_name() -> None:
    event = events_of(SAMPLE["scenarios"]["tolerance"]["posts"][0])[0]
    assert (event.kind, event.raw_type) == (EventKind.MESSAGE_UNKNOWN, "brand_new_event_type")


def test_an_unknown_kind_of_bounce_is_taken_for_the_worst() -> None:
    [event] = events_of([{"event": "bounce", "type": "new", "timestamp": 1795255211}])
    assert event.kind is EventKind.MESSAGE_BOUNCED


def test_an_id_that_cannot_be_ours_is_no_id() -> None:
    item = {"event": "open", "timestamp": 1, "nurture_message": "../x", "nurture_attempt": 7}
    [event] = events_of([item])
    assert event.message_uid is event.attempt_uid is None


def test_long_and_controlling_text_is_cut_and_cleaned() -> None:
    item = {"event": "open", "timestamp": 1, "url": "a\x00\ud800b" + "c" * 9_000, "ip": "x" * 99}
    [event] = events_of([item])
    assert event.url.startswith("a  bc")
    assert len(event.url) == 2_048
    assert len(event.ip) == 45


def test_a_malformed_item_is_reported_and_the_others_are_read() -> None:
    items: list[object] = [
        *(1, None, [], {}, {"event": 7}, {"event": "open"}, {"event": "open", "timestamp": True}),
        *({"event": "open", "timestamp": at} for at in (0, -1, 10**30, "soon", None)),
        {"event": "open", "timestamp": 1795255211},
    ]
    post = parse(json.dumps(items).encode())
    assert len(post.events) == 1
    assert [bad.index for bad in post.malformed] == list(range(12))
    assert post.malformed[0] == Malformed(index=0, reason="not an object")
    assert post.malformed[3].reason == "no event type"
    assert post.malformed[5].reason == "no timestamp"
    assert post.malformed[7].reason == "a timestamp outside of time"


@pytest.mark.parametrize("raw", ["", "{", "null", "{}", "7", '"a"', "[NaN]", "[" * 100_000, "\xff"])
def test_what_is_no_list_of_events_is_refused(raw: str) -> None:
    with pytest.raises(RefusedInput):
        parse(raw.encode("latin-1"))


def test_a_number_without_end_costs_its_event_alone() -> None:
    good = '{"event":"bounce","timestamp":1795255211,"attempt":%s}'
    bad = '{"event":"bounce","timestamp":%s}'
    post = parse(f"[{bad % ('9' * 5000)},{good % ('9' * 5000)},{good % 1}]".encode())
    assert post.malformed == (Malformed(index=0, reason="no timestamp"),)
    assert len(post.events) == 2


def test_a_body_larger_than_any_post_is_refused() -> None:
    with pytest.raises(RefusedInput, match="more than"):
        parse(b" " * (4 * 1024 * 1024 + 1))


def test_an_empty_list_is_a_post() -> None:
    assert parse(b"[]").events == ()


def test_an_item_nested_too_deeply_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "[" * 900 + "]" * 900
    body = f'[{{"event":"open","timestamp":1,"x":{deep}}},{{"event":"open","timestamp":1}}]'
    try:
        post = parse(body.encode())
    except RefusedInput:
        return  # how deep is too deep depends on how deep the test runner already is
    assert len(post.events) + len(post.malformed) == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = st.sampled_from(
    ["event", "timestamp", "email", "sg_event_id", "type", "reason", "url", "sg_machine_open"]
)


@given(st.lists(st.dictionaries(fields, json_values | st.just("bounce"), max_size=8), max_size=4))
def test_whatever_comes_is_an_event_or_malformed(items: list[object]) -> None:
    try:
        post = parse(json.dumps(items).encode())
    except RefusedInput:
        return  # NaN and infinity are not JSON
    assert len(post.events) + len(post.malformed) == len(items)


@given(st.binary(max_size=60))
def test_no_bytes_break_it(body: bytes) -> None:
    try:
        parse(body)
    except RefusedInput:
        return
