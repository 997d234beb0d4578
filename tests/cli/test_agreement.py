"""sign, definitions, and a person's word: what both teams agree on, and who departs from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import BO, CY, Shell

RULES = "qualification.yaml"
WHY = ("--reason", "met them at the fair", "--by", "Ida")


@pytest.fixture
def changed(shell: Shell) -> Shell:
    """Return a project whose agreement somebody has changed."""
    replace_in(shell.folder, "touches: 4", "touches: 5")
    return shell


def replace_in(folder: Path, before: str, after: str) -> None:
    text = (folder / RULES).read_text(encoding="utf-8")
    assert before in text
    (folder / RULES).write_text(text.replace(before, after, 1), encoding="utf-8")


class TestSigning:
    def test_what_was_changed_is_not_applied_until_both_sign_the_next_version(
        self, changed: Shell
    ) -> None:
        refused = changed("apply")
        assert refused.code == 1
        assert f"{RULES}:" in refused.err
        assert "has changed since Ada Lindholm signed version 1 for marketing" in refused.err
        assert "nurture sign --team marketing" in " ".join(refused.err.split())
        replace_in(changed.folder, "version: 1\n", "version: 2\n")
        first = changed("sign", "--team", "marketing", "--name", "Ada Lindholm")
        assert "Still to sign: sales" in first.out
        assert changed("apply").code == 1
        second = changed("sign", "--team", "sales", "--name", "Jonas Brandt", "--json").json
        assert (second["open"], second["on"]) == ([], "2026-09-03")
        assert changed("apply").code == 0

    def test_the_same_version_is_not_signed_twice_with_different_contents(
        self, changed: Shell
    ) -> None:
        outcome = changed("sign", "--team", "sales", "--name", "Jonas Brandt")
        assert outcome.code == 2
        assert "raise version" in outcome.err

    def test_what_is_wrong_is_not_signed(self, shell: Shell) -> None:
        replace_in(shell.folder, "touches: 4", "touches: 0")
        before = (shell.folder / RULES).read_bytes()
        outcome = shell("sign", "--team", "sales", "--name", "Jonas Brandt")
        assert outcome.code == 1
        assert "nothing was signed" in outcome.err
        assert (shell.folder / RULES).read_bytes() == before

    @pytest.mark.parametrize(
        "words",
        [
            ("--name", " "),
            ("--name", "A\nB"),
            ("--name", "A", "--on", "yesterday"),
            ("--name", "A", "--on", "2026-09-04"),
            ("--name", "A", "--on", "1999-12-31"),
        ],
    )
    def test_a_signature_needs_a_name_and_a_day_that_has_come(
        self, shell: Shell, words: tuple[str, ...]
    ) -> None:
        assert shell("sign", "--team", "sales", *words).code == 2

    def test_one_person_signs_for_both_teams_only_where_there_is_no_other(
        self, shell: Shell
    ) -> None:
        refused = shell("sign", "--team", "sales", "--name", "ada  lindholm")
        assert refused.code == 2
        assert "a second person has to agree" in refused.err
        assert shell("sign", "--team", "sales", "--name", "Ada Lindholm", "--alone").code == 0

    def test_a_version_that_was_in_force_is_not_applied_with_other_content(
        self, changed: Shell
    ) -> None:
        text = (changed.folder / RULES).read_text(encoding="utf-8")
        begin, end = text.index("signatures:"), text.index("# The keys are fixed")
        bare = f"{text[:begin]}signatures: []\n\n{text[end:]}"
        (changed.folder / RULES).write_text(bare, encoding="utf-8")
        for team, name in (("marketing", "Ada Lindholm"), ("sales", "Jonas Brandt")):
            assert changed("sign", "--team", team, "--name", name).code == 0
        refused = changed("apply")
        assert refused.code == 1
        assert f"{RULES}:6: T006 version 1 was in force with other content" in refused.err
        replace_in(changed.folder, "version: 1\n", "version: 2\n")
        for team, name in (("marketing", "Ada Lindholm"), ("sales", "Jonas Brandt")):
            assert changed("sign", "--team", team, "--name", name).code == 0
        assert changed("apply").code == 0


class TestDefinitions:
    def test_row_45_the_page_says_stages_gates_and_who_signed(self, shell: Shell) -> None:
        said = shell("definitions").out
        for part in (
            "version 1",
            "Signed for marketing by Ada Lindholm on 2026-08-28",
            "Prospect (also: qualified lead, MQL)",
            "all three gates pass: organization, opportunity and stakeholder",
            "480 minutes a lead",
            "90 days",
        ):
            assert part in said, part
        assert "but not what stands here" not in said

    def test_it_says_what_nobody_signed(self, changed: Shell) -> None:
        told = changed("definitions", "--json").json
        assert told["open_teams"] == ["marketing", "sales"]
        assert [one["current"] for one in told["signatures"]] == [False, False]


class TestAWordOverTheRules:
    def test_a_stage_is_set_listed_and_taken_back(self, shell: Shell) -> None:
        said = shell("lead", "move", BO, "prospect", *WHY)
        assert "is at the stage prospect, by hand." in said.out
        assert "By hand: stage Prospect (Ida: met them at the fair)." in shell("why", BO).out
        (listed,) = shell("lead", "overrides", "--json").json
        assert (listed["value"], listed["rules_say"], listed["by"]) == ("prospect", "lead", "Ida")
        later = shell.now.replace(hour=20)
        assert shell("lead", "take-back", BO, "stage", now=later).code == 0
        assert shell("lead", "overrides", BO, now=later).out == "Nothing stands by hand.\n"

    def test_the_list_shows_the_days_of_the_home_zone(self, shell: Shell) -> None:
        shell("lead", "move", BO, "prospect", *WHY, "--until", "2026-11-30")
        said = shell("lead", "overrides").out
        assert ("2026-11-30" in said, "2026-11-29" in said) == (True, False)

    def test_who_stays_at_a_stage_is_told_when_the_word_ends(self, shell: Shell) -> None:
        assert shell("lead", "move", BO, "prospect", *WHY).code == 0
        said = shell("lead", "take-back", BO, "stage").out
        assert "goes by the rules again (stage); it is at the stage" in " ".join(said.split())
        assert "by hand" not in said

    def test_a_gate_is_waived_with_an_end(self, shell: Shell) -> None:
        told = shell("lead", "waive", CY, "stakeholder", *WHY, "--until", "2026-10-01", "--json")
        assert (told.json["verdict"], told.json["until"]) == ("pass", "2026-09-30T22:00:00+00:00")
        assert shell("lead", "temperature", CY, "warm", *WHY).code == 0
        assert "waived" in shell("score", "explain", CY).out

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("move", BO, "opportunity", *WHY), "both teams allow no move to opportunity"),
            (("move", BO, "prospect", "--reason", " "), "say why"),
            (("move", BO, "prospect", *WHY, "--until", "2020-01-01"), "has passed already"),
            (("waive", BO, "budget", *WHY), "there is no gate 'budget'"),
            (("temperature", BO, "hot", *WHY), "only prospects and later"),
            (("take-back", BO, "stage"), "nothing stands by hand"),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, shell: Shell, words: tuple[str, ...], told: str
    ) -> None:
        outcome = shell("lead", *words)
        assert outcome.code == 2
        assert told in outcome.err

    def test_without_a_reason_nothing_is_overridden(self, shell: Shell) -> None:
        assert shell("lead", "move", BO, "prospect").code == 2

    def test_a_commitment_is_kept(self, shell: Shell) -> None:
        assert shell("lead", "commit", BO, *WHY).code == 0
        assert "Expressly agreed to commit" in shell("why", BO).out

    def test_a_commitment_that_opens_nothing_says_so(self, shell: Shell) -> None:
        assert "opens nothing here" in " ".join(shell("lead", "commit", BO, *WHY).out.split())
        replace_in(shell.folder, "entry: pain-interest-fit", "entry: committed")
        replace_in(shell.folder, "version: 1\n", "version: 2\n")
        for team, name in (("marketing", "Ada Lindholm"), ("sales", "Jonas Brandt")):
            assert shell("sign", "--team", team, "--name", name).code == 0
        assert shell("apply").code == 0
        assert "opens nothing" not in shell("lead", "commit", BO, *WHY).out
