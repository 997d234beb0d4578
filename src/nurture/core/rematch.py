"""What other rules about organizations would change: tiers, and the rules that make the difference.

Two sets of rules are compared piece by piece: a fit rule, an exclusion, the limit of a tier. A
piece made the difference for an organization if its tier would be another without the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from nurture.core.account import TIERS, Icp, icp
from nurture.core.lead import Profile
from nurture.core.project import Exclusion, FitModel, FitRule
from nurture.core.score import MILLI, most_of

Rule = TypeVar("Rule", FitRule, Exclusion)


class Part(StrEnum):
    """What a piece of the rules is."""

    RULE = "rule"
    EXCLUSION = "exclusion"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of the rules: a rule or exclusion by its id, the limit of a tier by its grade."""

    part: Part
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a piece said of an organization: points and the most there were, or a word."""

    points: int = 0
    most: int = 0
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """A piece that made the difference, and what it said before and after; None: nothing."""

    piece: Piece
    before: Given | None
    after: Given | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TierChange:
    """An organization whose tier would change, and why."""

    before: Icp
    after: Icp
    because: tuple[Because, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sets of rules about organizations, both of `of_accounts`, and where they differ."""

    old: FitModel
    new: FitModel
    pieces: tuple[Piece, ...]

    def tier_change(self, profile: Profile, *, today: date, now: datetime) -> TierChange | None:
        """Return how the tier of the organization would change, None if it stays."""

        def judged(model: FitModel) -> Icp:
            return icp(model, profile, today=today, now=now)

        before, after = judged(self.old), judged(self.new)
        if before.tier == after.tier:
            return None
        needed = [p for p in self.pieces if judged(_swap(self.new, self.old, p)).tier != after.tier]
        # Where several changes do the same each, none of them is needed; each is enough.
        made_it = needed or [
            p for p in self.pieces if judged(_swap(self.old, self.new, p)).tier != before.tier
        ]
        told = [
            Because(piece=p, before=_said(self.old, before, p), after=_said(self.new, after, p))
            for p in made_it or self.pieces
        ]
        if not made_it:
            told = [one for one in told if one.before != one.after]
        return TierChange(before=before, after=after, because=tuple(told))


def comparison(old: FitModel, new: FitModel) -> Comparison:
    """Return the two sets of rules with every piece in which they differ."""
    grades = [name for name in new.grades if old.grades[name] != new.grades[name]]
    pieces = [
        *(Piece(part=Part.RULE, id=name) for name in _differing(old.rules, new.rules)),
        *(Piece(part=Part.EXCLUSION, id=n) for n in _differing(old.exclusions, new.exclusions)),
        *(Piece(part=Part.LIMIT, id=name) for name in grades),
    ]
    return Comparison(old=old, new=new, pieces=tuple(pieces))


def _by_id(rules: Iterable[Rule]) -> Mapping[str, Rule]:
    return {rule.id: rule for rule in rules}


def _differing(old: Iterable[Rule], new: Iterable[Rule]) -> list[str]:
    before, after = _by_id(old), _by_id(new)
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _swap(model: FitModel, other: FitModel, piece: Piece) -> FitModel:
    """Return the model with the piece as it is in the other one."""
    match piece.part:
        case Part.RULE:
            return replace(model, rules=_swapped(model.rules, other.rules, piece.id))
        case Part.EXCLUSION:
            return replace(model, exclusions=_swapped(model.exclusions, other.exclusions, piece.id))
        case Part.LIMIT:
            return replace(model, grades={**model.grades, piece.id: other.grades[piece.id]})


def _swapped(rules: Iterable[Rule], others: Iterable[Rule], name: str) -> tuple[Rule, ...]:
    kept = [rule for rule in rules if rule.id != name]
    kept += [rule for rule in others if rule.id == name]
    return tuple(kept)


def _said(model: FitModel, found: Icp, piece: Piece) -> Given | None:
    """Return what the piece said of the organization; None if the model does not have it."""
    match piece.part:
        case Part.RULE:
            rule = _by_id(model.rules).get(piece.id)
            points = sum(row.raw for row in found.rows if row.rule == piece.id)
            return None if rule is None else Given(points=points // MILLI, most=most_of(rule))
        case Part.EXCLUSION:
            exclusion = _by_id(model.exclusions).get(piece.id)
            held = exclusion is not None and found.excluded == exclusion.reason
            return Given(word=found.excluded) if held else None
        case Part.LIMIT:
            tier = TIERS[list(model.grades).index(piece.id)]
            return Given(points=model.grades[piece.id], word=tier)
