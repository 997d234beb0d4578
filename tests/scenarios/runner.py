"""Play a scenario written in YAML on the starter programme, and say where it went otherwise.

A file has a `title` and `cases`. A case has a `name` and steps; a step may say how much time
passes (`after: 3d`), what is `told` (fields and values), what `happens` (kinds of events, with
`about` and `ago`), what `sales` says, what a person decides (`by_hand`), and what holds `then`.
The first step stands in the case itself; the others under `next`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from nurture.core.event import EventKind
from nurture.engine import feedback, overriding, story
from nurture.engine.by_hand import Who
from nurture.project.durations import seconds
from nurture.project.load import load_files
from nurture.project.yaml_file import read
from nurture.store import enrollments, handoffs, leads, records
from tests.engine.programme import Programme, row, starter

HERE = Path(__file__).parent
ADA = "ada@berg-foods.example"
STEP_KEYS = {"after", "told", "happens", "sales", "by_hand", "archived", "then"}
COLUMNS = {
    **{name: f"verdict_{name}" for name in ("organization", "opportunity", "stakeholder")},
    "nurtured": "verdict_nurtured",
    **{name: f"trait_{name}" for name in ("pain", "interest", "fit")},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of a file, as written."""

    file: str
    name: str
    change: Mapping[str, str]
    steps: tuple[Mapping[str, Any], ...]

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


def cases() -> Iterator[Case]:
    """Yield every case of every file."""
    for path in sorted(HERE.glob("*.yaml")):
        content: Any = read(path.read_text(encoding="utf-8"), file=path.name).content
        for one in content["cases"]:
            first = {key: value for key, value in one.items() if key not in ("name", "next")}
            steps = (first, *one.get("next", []))
            unknown = {key for step in steps for key in step} - STEP_KEYS
            assert not unknown, f"{path.name}: {one['name']}: unknown {unknown}"
            yield Case(
                file=path.stem,
                name=one["name"],
                change=content.get("with", {}),
                steps=steps,
            )


@dataclass(slots=True, kw_only=True)
class Scene:
    """Where a case is played."""

    programme: Programme
    lead_id: int
    said: int = 0
    wrong: list[str] = field(default_factory=list)


def play(case: Case, programme: Programme) -> list[str]:
    """Play the case; return everything that was not as the scenario says."""
    if case.change:
        files = dict(starter().files)
        for before, after in case.change.items():
            assert before in files["qualification.yaml"], before
            files["qualification.yaml"] = files["qualification.yaml"].replace(before, after)
        programme.project = load_files(files, {})
    programme.bring(row(ADA, employees="", compressor_kw="", country="", downloaded=""))
    scene = Scene(programme=programme, lead_id=programme.lead(ADA))
    for number, step in enumerate(case.steps, start=1):
        _step(scene, step)
        scene.wrong += [f"step {number}: {one}" for one in _compare(scene, step.get("then", {}))]
    return scene.wrong


def _step(scene: Scene, step: Mapping[str, Any]) -> None:
    programme = scene.programme
    if "after" in step:
        _wait(programme, timedelta(seconds=seconds(step["after"])))
    if told := step.get("told"):
        programme.tells(scene.lead_id, **{k.replace(".", "__"): v for k, v in told.items()})
    for one in step.get("happens", []):
        ago = timedelta(seconds=seconds(one["ago"])) if "ago" in one else timedelta(0)
        programme.happens(
            scene.lead_id, EventKind(one["event"]), one.get("about", ""), at=programme.now - ago
        )
    if "sales" in step:
        _sales(scene, step["sales"])
    for what, value in step.get("by_hand", {}).items():
        _by_hand(scene, what, value)
    if step.get("archived"):
        with programme.database.write() as connection:
            leads.archive(connection, [scene.lead_id], now=programme.now)
    programme.tick()
    programme.tick()


def _wait(programme: Programme, passes: timedelta) -> None:
    """Let time pass a day at a time, as a nightly run would."""
    until = programme.now + passes
    while programme.now < until:
        programme.now = min(programme.now + timedelta(days=1), until)
        programme.tick()


def _sales(scene: Scene, said: str) -> None:
    programme = scene.programme
    with programme.database.read() as connection:
        uid = handoffs.of_lead(connection, scene.lead_id)[-1].uid
    told = {"type": f"handoff.{said}", "data": {"handoff_id": uid, "reason": "they told us"}}
    body, key = json.dumps(told).encode(), f"{said}-{programme.now.isoformat()}"
    feedback.take(programme.runtime, "inside-sales", body, key, now=programme.now)


def _by_hand(scene: Scene, what: str, value: str) -> None:
    runtime, now, who = scene.programme.runtime, scene.programme.now, Who(name="Bo", reason="why")
    match what:
        case "stage":
            overriding.move(runtime, scene.lead_id, who, value, now=now)
        case "temperature":
            overriding.set_temperature(runtime, scene.lead_id, who, value, now=now)
        case "waive":
            overriding.waive(runtime, scene.lead_id, who, value, now=now)
        case "take_back":
            overriding.take_back(runtime, scene.lead_id, who, value, now=now)
        case "commit":
            overriding.commit(runtime, scene.lead_id, Who(name="Bo", reason=value), now=now)
        case other:
            raise AssertionError(f"nobody can decide {other} by hand")


def _compare(scene: Scene, wanted: Mapping[str, Any]) -> Iterator[str]:
    standing = scene.programme.standing(scene.lead_id)
    for name, value in wanted.items():
        found = _found(scene, standing, name)
        if name in ("story", "asked", "moves"):
            missing = [one for one in _listed(value) if one not in found]
            if missing or (value == [] and found):
                yield f"{name} lacks {missing}, it says: {found}"
        elif found != value:
            yield f"{name} is {found!r}, not {value!r}"


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _found(scene: Scene, standing: Mapping[str, Any], name: str) -> Any:
    programme = scene.programme
    with programme.database.read() as connection:
        match name:
            case "moves":
                moves = [move for _, move in records.moves_of(connection, scene.lead_id)]
                return [f"{move.before} -> {move.after}: {move.reason}" for move in moves]
            case "story":
                told = story.tell(programme.runtime, connection, scene.lead_id, now=programme.now)
                return told.as_text(minor=True)
            case "asked":
                return "\n".join(f"{t.team}: {t.title}" for t in records.open_tasks(connection))
            case "questions":
                return len(records.open_tasks(connection))
            case "handed":
                return len(handoffs.of_lead(connection, scene.lead_id))
            case "calls":
                found = records.open_tasks(connection)
                return sum(task.title.startswith("Call now") for task in found)
            case "inside":
                return [e.sequence for e, _ in enrollments.of_lead(connection, scene.lead_id)]
            case "mails":
                return len(programme.post.sent)
            case "sent":
                return programme.templates_sent()
            case _:
                return standing[COLUMNS.get(name, name)]
