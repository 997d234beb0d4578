"""What changes from one project to the next, as a person would say it."""

from __future__ import annotations

import pytest

from nurture.project.diff import ChangeKind, changes
from nurture.project.load import load_files
from tests.project.support import BASE, base_project, edited, with_file

W = "sequences/welcome.yaml"
Q = "qualification.yaml"
N = "nurture.yaml"


def said(files: dict[str, str]) -> list[str]:
    return [change.text for change in changes(base_project(), load_files(files, {}))]


@pytest.mark.parametrize(
    ("file", "old", "new", "text"),
    [
        (W, "title: Welcome", "title: Hello", 'title: "Welcome" becomes "Hello"'),
        (W, "priority: 10", "priority: 20", "enter.priority: 10 becomes 20"),
        (W, "timeout: 5d", "timeout: 6d", 'step "form-basics": timeout 5d becomes 6d'),
        (W, "  - {exit: finished}", "  - {id: end, wait: 1d}\n  - {exit: finished}",
         'step "end" added after "goto-again"'),
        (W, "steps:\n", "steps:\n  - {id: zero, wait: 1d}\n", 'step "zero" added at the beginning'),
        (W, "window: any-time", "window: office",
         'step "email-guide": window "any-time" becomes "office"'),
        (W, ", window: any-time", "",
         'step "email-guide": window "any-time" becomes nothing'),
        (W, "stage == 'prospect'", "stage == 'lost'",
         """step "branch", arm 2: "stage == 'prospect'" becomes "stage == 'lost'\""""),
        (W, "      - else: true\n", "      - when: lead.interested\n      - else: true\n",
         'step "branch", arm 3: "else" becomes "lead.interested"'),
        (W, "{id: again, wait: 3d}", "{id: again, score: 3, reason: here}",
         'step "again" is of another kind now'),
        (Q, "version: 1", "version: 2", "version: 1 becomes 2"),
        (Q, "  - {team: sales, name: Jonas Brandt, on: 2026-09-01}",
         "  - {team: sales, name: Jonas Brandt, on: 2026-09-02}",
         'signatures.Jonas Brandt.on: "2026-09-01" becomes "2026-09-02"'),
        (Q, "account.employees >= 100", "account.employees >= 90",
         'gates.opportunity.when: "account.employees >= 100" becomes "account.employees >= 90"'),
        (Q, "points: 6, max_per_day", "points: 7, max_per_day",
         "engagement.groups.mail.rules.click.points: 6 becomes 7"),
        (Q, "[50, null, 50]", "[50, null, 55]",
         "fit.rules.employees.bands: 1, 49, 0, 50, nothing, 50 becomes 1, 49, 0, 50, nothing, 55"),
        (Q, "    - {id: role,", '    - {id: new, when: "true", points: 1}\n    - {id: role,',
         'fit.rules.new added: id "new", when "true", points 1'),
        (N, "holidays: [2026-12-25]\n", "", 'holidays removed: "2026-12-25"'),
        (N, "topics: {guides", "# our topics\ntopics: {guides", "only comments or layout changed"),
        ("fields.yaml", "personal: true", "personal: false",
         "lead.first_name.personal: true becomes false"),
        ("segments/readers.yaml", "submitted('guide')", "clicked()",
         'when: "submitted(\'guide\')" becomes "clicked()"'),
        ("templates/emails/guide.html", "preheader: Twelve", "preheader: Ten",
         'preheader: "Twelve pages" becomes "Ten pages"'),
        ("templates/emails/guide.html", "Hello", "Hi", "the mail's text changed"),
        ("templates/emails/guide.txt", "Hello", "Hi", "the mail's plain text changed"),
        ("templates/emails/_footer.html", "Unsubscribe", "Stop",
         "a part that mails include changed; there are 2"),
    ],
)  # fmt: skip
def test_a_change_is_told_in_words(file: str, old: str, new: str, text: str) -> None:
    assert text in said(edited(file, old, new))


def test_files_come_and_go() -> None:
    files = with_file("segments/late.yaml", "title: Late\nwhen: silent('60d')\n")
    del files["forms/demo.yaml"]
    files[Q] = files[Q].replace("submitted('demo'", "submitted('guide'")
    files[Q] = files[Q].replace("subject: demo", "subject: guide")
    found = [(c.file, c.kind, c.text) for c in changes(base_project(), load_files(files, {}))]
    assert ("segments/late.yaml", ChangeKind.ADDED, "segment added") in found
    assert ("forms/demo.yaml", ChangeKind.REMOVED, "form removed") in found


def test_the_first_project_is_all_new() -> None:
    found = changes(None, base_project())
    assert len(found) == len(BASE)
    assert {change.kind for change in found} == {ChangeKind.ADDED}
    assert str(found[0]) == "fields.yaml: fields added"


def test_nothing_changes_nothing() -> None:
    assert changes(base_project(), base_project()) == []


def test_a_step_that_moved_is_told_by_what_follows_it() -> None:
    old = "  - {wait: 2d}\n  - {form: basics, email: questions, timeout: 5d}\n"
    new = "  - {form: basics, email: questions, timeout: 5d}\n  - {wait: 2d}\n"
    assert said(edited(W, old, new)) == [
        'after step "email-guide" comes "form-basics", not "wait-2d"',
        'after step "wait-2d" comes "branch", not "form-basics"',
        'after step "form-basics" comes "wait-2d", not "branch"',
    ]


def test_a_step_at_the_end_is_followed_by_the_end() -> None:
    before = load_files(
        edited(W, "- {exit: finished}", "- {id: x, wait: 1d}\n  - {id: y, wait: 1d}"), {}
    )
    after = load_files(
        edited(W, "- {exit: finished}", "- {id: y, wait: 1d}\n  - {id: x, wait: 1d}"), {}
    )
    assert 'after step "x" comes the end, not "y"' in [c.text for c in changes(before, after)]


def test_a_share_is_told_by_its_name() -> None:
    split = "- {split: [{share: 50, name: a}, {share: %d, name: b}]}\n  - {exit: finished}"
    before = load_files(edited(W, "- {exit: finished}", split % 50), {})
    after = load_files(edited(W, "- {exit: finished}", split % 25), {})
    assert [c.text for c in changes(before, after)] == ['step "split", arm 2: b 50 becomes b 25']


def test_an_arm_may_be_gone() -> None:
    arm = "      - {when: \"verdict.organization == 'fail'\", steps: [{exit: not our market}]}\n"
    found = said(edited(W, arm, ""))
    assert 'step "branch", arm 3: "else" becomes nothing' in found
    assert 'step "exit-not-our-market" removed' in found


def test_the_order_of_rules_matters() -> None:
    hot = "  - {is: hot, when: \"submitted('demo', within='14d')\"}\n"
    cold = '  - {is: cold, when: "known(lead.revisit_on)"}\n'
    assert said(edited(Q, hot + cold, cold + hot)) == [
        "temperature: another order now: closed, cold, hot, new"
    ]


def test_a_value_that_was_text_may_become_a_list() -> None:
    assert said(edited("templates/emails/guide.html", "step: problem", "step: deciding")) == [
        'step: "problem" becomes "deciding"'
    ]


def test_long_values_are_cut() -> None:
    found = said(edited("forms/basics.yaml", "It takes a minute.", "word " * 60))
    assert found[0].endswith('..."') or found[0].endswith("...")
    assert len(found[0]) < 200


def test_secrets_from_the_environment_are_never_said() -> None:
    old = load_files(BASE, {"CRM_SECRET": "whsec_" + "A" * 32})
    files = edited("handoffs/sales.yaml", "${CRM_SECRET:-", "${NEW_SECRET:-")
    new = load_files(files, {"NEW_SECRET": "whsec_" + "B" * 32})
    text = " ".join(change.text for change in changes(old, new))
    assert "NEW_SECRET" in text
    assert "AAAA" not in text
    assert "BBBB" not in text
