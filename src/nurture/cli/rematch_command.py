"""`nurture account rematch`: what edited rules would change, before they are put in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.checking import checked
from nurture.cli.place import Place, opened, place_of
from nurture.cli.show import print_json, say, table
from nurture.core.errors import ProjectError

if TYPE_CHECKING:
    from nurture.core.project import Project
    from nurture.engine.rematch import OtherPersona, OtherTier, Rematch


def rematch(
    context: typer.Context,
    limit: Annotated[
        int, typer.Option(min=0, max=100_000, help="At most so many of each, one by one.")
    ] = 50,
) -> None:
    """Say whose tier or persona the files here would change against those in force."""
    from nurture.engine.rematch import rematch as compare

    place = place_of(context)
    new = _draft(place)
    with opened(place) as app, app.database.read() as connection:
        now = app.now()
        old = app.runtime.in_force(connection).project
        found = compare(connection, old, new, now=now, limit=limit)
    if place.json:
        print_json(_as_json(found))
    else:
        _show(found, old, new)


def _draft(place: Place) -> Project:
    """Return the project in the folder, right but perhaps not signed yet."""
    from nurture.project.codes import Code

    found = checked(place.home)
    unsigned = (Code.UNSIGNED, Code.CHANGED_SINCE)
    errors = [one for one in found.errors if one.code not in unsigned]
    if errors or found.project is None:
        raise ProjectError(errors)
    return found.project


def _as_json(found: Rematch) -> dict[str, Any]:
    return {
        "accounts": {
            "looked_at": found.accounts,
            "changed": sum(found.tiers.values()),
            "moves": _moves(found.tiers),
            "first": [_tier_json(one) for one in found.other_tiers],
        },
        "leads": {
            "looked_at": found.people,
            "changed": sum(found.personas.values()),
            "moves": _moves(found.personas),
            "first": [
                {
                    "uid": one.lead.uid,
                    "email": one.lead.email,
                    "before": one.before,
                    "after": one.after,
                }
                for one in found.other_personas
            ],
        },
    }


def _moves(counts: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    return [{"before": b, "after": a, "count": count} for (b, a), count in counts.items()]


def _tier_json(one: OtherTier) -> dict[str, Any]:
    from nurture.engine.rematch import say_because

    return {
        "key": one.line.key,
        "name": one.line.shown,
        "people": one.line.people,
        "before": _icp_json(one, before=True),
        "after": _icp_json(one, before=False),
        "because": [
            {
                "part": each.piece.part,
                "id": each.piece.id,
                "before": each.before,
                "after": each.after,
                "said": say_because(each),
            }
            for each in one.change.because
        ],
    }


def _icp_json(one: OtherTier, *, before: bool) -> dict[str, Any]:
    icp = one.change.before if before else one.change.after
    return {
        "tier": icp.tier,
        "fit": icp.value,
        "coverage_percent": icp.coverage_percent,
        "excluded": icp.excluded,
    }


# -- for people ----------------------------------------------------------------------------------


def _show(found: Rematch, old: Project, new: Project) -> None:
    if found.accounts:
        _counts("account", found.accounts, found.tiers)
        _accounts(found.other_tiers)
    else:
        say("The rules about organizations are those in force: no tier changes.")
    if found.people:
        titles = {"": "none"} | {p.name: p.title for p in old.personas.values()}
        titles |= {p.name: p.title for p in new.personas.values()}
        _counts("lead", found.people, found.personas, titles)
        _leads(found.other_personas, titles)
    else:
        say("Whom a persona fits is as in force: no persona changes.")
    say("Nothing was written. `nurture apply` puts the files in force.")


def _counts(
    what: str,
    looked_at: int,
    counts: Mapping[tuple[str, str], int],
    titles: Mapping[str, str] | None = None,
) -> None:
    changed = sum(counts.values())
    other = "tier" if what == "account" else "persona"
    many = f"{looked_at:,} {what}{'' if looked_at == 1 else 's'}"
    say(f"{changed:,} of {many} would have another {other}.", style="bold")
    if counts:
        called = titles or {}
        rows = [(called.get(b, b), called.get(a, a), count) for (b, a), count in counts.items()]
        say(table([f"{other} now", f"{other} then", f"{what}s"], rows, right=[f"{what}s"]))


def _accounts(first: tuple[OtherTier, ...]) -> None:
    from nurture.engine.rematch import say_because

    if first:
        rows = [
            (
                one.line.shown,
                one.line.key,
                one.change.before.tier,
                one.change.after.tier,
                "; ".join(say_because(each) for each in one.change.because),
            )
            for one in first
        ]
        say(table(["account", "known by", "tier now", "tier then", "because"], rows))


def _leads(first: tuple[OtherPersona, ...], titles: Mapping[str, str]) -> None:
    if first:
        rows = [
            (one.lead.uid[:12], one.lead.email, titles[one.before], titles[one.after])
            for one in first
        ]
        say(table(["id", "address", "persona now", "persona then"], rows))
