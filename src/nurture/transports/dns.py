"""Questions to the DNS, with little patience: nothing that matters waits for the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address

import dns.exception
import dns.resolver

from nurture.core.errors import MisuseError

PATIENCE_SECONDS = 3.0
_PORT = 53
_PORTS = range(1, 65_536)
_SERVER = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<bare>[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*))(?::(?P<port>[0-9]{1,5}))?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsAnswer:
    """The records of a name; `failed` says why it could not be asked."""

    values: tuple[str, ...] = ()
    failed: str = ""


def name_server(text: str) -> tuple[str, int]:
    """Return address and port of what is written as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53.

    Raise MisuseError for anything else: to find a name server by its name takes a name server.
    """
    written = _SERVER.fullmatch(text.strip())
    number = int(written["port"] or _PORT) if written else 0
    try:
        found = str(ip_address(written["six"] or written["bare"])) if written else ""
    except ValueError:
        found = ""
    if not found or number not in _PORTS:
        raise MisuseError(
            f"{text!r} is no name server: write its address, such as 127.0.0.1, 127.0.0.1:53 or"
            " [::1]:53"
        )
    return found, number


@dataclass(slots=True)
class DnsResolver:
    """Asks the machine's name servers, or the one at `server`: see `name_server`.

    Once nobody has answered in time, it asks no more: without a network every question would wait.
    """

    server: str = ""
    patience_seconds: float = PATIENCE_SECONDS
    _silent: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if self.server:
            name_server(self.server)

    def ask(self, name: str, kind: str) -> DnsAnswer:
        """Return the records as text, none if there are none; never raises."""
        if self._silent:
            return DnsAnswer(failed=self._silent)
        try:
            found = self._resolver().resolve(name, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return DnsAnswer()
        except (dns.exception.Timeout, dns.resolver.NoResolverConfiguration, OSError):
            self._silent = "no name server answers"
            return DnsAnswer(failed=self._silent)
        except dns.exception.DNSException as error:
            return DnsAnswer(failed=type(error).__name__)
        if found.rrset is None:
            return DnsAnswer()
        return DnsAnswer(values=tuple(sorted(map(_text, found.rrset))))

    def _resolver(self) -> dns.resolver.Resolver:
        asks = dns.resolver.Resolver(configure=not self.server)
        if self.server:
            address, asks.port = name_server(self.server)
            asks.nameservers = [address]
        asks.lifetime = self.patience_seconds
        return asks


def _text(record: object) -> str:
    strings = getattr(record, "strings", None)
    if strings is not None:
        # A long text comes in pieces of 255 bytes.
        return b"".join(strings).decode("utf-8", "replace")
    return str(getattr(record, "exchange", record)).removesuffix(".") or "."
