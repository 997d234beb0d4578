"""Receiver groups: the large mailbox providers by the domains of their mailboxes.

A provider judges a sender over all its domains at once, so that a warm-up counts them together.
The domains are those that Mozilla's database of mail settings names for each provider
(github.com/thunderbird/autoconfig, read in November 2026), and a few well-known ones beside them;
there `mail.com` is told to be on the servers of GMX, and AOL on those of Yahoo. Yahoo in Japan is
another company. A domain that a provider merely hosts cannot be told by its name: it is one of the
others.
"""

from __future__ import annotations

from collections.abc import Iterator

OTHERS = "others"
"""The group of every domain that no provider below is known for."""

_OUTLOOK = """
    at be cl cz de dk es fr hu ie in it jp kr lv my ph pt sa sg sk com co.id co.il co.th
    com.ar com.au com.br com.gr com.tr com.vn
"""
_HOTMAIL = """
    be ca ch cl cz de dk es fi fr gr hu it lt lv my nl no ph rs se sg sk com co.id co.il co.in
    co.jp co.kr co.th co.uk co.za com.ar com.au com.br com.hk com.tr com.tw com.vn
"""
_LIVE = """
    at be ca cl cn de dk fi fr hk ie in it jp nl no ru se com co.jp co.kr co.uk co.za
    com.ar com.au com.mx com.my com.ph com.pt com.sg
"""
_YAHOO = "com de it fr es se ca ie in co.in co.uk co.nz com.au com.ar com.br com.mx"
_AOL = "com de it fr es se co.uk co.nz com.au com.ar com.br com.mx"
_GMX = """
    net de at ch eu biz org info com us co.uk es fr ca cn co.in com.br com.my com.tr hk ie it li
    ph pt ru se sg tm tw
"""


def _under(name: str, endings: str) -> Iterator[str]:
    return (f"{name}.{ending}" for ending in endings.split())


RECEIVER_GROUPS: dict[str, frozenset[str]] = {
    "gmail": frozenset({"gmail.com", "googlemail.com"}),
    "outlook": frozenset({
        *_under("outlook", _OUTLOOK), *_under("hotmail", _HOTMAIL), *_under("live", _LIVE),
        "msn.com", "windowslive.com", "livemail.tw",
    }),
    "yahoo": frozenset({
        *_under("yahoo", _YAHOO), *_under("aol", _AOL),
        "ymail.com", "myyahoo.com", "rocketmail.com", "cox.net", "aim.com", "netscape.net",
        "netscape.com", "compuserve.com", "cs.com", "wmconnect.com", "verizon.net",
    }),
    "icloud": frozenset({"icloud.com", "me.com", "mac.com"}),
    "gmx": frozenset({
        *_under("gmx", _GMX), "mein.gmx", "mail.gmx", "email.gmx", "web.de", "mail.com",
    }),
    "t-online": frozenset({"t-online.de", "magenta.de"}),
    "orange": frozenset({"orange.fr", "wanadoo.fr"}),
}  # fmt: skip
"""The domains of each group's mailboxes; `receiver_group` is how they are asked for."""

_GROUP_OF = {domain: name for name, domains in RECEIVER_GROUPS.items() for domain in domains}

LARGE_PROVIDERS = frozenset(_GROUP_OF)
"""Every domain that is in a group of its own."""


def receiver_group(domain: str) -> str:
    """Return the group of a domain, written in small letters as addresses are kept."""
    return _GROUP_OF.get(domain, OTHERS)
