"""Conditions: what authors write, the tree it becomes, and the text it is printed as."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings, strategies as st

from nurture.core.condition import (
    And,
    Compare,
    Condition,
    Constant,
    Contains,
    DatePast,
    DateWithin,
    Facts,
    Happened,
    InSequence,
    Known,
    Not,
    OneOf,
    Operator,
    Or,
    Ref,
    Sent,
    Silent,
    ValueType,
    holds,
)
from nurture.core.errors import ProjectError
from nurture.core.event import EventKind
from nurture.core.project import Field
from nurture.project.expressions import Origin, parse, to_text
from nurture.project.load import load_files
from nurture.project.logic import implies
from nurture.project.names import Names
from tests.core.builders import LEAD, NOW
from tests.project.support import condition, edited, names

DAY = 86_400
NAMES = names()

STAGE = Ref("", "stage", ValueType.CHOICE)
ROLE = Ref("lead", "role", ValueType.CHOICE)
TOPICS = Ref("lead", "topics_of_interest", ValueType.CHOICES)
INTERESTED = Ref("lead", "interested", ValueType.BOOL)
REVISIT = Ref("lead", "revisit_on", ValueType.DATE)
NAME = Ref("lead", "first_name", ValueType.TEXT)
EMPLOYEES = Ref("account", "employees", ValueType.NUMBER)
ENGAGEMENT = Ref("score", "engagement", ValueType.NUMBER)

MANAGER = Compare(ROLE, Operator.EQ, "manager")
YES = Compare(INTERESTED, Operator.EQ, True)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("true", Constant(True)),
        ("False", Constant(False)),
        ("lead.role == 'manager'", MANAGER),
        ('stage != "lead"', Compare(STAGE, Operator.NE, "lead")),
        ("account.employees >= 50", Compare(EMPLOYEES, Operator.GE, 50)),
        ("account.employees > -1", Compare(EMPLOYEES, Operator.GT, -1)),
        ("lead.first_name == 'Zoë'", Compare(NAME, Operator.EQ, "Zoë")),
        ('lead.first_name == "O\'Neil"', Compare(NAME, Operator.EQ, "O'Neil")),
        ("lead.revisit_on < '2027-01-31'", Compare(REVISIT, Operator.LT, "2027-01-31")),
        ("lead.interested == false", Compare(INTERESTED, Operator.EQ, False)),
        ("lead.role in ['manager', 'student']", OneOf(ROLE, ("manager", "student"))),
        ("lead.role in ('manager',)", OneOf(ROLE, ("manager",))),
        ("lead.role not in ['student']", Not(OneOf(ROLE, ("student",)))),
        ("'leaks' in lead.topics_of_interest", Contains(TOPICS, "leaks")),
        ("'leaks' not in lead.topics_of_interest", Not(Contains(TOPICS, "leaks"))),
        ("known(lead.role)", Known(ROLE)),
        ("known(source)", Known(Ref("", "source", ValueType.TEXT))),
        ("known(lead.email)", Known(Ref("lead", "email", ValueType.TEXT))),
        ("clicked()", Happened(EventKind.MESSAGE_CLICKED)),
        ("clicked('guide')", Happened(EventKind.MESSAGE_CLICKED, "guide")),
        ("clicked(within='2w')", Happened(EventKind.MESSAGE_CLICKED, None, 14 * DAY)),
        ("submitted('demo', within='14d')", Happened(EventKind.FORM_SUBMITTED, "demo", 14 * DAY)),
        ("replied(within='1d')", Happened(EventKind.MESSAGE_REPLIED, None, DAY)),
        ("sent('guide')", Sent("guide")),
        ("sent(within='90s')", Sent(None, 90)),
        ("happened('call.logged')", Happened(EventKind.CALL_LOGGED)),
        ("happened('page.viewed', 'pricing')", Happened(EventKind.PAGE_VIEWED, "pricing")),
        ("happened('consent.given', 'news')", Happened(EventKind.CONSENT_GIVEN, "news")),
        ("silent('60d')", Silent(60 * DAY)),
        ("soon(lead.revisit_on, '30d')", DateWithin(REVISIT, 30)),
        ("past(lead.revisit_on)", DatePast(REVISIT)),
        ("enrolled('welcome')", InSequence("welcome", finished=False)),
        ("completed('welcome')", InSequence("welcome", finished=True)),
    ],
)
def test_a_condition_becomes_its_leaf(text: str, tree: Condition) -> None:
    assert condition(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param(
            "40 <= score.engagement",
            Compare(ENGAGEMENT, Operator.GE, 40),
            id="the field comes first",
        ),
        pytest.param(
            "50 > account.employees",
            Compare(EMPLOYEES, Operator.LT, 50),
            id="mirrored, not negated",
        ),
        pytest.param(
            "10 <= account.employees < 20",
            And((Compare(EMPLOYEES, Operator.GE, 10), Compare(EMPLOYEES, Operator.LT, 20))),
            id="a chain is both comparisons",
        ),
        pytest.param("lead.interested", YES, id="a yes-or-no field alone asks for yes"),
        pytest.param("not lead.interested", Not(YES), id="and its opposite"),
        pytest.param(
            "lead.interested and lead.role == 'manager' and true",
            And((YES, MANAGER, Constant(True))),
            id="three terms are one level",
        ),
        pytest.param(
            "lead.interested and (lead.role == 'manager' and true)",
            And((YES, MANAGER, Constant(True))),
            id="brackets change nothing where they say nothing",
        ),
        pytest.param(
            "true or lead.interested and false",
            Or((Constant(True), And((YES, Constant(False))))),
            id="and binds more tightly than or",
        ),
        pytest.param(
            "in_segment('readers') and lead.interested",
            And((Happened(EventKind.FORM_SUBMITTED, "guide"), YES)),
            id="a segment is put in place",
        ),
    ],
)
def test_conditions_are_brought_into_one_form(text: str, tree: Condition) -> None:
    assert condition(text) == tree


def told(text: str, known: Names = NAMES, origin: Origin | None = None) -> list[str]:
    """Return the findings of a condition as `CODE message; remedy`."""
    try:
        parse(text, known, origin or Origin(file="x.yaml", line=7))
    except ProjectError as error:
        return [str(finding).removeprefix("x.yaml:7: ") for finding in error.findings]
    return []


def test_a_finding_stands_where_the_condition_stands() -> None:
    with pytest.raises(ProjectError, match=r"^segments/a\.yaml:9: E003 "):
        parse("lead.x == 1", NAMES, Origin(file="segments/a.yaml", line=9))


def test_all_findings_of_a_condition_are_told() -> None:
    found = told("lead.rol == 'a' or grade == 'E' and clicked('gide') or not stage > 'lead'")
    assert [line.split()[0] for line in found] == ["E003", "E005", "E008", "E011"]


def test_names_are_looked_for_among_fields_of_the_same_owner_first() -> None:
    fields = [
        Field(owner=owner, name=name, type=ValueType.TEXT, label=name)
        for owner, name in (("lead", "towns"), ("account", "town"))
    ]
    known = Names(fields={field.key: field for field in fields})
    assert told("lead.town == 'x'", known) == [
        'E003 unknown name "lead.town"; did you mean "lead.towns"?'
    ]
    assert told("town == 'x'", known) == ['E003 unknown name "town"; did you mean "account.town"?']
    assert told("lead.qq == 'x'", Names(fields={})) == [
        'E003 unknown name "lead.qq"; known: lead.email, lead.language, lead.source, lead.time_zone'
    ]


def test_with_broken_fields_nothing_is_said_about_fields() -> None:
    role = Field(owner="lead", name="role", type=ValueType.CHOICE, label="Role", choices={"a": "A"})
    known = Names(fields={"lead.role": role}, fields_complete=False)
    assert told("lead.gone == 5 and lead.gone", known) == []
    assert told("lead.role == 'cut' and 'x' in lead.gone and lead.gone in ['a']", known) == []
    assert told("known(lead.gone) and past(lead.gone)", known) == []
    assert [line[:4] for line in told("lead.role > 'a' or grade == 'E'", known)] == ["E005", "E011"]


def test_topics_are_not_looked_up_where_they_are_not_known() -> None:
    assert told("happened('consent.given', 'anything')", Names(fields={})) == []


def test_a_segment_that_is_wrong_is_named_where_it_is_used() -> None:
    known = Names(fields={}, segments={"bad": "lead.x", "user": "in_segment('bad')"})
    wrong = 'E012 the segment "bad" is itself wrong; put the segment right first'
    assert told("in_segment('bad') or in_segment('bad')", known) == [wrong]
    assert told("in_segment('user')", known) == [wrong.replace("bad", "user")]


def test_a_circle_is_told_in_each_of_its_segments() -> None:
    known = Names(fields={}, segments={"a": "in_segment('b')", "b": "in_segment('a')"})
    in_a = told("in_segment('b')", known, Origin(file="x.yaml", line=7, segment="a"))
    assert in_a[0].startswith("E009 segments ask for one another in a circle: a -> b -> a;")
    assert [line[:4] for line in told("in_segment('a')", known)] == ["E012"]


def test_segments_in_segments_cost_no_more_than_their_terms() -> None:
    segments = {"s0": "true"}
    for level in range(1, 40):
        segments[f"s{level}"] = f"in_segment('s{level - 1}') and in_segment('s{level - 1}')"
    found = told("in_segment('s39')", Names(fields={}, segments=segments))
    assert [line[:4] for line in found] == ["E012"]


@pytest.mark.parametrize(
    "text",
    [
        "lead.__class__",
        "lead.role.__class__.__mro__[1]",
        "().__class__",
        "lead['role'] == 'manager'",
        "cycler()",
        "clicked.__globals__",
        "'%s' % lead.role == 'x'",
        "'a' ~ 'b' == 'ab'",
        "lead.role|attr('x')",
        "lead.role if true else false",
        "range(10**9)",
        "{'a': 1}",
        "{{ true }}",
        "true }} {{ false",
        "{% if true %}",
        "loop.index == 1",
        "self == 1",
        "lead.role == `id`",
        "lead.first_name == '\\x41'",
        "lead.first_name == '\u202e'",
        "lead.first_name == 'a\x00'",
        "clicked(*['guide'])",
        "clicked(**{'within': '1d'})",
    ],
)
def test_nothing_of_jinja_or_python_gets_in(text: str) -> None:
    assert told(text)


REFS = {
    ValueType.CHOICE: st.sampled_from([ROLE, STAGE]),
    ValueType.NUMBER: st.sampled_from([EMPLOYEES, ENGAGEMENT]),
}
CHOICES = {ROLE: ["manager", "engineer", "student"], STAGE: ["lead", "prospect", "customer"]}
ORDER = st.sampled_from(list(Operator))
WITHIN = st.none() | st.integers(min_value=1, max_value=3650 * DAY)
PLAIN = st.text(st.characters(blacklist_categories=["C", "Z"]), min_size=1).filter(
    lambda text: text.isprintable() and "\\" not in text
)
KNOWN_SUBJECTS = {
    EventKind.MESSAGE_CLICKED: "guide",
    EventKind.FORM_SUBMITTED: "demo",
    EventKind.CONSENT_GIVEN: "news",
    EventKind.PAGE_VIEWED: 'it\'s "all" here',
    EventKind.MESSAGE_REPLIED: "guide",
}


@st.composite
def choices(draw: st.DrawFn) -> Condition:
    ref = draw(REFS[ValueType.CHOICE])
    words = st.sampled_from(CHOICES[ref])
    if draw(st.booleans()):
        return OneOf(ref, tuple(draw(st.lists(words, min_size=1, max_size=3))))
    return Compare(ref, draw(st.sampled_from([Operator.EQ, Operator.NE])), draw(words))


@st.composite
def events(draw: st.DrawFn) -> Condition:
    kind = draw(st.sampled_from(list(KNOWN_SUBJECTS)))
    subject = draw(st.sampled_from([None, KNOWN_SUBJECTS[kind]]))
    return Happened(kind, subject, draw(WITHIN))


LEAVES = st.one_of(
    choices(),
    events(),
    st.booleans().map(Constant),
    st.builds(Compare, REFS[ValueType.NUMBER], ORDER, st.integers(-(10**12), 10**12)),
    st.builds(Compare, st.just(NAME), ORDER, PLAIN),
    st.builds(Compare, st.just(REVISIT), ORDER, st.dates().map(str)),
    st.builds(Compare, st.just(INTERESTED), st.just(Operator.EQ), st.booleans()),
    st.builds(Contains, st.just(TOPICS), st.sampled_from(["leaks", "energy"])),
    st.builds(Known, st.sampled_from([ROLE, TOPICS, INTERESTED, EMPLOYEES])),
    st.builds(DateWithin, st.just(REVISIT), st.integers(1, 3650)),
    st.just(DatePast(REVISIT)),
    st.builds(Sent, st.sampled_from([None, "guide"]), WITHIN),
    st.builds(Silent, st.integers(1, 3650 * DAY)),
    st.builds(InSequence, st.just("welcome"), finished=st.booleans()),
)


def joined(kind: type[And | Or], terms: list[Condition]) -> Condition:
    """Return the terms joined as the parser joins them: without levels that say nothing."""
    flat: list[Condition] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, And | Or) and type(term) is kind else [term])
    return kind(tuple(flat))


def grown(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=2, max_size=4)
    return st.one_of(
        inner.map(Not),
        several.map(lambda terms: joined(And, terms)),
        several.map(lambda terms: joined(Or, terms)),
    )


CONDITIONS = st.recursive(LEAVES, grown, max_leaves=12)


@given(CONDITIONS)
@example(Not(Not(OneOf(ROLE, ("manager",)))))
@example(Compare(NAME, Operator.EQ, "'\"'\"'"))
@example(Not(And((YES, Or((YES, MANAGER))))))
def test_what_is_printed_parses_to_the_same_tree(tree: Condition) -> None:
    assert parse(to_text(tree), NAMES) == tree


def test_a_list_of_literals_can_be_printed() -> None:
    assert (
        to_text(Compare(TOPICS, Operator.EQ, ("a", "b"))) == "lead.topics_of_interest == ['a', 'b']"
    )


WORDS = st.sampled_from(
    ["lead.role", "account.employees", "stage", "score.fit", "lead.interested", "== ", "!= ", "<",
     ">=",
     " in ", " not in ", " and ", " or ", " not ", "(", ")", "[", "]", ",", "'manager'", '"x"', "5",
     "-", "1.5", "true", "none", "known(", "clicked(", "in_segment('readers')", "within=", "'14d'",
     ".", "|", "~", "is", "if", "else", "{{", "}}", "{%", "#", "\\", "\n", "'", '"', "**", "_", " "]
)  # fmt: skip


@settings(max_examples=300)
@given(st.text() | st.lists(WORDS, max_size=30).map("".join))
@example("(" * 3000)
@example("not " * 900)
@example("lead" + ".a" * 1900)
@example("9" * 3999)
@example("lead.role == 'a' " + "and true " * 400)
@example("-" * 3000 + "1 == account.employees")
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    try:
        tree = parse(text, NAMES)
    except ProjectError:
        return
    assert parse(to_text(tree), NAMES) == tree


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("band == '1'", "score.engagement >= 60"),
        ("cell == '?2'", "grade == '?' and score.engagement >= 25 and score.engagement < 60"),
    ],
)
def test_band_and_cell_stand_for_grade_and_engagement(short: str, long: str) -> None:
    given, asked = condition(short), condition(long)
    assert implies(given, asked)
    assert implies(asked, given)


@pytest.mark.parametrize("engagement", [0, 24, 25, 59, 60, 100])
@pytest.mark.parametrize("grade", "ABCD?")
def test_every_lead_is_in_one_cell_and_the_others_are_not_theirs(
    grade: str, engagement: int
) -> None:
    standing = replace(LEAD.standing, grade=grade, engagement=engagement * 1000)
    facts = Facts(lead=replace(LEAD, standing=standing), today=NOW.date())
    cells = [f"{each}{band}" for each in "ABCD?" for band in "123"]
    within = [cell for cell in cells if holds(condition(f"cell == '{cell}'"), facts, now=NOW)]
    (own,) = within
    assert holds(condition(f"cell in ['{own}'] and band == '{own[1]}'"), facts, now=NOW)
    assert not holds(condition(f"cell != '{own}' or cell not in ['{own}']"), facts, now=NOW)


@pytest.mark.parametrize("text", ["cell == 'E1'", "band > '1'", "band == 1", "cell == 'A'"])
def test_a_cell_that_does_not_exist_is_refused(text: str) -> None:
    assert told(text, names())


def test_the_limits_of_the_bands_are_those_of_the_project() -> None:
    files = edited("qualification.yaml", "bands: {1: 60, 2: 25}", "bands: {1: 50, 2: 20}")
    text = "title: A\nwhen: \"band == '1'\"\n"
    found = load_files({**files, "segments/a.yaml": text}, {}).segments["a"].when
    assert implies(found, condition("score.engagement >= 50"))
    assert not implies(found, condition("score.engagement >= 51"))
