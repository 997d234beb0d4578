"""Which name server is asked, and that the DNS never raises."""

from __future__ import annotations

import pytest

from nurture.core.errors import MisuseError
from nurture.transports.dns import DnsResolver, name_server
from tests import nameserver


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 53),
        ("127.0.0.1:5353", "127.0.0.1", 5353),
        (" 127.0.0.1 ", "127.0.0.1", 53),
        ("::1", "::1", 53),
        ("[::1]", "::1", 53),
        ("[::1]:5353", "::1", 5353),
        ("2001:db8::53", "2001:db8::53", 53),
    ],
)
def test_a_name_server_is_an_address_with_or_without_a_port(
    text: str, address: str, port: int
) -> None:
    assert name_server(text) == (address, port)


@pytest.mark.parametrize(
    "text",
    [
        "ns.example:53", "ns.example", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", ":53",
        "127.0.0.1:dns", "[::1]5353", "[::1", "[ns.example]:53", "300.0.0.1", "127.0.0.1:53:53",
        "127.0.0.1:\u0665", "nonsense",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(MisuseError, match=r"is no name server: write its address, such as 127"):
        DnsResolver(text)


def test_names_that_cannot_be_asked_about_are_said_to_have_failed() -> None:
    with nameserver.name_server({("a.example", "TXT"): ['"b"']}) as (server, _):
        resolver = DnsResolver(server)
        assert resolver.ask("a.example", "TXT").values == ("b",)
        assert resolver.ask("a..example", "TXT").failed
        assert resolver.ask(f"{'a' * 64}.example", "TXT").failed
