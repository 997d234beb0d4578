"""Everything a condition may name, and the types of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nurture.core.condition import Ref, ValueType
from nurture.core.lead import Gate, Stage, Temperature, Trait, Verdict
from nurture.core.project import Field, Project

GRADES = ("A", "B", "C", "D", "?")
BANDS = ("1", "2", "3")
USUAL_BANDS = (60, 25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one project; `segments` maps to the text of the condition.

    `fields_complete` False: fields.yaml has errors of its own, so a field that is not here may
    be meant to be there, and nothing is said about it. `bands`: where bands 1 and 2 of engagement
    begin.
    """

    fields: Mapping[str, Field]
    fields_complete: bool = True
    templates: frozenset[str] = field(default_factory=frozenset)
    forms: frozenset[str] = field(default_factory=frozenset)
    sequences: frozenset[str] = field(default_factory=frozenset)
    topics: frozenset[str] | None = None
    segments: Mapping[str, str] = field(default_factory=dict)
    bands: tuple[int, int] = USUAL_BANDS

    def references(self) -> dict[str, Ref]:
        """Return every reference by the text an author writes."""
        found = {ref.text: ref for ref in BUILT_IN}
        for key, known in self.fields.items():
            found[key] = Ref(known.owner, known.name, known.type)
        return found

    def choices(self, ref: Ref) -> tuple[str, ...]:
        """Return the choices of a reference of the type choice or choices."""
        known = self.fields.get(ref.text)
        return tuple(known.choices) if known else BUILT_IN_CHOICES[ref]


def names_of(project: Project) -> Names:
    """Return the names of a loaded project."""
    bands = project.qualification.engagement.bands
    return Names(
        bands=(bands["1"], bands["2"]),
        fields=project.fields,
        templates=frozenset(project.templates),
        forms=frozenset(project.forms),
        sequences=frozenset(project.sequences),
        topics=frozenset(project.workspace.topics),
        segments={name: segment.text for name, segment in project.segments.items()},
    )


_STAGE = Ref("", "stage", ValueType.CHOICE)
_TEMPERATURE = Ref("", "temperature", ValueType.CHOICE)
GRADE = Ref("", "grade", ValueType.CHOICE)
BAND = Ref("", "band", ValueType.CHOICE)
CELL = Ref("", "cell", ValueType.CHOICE)
_VERDICTS = tuple(Ref("verdict", gate.value, ValueType.CHOICE) for gate in Gate)

BUILT_IN_CHOICES: Mapping[Ref, tuple[str, ...]] = {
    _STAGE: tuple(stage.value for stage in Stage),
    _TEMPERATURE: tuple(temperature.value for temperature in Temperature),
    GRADE: GRADES,
    BAND: BANDS,
    CELL: tuple(f"{grade}{band}" for grade in GRADES for band in BANDS),
    **{ref: tuple(verdict.value for verdict in Verdict) for ref in _VERDICTS},
}

BUILT_IN = (
    _STAGE,
    _TEMPERATURE,
    GRADE,
    BAND,
    CELL,
    Ref("", "source", ValueType.TEXT),
    Ref("", "readiness", ValueType.NUMBER),
    Ref("score", "engagement", ValueType.NUMBER),
    Ref("score", "fit", ValueType.NUMBER),
    *_VERDICTS,
    *(Ref("trait", trait.value, ValueType.NUMBER) for trait in Trait),
    Ref("lead", "email", ValueType.TEXT),
    Ref("lead", "time_zone", ValueType.TEXT),
    Ref("lead", "source", ValueType.TEXT),
    Ref("lead", "language", ValueType.TEXT),
)
"""References that every project has; the others are the fields of fields.yaml."""
