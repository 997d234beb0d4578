"""One chart more than reports have: how many wins are among the best part of the cases."""

from __future__ import annotations

from collections.abc import Sequence

from nurture.reports.svg import dot, line, picture, tag, words

_LEFT, _RIGHT, _HIGH, _TOP = 44.0, 14.0, 230.0, 10.0


def gain_chart(shares: Sequence[float], *, width: float, sentence: str) -> str:
    """Draw the share of all wins over the share of cases taken, best first; dashed: by chance."""
    room = width - _LEFT - _RIGHT
    marks: list[str] = []

    def at(part: float, share: float) -> tuple[float, float]:
        return _LEFT + part * room, _TOP + _HIGH * (1 - share)

    for quarter in range(5):
        part = quarter / 4
        (x, y), floor_y = at(part, part), _TOP + _HIGH
        marks.append(line((_LEFT, y), (_LEFT + room, y), "grid" if quarter else "base"))
        marks.append(words(_LEFT - 6, y + 4, f"{part:.0%}", kind="axis", anchor="end"))
        anchor = "end" if quarter == 4 else "middle"  # noqa: PLR2004 (the last of the labels)
        marks.append(words(x, floor_y + 17, f"{part:.0%}", kind="axis", anchor=anchor))
    marks.append(line(at(0, 0), at(1, 1), "even"))
    steps = [at(number / (len(shares) - 1), share) for number, share in enumerate(shares)]
    curve = "L".join(f"{x:.1f} {y:.1f}" for x, y in steps)
    right, floor = at(1, 0)
    marks.append(tag("path", d=f"M{curve}L{right:.1f} {floor:.1f}Z", class_="c-under"))
    marks.append(tag("path", d=f"M{curve}", class_="c-curve"))
    for percent in (10, 20, 50):
        told = f"The best {percent} % hold {shares[percent]:.0%} of the wins"
        x, y = steps[percent]
        marks.append(dot((x, y), "c-dot c-one-line", told))
        marks.append(words(x + 9, y + 14, f"{shares[percent]:.0%}", kind="value"))
    below = _TOP + _HIGH + 36
    told = "of the cases, those with most points first"
    marks.append(words(_LEFT + room, below, told, kind="note", anchor="end"))
    return picture(width, below + 6, sentence, *marks)
