"""Person or machine: how likely it is that a person followed a link or opened a mail.

Each signal moves the odds by its weight, a natural logarithm of odds, and the weights add up. They
are our judgement of what others have published; they are no measurement, so the raw signals are
kept and the verdict can be made again. Every weight says where it comes from.

An open says little even then: programs fetch pictures for people. No open is ever taken for a
person's deed; its probability is there to be looked at.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import exp, log
from operator import attrgetter

SETTLES_AFTER = timedelta(minutes=10)
"""How long a click waits to be judged: a scanner's first click is known by its second."""

QUICKEST_PERSON = timedelta(seconds=10)
BURST_WITHIN = timedelta(seconds=3)
WAY_OUT_WITHIN = timedelta(minutes=1)
CROWD_WITHIN = timedelta(minutes=1)
MANY = 5
"""Other recipients whose mails one network looked at within a minute."""
SOME = 2
SEVERAL = 2
WITH_WAY_OUT = 3

PERSON_FROM = 500
"""From this probability on, in thousandths, it was a person."""

PRIOR = log(0.8 / 0.2)
"""With no signal at all. Senders to companies report that 10 to 30 % of clicks are machines'."""
SAID = -6.0
"""The provider says that a machine did it: SendGrid marks the opens of Apple's mail privacy."""
HEAD = -6.0
"""Browsers ask with GET (RFC 9110, 9.3.2); link checkers look whether there is something first."""
BESIDE_HEAD = -4.0
"""The same caller asked for something of the same mail with HEAD, within a minute."""
SOON = -4.0
"""Gateways follow links when mail arrives. Mautic measured from sending and missed them (16263)."""
BURST = -4.0
"""Several links within three seconds: nobody reads and clicks so fast, scanners take all at once
(Mautic 14916, useSend 412)."""
WAY_OUT = -4.0
"""Several links and the way out among them within a minute: who leaves does not look around
first; scanners follow every link (Rock 7034, emailflare 190)."""
CROWD = -4.0
"""One network looks at the mails of many recipients within a minute: a gateway, for everybody
behind it."""
SMALL_CROWD = -1.0
"""The same with a few recipients: colleagues may sit behind one address."""

OPENED = ""
"""The link of an open: none."""
VIEW, UNSUBSCRIBE, PREFERENCES = "view", "unsubscribe", "preferences"
"""The links of a mail that are not an author's: their numbers are the others' names."""


class Agent(StrEnum):
    """What kind of program asked, by the name that it gave itself."""

    BROWSER = "browser"
    BARE = "bare"
    NONE = "none"
    SAFELINKS = "safelinks"
    BARRACUDA = "barracuda"
    PROOFPOINT = "proofpoint"
    MIMECAST = "mimecast"
    GATEWAY = "gateway"
    PREVIEW = "preview"
    IMAGE_PROXY = "image proxy"
    LIBRARY = "library"
    CRAWLER = "crawler"


AGENTS: Mapping[Agent, float] = {
    Agent.BROWSER: 0.0,
    Agent.BARE: -2.0,
    Agent.NONE: -3.0,
    Agent.IMAGE_PROXY: -2.0,
    **dict.fromkeys(
        (Agent.SAFELINKS, Agent.BARRACUDA, Agent.PROOFPOINT, Agent.MIMECAST, Agent.GATEWAY), -6.0
    ),
    **dict.fromkeys((Agent.PREVIEW, Agent.LIBRARY, Agent.CRAWLER), -5.0),
}

# Parts of names in lower case; the first that is found says what it is.
_NAMED: Sequence[tuple[Agent, tuple[str, ...]]] = (
    (Agent.SAFELINKS, ("safelinks",)),
    (Agent.BARRACUDA, ("barracuda",)),
    (Agent.PROOFPOINT, ("proofpoint", "urldefense")),
    (Agent.MIMECAST, ("mimecast",)),
    (
        Agent.GATEWAY,
        (
            *("messagelabs", "symantec", "fireeye", "trellix", "forcepoint", "ironport", "sophos"),
            *("trendmicro", "checkpoint", "scanner"),
        ),
    ),
    (Agent.IMAGE_PROXY, ("googleimageproxy", "yahoomailproxy")),
    (
        Agent.PREVIEW,
        (
            *("skypeuripreview", "bingpreview", "facebookexternalhit", "linkpreview", "slackbot"),
            "linkguard",
        ),
    ),
    (Agent.CRAWLER, ("bot", "crawl", "spider", "headless", "phantomjs")),
    (
        Agent.LIBRARY,
        (
            *("curl/", "wget/", "python-", "httpx", "aiohttp", "go-http-client", "java/", "libwww"),
            *("okhttp", "apache-httpclient", "axios", "node-fetch", "undici"),
        ),
    ),
)
# What is also part of a phone's or an app's name says what it is at the beginning alone.
_BEGINS = ((Agent.PREVIEW, "whatsapp"), (Agent.LIBRARY, "ruby"))
_PHONE = "cubot"
_ENGINES = ("applewebkit", "gecko/", "trident", "presto", "khtml")

_SHARED = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.168.0.0/16", "::/128", "::1/128", "fc00::/7", "fe80::/10"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One request for a link or a picture of a mail, as raw as it is kept.

    `link` says which of the mail's links it was (`OPENED`: its picture). `network` is a keyed hash
    of where it came from, '' if that says nothing. `crowd` counts other recipients whose mails the
    same network looked at within a minute. `said` is what the provider thinks: True is a machine.
    """

    id: int
    link: str
    at: datetime
    head: bool
    agent: Agent
    network: str
    said: bool | None
    crowd: int = 0


def agent_of(name: str) -> Agent:
    """Return what kind of program gave itself this name."""
    told = name.casefold().strip()
    if not told:
        return Agent.NONE
    for agent, beginning in _BEGINS:
        if told.startswith(beginning):
            return agent
    told = told.replace(_PHONE, "")
    for agent, parts in _NAMED:
        if any(part in told for part in parts):
            return agent
    return Agent.BROWSER if any(engine in told for engine in _ENGINES) else Agent.BARE


def network_of(address: str) -> str:
    """Return the network that tells callers apart, '' where everybody looks the same.

    Behind a proxy that nobody told us of, all callers have one private address.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    if any(found in network for network in _SHARED):
        return ""
    # A household or a company has a whole IPv6 network, and changes addresses within it.
    prefix = 64 if found.version == 6 else 32  # noqa: PLR2004 (the protocol's number)
    made: IPv4Network | IPv6Network = ip_network((found, prefix), strict=False)
    return str(made.network_address)


def chances(traces: Sequence[Trace], delivered_at: datetime | None) -> dict[int, int]:
    """Return for each request about one mail how likely a person made it, in thousandths.

    The answer depends on what is known of the mail, never on the order in which it came.
    """
    ordered = sorted(traces, key=attrgetter("at", "id"))
    links = [one for one in ordered if one.link != OPENED]
    burst = _in_stretches(links, BURST_WITHIN, lambda seen: len(seen) >= SEVERAL)
    way_out = _in_stretches(
        links, WAY_OUT_WITHIN, lambda seen: len(seen) >= WITH_WAY_OUT and UNSUBSCRIBE in seen
    )
    heads = _heads(ordered)
    found = {}
    for one in ordered:
        weights = (
            (SAID, one.said is True),
            (HEAD, one.head),
            (BESIDE_HEAD, _near(one.at, heads.get((one.network, one.agent), ()))),
            # Before the delivery, too: a gateway may look before it takes the mail.
            (SOON, delivered_at is not None and one.at < delivered_at + QUICKEST_PERSON),
            (BURST, one.id in burst),
            (WAY_OUT, one.id in way_out),
            (CROWD if one.crowd >= MANY else SMALL_CROWD, one.crowd >= SOME),
        )
        odds = PRIOR + AGENTS[one.agent] + sum(weight for weight, holds in weights if holds)
        found[one.id] = round(1000 / (1 + exp(-odds)))
    return found


def is_person(chance: int) -> bool:
    """Say whether so many thousandths are a person."""
    return chance >= PERSON_FROM


def _in_stretches(
    ordered: Sequence[Trace], within: timedelta, holds: Callable[[Counter[str]], bool]
) -> set[int]:
    """Return the requests in any stretch of so much time for whose links it holds."""
    found: set[int] = set()
    seen: Counter[str] = Counter()
    first = marked = 0
    for last, one in enumerate(ordered):
        seen[one.link] += 1
        while ordered[first].at < one.at - within:
            seen[ordered[first].link] -= 1
            if not seen[ordered[first].link]:
                del seen[ordered[first].link]
            first += 1
        if holds(seen):
            found.update(each.id for each in ordered[max(first, marked) : last + 1])
            marked = last + 1
    return found


def _heads(ordered: Sequence[Trace]) -> dict[tuple[str, Agent], list[datetime]]:
    found: dict[tuple[str, Agent], list[datetime]] = {}
    for one in ordered:
        if one.head:
            found.setdefault((one.network, one.agent), []).append(one.at)
    return found


def _near(at: datetime, times: Sequence[datetime]) -> bool:
    """Say whether one of the times, which are in order, is within a minute."""
    place = bisect_left(times, at - CROWD_WITHIN)
    return place < len(times) and times[place] <= at + CROWD_WITHIN
