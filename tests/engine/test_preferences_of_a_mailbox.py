"""Two spellings of an address are one mailbox: the preferences page says what holds for it."""

from __future__ import annotations

from datetime import timedelta

from nurture.core.event import EventKind
from nurture.core.token import Grant, Purpose, sign
from nurture.engine import public
from tests.engine.programme import SECRETS, Programme, row
from tests.engine.test_deliver_trouble import rows

ADA, ALIAS = "ada@gmail.com", "a.d.a+x@gmail.com"


def test_a_complaint_under_another_spelling_cannot_be_ticked_away(programme: Programme) -> None:
    programme.bring(row(ADA), row(ALIAS))
    programme.tick()
    ada, alias = programme.lead(ADA), programme.lead(ALIAS)
    (uid,) = [each.uid for each in rows(programme) if each.lead_id == alias]
    programme.happens(ada, EventKind.MESSAGE_COMPLAINED)
    page = sign(SECRETS.links, Grant(purpose=Purpose.PREFERENCES, subject=uid))
    leave = sign(SECRETS.links, Grant(purpose=Purpose.UNSUBSCRIBE, subject=uid))
    for leaves in (False, True):
        programme.now += timedelta(minutes=1)
        if leaves:
            public.unsubscribe(programme.runtime, leave, now=programme.now)
        wanted = ["guides", "product-news"]
        public.choose_topics(programme.runtime, page, wanted, now=programme.now)
        found = public.preferences(programme.runtime, page, now=programme.now)
        assert (found.stopped, found.can_return) == ("complained", False)
