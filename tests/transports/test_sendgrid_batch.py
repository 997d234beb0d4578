"""Many mails in one call: everybody gets exactly what they would have got alone, or goes alone."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from nurture.core.message import (
    Accepted,
    Address,
    Halted,
    OutgoingMessage,
    Pieces,
    Refused,
    Uncertain,
)
from nurture.core.refusal import IN_A_ROW, NOBODY, weigh
from nurture.transports import sendgrid_batch
from nurture.transports.base import LEFT_OVER, Transport
from nurture.transports.sendgrid import SendGridSettings
from nurture.transports.sendgrid_batch import (
    CAP,
    SendGridBatchTransport,
    batch_body,
    shared_calls,
)
from tests.transports.letters import MAIL, NOW, letter
from tests.transports.servers import HOST, read_request, serving
from tests.transports.test_sendgrid import OK, answer

NESTED = 4
"""SendGrid looks into values for tags so many times."""
RETURNED = Refused(
    reason="sendgrid: refused with others of its batch", permanent=False, is_try=False
)


def cut(
    number: int, name: str = "Ana", *, shared: str = "air leaks", **changes: object
) -> OutgoingMessage:
    """Return a message for somebody of that name, with its cut."""
    link = f"https://n.example/c/{number}"
    html = ("<p>Hi ", name, f', {shared}: <a href="', link, '">here</a> ', name, "</p>")
    text = ("Hi ", name, f", {shared}: ", link, "\n")
    plain = letter(
        number,
        recipient=Address(name=name, email=f"p{number}@b.example"),
        subject=f"For {number}",
        html="".join(html),
        text="".join(text),
        headers=(("List-Unsubscribe", f"<https://n.example/u/{number}>"),),
    )
    mail = replace(plain.mail, **changes)  # type: ignore[arg-type]
    return replace(plain, mail=mail, pieces=Pieces(html=html, text=text))


def replaced(text: str, substitutions: dict[str, str]) -> str:
    """Return the text as SendGrid documents that it replaces tags."""
    for _ in range(NESTED):
        for tag, value in substitutions.items():
            text = text.replace(tag, value)
    return text


@dataclass
class SendGrid:
    """Takes requests as SendGrid documents it, and keeps what each recipient reads.

    `refuses` gives the answer to a request; an empty one hangs up.
    """

    refuses: Callable[[dict[str, Any]], bytes | None] = lambda _: None
    calls: list[int] = field(default_factory=list)
    got: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def __call__(self, connection: socket.socket) -> None:
        while request := read_request(connection):
            body = json.loads(request.partition(b"\r\n\r\n")[2])
            self.calls.append(len(body["personalizations"]))
            refusal = self.refuses(body)
            if refusal is None:
                self.take(body)
            connection.sendall(OK if refusal is None else refusal)
            if refusal == b"":
                return

    def take(self, body: dict[str, Any]) -> None:
        """Write each recipient's mail."""
        text, html = (part["value"] for part in body["content"])
        for person in body["personalizations"]:
            (to,) = person["to"]
            values = person.get("substitutions", {})
            subject = person.get("subject", body.get("subject"))
            assert to["email"] not in self.got
            self.got[to["email"]] = subject, replaced(html, values), replaced(text, values)


def send(server: SendGrid, messages: Sequence[OutgoingMessage], **options: Any) -> list[object]:
    with serving(server) as port:
        account = SendGridSettings(
            api_key="SG.x", base_url=f"http://{HOST}:{port}", read_seconds=2.0
        )
        way = SendGridBatchTransport(account, **options)
        outcomes = way.send(messages, now=NOW)
        way.close()
    return list(outcomes)


def as_alone(messages: Sequence[OutgoingMessage]) -> dict[str, tuple[str, str, str]]:
    return {m.mail.recipient.email: (m.mail.subject, m.mail.html, m.mail.text) for m in messages}


def complaints(*fields: str) -> bytes:
    errors = [{"message": "no", "field": each or None, "help": None} for each in fields]
    return answer("400 Bad Request", json.dumps({"errors": errors}).encode())


def test_it_is_a_transport() -> None:
    way: Transport = SendGridBatchTransport(SendGridSettings(api_key="SG.x"))
    assert (way.name, way.group_size) == ("sendgrid", CAP)
    way.forget([])
    way.close()


def test_a_hundred_go_in_one_call_and_read_what_they_would_have_read_alone() -> None:
    server, messages = SendGrid(), [cut(n, f"N{n} & <b>") for n in range(100)]
    assert send(server, messages) == [Accepted(provider_id="m1")] * 100
    assert server.calls == [100]
    assert server.got == as_alone(messages)


HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(["[%", "%]", "[%0.1%]", "%name%", "-n-", "<%x%>", "{{x}}", "\n", '"', "ü"]),
        st.text(max_size=6),
    ),
    max_size=6,
).map("".join)


@given(names=st.lists(HOSTILE, min_size=2, max_size=4))
@settings(max_examples=200)
def test_no_value_reads_as_a_tag(names: list[str]) -> None:
    messages = [cut(n, name, recipient=MAIL.recipient) for n, name in enumerate(names)]
    body = batch_body(messages)
    assert body is not None
    asked = json.loads(body)
    text, html = (part["value"] for part in asked["content"])
    for message, person in zip(messages, asked["personalizations"], strict=True):
        values = person["substitutions"]
        read = replaced(html, values), replaced(text, values)
        assert read == (message.mail.html, message.mail.text)


def test_a_value_that_holds_the_mark_gets_another_mark() -> None:
    first = json.loads(batch_body([cut(1), cut(2)]) or b"")
    tag = next(iter(first["personalizations"][0]["substitutions"]))
    again = json.loads(batch_body([cut(1, tag), cut(2)]) or b"")
    assert tag not in again["personalizations"][0]["substitutions"]
    assert len(tag) == len("[%01234567.0%]")


def test_without_a_safe_mark_each_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sendgrid_batch, "_NONCES", 0)
    server = SendGrid()
    send(server, [cut(1), cut(2)])
    assert server.calls == [1, 1]


def test_each_recipient_has_ids_headers_and_a_subject_of_their_own() -> None:
    asked = json.loads(batch_body([cut(1), cut(2)]) or b"")
    assert "subject" not in asked
    for number, person in enumerate(asked["personalizations"], start=1):
        assert len(person["to"]) == 1
        assert person["subject"] == f"For {number}"
        assert person["custom_args"]["nurture_message"] == f"{number:032x}"
        assert set(person["custom_args"]) == {"nurture_message", "nurture_attempt"}
        assert person["headers"] == {"List-Unsubscribe": f"<https://n.example/u/{number}>"}


def test_a_value_in_both_parts_has_two_tags() -> None:
    asked = json.loads(batch_body([cut(1, "Ada"), cut(2, "Bo")]) or b"")
    values = list(asked["personalizations"][0]["substitutions"].values())
    assert values == ["Ada", "https://n.example/c/1", "Ada", "https://n.example/c/1"]


def calls_of(messages: Sequence[OutgoingMessage], cap: int = CAP) -> list[int]:
    return [len(places) for places in shared_calls(messages, cap=cap)]


@pytest.mark.parametrize(
    ("messages", "sizes"),
    [
        pytest.param([cut(1), cut(2), cut(3)], [3], id="of one kind"),
        pytest.param([cut(1), cut(2, shared="drains"), cut(3)], [2, 1], id="of two kinds"),
        pytest.param([cut(1), replace(cut(2), pieces=None), cut(3)], [2, 1], id="one not cut"),
        pytest.param([cut(1), cut(1), cut(2)], [1, 2], id="two to one address"),
        pytest.param(
            [cut(1, recipient=Address(name="", email="A@b.example")),
             cut(2, recipient=Address(name="", email="a@B.example"))],
            [1, 1],
            id="two to one address, written differently",
        ),
        pytest.param([cut(1), cut(2, reply_to="x@b.example")], [1, 1], id="two to answer to"),
        pytest.param(
            [cut(1), cut(2, sender=Address(name="", email="x@c.example"))], [1, 1], id="two senders"
        ),
        pytest.param([cut(1), replace(cut(2), categories=("x",))], [1, 1], id="two templates"),
        pytest.param([cut(1), cut(2, "x" * 5_000), cut(3)], [2, 1], id="one too long for tags"),
        pytest.param([cut(1), cut(2, subject=""), cut(3)], [2, 1], id="one that breaks a limit"),
        pytest.param([cut(n) for n in range(250)], [100, 100, 50], id="more than the cap"),
    ],
)  # fmt: skip
def test_who_shares_a_call(messages: list[OutgoingMessage], sizes: list[int]) -> None:
    assert calls_of(messages) == sizes


def test_no_call_has_more_than_ten_thousand_substitutions() -> None:
    values = tuple("<br>" if n % 2 == 0 else "x" for n in range(41))
    many = [replace(cut(n), pieces=Pieces(html=values, text=("a", "b", "c"))) for n in range(1000)]
    assert calls_of(many, cap=1000) == [476, 476, 48]


def test_no_call_is_larger_than_ten_million_bytes() -> None:
    large = [cut(n, shared="x" * 1_200_000) for n in range(2)]
    filled = [replace(m, mail=replace(m.mail, headers=(("X", "y" * 1_500_000),))) for m in large]
    assert calls_of(filled) == [1, 1]
    assert calls_of(large) == [2]


# -- refusals ------------------------------------------------------------------------------------


def test_whom_a_400_names_fails_and_the_rest_is_returned_untried() -> None:
    server = SendGrid(lambda _: complaints("personalizations.1.to.0.email", "personalizations.3"))
    outcomes = send(server, [cut(n) for n in range(5)])
    assert server.calls == [5]
    failed = {place for place, o in enumerate(outcomes) if o != RETURNED}
    assert failed == {1, 3}
    assert outcomes[1] == Refused(
        reason="sendgrid: personalizations.1.to.0.email: no", permanent=True
    )


@pytest.mark.parametrize(("named", "weighs"), [(5, 1), (6, 6)])
def test_a_400_that_names_a_few_weighs_like_one_refusal(named: int, weighs: int) -> None:
    server = SendGrid(lambda _: complaints(*(f"personalizations.{n}.to" for n in range(named))))
    outcomes = send(server, [cut(n) for n in range(10)])
    refused = [(place, o) for place, o in enumerate(outcomes) if isinstance(o, Refused)]
    row = weigh(refused, NOBODY, now=NOW).row
    assert len(row.people) == min(weighs, IN_A_ROW)
    assert sum(o.permanent for _, o in refused) == named


def refuse_with(bad: str) -> Callable[[dict[str, Any]], bytes | None]:
    def refuse(body: dict[str, Any]) -> bytes | None:
        people = [person["to"][0]["email"] for person in body["personalizations"]]
        return complaints("") if bad in people else None

    return refuse


def test_a_400_that_names_nobody_is_halved_until_one_fails() -> None:
    server, messages = SendGrid(refuse_with("p5@b.example")), [cut(n) for n in range(8)]
    outcomes = send(server, messages)
    assert server.calls == [8, 4, 4, 2, 1, 1, 2]
    assert outcomes[5] == Refused(reason="sendgrid: 400 request: no", permanent=True)
    assert server.got == as_alone([m for n, m in enumerate(messages) if n != 5])
    assert outcomes.count(Accepted(provider_id="m1")) == 7


@pytest.mark.parametrize(
    "fields",
    [
        ("personalizations.9.to",),
        ("from.email", "personalizations.1"),
        ("personalizations",),
        ("personalizations.0.substitutions",),
    ],
)
def test_a_field_that_is_nobodys_names_nobody(fields: tuple[str, ...]) -> None:
    server = SendGrid(
        lambda body: complaints(*fields) if len(body["personalizations"]) > 1 else None
    )
    assert send(server, [cut(1), cut(2)]) == [Accepted(provider_id="m1")] * 2


def test_a_lost_answer_puts_the_whole_batch_in_doubt_and_no_other() -> None:
    server = SendGrid(lambda body: b"" if len(body["personalizations"]) == 3 else None)
    outcomes = send(server, [*(cut(n) for n in range(3)), cut(3, shared="drains")])
    assert [type(outcome) for outcome in outcomes] == [Uncertain] * 3 + [Accepted]
    assert server.calls == [3, 1]


def test_what_halts_a_batch_keeps_the_rest() -> None:
    server = SendGrid(lambda _: answer("401 No"))
    outcomes = send(server, [cut(1), cut(2), cut(3, shared="drains"), cut(4, shared="drains")])
    assert outcomes == [Halted(reason="sendgrid: 401")] * 4
    assert server.calls == [2]


def test_a_group_that_takes_too_long_goes_back_untried() -> None:
    ticks = iter([0.0, 1.0, 61.0, 61.0])
    server = SendGrid()
    messages = [cut(1), cut(2), cut(3, shared="drains"), cut(4, shared="drains")]
    outcomes = send(server, messages, monotonic=lambda: next(ticks))
    assert outcomes == [Accepted(provider_id="m1")] * 2 + [LEFT_OVER] * 2
