"""Explanations: rows that add up, trees that agree with rules, looks that agree with the plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nurture.core.condition import holds
from nurture.core.event import EventKind
from nurture.core.lead import Gate, Verdict
from nurture.engine.explain import Node, explain_rule, explain_segment, leaves_of
from nurture.engine.explain_score import explain_lead
from nurture.engine.explained import ScoreExplained
from nurture.engine.moments import Zones, say_seconds
from nurture.engine.outlook import looks_ahead
from nurture.engine.person import Person, look_at
from nurture.engine.words import Words
from tests.engine.programme import TUESDAY, Programme, row, starter

BO = "bo@plant.example"


def person_of(programme: Programme, email: str = BO) -> Person:
    """Look at the lead now."""
    with programme.database.read() as connection:
        return look_at(programme.runtime, connection, programme.lead(email), now=programme.now)


def scores_of(programme: Programme) -> ScoreExplained:
    """Explain Bo's scores now."""
    with programme.database.read() as connection:
        lead_id = programme.lead(BO)
        return explain_lead(programme.runtime, connection, lead_id, now=programme.now)


@pytest.fixture
def bo(lite: Programme) -> Programme:
    """Bring in Bo, who asked for the guide."""
    lite.bring(row(BO, time_zone="Europe/Helsinki"))
    lite.tick()
    return lite


class TestScores:
    @pytest.mark.parametrize("days", [0, 3, 17, 60])
    def test_every_score_is_exactly_the_sum_of_its_rows(self, bo: Programme, days: int) -> None:
        for kind in (EventKind.MESSAGE_CLICKED, EventKind.PAGE_VIEWED, EventKind.MESSAGE_REPLIED):
            bo.happens(bo.lead(BO), kind, "pricing")
        bo.wait(days=days)
        for axis in scores_of(bo).axes:
            assert sum(line.net for line in axis.rows) == axis.value, axis.name

    def test_rows_say_what_they_count(self, bo: Programme) -> None:
        said = {line.rule: line.what for line in scores_of(bo).engagement.rows}
        title = "'Find the ten leaks that cost the most' (leak-guide)"
        assert said == {"guide": f"answered the form {title}"}

    def test_what_a_limit_takes_is_taken_from_the_oldest(self, bo: Programme) -> None:
        for _ in range(4):
            bo.now = bo.now.replace(day=bo.now.day + 1)
            bo.happens(bo.lead(BO), EventKind.PAGE_VIEWED, "pricing")
        rows = scores_of(bo).engagement.rows
        seen = [line for line in rows if line.rule == "prices-read"]
        assert [line.over_group > 0 for line in seen] == [False, False, False, True]
        assert sum(line.net for line in seen) == 20_000

    def test_what_is_missing_for_sales_is_said_in_order(self, bo: Programme) -> None:
        found = scores_of(bo)
        asks, touches = found.missing
        assert asks.startswith("the gate stakeholder is open; to be asked: If a leak project")
        assert touches == "they have to know us better: 3 more touches"

    def test_a_gate_that_fails_names_what_it_wants(self, lite: Programme) -> None:
        lite.bring(row(BO, employees="9"))
        lite.tick()
        assert scores_of(lite).missing[0] == (
            "the gate organization fails: it wants that Employees is at least 50, and "
            "it is 9 (from the import of leads.csv, Thu 20 Aug 2026)"
        )

    def test_touches_too_close_together_name_the_day(self, bo: Programme) -> None:
        for day in (2, 3, 4):
            at = TUESDAY.replace(day=day)
            bo.now = at
            bo.happens(bo.lead(BO), EventKind.MESSAGE_CLICKED, "guide-delivery")
        gate = next(g for g in scores_of(bo).gates if g.gate is Gate.NURTURED)
        assert gate.verdict is Verdict.PASS
        assert gate.evidence[0] == "4 of 4 touches on different days"

    def test_nothing_leads_on_from_an_end(self, bo: Programme) -> None:
        bo.tells(bo.lead(BO), account__industry="competitor")
        bo.tick()
        found = scores_of(bo)
        ended, why = found.missing
        assert ended == "nothing leads on from the stage Not a buyer"
        assert why.startswith("they are excluded as competitor: Industry is ")
        assert found.next_look is None


class TestLooks:
    def test_the_first_look_is_the_one_that_was_planned(self, lite: Programme) -> None:
        lite.bring(
            row(BO),
            row("cy@plant.example", company="Cy", consent=",,,,"),
            row("di@plant.example", company="Di", employees="9", downloaded=""),
        )
        emails = (BO, "cy@plant.example", "di@plant.example")
        lite.tells(lite.lead(BO), lead__blocker="money", lead__unblock_on="2026-12-01")
        for _ in range(12):
            lite.tick()
            for email in emails:
                person = person_of(lite, email)
                planned = lite.standing(person.lead.id)
                if planned["assessed_at"] == lite.now and planned["check_at"] is not None:
                    assert looks_ahead(person, now=lite.now)[0].at == planned["check_at"], email
            lite.wait(days=5)
            lite.happens(lite.lead(BO), EventKind.MESSAGE_CLICKED, "leak-walk")


class TestSegments:
    def test_a_tree_answers_as_the_segment_does(self, bo: Programme) -> None:
        for _ in range(4):
            person = person_of(bo)
            for name, segment in person.project.segments.items():
                found = explain_segment(person, name, now=bo.now)
                inside = holds(segment.when, person.facts, now=bo.now)
                assert found.inside is inside, name
                assert (found.tree.answer is Verdict.PASS) is inside, name
            bo.wait(days=20)

    def test_a_tree_answers_as_the_rules_of_sequences_do(self, bo: Programme) -> None:
        person = person_of(bo)
        for sequence in person.project.sequences.values():
            tree = explain_rule(person, sequence.enter_text, sequence.enter, now=bo.now)
            inside = holds(sequence.enter, person.facts, now=bo.now)
            assert (tree.answer is Verdict.PASS) is inside, sequence.name

    def test_a_gate_may_stay_open(self, bo: Programme) -> None:
        person = person_of(bo)
        for rule in person.project.qualification.gates:
            tree = explain_rule(person, rule.text, rule.when, now=bo.now, gate=True)
            assert tree.answer is person.found.standing.verdicts[rule.gate], rule.gate

    def test_a_value_is_told_with_its_origin(self, bo: Programme) -> None:
        person = person_of(bo)
        (gate,) = [r for r in person.project.qualification.gates if r.gate is Gate.ORGANIZATION]
        tree = explain_rule(person, gate.text, gate.when, now=bo.now, gate=True)
        assert next(told(tree)) == (
            "Employees is at least 50",
            "it is 320 (from the import of leads.csv, Thu 20 Aug 2026)",
        )

    def test_a_segment_inside_a_segment_keeps_its_name(self, bo: Programme) -> None:
        tree = explain_segment(person_of(bo), "with-us", now=bo.now).tree
        (inner,) = [part for part in tree.parts if part.parts]
        assert inner.text == "they are not in the segment 'With sales'"
        assert inner.answer is Verdict.PASS


def told(tree: Node) -> Iterator[tuple[str, str]]:
    """Yield what each leaf says and why."""
    for leaf in leaves_of(tree):
        yield leaf.text, leaf.because


class TestWords:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("stage == 'prospect'", "stage is Prospect"),
            ("account.employees >= 50", "Employees is at least 50"),
            ("not account.employees >= 50", "Employees is below 50"),
            ("account.country in ['DE', 'AT']", "Country is Germany or Austria"),
            ("account.country not in ['DE']", "Country is not Germany"),
            ("known(lead.role)", "Role is known"),
            ("not known(lead.role)", "Role is not known"),
            ("clicked('leak-walk', within='14d')",
             "they clicked a link in 'leak-walk' within the last 14 days"),
            ("not clicked()", "they clicked no link"),
            ("submitted('leak-guide')",
             "they answered the form 'Find the ten leaks that cost the most' (leak-guide)"),
            ("not sent('last-note')", "they were not sent 'last-note'"),
            ("silent('60d')", "nothing was heard from them for 60 days"),
            ("not silent('60d')", "they were heard from within 60 days"),
            ("verdict.organization == 'fail'", "the gate organization fails"),
            ("verdict.organization != 'fail'", "the gate organization does not fail"),
            ("score.engagement < 25", "engagement score is below 25"),
            ("readiness >= 70", "readiness is at least 70"),
            ("past(lead.revisit_on)", "Come back on is today or past"),
            ("soon(lead.revisit_on, '7d')", "Come back on is within the next 7 days"),
            ("enrolled('welcome')", "they are in 'From the guide to a conversation' (welcome)"),
            ("not completed('welcome')",
             "they have not been through 'From the guide to a conversation' (welcome)"),
            ("in_segment('gone-quiet')", "they are in the segment 'Gone quiet'"),
            ("in_segment('with-us') and not in_segment('gone-quiet')",
             "they are in the segment 'With us' and not in 'Gone quiet'"),
            ("true", "in any case"),
            ("(grade == 'A' or grade == 'B') and source == 'fair'",
             "(grade is A or grade is B) and source is fair"),
            ("not (grade == 'A' or grade == 'B')", "grade is not A and grade is not B"),
            ("this is no rule", "this is no rule"),
        ],
    )  # fmt: skip
    def test_a_rule_in_plain_words(self, text: str, said: str) -> None:
        assert Words(project=starter()).rule(text) == said


class TestMoments:
    def test_both_zones_are_named(self) -> None:
        zones = Zones(lead="Europe/Helsinki", home="Europe/Berlin")
        assert zones.both(TUESDAY) == "Tue 1 Sep 2026, 11:00 Europe/Helsinki (10:00 Europe/Berlin)"

    def test_another_day_there_is_said(self) -> None:
        zones = Zones(lead="Asia/Tokyo", home="Europe/Berlin")
        late = TUESDAY.replace(hour=20)
        assert zones.both(late) == (
            "Wed 2 Sep 2026, 05:00 Asia/Tokyo (Tue 1 Sep 2026, 22:00 Europe/Berlin)"
        )

    def test_one_zone_is_named_once(self) -> None:
        zones = Zones(lead="Europe/Berlin", home="Europe/Berlin")
        assert zones.both(TUESDAY) == "Tue 1 Sep 2026, 10:00 Europe/Berlin"
        assert zones.names == ("Europe/Berlin",)

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (0, "no time"), (1, "1 second"), (90, "1 minute 30 seconds"), (86400, "1 day"),
            (14 * 86400, "14 days"), (2 * 86400 + 6 * 3600 + 60, "2 days 6 hours"),
        ],
    )  # fmt: skip
    def test_durations_read_aloud(self, seconds: int, said: str) -> None:
        assert say_seconds(seconds) == said
