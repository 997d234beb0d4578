"""What a run has to say, in Markdown: counts, ages and words of ours, nothing about anybody."""

from __future__ import annotations

from datetime import timedelta

from flows.work import Counts, Done
from nurture.engine.health import Health

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def headline(done: Done) -> str:
    """Return in one line what was done and whether somebody has to look."""
    found = [
        f"{_words(part)}: " + ", ".join(f"{n} {_words(what)}" for what, n in counts.items() if n)
        for part, counts in done.counts.items()
        if any(counts.values())
    ]
    warnings = ["behind"] if done.health.is_behind else []
    warnings += ["halted"] if done.health.halted else []
    return "; ".join([*(found or ["nothing was due"]), *warnings])


def page(done: Done) -> str:
    """Return the whole story in Markdown."""
    return "\n".join([*_counts(done.counts), *_queues(done.health), *_needs(done.health)]) + "\n"


def _counts(counts: Counts) -> list[str]:
    rows = [
        f"| {_words(part)} | {_words(what)} | {n} |"
        for part, found in counts.items()
        for what, n in found.items()
        if n
    ]
    table = ["| part | what | count |", "| --- | --- | ---: |", *rows]
    return ["## Done", "", *(table if rows else ["Nothing was due."]), ""]


def _queues(health: Health) -> list[str]:
    rows = [
        f"| {line.title} | {line.due} | {age(line.oldest_for)}{' (behind)' * line.is_behind} |"
        for line in health.lines
    ]
    at = f"{health.at:%Y-%m-%d %H:%M} UTC"
    return ["## Due now", "", f"At {at}.", "", "| queue | due | oldest |", "| --- | ---: | --- |",
            *rows, ""]  # fmt: skip


def _needs(health: Health) -> list[str]:
    found = [f"- **{need.count}** {need.title}. {need.remedy}" for need in health.needs]
    found += [f"- `{name}` is halted; `nurture sending status` says why." for name in health.halted]
    return ["## Needs a person", "", *(found or ["Nothing."])]


def age(span: timedelta | None) -> str:
    """Return a span in its largest unit, for people."""
    if span is None:
        return "-"
    seconds = int(span.total_seconds())
    unit, length = next(((u, n) for u, n in _UNITS if seconds >= n), _UNITS[-1])
    return f"{seconds // length} {unit}"


def _words(name: str) -> str:
    return name.replace("_", " ")
