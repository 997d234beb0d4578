"""Suggested points as rules for qualification.yaml: to read and to sign, never put in by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import unified_diff

from nurture.calibrate.backtest import Backtest, Field
from nurture.calibrate.bins import LEAST_CASES, Slot
from nurture.core.project import FitRule

LONGEST = 47
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_AMBIGUOUS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"})
_UNITS = {10: "tenths", 100: "hundredths", 1000: "thousandths"}

_HEAD = """\
# Points that {title} suggests for {outcome}: to review together. Nothing changes by itself.
# Learned from {trained:,} cases, measured on {tested:,} others:
# AUC {auc:.2f}, likely {low:.2f} to {high:.2f}.
# Take over what you can explain to each other, raise `version`, and sign again.
"""
_FIELDS = """\
# Rename the fields and choices to those of your fields.yaml.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a column of the backtest is in the project: a field, a condition, or personas."""

    id: str
    key: str = ""
    when: str = ""
    personas: tuple[str, ...] = ()
    # For bins that a field's value cannot name: the condition that asks for each.
    cases: Mapping[str, str] = field(default_factory=dict)


Origins = Mapping[str, Origin]


def origins_of(columns: Iterable[str]) -> dict[str, Origin]:
    """Return names that a project would accept for columns of a file."""
    found: dict[str, Origin] = {}
    taken: set[str] = set()
    for column in columns:
        name = plain = re.sub(r"[^a-z0-9]+", "-", column.lower()).strip("-")[:LONGEST] or "column"
        number = 1
        while name in taken:
            number += 1
            name = f"{plain[: LONGEST - 4]}-{number}"
        taken.add(name)
        field = name.replace("-", "_")
        field = field if field[0].isalpha() else f"x_{field}"[:LONGEST]
        found[column] = Origin(id=name, key=f"lead.{field}")
    return found


def as_yaml(found: Backtest, origins: Origins, *, of_project: bool) -> str:
    """Return the suggested rules with what speaks for them."""
    head = _HEAD.format(
        title=_comment(found.title),
        outcome=_comment(found.outcome),
        trained=found.trained.cases,
        tested=found.tested.cases,
        auc=found.auc.value,
        low=found.auc.low,
        high=found.auc.high,
    )
    leaks = {leak.field for leak in found.leaks}
    lines = [head if of_project else head + _FIELDS, "fit:\n", "  rules:\n"]
    for one in found.fields:
        lines.append(f"    # {_told(one, suspected=one.cut.field in leaks)}\n")
        lines.extend(f"    {line}\n" for line in _rules(one, origins[one.cut.field]))
    return "".join(lines)


def as_diff(found: Backtest, origins: Origins, rules: Sequence[FitRule]) -> str:
    """Return what the suggestion would change in the rules in force, line by line.

    A rule about which the cases say too little stays as it is.
    """
    fields = {origins[one.cut.field].id: one for one in found.fields}
    before = [f"    {_in_force(rule)}\n" for rule in rules]
    after: list[str] = []
    for rule in rules:
        one = fields.pop(rule.id, None)
        kept = [_in_force(rule)] if one is None else _rules(one, origins[one.cut.field])
        after.extend(f"    {line}\n" for line in kept)
    for one in fields.values():
        after.extend(f"    {line}\n" for line in _rules(one, origins[one.cut.field]))
    name = "qualification.yaml"
    return "".join(unified_diff(before, after, f"{name} in force", f"{name} suggested", n=99))


def _told(one: Field, *, suspected: bool) -> str:
    about = f"{_comment(one.cut.field)}: AUC alone {one.auc.value:.2f}"
    about += f", information value {one.evidence.information_value:.2f}"
    if one.cut.unit > 1:
        unit = _UNITS.get(one.cut.unit, f"parts of {one.cut.unit:,}")
        about += f"; fields hold whole numbers, so keep it in {unit}"
    if suspected:
        about += ". TOO GOOD TO BE TRUE: was it recorded after the decision?"
    return about


def _comment(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


# -- rules as lines ------------------------------------------------------------------------------


def _rules(one: Field, origin: Origin) -> list[str]:
    known = [
        (slot, points)
        for slot, points in zip(one.cut.slots, one.points, strict=True)
        if not slot.missing
    ]
    rest = next((points for slot, points in known if slot.rest), 0)
    filled = dict(zip(one.cut.slots, one.evidence.cases.tolist(), strict=True))
    if origin.when:
        return [_condition(origin.id, origin.when, known[0][1] - rest)]
    if origin.personas:
        return [_personas(origin.id, origin.personas, known[0][1] - rest)]
    if origin.cases:
        return _cases(one, origin, rest)
    if not origin.key:
        return [
            _condition(f"{origin.id}-{number}", f"{origin.id} == {_quoted(slot.values[0])}", points)
            for number, (slot, points) in enumerate(known, 1)
            if slot.values and points
        ]
    if one.cut.is_number:
        bands = [_band(*one) for one in _joined(known)]
        lines = [f"- {{id: {origin.id}, field: {origin.key}, bands: [{', '.join(bands)}]}}"]
    else:
        lines = [_values(origin, known, rest)]
    missing = next(slot for slot in one.cut.slots if slot.missing)
    points = one.points[one.cut.slots.index(missing)]
    # Unknown counts nothing by itself; where it says something, it needs a rule of its own.
    if points and filled[missing] >= LEAST_CASES:
        lines.append(_condition(f"{origin.id}-unknown", f"not known({origin.key})", points))
    return lines


def _cases(one: Field, origin: Origin, rest: int) -> list[str]:
    """Return a condition for each bin that differs from the rest, which is whatever is known."""
    found = [_condition(f"{origin.id}-known", f"known({origin.key})", rest)] if rest else []
    for number, (slot, points) in enumerate(zip(one.cut.slots, one.points, strict=True), 1):
        if slot.values and points != rest:
            when = origin.cases[slot.values[0]]
            found.append(_condition(f"{origin.id}-{number}", when, points - rest))
        elif slot.missing and points:
            found.append(_condition(f"{origin.id}-unknown", f"not known({origin.key})", points))
    return found


def _values(origin: Origin, known: Sequence[tuple[Slot, int]], rest: int) -> str:
    told = [f"{_key(slot.values[0])}: {points}" for slot, points in known if slot.values]
    return (
        f"- {{id: {origin.id}, field: {origin.key}, values: {{{', '.join(told)}}}, else: {rest}}}"
    )


def _joined(known: Sequence[tuple[Slot, int]]) -> list[tuple[Slot, int]]:
    """Return the bands, neighbours of equal points as one."""
    found: list[tuple[Slot, int]] = []
    for slot, points in known:
        if slot.rest:
            continue
        last, before = found[-1] if found else (None, None)
        if last is not None and before == points and last.high == (slot.low or 0) - 1:
            found[-1] = (replace(last, high=slot.high), points)
        else:
            found.append((slot, points))
    return found


def _band(slot: Slot, points: int) -> str:
    return f"[{slot.low}, {'null' if slot.high is None else slot.high}, {points}]"


def _condition(name: str, when: str, points: int) -> str:
    return f"- {{id: {name}, when: {json.dumps(when, ensure_ascii=False)}, points: {points}}}"


def _personas(name: str, personas: Sequence[str], points: int) -> str:
    return f"- {{id: {name}, persona: [{', '.join(map(_key, personas))}], points: {points}}}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _key(text: str) -> str:
    """Return the choice as YAML reads it as text."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _AMBIGUOUS
    return text if plain else json.dumps(text, ensure_ascii=False)


def _in_force(rule: FitRule) -> str:
    if rule.personas:
        return _personas(rule.id, rule.personas, rule.points)
    if rule.when is not None:
        return _condition(rule.id, rule.text, rule.points)
    if rule.bands:
        bands = [_band(Slot(low=b.low, high=b.high), b.points) for b in rule.bands]
        return f"- {{id: {rule.id}, field: {rule.key}, bands: [{', '.join(bands)}]}}"
    known = [(Slot(values=(value,)), points) for value, points in rule.values.items()]
    return _values(Origin(id=rule.id, key=rule.key), known, rule.otherwise)
