"""Values that would show a difference between two ways to write the same mail."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from nurture.render.grammar import Path

OWN_LINK = "https://mail.example/act?token=1&more=2"
_HOSTILE = "<b>&amp; \"double\" 'single' \u00a0 </td> <!-- {{ x }} --> https://evil.example/"


def redirect(number: int) -> str:
    """Return the redirect of a numbered link."""
    return f"https://mail.example/go/{number}?a=1&b=2"


def samples(reads: Collection[Path]) -> Iterator[dict[str, object]]:
    """Yield values for everything that is read: of each kind, and each half of them known."""
    names = sorted(reads)
    kinds: tuple[object, ...] = ("", "plain", _HOSTILE, 7, ["x < y", "z & w"], "2026-03-12")
    for kind in kinds:
        yield _values(dict.fromkeys(names, kind))
    # Half of the names known: the branches that ask for one thing and not the other.
    for odd in (0, 1):
        yield _values({path: "known" if i % 2 == odd else "" for i, path in enumerate(names)})


def _values(by_path: Mapping[Path, object]) -> dict[str, object]:
    values: dict[str, object] = {}
    for (root, *rest), value in by_path.items():
        if not rest:
            values[root] = OWN_LINK if root.endswith("_url") else value
            continue
        fields = values.setdefault(root, {})
        assert isinstance(fields, dict)
        fields[rest[0]] = value
    return values
