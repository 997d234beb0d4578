"""`nurture account list|show|import`: organizations, their tier and score."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.lead_actions import By
from nurture.cli.lead_show import Lead
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.rejects import Rejects, must_be_new, say_rejects, write_rejects
from nurture.cli.show import print_json, say, table
from nurture.core.errors import MisuseError, RefusedInput

if TYPE_CHECKING:
    from nurture.core.project import Project
    from nurture.engine.account_view import AccountView, Judged

MOST_SHOWN = 10


def list_accounts(
    context: typer.Context,
    tier: Annotated[str | None, typer.Option(help="Only this tier: 1, 2, 3, 4, ? or out.")] = None,
    suspects: Annotated[
        bool, typer.Option("--suspects", help="Only targets of whom we know nobody.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
) -> None:
    """List organizations, those that fit best first."""
    from nurture.core.account import ALL_TIERS
    from nurture.engine import account_view

    place = place_of(context)
    if tier is not None and tier not in ALL_TIERS:
        raise MisuseError(f"there is no tier {tier}; there are: {', '.join(ALL_TIERS)}")
    with opened(place) as app, app.database.read() as connection:
        project = app.runtime.in_force(connection).project
        found = account_view.list_accounts(
            connection, project, now=app.now(), suspects=suspects, tier=tier, limit=limit
        )
    if place.json:
        print_json({"accounts": [_as_json(one) for one in found]})
        return
    if not found:
        say("No account is like that." if tier or suspects else "No account is known yet.")
        return
    rows = [
        (
            one.line.shown,
            one.line.key,
            one.icp.tier,
            _points(one.icp.value),
            _points(one.score.value),
            one.line.people,
            _why(one),
        )
        for one in found
    ]
    columns = ["account", "known by", "tier", "fit", "score", "people", "because"]
    say(table(columns, rows, right=["fit", "score", "people"]))
    said = f"{len(found)} account{'' if len(found) == 1 else 's'}"
    say(f"{said}; one of them: nurture account show DOMAIN")


def show(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="Its mail domain, name or number.")],
) -> None:
    """Show an organization: tier, score row by row, people, facts, signals."""
    from nurture.engine.account_view import find_account, look_at_account

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        project = app.runtime.in_force(connection).project
        found = find_account(connection, account)
        view = look_at_account(connection, found, project, now=app.now())
    if place.json:
        print_json(_whole(view))
    else:
        _show(view, project)


def import_accounts(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The CSV file; it needs domain or company.")],
    rejects: Rejects = None,
) -> None:
    """Put organizations on the target list; the same file twice changes nothing."""
    from nurture.engine import importing_accounts

    place = place_of(context)
    must_be_new(rejects)
    with opened(place) as app:
        try:
            done = importing_accounts.import_accounts(
                app.runtime, file.read_bytes(), now=app.now(), name=file.name
            )
        except RefusedInput as error:
            raise RefusedInput(f"{file}: {error}") from None
    written = write_rejects(done.rejected, file, rejects)
    if place.json:
        print_json(
            {
                "rejects_file": written,
                "rows": done.rows,
                "targets": done.targets,
                "known_before": done.known_before,
                "rejected": [{"line": r.line, "reason": r.reason} for r in done.rejected],
                "remarks": [{"line": r.line, "reason": r.reason} for r in done.remarks],
            }
        )
        return
    rows = [
        (done.rows, "rows read"),
        (done.targets, "new targets"),
        (done.known_before, "targets before"),
        (len(done.rejected), "rejected"),
    ]
    say(table(["count", "what"], rows, right=["count"]))
    for title, several in (("Rejected", done.rejected), ("Remark", done.remarks)):
        for one in several[:MOST_SHOWN]:
            say(f"{title} on line {one.line}: {one.reason}")
    say_rejects(written)
    say("Who fits best: nurture account list --suspects. Nobody there is mailed.")


def join(
    context: typer.Context,
    lead: Lead,
    account: Annotated[str, typer.Argument(help="Its mail domain, name or number.")],
    by: By = None,
) -> None:
    """Let a lead belong to an organization; a domain that is new makes one."""
    from nurture.engine.account_view import join as join_account
    from nurture.engine.by_hand import Who
    from nurture.engine.person import find_lead

    place = place_of(context)
    with opened(place) as app:
        with app.database.read() as connection:
            lead_id = find_lead(connection, lead)
        who = Who(name=person_acting(by))
        line = join_account(app.runtime, lead_id, account, who, now=app.now())
    if place.json:
        print_json({"account": line.key, "people": line.people})
    else:
        say(f"The lead belongs to {line.shown} ({line.key}) now, one of {line.people}.")


def _day(at: datetime, zone_name: str) -> str:
    from nurture.core.policy import zone
    from nurture.engine.moments import say_day

    return say_day(at.astimezone(zone(zone_name)).date())


def _points(milli: int) -> str:
    return f"{milli / 1000:.1f}"


def _why(one: Judged) -> str:
    if one.icp.excluded:
        return f"excluded: {one.icp.excluded}"
    if not one.icp.rows:
        return "nothing that counts is known"
    return ", ".join(f"{row.rule} {row.net // 1000}" for row in one.icp.rows)


def _as_json(one: Judged) -> dict[str, Any]:
    return {
        "id": one.line.id,
        "key": one.line.key,
        "name": one.line.shown,
        "people": one.line.people,
        "target_at": one.line.target_at,
        "source": one.line.source,
        "tier": one.icp.tier,
        "fit": one.icp.value,
        "coverage_percent": one.icp.coverage_percent,
        "excluded": one.icp.excluded,
        "fit_rows": one.icp.rows,
        "score": one.score.value,
        "score_rows": one.score.rows,
        "qualified": one.qualified.met,
        "qualified_by": one.qualified.asked,
    }


def _whole(view: AccountView) -> dict[str, Any]:
    return {
        **_as_json(view.judged),
        "individuals": [
            {
                "uid": one.lead.uid,
                "email": one.lead.email,
                "persona": one.persona.name if one.persona else "unknown",
                "stage": one.lead.standing.stage,
                "engagement": one.lead.standing.engagement,
            }
            for one in view.people
        ],
        "known": {
            key: {
                "value": one.held.value,
                "source": one.held.source,
                "at": one.held.at,
                "otherwise": [{"value": r.value, "source": r.source} for r in one.rivals],
            }
            for key, one in view.known.items()
        },
        "signals": view.signals,
    }


def _show(view: AccountView, project: Project) -> None:
    from nurture.engine.moments import say_time
    from nurture.engine.words import Words

    one, words, zone = view.judged, Words(project=project), project.workspace.time_zone
    say(one.line.shown, style="bold")
    rows = [
        ("known by", one.line.key),
        ("tier", f"{one.icp.tier} ({_why(one)})"),
        ("fit", f"{_points(one.icp.value)} of 100; {one.icp.coverage_percent} % is known"),
        ("score", f"{_points(one.score.value)} of 100"),
        ("target since", say_time(one.line.target_at, zone) if one.line.target_at else ""),
        ("source", one.line.source),
    ]
    say(table(["", ""], [row for row in rows if row[1]]))
    scored = [(r.part, r.what, _points(r.raw), _points(r.net)) for r in one.score.rows]
    say(table(["score", "of", "points", "counts"], scored, right=["points", "counts"]))
    asked = [(a.what, "yes" if a.met else "no", a.found) for a in one.qualified.asked]
    said = "qualified" if one.qualified.met else "not qualified yet"
    say(table([said, "met", "found"], asked))
    if view.people:
        people = [
            (
                each.lead.uid[:12],
                each.lead.email or "(no address)",
                each.persona.title if each.persona else "",
                words.stage(each.lead.standing.stage),
                _points(each.lead.standing.engagement),
            )
            for each in view.people
        ]
        columns = ["id", "address", "persona", "stage", "engagement"]
        say(table(columns, people, right=["engagement"]))
    else:
        say("Nobody of it is known: a suspect. Nothing is mailed.", style="dim")
    known = [
        (
            project.fields[key].label if key in project.fields else key,
            words.answer(key, fact.held.value),
            f"{fact.held.source}, {_day(fact.held.at, zone)}",
            "; ".join(f"{r.source}: {words.answer(key, r.value)}" for r in fact.rivals),
        )
        for key, fact in view.known.items()
    ]
    if known:
        say(table(["known", "value", "where from", "but others say"], known))
    if view.signals:
        seen = [(say_time(s.occurred_at, zone), s.kind, s.subject, s.source) for s in view.signals]
        say(table(["seen", "signal", "about", "by"], seen))
