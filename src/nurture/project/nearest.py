"""The nearest known name, for remedies."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 8
"""How many known names a remedy lists when none is near."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a remedy: the nearest of the known names, else a list of them."""
    names = sorted(set(known))
    found = nearest(word, names)
    return f'did you mean "{found}"?' if found else _listed(names)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the nearest of the known names, empty if none is near."""
    names = sorted(set(known))
    # Comparing is quadratic in the length, and no name is that long.
    found = get_close_matches(word[:80], names, n=1, cutoff=0.66)
    return found[0] if found else ""


def nearest_field(key: str, known: Iterable[str]) -> str:
    """Return a remedy for `owner.name`: the same or a near name, first of the same owner."""
    names = sorted(set(known))
    owner, _, bare = key.rpartition(".")
    by_bare = {name.rpartition(".")[2]: name for name in names}
    own = {name.rpartition(".")[2]: name for name in names if name.rpartition(".")[0] == owner}
    for group in (own, by_bare):
        found = nearest(bare, group)
        if found:
            return f'did you mean "{group[found]}"?'
    return _listed(sorted(own.values()) or names)


def _listed(names: list[str]) -> str:
    if not names:
        return "none is defined"
    more = ", ..." if len(names) > SHOWN else ""
    return f"known: {', '.join(names[:SHOWN])}{more}"
