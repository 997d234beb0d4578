"""Customers, the lost and the inactive: no mail and no move, and still every answer is true."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core.condition import And, Compare, Operator, Ref, ValueType
from nurture.core.project import Segment
from nurture.engine import overriding, rebuild
from nurture.engine.apply import apply
from nurture.engine.assess_again import segments_that_differ
from nurture.engine.by_hand import Who
from nurture.engine.runtime import today
from nurture.store import segment_sql
from nurture.store.db import Database
from tests.engine.programme import Programme, row, starter

ADA = "ada@berg-foods.example"
KEEN = Segment(
    name="keen",
    title="Customers who look again",
    description="",
    when=And(
        (
            Compare(Ref("", "stage", ValueType.CHOICE), Operator.EQ, "customer"),
            Compare(Ref("score", "engagement", ValueType.NUMBER), Operator.GE, 5),
        )
    ),
    text="stage == 'customer' and score.engagement >= 5",
)


@pytest.fixture
def customer(database: Database) -> Programme:
    """Return a programme whose only lead has just become a customer."""
    project = replace(starter(), segments={**starter().segments, "keen": KEEN})
    programme = Programme(database, project=project)
    programme.bring(row(ADA))
    programme.now += timedelta(days=14)
    programme.qualify(programme.lead(ADA))
    programme.tick()
    bo = Who(name="Bo", reason="signed")
    overriding.move(programme.runtime, programme.lead(ADA), bo, "customer", now=programme.now)
    return programme


def keen(programme: Programme) -> int:
    """Return how many are in the segment."""
    with programme.database.read() as connection:
        day = today(programme.project, programme.now)
        return segment_sql.count(connection, KEEN.when, now=programme.now, today=day)


def test_a_segment_of_customers_follows_their_fading_score(customer: Programme) -> None:
    assert keen(customer) == 1
    mails = len(customer.post.sent)
    customer.now += timedelta(days=540, hours=1)
    customer.tick()
    standing = customer.standing(customer.lead(ADA))
    assert (standing["stage"], keen(customer)) == ("customer", 0)
    # What was said for a time is unknown again.
    assert "authority" not in standing["profile"]
    assert len(customer.post.sent) == mails


def test_what_is_stored_of_customers_is_checked_and_rebuilt(customer: Programme) -> None:
    ada = customer.lead(ADA)
    with customer.database.write() as connection:
        connection.exec_driver_sql("UPDATE leads SET engagement = 0")
    with customer.database.read() as connection:
        wrong = segments_that_differ(customer.runtime, connection, now=customer.now)[1]
    assert any("'keen'" in one for one in wrong)
    again = rebuild.run(customer.runtime, now=customer.now)
    assert (again.leads, again.moved_leads, keen(customer)) == (1, 1, 1)
    assert customer.standing(ada)["stage"] == "customer"


def test_another_release_concerns_them_too(customer: Programme) -> None:
    rules = customer.project.qualification
    other = replace(rules, engagement=replace(rules.engagement, maximum=4))
    customer.project = replace(customer.project, qualification=other, content_hash="other")
    apply(customer.runtime, customer.project, by="test", now=customer.now)
    customer.tick()
    assert keen(customer) == 0
