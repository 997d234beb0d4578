"""Ticks that run at the same time: each step once, none lost, nobody waits for ever."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from nurture.core.event import EventKind
from nurture.engine import tick
from nurture.engine.mailroom import Mailroom
from nurture.store.tables import attempts, enrollments, messages
from tests.engine.programme import SECRETS, Crm, Post, Programme, row

LEADS = 2000
TICKS = 4


def at_once(programme: Programme, *lead_ids: list[int] | None) -> list[Post]:
    """Run one tick for each argument, started together, each with a transport of its own."""
    barrier, posts = Barrier(len(lead_ids)), [Post() for _ in lead_ids]

    def one(post: Post, ids: list[int] | None) -> None:
        ways = tick.Ways(mailroom=Mailroom(secrets=SECRETS), transport=post, sender=Crm())
        barrier.wait()
        tick.run(programme.runtime, ways, now=programme.now, lead_ids=ids, limit=200)

    with ThreadPoolExecutor(len(lead_ids)) as pool:
        for done in [pool.submit(one, *pair) for pair in zip(posts, lead_ids, strict=True)]:
            done.result(timeout=300)
    return posts


def test_four_ticks_at_once_do_each_step_once_and_lose_none(programme: Programme) -> None:
    programme.bring(*(row(f"p{n}@plant{n % 89}.example") for n in range(LEADS)))
    posts = at_once(programme, *[None] * TICKS)
    # What one tick left to another that was just busy with it comes up in the next.
    programme.tick()
    sent = Counter(message.uid for post in (*posts, programme.post) for message in post.sent)
    assert len(sent) == LEADS
    assert max(sent.values()) == 1
    with programme.database.read() as connection:
        planned, tried, entered = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (messages, attempts, enrollments)
        )
    assert (planned, tried, entered) == (LEADS, LEADS, LEADS)


@pytest.mark.parametrize("rounds", [3])
def test_the_doorbell_and_a_tick_at_once_answer_one_form_once(
    programme: Programme, rounds: int
) -> None:
    programme.bring(*(row(f"p{n}@plant{n}.example") for n in range(20)))
    programme.wait(days=3)
    ids = [programme.lead(f"p{n}@plant{n}.example") for n in range(20)]
    for lead_id in ids:
        programme.tells(lead_id, lead__authority="user")
        programme.happens(lead_id, EventKind.FORM_SUBMITTED, "profile-basics")
    posts = [post for _ in range(rounds) for post in at_once(programme, ids, None)]
    sent = Counter(message.mail.recipient.email for post in posts for message in post.sent)
    assert sum(sent.values()) == len(sent) == 20
