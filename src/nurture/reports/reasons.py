"""Reasons as a report may show them: short, alike where they mean the same, naming nobody.

A report is made to be passed on. Reasons of mails in doubt quote mail servers, which quote
addresses; reasons of sales are written by people about people.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

LONGEST = 80
NO_REASON, OTHER_WORDS = "no reason given", "in other words"

USUAL = frozenset(
    {
        "already customer",
        "bad data",
        "bad timing",
        "budget next year",
        "competitor",
        "duplicate",
        "no authority",
        "no budget",
        "no decision",
        "no fit",
        "no interest",
        "no need",
        "other",
        "student",
        "too small",
        "unreachable",
        "vendor",
        "wrong company",
        "wrong person",
    }
)
"""What sales usually says, in the words of a list: these name nobody."""

_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;]+")
_FAILED = re.compile(r"(set aside: \w+).*", re.DOTALL)


def plain(reason: str) -> str:
    """Return a reason that the software gave, without the addresses and values it may quote."""
    text = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    text = _ADDRESS.sub("(address)", _FAILED.sub(r"\1", text))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def said(reasons: Iterable[str]) -> Counter[str]:
    """Count what sales said; words that only one handoff got may describe a person: folded."""
    return Counter(folded(reasons))


def folded(reasons: Iterable[str]) -> list[str]:
    """Return for each reason what of it may be shown."""
    alike = [_alike(reason) for reason in reasons]
    counted = Counter(alike)
    return [
        reason if counted[reason] > 1 or reason in USUAL or reason == NO_REASON else OTHER_WORDS
        for reason in alike
    ]


def _alike(reason: str) -> str:
    words = re.sub(r"[-_\s]+", " ", plain(reason)).casefold().strip(" .!")
    return words or NO_REASON
