"""`nurture score backtest` and `nurture score half-life`: is our scoring any good?"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.place import Place, opened, place_of
from nurture.cli.run import FINDINGS
from nurture.cli.show import print_json, say, shown, table, warn
from nurture.core.errors import MisuseError, RefusedInput

if TYPE_CHECKING:
    from nurture.calibrate.backtest import Backtest, Plan
    from nurture.calibrate.half_life import HalfLife
    from nurture.calibrate.ledger import Ledger, Target
    from nurture.calibrate.table import Wanted

MOST_FIELDS = 20
MOST_TOLD = 5


class How(StrEnum):
    """How the cases to test on are set apart."""

    RANDOM = "random"
    TIME = "time"


def backtest(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE.csv",
            help="One row a decided lead; without it, the handoffs that sales has answered.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="The column that says how it ended; for handoffs accepted or won."),
    ] = None,
    exclude: Annotated[
        str, typer.Option(metavar="COLUMN,...", help="Columns to leave out, such as ids.")
    ] = "",
    recorded_after: Annotated[
        str,
        typer.Option(metavar="COLUMN,...", help="Columns that were written after the decision."),
    ] = "",
    positive: Annotated[
        str | None, typer.Option(help="The value that is a win, if not 1, yes or true.")
    ] = None,
    missing: Annotated[
        str, typer.Option(metavar="VALUE,...", help="Values that mean “not answered”.")
    ] = "",
    split: Annotated[
        How | None,
        typer.Option(help="Draw the cases to test on, or take the last in time (handoffs: time)."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same cases.")] = 7,
    capacity: Annotated[
        int | None, typer.Option(help="How many of the best cases sales could work on.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page to this file.")] = None,
    yaml: Annotated[Path | None, typer.Option(help="Write suggested rules to this file.")] = None,
) -> None:
    """Test how well points by weight of evidence sort decided leads. Nothing changes by itself."""
    from nurture.calibrate.backtest import Plan, Split
    from nurture.calibrate.table import Wanted

    place = place_of(context)
    given = {"--exclude": exclude, "--recorded-after": recorded_after, "--missing": missing}
    lists = {option: _listed(option, text) for option, text in given.items()}
    plan = Plan(
        split=Split(split or (How.TIME if file is None else How.RANDOM)),
        seed=seed,
        capacity=capacity,
    )
    with _refused_in_words():
        if file is None:
            unfit = [option for option, names in lists.items() if names]
            unfit += ["--positive"] * (positive is not None)
            if unfit:
                raise MisuseError(f"{unfit[0]} is for a FILE.csv; name the file")
            tested = _of_ledger(place, target, plan)
        else:
            if target is None:
                raise MisuseError("--target: name the column that says how it ended")
            wanted = Wanted(
                target=target,
                exclude=lists["--exclude"],
                recorded_after=lists["--recorded-after"],
                positive=positive,
                missing=lists["--missing"],
            )
            tested = _of_file(file, wanted, plan)
    _deliver(place, tested, html=html, yaml=yaml)


def half_life(
    context: typer.Context,
    target: Annotated[str | None, typer.Option(help="accepted (default) or won.")] = None,
) -> None:
    """Estimate from our handoffs how fast interest fades, for each group of engagement."""
    from nurture.calibrate.half_life import estimate
    from nurture.calibrate.ledger import behaviour, read_ledger

    place = place_of(context)
    aim = _target(target)
    with _refused_in_words():
        with opened(place) as app:
            project = app.project_in_force()
            with app.database.read() as connection:
                ledger = read_ledger(connection, project, aim)
        whole = estimate(behaviour(ledger))
        groups: dict[str, HalfLife | str] = {}
        in_force = {
            group.id: group.half_life_days for group in project.qualification.engagement.groups
        }
        for group in project.qualification.engagement.groups:
            if group.minimum < 0:
                continue
            try:
                groups[group.id] = estimate(behaviour(ledger, group))
            except RefusedInput as error:
                groups[group.id] = str(error)
    if place.json:
        print_json(
            {
                "target": str(aim),
                "all": _half_life_json(whole),
                "groups": [
                    {"group": name, "in_force_days": in_force[name]}
                    | ({"reason": one} if isinstance(one, str) else _half_life_json(one))
                    for name, one in groups.items()
                ],
            }
        )
        return
    _show_half_lives(whole, groups, in_force)


@contextmanager
def _refused_in_words() -> Iterator[None]:
    try:
        yield
    except RefusedInput as error:
        warn(f"nurture: {error}")
        raise typer.Exit(FINDINGS) from None


def _listed(option: str, text: str) -> tuple[str, ...]:
    """Return names between commas; a name with a comma stands in double quotes."""
    try:
        rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error:
        raise MisuseError(f'{option}: a quote is not closed; write "first, second"') from None
    return tuple(name.strip() for row in rows for name in row if name.strip())


def _target(text: str | None) -> Target:
    from nurture.calibrate.ledger import Target

    try:
        return Target(text or Target.ACCEPTED)
    except ValueError:
        raise MisuseError(f"--target {text}: for handoffs it is accepted or won") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tested:
    """A backtest, its suggestion, and for handoffs what that would change."""

    found: Backtest
    suggested: str
    diff: str | None = None


def _of_file(file: Path, wanted: Wanted, plan: Plan) -> _Tested:
    from nurture.calibrate.backtest import backtest as measure
    from nurture.calibrate.suggest import as_yaml, origins_of
    from nurture.calibrate.table import read_cases

    found = measure(read_cases(file, wanted), plan)
    origins = origins_of(found.cases.columns.columns)
    return _Tested(found=found, suggested=as_yaml(found, origins, of_project=False))


def _of_ledger(place: Place, target: str | None, plan: Plan) -> _Tested:
    from nurture.calibrate.ledger import backtest_ledger, read_ledger
    from nurture.calibrate.suggest import as_diff, as_yaml

    aim = _target(target)
    with opened(place) as app:
        project = app.project_in_force()
        with app.database.read() as connection:
            ledger: Ledger = read_ledger(connection, project, aim)
    found, origins = backtest_ledger(ledger, project, plan)
    diff = as_diff(found, origins, project.qualification.fit.rules)
    suggested = as_yaml(found, origins, of_project=True)
    return _Tested(found=found, suggested=suggested, diff=diff)


def _deliver(place: Place, tested: _Tested, *, html: Path | None, yaml: Path | None) -> None:
    from nurture.calibrate import page
    from nurture.calibrate.plain import to_json

    found, suggested, diff = tested.found, tested.suggested, tested.diff
    written: list[Path] = []
    if html is not None:
        made = page.render(found, yaml=diff or suggested, is_diff=bool(diff))
        html.write_text(made, encoding="utf-8")
        written.append(html)
    if yaml is not None:
        yaml.write_text(suggested, encoding="utf-8")
        written.append(yaml)
    if place.json:
        print_json(to_json(found) | ({} if diff is None else {"diff": diff}))
        return
    _show(found)
    if diff is not None:
        say("What the suggestion would change:", style="bold")
        say(diff or "nothing")
    for file in written:
        say(f"written: {file}")


def _show(found: Backtest) -> None:
    from nurture.calibrate import wording

    say(f"{shown(found.title)}: what counts as a win is {shown(found.outcome)}", style="bold")
    told = (wording.verdict(found), wording.chances(found), wording.drift(found))
    for text in (*told, wording.at_capacity(found), wording.how(found)):
        if text:
            say(shown(text))
    say()
    for leak in found.leaks:
        style = "yellow" if leak.reason != "recorded after the decision" else "dim"
        say(f"{shown(leak.field)}: AUC alone {leak.auc.value:.2f}, {leak.reason}", style=style)
    rows = [
        (
            one.cut.field,
            f"{one.auc.value:.2f}",
            f"{one.evidence.information_value:.2f}",
            max(one.points),
            _best(one.points, [slot.label for slot in one.cut.slots]),
        )
        for one in found.fields[:MOST_FIELDS]
    ]
    columns = ["field", "AUC alone", "information", "up to points", "for"]
    say(table(columns, rows, right=columns[1:4]))
    _show_left_out(found)


def _best(points: Sequence[int], labels: Sequence[str]) -> str:
    return labels[points.index(max(points))]


def _show_left_out(found: Backtest) -> None:
    from nurture.reports.wording import many

    count = found.cases.rows_left_out_count
    if count:
        say(f"Not used, {many(count, 'row or cell', 'rows or cells')}:", style="bold")
        for one in found.cases.rows_left_out[:MOST_TOLD]:
            say(f"  {one.where}: {shown(one.reason)}")
        if count > MOST_TOLD:
            say(f"  and {count - MOST_TOLD:,} more; --json and --html list the first twenty")
    if found.left_out:
        told = many(len(found.left_out), "column without points", "columns without points")
        say(f"{told}; --json and --html say why", style="dim")


def _half_life_json(found: HalfLife) -> dict[str, object]:
    return {
        "half_life_days": round(found.days, 2),
        "interval_days": [
            round(found.low_days, 2),
            None if found.high_days is None else round(found.high_days, 2),
        ],
        "clear": found.clear,
        "cases": found.cases,
        "events": found.events,
    }


def _show_half_lives(
    whole: HalfLife, groups: dict[str, HalfLife | str], in_force: dict[str, int | None]
) -> None:
    rows: list[tuple[object, ...]] = [("everything people did", "", *_told(whole))]
    for name, one in groups.items():
        days = in_force[name]
        now = "never fades" if days is None else f"{days} days"
        rows.append((name, now, *(("", one) if isinstance(one, str) else _told(one))))
    say(table(["what", "in force", "suggested", "how sure"], rows))
    say("A suggestion to review; nothing changes by itself.", style="dim")


def _told(found: HalfLife) -> tuple[str, str]:
    if not found.clear:
        return "", f"{found.cases:,} cases do not show that it fades at all"
    assert found.high_days is not None
    return f"{found.days:.0f} days", f"likely {found.low_days:.0f} to {found.high_days:.0f} days"
