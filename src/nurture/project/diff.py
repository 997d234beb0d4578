"""What changes from one project to the next, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import zip_longest

from nurture.core.project import Project
from nurture.core.sequence import BranchArm, Sequence, SplitArm, Step
from nurture.project import durations
from nurture.project.layout import kind_of, stem
from nurture.project.template_file import split
from nurture.project.yaml_file import scan

LONGEST = 120
"""Letters of a value that are shown."""


class ChangeKind(StrEnum):
    """What happened to the thing that a change is about."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference; `text` is a sentence without the file's name."""

    file: str
    kind: ChangeKind
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


def changes(old: Project | None, new: Project) -> list[Change]:
    """Return every difference, file by file; without an old project everything is added."""
    before = old.files if old else {}
    found: list[Change] = []
    for file in sorted({*before, *new.files}):
        if file not in before:
            found.append(_file(file, ChangeKind.ADDED))
        elif file not in new.files:
            found.append(_file(file, ChangeKind.REMOVED))
        elif before[file] != new.files[file]:
            assert old is not None
            inside = list(_inside(file, old, new))
            text = "only comments or layout changed"
            found.extend(inside or [Change(file=file, kind=ChangeKind.CHANGED, text=text)])
    return found


def _file(file: str, kind: ChangeKind) -> Change:
    what = kind_of(file) or "file"
    return Change(file=file, kind=kind, text=f"{what} {kind}")


def _inside(file: str, old: Project, new: Project) -> Iterator[Change]:
    match kind_of(file):
        case "template":
            yield from _template(file, old, new)
        case "partial" | "text":
            yield from _body(file, new)
        case "sequence":
            name = stem(file)
            yield from _values(file, _content(old, file), _content(new, file))
            yield from _steps(file, old.sequences[name], new.sequences[name])
        case _:
            yield from _values(file, _content(old, file), _content(new, file))


def _content(project: Project, file: str) -> dict[str, object]:
    """Return the file as it is written: what comes from the environment stays a name."""
    text = project.files[file]
    parts = split(text) if kind_of(file) == "template" else None
    document, _ = scan(parts.head if parts else text, file=file)
    content = document.content if document else None
    assert isinstance(content, dict), "a loaded project has been read before"
    # Steps are told apart by id, not by place; see _steps.
    return {key: value for key, value in content.items() if key != "steps"}


def _changed(file: str, text: str, kind: ChangeKind = ChangeKind.CHANGED) -> Change:
    return Change(file=file, kind=kind, text=text)


# --- mails -------------------------------------------------------------------------------


def _template(file: str, old: Project, new: Project) -> Iterator[Change]:
    yield from _values(file, _content(old, file), _content(new, file))
    name = stem(file)
    if old.templates[name].html != new.templates[name].html:
        yield _changed(file, "the mail's text changed")


def _body(file: str, new: Project) -> Iterator[Change]:
    if kind_of(file) == "text":
        yield _changed(file, "the mail's plain text changed")
    else:
        yield _changed(file, f"a part that mails include changed; there are {len(new.templates)}")


# --- values of a file --------------------------------------------------------------------


def _values(file: str, old: object, new: object, path: str = "") -> Iterator[Change]:
    """Yield the differences of two plain values, entry by entry."""
    if old == new:
        return
    before, after = _entries(old), _entries(new)
    if before is None or after is None:
        text = f"{path}: {_shown(old)} becomes {_shown(new)}"
        yield _changed(file, text)
        return
    kept = [key for key in before if key in after]
    if isinstance(new, list) and kept != [key for key in after if key in before]:
        yield _changed(file, f"{path}: another order now: {', '.join(after)}")
    for key in dict.fromkeys([*before, *after]):
        here = f"{path}.{key}" if path else key
        if key not in before:
            yield _changed(file, f"{here} added: {_shown(after[key])}", ChangeKind.ADDED)
        elif key not in after:
            yield _changed(file, f"{here} removed: {_shown(before[key])}", ChangeKind.REMOVED)
        else:
            yield from _values(file, before[key], after[key], here)


_NAMED_BY = ("id", "name", "is", "when")
"""Keys by which the entries of a list are told apart, if all of them have one."""


def _entries(value: object) -> Mapping[str, object] | None:
    """Return the entries of a mapping or of a list of mappings, None for anything else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for key in _NAMED_BY:
            names = [item.get(key) for item in value]
            if None not in names and len(set(map(str, names))) == len(names):
                return {str(item[key]): item for item in value}
    return None


def _shown(value: object) -> str:
    match value:
        case str():
            text = f'"{value}"'
        case bool() | None:
            text = {True: "true", False: "false", None: "nothing"}[value]
        case dict():
            text = ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
        case list():
            text = ", ".join(_shown(item) for item in value)
        case _:
            text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


# --- steps -------------------------------------------------------------------------------


def _steps(file: str, old: Sequence, new: Sequence) -> Iterator[Change]:
    before = ""
    for step in new.steps:
        if step.id not in old.by_id:
            where = f'after "{before}"' if before else "at the beginning"
            text = f'step "{step.id}" added {where}'
            yield _changed(file, text, ChangeKind.ADDED)
        before = step.id
    for step in old.steps:
        if step.id not in new.by_id:
            yield _changed(file, f'step "{step.id}" removed', ChangeKind.REMOVED)
        else:
            now = new.by_id[step.id]
            yield from (_changed(file, text) for text in _step(step, now))
            if step.next != now.next and _kept(step, new) and _kept(now, old):
                text = f'after step "{step.id}" comes {_place(now.next)}, not {_place(step.next)}'
                yield _changed(file, text)


def _kept(step: Step, other: Sequence) -> bool:
    """Say whether what follows the step is there in the other version, too."""
    return step.next is None or step.next in other.by_id


def _place(step_id: str | None) -> str:
    return "the end" if step_id is None else f'"{step_id}"'


_NOT_SAID = frozenset({"id", "next", "line", "when"})
"""Places are told by `next` above, conditions by their text."""


def _step(old: Step, new: Step) -> Iterator[str]:
    if type(old) is not type(new):
        yield f'step "{old.id}" is of another kind now'
        return
    for field in fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if field.name in _NOT_SAID or before == after:
            continue
        if field.name == "arms":
            yield from _arms(old.id, before, after)
        else:
            name = field.name.removesuffix("_seconds")
            shown = [_setting(field.name, value) for value in (before, after)]
            yield f'step "{old.id}": {name} {shown[0]} becomes {shown[1]}'


def _setting(name: str, value: object) -> str:
    if name.endswith("seconds") and isinstance(value, int):
        return durations.to_text(value)
    return _shown(value or None) if isinstance(value, str) else _shown(value)


Arm = BranchArm | SplitArm


def _arms(step_id: str, old: tuple[Arm, ...], new: tuple[Arm, ...]) -> Iterator[str]:
    for number, (before, after) in enumerate(zip_longest(old, new), start=1):
        texts = [_arm(before), _arm(after)]
        if texts[0] != texts[1]:
            yield f'step "{step_id}", arm {number}: {texts[0]} becomes {texts[1]}'


def _arm(arm: Arm | None) -> str:
    match arm:
        case BranchArm(text=text):
            return _shown(text)
        case SplitArm(name=name, share=share):
            return f"{name} {share}"
        case None:
            return "nothing"
