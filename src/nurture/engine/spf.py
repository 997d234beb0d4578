"""What an SPF record says, read as a receiver reads it (RFC 7208), but for no sender in particular.

A receiver gives up at the first thing that is wrong, also in a record that another one includes:
then the whole record counts as none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Protocol

from nurture.core.host import is_host
from nurture.transports.dns import DnsAnswer

MOST_LOOKUPS = 10
"""DNS questions that a receiver asks over one record (RFC 7208, 4.6.4)."""
MOST_VOIDS = 2
"""Questions of these that may find nothing."""
MOST_MX = 10

_RECORD = re.compile(r"v=spf1( |$)", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE)
_MECHANISM = re.compile(
    r"(?P<sign>[+?~-]?)(?P<name>[a-z0-9]+)(?::(?P<of>(?:%\{[^}]*\}|[^/])+))?(?P<range>/.*)?",
    re.IGNORECASE,
)
_ADDRESSES = re.compile(
    # No mask in dots: that is nothing SPF knows.
    r"(?P<sign>[+?~-]?)ip(?P<version>[46]):(?P<of>[0-9a-f.:]+(/[0-9]{1,3})?)",
    re.IGNORECASE,
)
_RANGE = re.compile(r"(/(?P<four>[0-9]{1,2}))?(//(?P<six>[0-9]{1,3}))?")
_MACROS = re.compile(r"(?:[!-$&-~]|%[%_-]|%\{[slodiphcrtv][0-9]*r?[.+,/_=-]*\})+", re.IGNORECASE)
_NEEDS = {"include": True, "exists": True, "a": False, "mx": False, "ptr": False}
"""Mechanisms that a name can stand behind, and whether it has to."""


class Resolver(Protocol):
    """Asks the DNS, as narrow as the judgement needs it."""

    def ask(self, name: str, kind: str) -> DnsAnswer:
        """Return the records of a kind (TXT, MX, A), none if there are none; never raises."""
        ...


class Broken(Exception):
    """A receiver gives the record up; the text says why."""


class Unasked(Exception):
    """Nobody could be asked about a name."""

    def __init__(self, name: str, answer: DnsAnswer) -> None:
        self.name, self.answer = name, answer
        super().__init__(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """Whom a record lets send, and what it says about all others: one of - ~ ? or nothing."""

    everybody: bool = False
    somebody: bool = False
    others: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    sign: str
    name: str
    target: str = ""


def records_in(answer: DnsAnswer) -> list[str]:
    """Return the SPF records among the texts of a name."""
    return [text for text in answer.values if _RECORD.match(text)]


class Reading:
    """One reading of a record and of all that it includes, with the questions it took."""

    def __init__(self, resolver: Resolver) -> None:
        self.lookups = 0
        self.lost: list[str] = []
        self._resolver = resolver

    def of(self, domain: str, record: str) -> Says:
        """Return what the record says; raise Broken or Unasked where nobody can tell."""
        says = self._read(domain, record)
        if len(self.lost) > MOST_VOIDS:
            raise Broken(f"{', '.join(self.lost)} find nothing, and {MOST_VOIDS} may")
        return says

    def _read(self, domain: str, record: str) -> Says:
        terms = list(_terms(domain, record))
        everybody = somebody = False
        for term in terms:
            if term.sign == "=":
                continue
            if term.name == "all":
                lets = term.sign == "+"
                others = "" if lets else term.sign
                return Says(everybody=everybody or lets, somebody=somebody or lets, others=others)
            found = self._matched(domain, term)
            if term.sign == "+":
                everybody |= found.everybody
                somebody |= found.somebody
        elsewhere = next((t.target for t in terms if t.name == "redirect"), "")
        if not elsewhere:
            return Says(everybody=everybody, somebody=somebody)
        found = self._other(elsewhere)
        return Says(
            everybody=everybody or found.everybody,
            somebody=somebody or found.somebody,
            others=found.others,
        )

    def _matched(self, domain: str, term: _Term) -> Says:
        """Return whom one mechanism matches."""
        name = term.target or domain
        match term.name:
            case "ip4" | "ip6":
                return Says(somebody=True, everybody=ip_network(term.target).prefixlen == 0)
            case "include":
                return self._other(name)
            case "a":
                return self._found(name, "A", "AAAA")
            case "mx":
                return self._found(name, "MX")
            case "exists":
                return self._found(name, "A")
            case _:
                self._look_up()
                return Says(somebody=True)

    def _other(self, name: str) -> Says:
        self._look_up()
        if "%" in name:
            return Says(somebody=True)  # it depends on the mail which name that is
        answer = self._asked(name, "TXT")
        records = records_in(answer)
        if not records:
            raise Broken(f"it names {name}, which has no SPF record")
        if len(records) > 1:
            raise Broken(f"it names {name}, which has {len(records)} SPF records")
        return self._read(name, records[0])

    def _look_up(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise Broken(f"it needs more than {MOST_LOOKUPS} look-ups")

    def _found(self, name: str, *kinds: str) -> Says:
        self._look_up()
        if "%" in name:
            return Says(somebody=True)
        hosts = [host for kind in kinds for host in self._asked(name, kind).values]
        if len(hosts) > MOST_MX and kinds == ("MX",):
            raise Broken(f"{name} has more than {MOST_MX} mail servers")
        if not hosts:
            self.lost.append(f"{kinds[0].lower()}:{name}")
        return Says(somebody=bool(hosts))

    def _asked(self, name: str, kind: str) -> DnsAnswer:
        answer = self._resolver.ask(name, kind)
        if answer.failed:
            raise Unasked(name, answer)
        return answer


def _terms(domain: str, record: str) -> Iterator[_Term]:
    """Yield what a record is made of; what is wrong anywhere breaks all of it."""
    seen: set[str] = set()
    for text in record.split()[1:]:
        modifier = _MODIFIER.fullmatch(text)
        term = _modifier(modifier) if modifier else _mechanism(text)
        if term is None:
            raise Broken(f'"{text}" in the record of {domain} means nothing')
        if term.sign == "=" and term.name in ("redirect", "exp"):
            if term.name in seen:
                raise Broken(f'"{term.name}=" stands twice in the record of {domain}')
            seen.add(term.name)
        yield term


def _modifier(found: re.Match[str]) -> _Term | None:
    name, target = found[1].lower(), found[2]
    if name in ("redirect", "exp"):
        return _Term(sign="=", name=name, target=target) if _is_name(target) else None
    # What nobody knows yet is passed over, if it is written as it must be.
    sound = not target or _MACROS.fullmatch(target)
    return _Term(sign="=", name=f"other {name}") if sound else None


def _mechanism(text: str) -> _Term | None:
    found = _MECHANISM.fullmatch(text)
    if found is None or found["name"].lower() in ("ip4", "ip6"):
        return _network(text)
    sign, name, target = found["sign"] or "+", found["name"].lower(), found["of"] or ""
    ranged = _RANGE.fullmatch(found["range"] or "")
    if name == "all":
        return _Term(sign=sign, name=name) if not target and not found["range"] else None
    if name not in _NEEDS or (_NEEDS[name] and not target):
        return None
    if found["range"] and (name not in ("a", "mx") or not ranged):
        return None
    if ranged and (int(ranged["four"] or 0) > 32 or int(ranged["six"] or 0) > 128):  # noqa: PLR2004 (bits of an address)
        return None
    return _Term(sign=sign, name=name, target=target) if not target or _is_name(target) else None


def _network(text: str) -> _Term | None:
    found = _ADDRESSES.fullmatch(text)
    try:
        network = ip_network(found["of"], strict=False) if found else None
    except ValueError:
        network = None
    if found is None or network is None or str(network.version) != found["version"]:
        return None
    return _Term(sign=found["sign"] or "+", name=f"ip{network.version}", target=str(network))


def _is_name(target: str) -> bool:
    if "%" in target:
        return _MACROS.fullmatch(target) is not None
    return is_host(target) and "." in target
