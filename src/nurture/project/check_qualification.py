"""Rules about qualification.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from nurture.core.condition import Condition, Or, ValueType, leaves, refs_of
from nurture.core.lead import Stage
from nurture.core.project import EngagementGroup, EngagementRule, Field, FitRule
from nurture.project.check_reach import check_reach
from nurture.project.check_stages import check_stages
from nurture.project.codes import Code
from nurture.project.expressions import UNREADABLE
from nurture.project.functions import subjects
from nurture.project.inspection import QUALIFYING, RULES, Inspection, Role, Told
from nurture.project.logic import always, implies, never
from nurture.project.names import names_of
from nurture.project.nearest import did_you_mean, nearest_field
from nurture.project.yaml_file import KeyPath

TEAMS = ("marketing", "sales")

MAILED = (Stage.LEAD, Stage.PROSPECT)
"""Stages in which sequences write to people, so that silence must end somewhere."""

# Worked out in this order; see core/assess.py. A rule reads only what comes before it.
_LATER_THAN: Mapping[Role, frozenset[str]] = {
    Role.FIT: frozenset({"grade", "readiness", "score", "verdict", "trait", "temperature"}),
    Role.EXCLUSION: frozenset({"temperature"}),
    Role.GATE: frozenset({"verdict", "trait", "temperature"}),
    Role.TRAIT: frozenset({"trait", "temperature"}),
    Role.TEMPERATURE: frozenset({"temperature"}),
}


def check_qualification(inspection: Inspection) -> None:
    """Look at the agreement of both teams as a whole."""
    check = _Rules(inspection)
    check.reads_ahead()
    check.gate_questions()
    for index, rule in enumerate(check.rules.fit.rules):
        check.fit_rule(rule, ("fit", "rules", index))
    for index, group in enumerate(check.rules.engagement.groups):
        check.group(group, ("engagement", "groups", index))
    check.different_ids()
    check.unreachable_rows()
    check.met_by_nobody()
    if inspection.whole(RULES):
        check.agreement()
        check.order()
        check_reach(inspection)
        check_stages(inspection)


class _Rules:
    def __init__(self, inspection: Inspection) -> None:
        self.inspection = inspection
        self.project = inspection.project
        self.rules = inspection.project.qualification

    def error(self, path: KeyPath, told: Told) -> None:
        self.inspection.error(RULES, path, told)

    # --- the agreement -------------------------------------------------------------------

    def agreement(self) -> None:
        """Expect both signatures, an end to silence, and a known receiver."""
        signed = {signature.team for signature in self.rules.signatures}
        for team in TEAMS:
            if team not in signed:
                message = f"nobody signed version {self.rules.version} for {team}"
                remedy = f"agree, then add {{team: {team}, name: ..., on: ...}} to signatures"
                self.error(("signatures",), (Code.UNSIGNED, message, remedy))
        for stage in MAILED:
            if self.rules.stages[stage].silence_seconds is None:
                message = f'who falls silent in the stage "{stage}" stays in it for ever'
                remedy = "add silence: 90d"
                self.error(("stages", stage.value), (Code.SILENT_FOREVER, message, remedy))
        told = (Code.UNKNOWN_ENDPOINT, f'unknown handoff "{self.rules.handoff.endpoint}"')
        place = (RULES, ("handoff", "endpoint"))
        endpoints = self.inspection.names("handoff")
        self.inspection.known(self.rules.handoff.endpoint, endpoints, place, told)
        readiness = self.rules.readiness
        if readiness.fit_weight + readiness.engagement_weight != 100:  # noqa: PLR2004 (percent)
            message = "the weights of fit and engagement do not add up to 100"
            self.error(("readiness",), (Code.WEIGHTS, message, "write for example 35 and 65"))

    def order(self) -> None:
        """Expect grades and bands to go down."""
        rules = self.rules
        self._descending(("fit", "grades"), rules.fit.grades)
        self._descending(("engagement", "bands"), rules.engagement.bands)
        self._descending(("readiness", "bands"), rules.readiness.bands)

    def _descending(self, path: KeyPath, bands: Mapping[str, int]) -> None:
        for (above, high), (below, low) in pairwise(bands.items()):
            if high <= low:
                message = f'"{below}" begins at {low}, not below "{above}" at {high}'
                told = (Code.NOT_DESCENDING, message, "let each begin lower than the one before")
                self.error((*path, below), told)

    # --- rules one by one ----------------------------------------------------------------

    def reads_ahead(self) -> None:
        """Find rules that read what is worked out after them."""
        for site in self.inspection.sites():
            later = _LATER_THAN.get(site.role, frozenset())
            for ref in refs_of(site.condition):
                if (ref.owner or ref.name) in later:
                    message = f"{ref.text} is not known yet when this is worked out"
                    remedy = "scores come first, then gates, traits and temperature"
                    told = (Code.READS_AHEAD, message, remedy)
                    self.inspection.error(site.file, site.path, told)

    def gate_questions(self) -> None:
        """Expect a question for whatever a gate asks."""
        if not self.inspection.whole("fields.yaml"):
            return
        for gate in self.rules.gates:
            for index, key in enumerate(gate.ask):
                path = ("gates", gate.gate.value, "ask", index)
                field = self._field(key, path)
                if field and not field.question:
                    remedy = "add question: ... in fields.yaml"
                    self.error(path, (Code.FIELD_UNSUITED, f"{key} has no question", remedy))

    def _field(self, key: str, path: KeyPath) -> Field | None:
        field = self.project.fields.get(key)
        if field is None:
            remedy = nearest_field(key, self.project.fields)
            self.error(path, (Code.UNKNOWN_FIELD, f'unknown field "{key}"', remedy))
        return field

    def fit_rule(self, rule: FitRule, path: KeyPath) -> None:
        """Expect a rule to suit its field, and its bands to leave no number out."""
        self._bands(rule, (*path, "bands"))
        for index, name in enumerate(rule.personas):
            unknown = (Code.UNKNOWN_PERSONA, f'unknown persona "{name}"')
            place = (RULES, (*path, "persona", index))
            self.inspection.known(name, self.inspection.names("persona"), place, unknown)
        if not rule.key or not self.inspection.whole("fields.yaml"):
            return
        field = self._field(rule.key, (*path, "field"))
        if field is None:
            return
        if rule.bands and field.type is not ValueType.NUMBER:
            told = (Code.FIELD_UNSUITED, f"{field.key} is no number", "use values instead of bands")
            self.error((*path, "bands"), told)
        elif rule.bands:
            self._outside(rule, field, (*path, "bands"))
        elif rule.values and field.type in (ValueType.CHOICE, ValueType.CHOICES):
            for value in rule.values:
                if value not in field.choices:
                    message = f'{field.key} has no choice "{value}"'
                    told = (Code.FIELD_UNSUITED, message, did_you_mean(value, field.choices))
                    self.error((*path, "values", value), told)
        elif rule.values and field.type is not ValueType.TEXT:
            message = f"{field.key} is a {field.type.value} field and has no named values"
            remedy = "use bands for numbers, and when for the others"
            self.error((*path, "values"), (Code.FIELD_UNSUITED, message, remedy))

    def _outside(self, rule: FitRule, field: Field, path: KeyPath) -> None:
        for index, band in enumerate(rule.bands):
            above = field.maximum is not None and band.low > field.maximum
            below = field.minimum is not None and (band.high or 0) < field.minimum
            if above or (below and band.high is not None):
                end = f"ends at {field.maximum}" if above else f"begins at {field.minimum}"
                told = (Code.BANDS, f"nobody is in this band: {field.key} {end}", "remove it")
                self.error((*path, index), told)

    def _bands(self, rule: FitRule, path: KeyPath) -> None:
        for index, band in enumerate(rule.bands):
            here = (*path, index)
            if band.high is not None and band.high < band.low:
                message = f"this band ends at {band.high}, before it begins at {band.low}"
                self.error(here, (Code.BANDS, message, "swap them"))
            if index == 0:
                continue
            before = rule.bands[index - 1].high
            if before is None:
                message = "nothing can follow a band without an upper end"
                self.error(here, (Code.BANDS, message, "move that band to the end"))
            elif band.low != before + 1:
                kind = "they overlap" if band.low <= before else "there is a gap"
                message = f"this band begins at {band.low}, the one before ends at {before}: {kind}"
                self.error(here, (Code.BANDS, message, f"begin it at {before + 1}"))

    def group(self, group: EngagementGroup, path: KeyPath) -> None:
        """Expect lasting minus points, and rules about something that exists."""
        if group.half_life_days is not None and any(rule.points < 0 for rule in group.rules):
            message = f'the minus points of the group "{group.id}" fade, so waiting raises a score'
            remedy = "move them to a group with half_life: null"
            self.error((*path, "half_life"), (Code.DECAYING_PENALTY, message, remedy))
        names = names_of(self.project)
        for index, rule in enumerate(group.rules):
            here = (*path, "rules", index)
            what, _ = subjects(rule.kind, names)
            kind = {"template": "template", "form": "form"}.get(what)
            if kind and rule.subject:
                told = (Code.UNKNOWN_SUBJECT, f'unknown {what} "{rule.subject}"')
                known = self.inspection.names(kind)
                self.inspection.known(rule.subject, known, (RULES, (*here, "subject")), told)
            self._shadowed(group.rules[:index], rule, here)

    def _shadowed(
        self, before: Iterable[EngagementRule], rule: EngagementRule, path: KeyPath
    ) -> None:
        for other in before:
            if other.kind is rule.kind and other.subject in ("", rule.subject):
                message = f'"{rule.id}" never counts: "{other.id}" takes the same events first'
                told = (Code.UNREACHABLE_RULE, message, "put the narrower rule first")
                self.error(path, told)
                return

    def different_ids(self) -> None:
        """Expect different ids: explanations name rules by them."""
        fit = self.rules.fit
        self._different(("fit", "rules"), [rule.id for rule in fit.rules])
        self._different(("fit", "exclusions"), [rule.id for rule in fit.exclusions])
        self._different(("fit", "required"), [rule.id for rule in fit.required])
        groups = self.rules.engagement.groups
        self._different(("engagement", "groups"), [group.id for group in groups])
        for index, group in enumerate(groups):
            path = ("engagement", "groups", index, "rules")
            self._different(path, [rule.id for rule in group.rules])

    def _different(self, path: KeyPath, ids: list[str]) -> None:
        for index, name in enumerate(ids):
            if name in ids[:index]:
                told = (Code.DUPLICATE_RULE, f'the id "{name}" is taken', "give it another")
                self.error((*path, index, "id"), told)

    def unreachable_rows(self) -> None:
        """Expect that of rows of which the first wins, each can win."""
        self._rows(("temperature",), [rule.when for rule in self.rules.temperatures])
        for trait in self.rules.traits:
            self._rows(("traits", trait.trait.value, "rows"), [row.when for row in trait.rows])

    def _rows(self, path: KeyPath, rows: list[Condition]) -> None:
        for index, row in enumerate(rows):
            # What cannot be read is told elsewhere, and says nothing about its neighbours.
            if index == 0 or UNREADABLE in leaves(row):
                continue
            earlier = rows[:index]
            if any(always(each) for each in earlier):
                message = "this row is never looked at: one before it always matches"
                told = (Code.UNREACHABLE_RULE, message, "move that one to the end")
                self.error((*path, index), told)
            elif implies(
                row, Or(tuple(each for each in earlier if UNREADABLE not in leaves(each)))
            ):
                message = "this row is never looked at: whoever matches it matches one before it"
                told = (Code.UNREACHABLE_RULE, message, "put the narrower row first, or remove it")
                self.error((*path, index), told)

    def met_by_nobody(self) -> None:
        """Expect of every condition here that somebody can meet it."""
        fields = self.project.fields.values()
        limits = {one.key: (one.minimum, one.maximum) for one in fields}
        for site in self.inspection.sites():
            if site.role in QUALIFYING and never(site.condition, limits):
                message = "nobody meets this condition"
                if site.role is Role.GATE:
                    message = f'nobody passes the gate "{site.owner}": its condition is never met'
                remedy = "look at its numbers, and at min and max of its fields in fields.yaml"
                self.inspection.error(site.file, site.path, (Code.MET_BY_NOBODY, message, remedy))
