"""When will the queue be empty? Each limit is asked for the mails that it holds up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from nurture.core.forecast import PerHour, Waiting, empty_at, latest
from nurture.core.project import Workspace
from nurture.core.receivers import LARGE_PROVIDERS, receiver_group
from nurture.core.throttle import HOUR, MINUTE, Pacing, ramp_began, ramp_per_hour
from nurture.engine import throttle
from nurture.store import buckets, sending
from nurture.store.db import Connection

MINUTES = HOUR // MINUTE


def when_empty(
    connection: Connection, workspace: Workspace, *, begins: datetime, now: datetime
) -> datetime | None:
    """Return when all mail can have left that waits, if sending goes on then; None: too far off.

    The latest of several answers: by what holds for all mail, by the warm-up of each receiver
    group, and by the rate of each receiving domain. What a cap will hold back for a person is not
    in it: that is known when the mail before it has left.
    """
    pacing = workspace.pacing
    found = sending.by_window(connection, _watched(connection, pacing))
    everything = _for_all(connection, pacing, now)

    def end(some: Iterable[sending.WaitingFor], *limits: PerHour) -> datetime | None:
        groups = [_group(workspace, one, begins) for one in some]
        return empty_at(groups, workspace.holidays, _least(everything, *limits), now=begins)

    # Nobody leaves before its own turn; `end` goes by hours.
    ends = [end(found), *(one.last_at for one in found)]
    for name, warm_up in _warm_ups(connection, pacing, now).items():
        mine = [one for one in found if receiver_group(one.domain) == name]
        ends.append(end(mine, warm_up))
    for domain in sorted({one.domain for one in found} - {""}):
        per_minute = pacing.limit_for(domain)
        if per_minute is not None:
            mine = [one for one in found if one.domain == domain]
            ends.append(end(mine, _always(per_minute * MINUTES)))
    return latest(ends, now=begins)


def _watched(connection: Connection, pacing: Pacing) -> set[str]:
    """Return the receiving domains whose mails are counted apart.

    Of those that share a rate without being named, no one with less than an hour's mail is the
    last to be done.
    """
    watched = set(pacing.per_domain)
    if pacing.ramp_from is not None:
        watched |= LARGE_PROVIDERS
    if pacing.per_other_domain is not None:
        hourly = pacing.per_other_domain * MINUTES
        watched.update(sending.busiest(connection, more_than=hourly))
    return watched


def _group(workspace: Workspace, one: sending.WaitingFor, begins: datetime) -> Waiting:
    # A window that the project has no more is taken for the one that it uses by default.
    window = workspace.windows.get(one.window, workspace.windows[workspace.default_window])
    return Waiting(window=window, zone=one.zone, from_at=max(one.from_at, begins), mails=one.mails)


def _for_all(connection: Connection, pacing: Pacing, now: datetime) -> PerHour:
    slowed = throttle.slowed_to(connection, pacing, now=now)
    rate = None if pacing.per_minute is None else pacing.per_minute * MINUTES

    def per_hour(at: datetime) -> int | None:
        if slowed is None or at >= slowed[1]:
            return rate
        return slowed[0] if rate is None else min(rate, slowed[0])

    return per_hour


def _warm_ups(connection: Connection, pacing: Pacing, now: datetime) -> dict[str, PerHour]:
    if pacing.ramp_from is None:
        return {}
    names = {group: throttle.group_bucket(pacing, group) for group in throttle.GROUPS}
    known = buckets.read(connection, sorted(names.values()))
    return {
        group: _ramp(ramp_began(pacing.ramp_from, known[name], now=now))
        for group, name in names.items()
    }


def _ramp(began: datetime) -> PerHour:
    return lambda at: ramp_per_hour(began, now=at)


def _always(per_hour: int) -> PerHour:
    return lambda _: per_hour


def _least(*limits: PerHour) -> PerHour:
    def per_hour(at: datetime) -> int | None:
        known = [most for limit in limits if (most := limit(at)) is not None]
        return min(known) if known else None

    return per_hour
