"""Why an address is stopped, and which reason stands when there are several.

The gravest stands, in whatever order they came: what a person can take back must not hide what
nobody can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

UNSUBSCRIBED = "unsubscribed"
SOFT_BOUNCES = "soft bounces"
DROPPED = "dropped by the provider"
BOUNCED = "bounced"
COMPLAINED = "complained"
ASKED_TO_BE_FORGOTTEN = "asked to be forgotten"
ERASED = "erased"

GRAVITY: Mapping[str, int] = {
    reason: gravity
    for gravity, reason in enumerate(
        (
            *(UNSUBSCRIBED, SOFT_BOUNCES, DROPPED, BOUNCED, COMPLAINED),
            *(ASKED_TO_BE_FORGOTTEN, ERASED),
        ),
        start=1,
    )
}
"""A reason that is not listed weighs nothing: any listed one replaces it."""

SOFT_BOUNCES_STOP_AT = 3
SOFT_BOUNCES_WITHIN = timedelta(days=30)


def bounces_too_often(times: Iterable[datetime]) -> bool:
    """Say whether so many mails came back softly within any thirty days.

    A delivery in between changes nothing: whether it was reported before or after the third
    bounce would decide, and reports come in any order.
    """
    ordered = sorted(times)
    last_of_each = zip(ordered, ordered[SOFT_BOUNCES_STOP_AT - 1 :], strict=False)
    return any(last - first <= SOFT_BOUNCES_WITHIN for first, last in last_of_each)
