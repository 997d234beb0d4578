"""Turn the model of qualification.yaml into core values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nurture.core.account_rule import AccountRule
from nurture.core.buyer import USUAL
from nurture.core.condition import And, Condition
from nurture.core.event import EventKind
from nurture.core.lead import QUALIFYING_GATES, Stage, Temperature, Trait
from nurture.core.persona import Persona, is_one_of
from nurture.core.project import (
    Band,
    EngagementGroup,
    EngagementModel,
    EngagementRule,
    Exclusion,
    FitModel,
    FitRule,
    GateRule,
    HandoffRule,
    NurturedRule,
    Qualification,
    Readiness,
    Required,
    Signature,
    TemperatureRule,
    TraitRow,
    TraitRule,
)
from nurture.core.stages import (
    BACK,
    FORWARD,
    EntryGate,
    Recheck,
    StageDefinition,
    first_entry,
    usual_recheck,
)
from nurture.project import schema_qualification as schema
from nurture.project.codes import Code
from nurture.project.names import Names
from nurture.project.nearest import did_you_mean
from nurture.project.reader import Parsed, Reader
from nurture.project.yaml_file import KeyPath


@dataclass(frozen=True, slots=True)
class QualificationBuilder:
    """Builds the qualification of one project, reading its conditions on the way."""

    reader: Reader
    names: Names
    parsed: Parsed[schema.QualificationModel]
    personas: Mapping[str, Persona]

    def build(self) -> Qualification:
        """Return what marketing and sales agreed on."""
        model = self.parsed.model
        return Qualification(
            version=model.version,
            signatures=tuple(
                Signature(
                    team=item.team,
                    name=item.name,
                    on=item.on,
                    version=item.version,
                    content=item.content or "",
                )
                for item in model.signatures
            ),
            stages={
                stage: self._stage(stage, item)
                for stage, item in model.stages.definitions().items()
            },
            fit=self._fit(model.fit),
            engagement=self._engagement(model.engagement),
            readiness=Readiness(
                fit_weight=model.readiness.fit,
                engagement_weight=model.readiness.engagement,
                bands=dict(model.readiness.bands),
            ),
            gates=tuple(self._gates(model.gates)),
            nurtured=NurturedRule(
                touches=model.gates.nurtured.touches, span_seconds=model.gates.nurtured.span
            ),
            traits=tuple(self._traits(model.traits)),
            temperatures=tuple(
                self._temperature(item, index) for index, item in enumerate(model.temperature)
            ),
            handoff=_handoff(model.handoff),
            account=_account(model.account),
        )

    def _temperature(self, item: schema.TemperatureModel, index: int) -> TemperatureRule:
        """Return the rule with its needs as part of its condition: nothing else has to ask them."""
        when, text = self._when(item.when, "temperature", index, "when"), item.when
        wants = [f"known({key})" for key in item.needs]
        needs = [
            self._when(want, "temperature", index, "needs", at) for at, want in enumerate(wants)
        ]
        return TemperatureRule(
            temperature=Temperature(item.temperature),
            when=And((when, *needs)) if needs else when,
            text=" and ".join([f"({text})", *wants]) if needs else text,
            needs=tuple(item.needs),
            at_most_seconds=item.at_most,
            answer_within_seconds=item.answer_within,
        )

    def _stage(self, stage: Stage, item: schema.StageModel) -> StageDefinition:
        entry = first_entry(stage) if item.entry is None else EntryGate(item.entry)
        return StageDefinition(
            stage=stage,
            name=item.name,
            aliases=tuple(item.aliases),
            definition=item.definition,
            owner=item.owner,
            entry=entry,
            forward=self._stages(item.moves.forward, FORWARD[stage], (stage, "forward")),
            back=self._stages(item.moves.back, BACK[stage], (stage, "back")),
            buyer=USUAL.get(stage, ()) if item.buyer is None else tuple(item.buyer),
            minutes=item.minutes,
            recheck=usual_recheck(item.owner) if item.recheck is None else Recheck(item.recheck),
            silence_seconds=item.silence,
            at_most_seconds=item.at_most,
        )

    def _stages(
        self, named: list[str] | None, usual: tuple[Stage, ...], where: tuple[Stage, str]
    ) -> tuple[Stage, ...]:
        """Return the stages that a list of moves names."""
        if named is None:
            return usual
        stage, direction = where
        keys = [key.value for key in Stage]
        document = self.parsed.document
        for index, name in enumerate(named):
            if name not in keys:
                told = f'unknown stage "{name}"', did_you_mean(name, keys)
                path = ("stages", stage.value, "moves", direction, index)
                self.reader.report(document, path, (Code.UNKNOWN_STAGE, *told))
                self.reader.damaged.add(document.file)
        return tuple(Stage(name) for name in named if name in keys)

    def _when(self, text: str, *path: str | int) -> Condition:
        return self.reader.condition(text, self.names, self.parsed.document, path)

    def _fit(self, model: schema.FitModel) -> FitModel:
        rules = [self._fit_rule(rule, index) for index, rule in enumerate(model.rules)]
        exclusions = [
            Exclusion(
                id=item.id,
                when=self._when(item.when, "fit", "exclusions", index, "when"),
                text=item.when,
                reason=item.reason,
            )
            for index, item in enumerate(model.exclusions)
        ]
        required = [
            Required(
                id=item.id,
                when=self._when(item.when, "fit", "required", index, "when"),
                text=item.when,
                reason=item.reason,
            )
            for index, item in enumerate(model.required)
        ]
        return FitModel(
            rules=tuple(rules),
            exclusions=tuple(exclusions),
            grades=model.grades.model_dump(),
            required=tuple(required),
        )

    def _fit_rule(self, rule: schema.FitRuleModel, index: int) -> FitRule:
        if rule.when is not None:
            when = self._when(rule.when, "fit", "rules", index, "when")
            return FitRule(id=rule.id, when=when, text=rule.when, points=rule.points or 0)
        if rule.persona is not None:
            return FitRule(
                id=rule.id,
                when=is_one_of(self.personas.values(), rule.persona),
                points=rule.points or 0,
                personas=tuple(rule.persona),
            )
        return FitRule(
            id=rule.id,
            key=rule.field or "",
            bands=tuple(Band(low=low, high=high, points=p) for low, high, p in rule.bands or ()),
            values=dict(rule.values or {}),
            otherwise=rule.otherwise or 0,
        )

    def _engagement(self, model: schema.EngagementModel) -> EngagementModel:
        groups = []
        for index, group in enumerate(model.groups):
            path = ("engagement", "groups", index, "rules")
            rules = [self._rule(rule, (*path, at)) for at, rule in enumerate(group.rules)]
            groups.append(
                EngagementGroup(
                    id=group.id,
                    minimum=group.min,
                    maximum=group.max,
                    half_life_days=group.half_life,
                    rules=tuple(rule for rule in rules if rule is not None),
                )
            )
        return EngagementModel(
            maximum=model.max,
            groups=tuple(groups),
            bands={"1": model.bands.one, "2": model.bands.two},
        )

    def _rule(self, rule: schema.EngagementRuleModel, path: KeyPath) -> EngagementRule | None:
        kinds = [kind.value for kind in EventKind]
        if rule.event not in kinds:
            document = self.parsed.document
            told = f'unknown event kind "{rule.event}"', did_you_mean(rule.event, kinds)
            self.reader.report(document, (*path, "event"), (Code.NOT_A_CHOICE, *told))
            self.reader.damaged.add(document.file)
            return None
        return EngagementRule(
            id=rule.id,
            kind=EventKind(rule.event),
            subject=rule.subject or "",
            points=rule.points,
            max_per_day=rule.max_per_day,
            max_count=rule.max_count,
            hand_raise=rule.hand_raise,
        )

    def _gates(self, model: schema.GatesModel) -> list[GateRule]:
        found = []
        for gate in QUALIFYING_GATES:
            item: schema.GateModel = getattr(model, gate.value)
            when = self._when(item.when, "gates", gate.value, "when")
            found.append(
                GateRule(
                    gate=gate,
                    when=when,
                    text=item.when,
                    ask=tuple(item.ask),
                    otherwise={str(kind): said for kind, said in item.otherwise.items()},
                )
            )
        return found

    def _traits(self, model: schema.TraitsModel) -> list[TraitRule]:
        found = []
        for trait in Trait:
            item: schema.TraitModel = getattr(model, trait.value)
            rows = [
                TraitRow(
                    when=self._when(row.when, "traits", trait.value, "rows", index, "when"),
                    text=row.when,
                    value=row.value,
                )
                for index, row in enumerate(item.rows)
            ]
            found.append(TraitRule(trait=trait, minimum=item.min, rows=tuple(rows)))
        return found


def _handoff(model: schema.HandoffRuleModel) -> HandoffRule:
    return HandoffRule(
        from_stage=Stage(model.from_stage),
        endpoint=model.endpoint,
        capacity_per_week=model.capacity_per_week,
        accept_within_seconds=model.accept_within,
        minimum_completeness=model.minimum_completeness,
        floor=model.floor,
    )


def _account(model: schema.AccountModel) -> AccountRule:
    return AccountRule(
        tiers=tuple(str(tier) for tier in sorted(set(model.tiers))),
        within_days=model.within,
        high_points=model.high.points,
        high_events=model.high.events,
        medium_points=model.medium.points,
        medium_events=model.medium.events,
        roles=model.roles,
    )
