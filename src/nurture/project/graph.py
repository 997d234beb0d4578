"""A sequence as a graph: which steps can be reached, and where it can go round without waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nurture.core.condition import Condition
from nurture.core.sequence import (
    ArchiveStep,
    BranchStep,
    ExitStep,
    FormStep,
    GotoStep,
    Sequence,
    SplitStep,
    Step,
    TaskStep,
    WaitForStep,
    WaitStep,
)
from nurture.project.logic import always, late, never

WAITS = WaitStep | WaitForStep | FormStep | TaskStep
"""Steps that take time. A handoff does only for qualified leads, so it does not count."""


def _never_late(_: Condition) -> bool:
    return False


def reachable(
    sequence: Sequence, *, closed: Callable[[Condition], bool] = _never_late, start: str = ""
) -> set[str]:
    """Return the ids of the steps that can be reached, passing no arm that is `closed`."""
    found: set[str] = set()
    left = [start or sequence.first]
    while left:
        step_id = left.pop()
        if step_id not in found and step_id in sequence.by_id:
            found.add(step_id)
            left.extend(following(sequence.by_id[step_id], closed=closed))
    return found


def before_opportunity(sequence: Sequence) -> set[str]:
    """Return the steps that somebody below the stage opportunity can come to."""
    return set() if late(sequence.enter) else reachable(sequence, closed=late)


def unreachable(sequence: Sequence) -> Iterator[Step]:
    """Yield the first step of each part that nobody can come to."""
    found = reachable(sequence)
    for step in sequence.steps:
        if step.id not in found:
            yield step
            found |= reachable(sequence, start=step.id)


def following(step: Step, *, closed: Callable[[Condition], bool] = _never_late) -> Iterator[str]:
    """Yield the ids of the steps that may come next."""
    after = [] if step.next is None else [step.next]
    match step:
        case BranchStep(arms=arms):
            for arm in arms:
                if not closed(arm.when) and not never(arm.when):
                    yield from [arm.first] if arm.first else after
                if always(arm.when):
                    return
            yield from after
        case SplitStep(arms=shares):
            for share in shares:
                yield from [share.first] if share.first else after
        case GotoStep(target=target):
            yield target
            yield from after
        case ExitStep() | ArchiveStep():
            return
        case _:
            yield from after


def restless_loops(sequence: Sequence) -> Iterator[GotoStep]:
    """Yield each goto that can come back to itself without any step that takes time."""
    for step in sequence.steps:
        if isinstance(step, GotoStep) and step.id in _without_waiting(sequence, step.target):
            yield step


def _without_waiting(sequence: Sequence, start: str) -> set[str]:
    found: set[str] = set()
    left = [start]
    while left:
        step = sequence.by_id.get(left.pop())
        if step is not None and step.id not in found and not isinstance(step, WAITS):
            found.add(step.id)
            left.extend(following(step))
    return found
