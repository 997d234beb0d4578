"""Organizations looked at: tier, score, people, what is known and what was seen; and joining one.

Tier and score are worked out when somebody looks: they follow from facts and from the people's
own scores, and nothing waits for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from nurture.core.account import (
    OTHERS,
    OTHERS_WEIGHT,
    AccountScore,
    Engaged,
    Icp,
    account_score,
    icp,
    of_accounts,
)
from nurture.core.errors import MisuseError, RefusedInput
from nurture.core.known import Known, known
from nurture.core.lead import Lead, Stage
from nurture.core.persona import Persona, persona_of
from nurture.core.project import Project
from nurture.core.qualified import Qualified, deeds, qualified
from nurture.core.score import engagement
from nurture.core.signal import domain_of
from nurture.engine.accounts import name_key
from nurture.engine.by_hand import Who
from nurture.engine.runtime import Runtime, asked_by, home_zone, today
from nurture.store import account_signals, accounts, leads, profiles, records
from nurture.store.account_signals import KeptSignal
from nurture.store.accounts import AccountLine
from nurture.store.db import Connection

MOST_SIGNALS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An organization with its tier and score, and whether it is qualified."""

    line: AccountLine
    icp: Icp
    score: AccountScore
    qualified: Qualified


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """One person of the organization."""

    lead: Lead
    persona: Persona | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """Everything about one organization."""

    judged: Judged
    people: tuple[Colleague, ...]
    known: dict[str, Known]
    signals: tuple[KeptSignal, ...]


def find_account(connection: Connection, text: str) -> int:
    """Return the id of the account with this domain, name or number."""
    found = accounts.find(connection, text, key=f"name:{name_key(text)}") if text.strip() else []
    if not found:
        raise MisuseError(f"no account is called {text!r}; `nurture account list` shows them")
    if len(found) > 1:
        raise MisuseError(f"{text!r} are several accounts; name one by its domain or number")
    return found[0]


def look_at_account(
    connection: Connection, account_id: int, project: Project, *, now: datetime
) -> AccountView:
    """Return what there is about one organization as of now."""
    told = accounts.statements(connection, [account_id])
    people = _people(connection, [account_id], project, now)
    lines = _as_of(connection, accounts.read(connection, [account_id]).values(), now)
    (judged,) = _judge(connection, lines, project, now)
    return AccountView(
        judged=judged,
        people=tuple(people),
        known=known(told.get(account_id, ()), now),
        signals=tuple(account_signals.of_account(connection, account_id, limit=MOST_SIGNALS)),
    )


def account_told(one: Judged) -> dict[str, Any]:
    """Return what sales is told about how the organization stands."""
    return {
        "tier": one.icp.tier,
        "score": one.score.value / 1000,
        "qualified": one.qualified.met,
        "asked": [
            {"what": asked.what, "met": asked.met, "found": asked.found}
            for asked in one.qualified.asked
        ],
    }


def list_accounts(
    connection: Connection,
    project: Project,
    *,
    now: datetime,
    suspects: bool = False,
    tier: str | None = None,
    limit: int = 50,
) -> list[Judged]:
    """Return organizations, those that fit best first; `suspects`: targets without a person."""
    model, day = of_accounts(project.qualification.fit), today(project, now)
    fitting: list[tuple[int, AccountLine]] = []
    for page in accounts.pages(connection, suspects=suspects):
        for line in _as_of(connection, page, now):
            found = icp(model, line.profile, today=day, now=now)
            if tier in (None, found.tier):
                fitting.append((found.value, line))
        fitting.sort(key=lambda one: (-one[0], one[1].id))
        del fitting[limit:]
    return _judge(connection, [line for _, line in fitting], project, now)


def _as_of(
    connection: Connection, lines: Iterable[AccountLine], now: datetime
) -> list[AccountLine]:
    """Return the lines with what is known now: nobody assesses an account when a fact expires."""
    lines = list(lines)
    ids = [line.id for line in lines]
    _, known_now = profiles.current_profiles(connection, account_ids=ids, now=now)
    return [replace(line, profile=leads.as_profile(known_now[line.id])) for line in lines]


def _judge(
    connection: Connection, lines: Iterable[AccountLine], project: Project, now: datetime
) -> list[Judged]:
    lines = list(lines)
    ids, rules = [line.id for line in lines], project.qualification
    model, day = of_accounts(rules.fit), today(project, now)
    engaged: dict[int, list[Engaged]] = {}
    for one in _people(connection, ids, project, now):
        engaged.setdefault(one.lead.account_id, []).append(_engaged(one))
    signals = account_signals.tallies(connection, ids, home_zone(project), now=now)
    since = day.toordinal() - rules.account.within_days + 1
    done = account_signals.deeds_of_people(
        connection, ids, asked_by(project).tallied, since_day=since, now=now
    )
    found = []
    for line in lines:
        fits = icp(model, line.profile, today=day, now=now)
        people, unnamed = engaged.get(line.id, ()), signals.get(line.id, ())
        seen = engagement(rules.engagement, unnamed, day=day.toordinal())
        lately = deeds(rules.engagement, [*done.get(line.id, ()), unnamed], since_day=since)
        found.append(
            Judged(
                line=line,
                icp=fits,
                score=account_score(fits.value, people, seen.rows),
                qualified=qualified(rules.account, fits, lately, people),
            )
        )
    return found


def _people(
    connection: Connection, account_ids: Sequence[int], project: Project, now: datetime
) -> list[Colleague]:
    people = leads.read(connection, accounts.members(connection, account_ids))
    personas, day = list(project.personas.values()), today(project, now)
    return [
        Colleague(lead=lead, persona=persona_of(personas, lead, today=day, now=now))
        for _, lead in sorted(people.items())
    ]


def _engaged(one: Colleague) -> Engaged:
    return Engaged(
        persona=one.persona.name if one.persona else OTHERS,
        weight=one.persona.weight if one.persona else OTHERS_WEIGHT,
        engagement=one.lead.standing.engagement,
    )


def join(runtime: Runtime, lead_id: int, text: str, who: Who, *, now: datetime) -> AccountLine:
    """Let a lead belong to the organization that somebody names: by domain, name or number.

    A domain that no account has makes one; a free-mail domain never does.
    """
    with runtime.database.write() as connection:
        project = runtime.in_force(connection).project
        leads.hold(connection, [lead_id])
        lead = leads.read(connection, [lead_id])[lead_id]
        if lead.standing.stage is Stage.ERASED:
            raise MisuseError(f"lead {lead.uid} is erased; it belongs to nobody any more")
        account_id = _account_named(connection, text, project, now)
        if account_id == lead.account_id:
            raise MisuseError(f"lead {lead.uid} belongs to {text} already")
        accounts.move_lead(connection, lead_id, to=account_id)
        both = [lead.account_id, account_id]
        _, fresh = profiles.current_profiles(connection, account_ids=both, now=now)
        leads.store_account_profiles(connection, fresh)
        concerned = {lead_id, *accounts.members(connection, both)}
        leads.touch(connection, concerned, now=now)
        records.note_audit(
            connection, actor=who.name, action="lead.joined", subject=lead.uid, detail={}, now=now
        )
        return accounts.read(connection, [account_id])[account_id]


def _account_named(connection: Connection, text: str, project: Project, now: datetime) -> int:
    found = accounts.find(connection, text, key=f"name:{name_key(text)}")
    if len(found) == 1:
        return found[0]
    if found:
        raise MisuseError(f"{text!r} are several accounts; name one by its domain or number")
    try:
        domain = domain_of(text)
    except RefusedInput:
        raise MisuseError(
            f"no account is called {text!r}; name its mail domain, and it is made"
        ) from None
    if domain in project.workspace.free_mail_domains:
        raise MisuseError(f"{domain} is a free-mail domain and says nothing about an employer")
    return accounts.add(connection, f"domain:{domain}", name="", now=now)
