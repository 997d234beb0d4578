"""init, check, preview and apply: from an empty folder to a release."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.conftest import ADA, Shell


def break_project(folder: Path) -> None:
    """Make two mistakes in two files."""
    sequence = folder / "sequences" / "welcome.yaml"
    sequence.write_text(
        sequence.read_text().replace("email: guide-delivery", "email: guide-deliver")
    )
    segment = folder / "segments" / "fools-gold.yaml"
    segment.write_text("title: Broken\nwhen: \"silent('60x')\"\n")


class TestInit:
    def test_a_new_project_is_a_whole_one(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shell = Shell(folder=tmp_path / "new", capture=capsys)
        assert shell.plainly("init", str(shell.folder)).code == 0
        for part in ("nurture.yaml", "sequences/welcome.yaml", "flows", "prefect.yaml", "data"):
            assert (shell.folder / part).exists(), part
        assert shell("check").code == 0

    def test_its_leads_came_lately_whenever_that_is(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        now = datetime(2031, 3, 2, 10, tzinfo=UTC)
        shell = Shell(folder=tmp_path / "new", capture=capsys, now=now)
        shell("init", str(shell.folder))
        shell("apply", "--by", "Ada")
        assert shell("import", str(shell.folder / "data" / "leads.csv")).code == 0
        assert shell("tick", "--json").json["deliver"]["accepted"] > 100
        newest = shell("lead", "list", "--limit", "1", "--json").json["leads"][0]
        assert newest["captured_at"].startswith("2031-03-01")
        assert "*.rejects.csv" in (shell.folder / ".gitignore").read_text().splitlines()

    def test_a_folder_with_something_in_it_is_left_alone(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "letter.txt").write_text("mine")
        outcome = Shell(folder=tmp_path, capture=capsys).plainly("init", str(tmp_path))
        assert outcome.code == 2
        assert f"{tmp_path} is not empty" in outcome.err
        assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


class TestCheck:
    def test_a_good_project_has_no_findings(self, fresh_shell: Shell) -> None:
        outcome = fresh_shell("check", "--json")
        assert outcome.code == 0
        assert outcome.json == {"errors": [], "warnings": []}

    def test_everything_wrong_is_said_at_once_with_place_and_remedy(
        self, fresh_shell: Shell
    ) -> None:
        break_project(fresh_shell.folder)
        outcome = fresh_shell("check")
        assert outcome.code == 1
        said = " ".join(outcome.out.split())
        assert "sequences/welcome.yaml:" in said
        assert 'S001 unknown template "guide-deliver"; did you mean "guide-delivery"?' in said
        assert "segments/fools-gold.yaml:2: E007 silent()" in said
        assert "2 errors" in said

    def test_programs_get_each_finding_in_parts(self, fresh_shell: Shell) -> None:
        break_project(fresh_shell.folder)
        found = fresh_shell("check", "--json").json
        assert {"file", "line", "code", "message", "remedy"} == set(found["errors"][0])
        assert {one["file"] for one in found["errors"]} == {
            "segments/fools-gold.yaml",
            "sequences/welcome.yaml",
        }

    def test_warnings_are_told_apart_and_fail_nothing(self, fresh_shell: Shell) -> None:
        unused = fresh_shell.folder / "templates" / "emails" / "never-sent.html"
        unused.write_text((unused.parent / "last-note.html").read_text())
        outcome = fresh_shell("check", "--json")
        assert outcome.code == 0
        assert [one["code"] for one in outcome.json["warnings"]] == ["M003"]
        assert "warning: M003" in fresh_shell("check").out

    def test_a_folder_without_a_project_is_misuse(self, tmp_path: Path, fresh_shell: Shell) -> None:
        outcome = fresh_shell.plainly("check", str(tmp_path))
        assert outcome.code == 2
        assert "there is no nurture.yaml here; make a project with `nurture init" in outcome.err


class TestPreview:
    def test_a_mail_can_be_seen_before_there_is_any_lead(self, fresh_shell: Shell) -> None:
        mail = fresh_shell("preview", "guide-delivery", "--json").json
        assert mail["recipient"]["email"] == "alex.sample@example.com"
        assert mail["subject"]
        assert "Havelock Air GmbH" in mail["text"]
        assert not (fresh_shell.folder / ".nurture").exists()

    def test_it_can_be_seen_as_a_lead_would_get_it(self, shell: Shell, tmp_path: Path) -> None:
        page = tmp_path / "mail.html"
        outcome = shell("preview", "guide-delivery", "--lead", ADA, "--out", str(page))
        assert outcome.code == 0
        assert f"Ada Berg <{ADA}>" in outcome.out
        assert "<html" in page.read_text()

    def test_row_04_a_variant_can_be_seen_for_each_persona(self, fresh_shell: Shell) -> None:
        file = fresh_shell.folder / "templates" / "emails" / "guide-delivery.html"
        subject = "subject: \"For {{ persona or 'anybody' }}\" #"
        file.write_text(file.read_text().replace("subject:", subject, 1))

        def subject_for(*words: str) -> str:
            told = fresh_shell("preview", "guide-delivery", *words, "--json").json
            return str(told["subject"])

        assert subject_for() == "For plant-manager"
        assert subject_for("--persona", "purchasing") == "For purchasing"
        assert subject_for("--persona", "") == "For anybody"
        outcome = fresh_shell("preview", "guide-delivery", "--persona", "purchase")
        assert (outcome.code, 'did you mean "purchasing"?' in outcome.err) == (2, True)

    def test_the_nearest_name_is_offered(self, fresh_shell: Shell) -> None:
        outcome = fresh_shell("preview", "guide-deliver")
        assert outcome.code == 2
        assert 'did you mean "guide-delivery"?' in outcome.err


class TestApply:
    def test_the_first_time_everything_is_new(self, fresh_shell: Shell) -> None:
        told = fresh_shell("apply", "--by", "Ada", "--json").json
        assert told["release"] == 1
        assert len(told["content_hash"]) > 20
        assert {change["kind"] for change in told["changes"]} == {"added"}

    def test_a_change_is_told_in_plain_words(self, shell: Shell) -> None:
        sequence = shell.folder / "sequences" / "welcome.yaml"
        sequence.write_text(sequence.read_text().replace("timeout: 4d", "timeout: 5d"))
        outcome = shell("apply")
        assert outcome.code == 0
        assert 'sequences/welcome.yaml: step "basics": timeout 4d becomes 5d' in outcome.out
        assert "In force as release 2. The next tick looks at everybody again." in outcome.out

    def test_errors_apply_nothing(self, shell: Shell) -> None:
        break_project(shell.folder)
        outcome = shell("apply")
        assert outcome.code == 1
        assert 'S001 unknown template "guide-deliver"' in outcome.err
        assert "nothing was applied" in outcome.err
        assert "the files are not what is in force" not in shell("doctor").out

    def test_a_dry_run_changes_nothing(self, shell: Shell) -> None:
        sequence = shell.folder / "sequences" / "welcome.yaml"
        sequence.write_text(sequence.read_text().replace("- {wait: 2d}", "- {wait: 3d}"))
        assert "Nothing was changed" in shell("apply", "--dry-run").out
        assert shell("apply", "--dry-run", "--json").json["release"] is None
        assert "the files are not what is in force" in shell("doctor").out

    def test_the_same_files_again_change_nothing(self, shell: Shell) -> None:
        outcome = shell("apply")
        assert outcome.code == 0
        assert "Nothing changes" in outcome.out
        assert "looks at everybody again" not in outcome.out


def test_a_mail_that_shows_what_leads_lack_is_told_only_with_a_database(shell: Shell) -> None:
    mail = shell.folder / "templates" / "emails" / "leak-walk.html"
    text = mail.read_text()
    mail.write_text(text.replace("{% block body %}", "{% block body %}<p>{{ lead.phone }}</p>"))
    line = text[: text.index("{% block body %}")].count("\n") + 1
    assert "M006" not in shell("check").out
    database = f"sqlite:///{shell.folder / '.nurture' / 'nurture.db'}"
    told = shell("check", "--database", database)
    assert told.code == 0
    assert f"leak-walk.html:{line}: warning: M006 4 of 4 leads lack lead.phone" in told.out


def test_a_subject_that_would_be_empty_is_told_before_it_goes_into_force(shell: Shell) -> None:
    mail = shell.folder / "templates" / "emails" / "leak-walk.html"
    head, rest = mail.read_text().split("\nsubject:", 1)
    mail.write_text(f'{head}\nsubject: "{{{{ lead.first_name }}}}"\n{rest.split(chr(10), 1)[1]}')
    outcome = shell("apply")
    assert outcome.code == 1
    assert "for a lead of whom nothing is known: the subject is empty" in outcome.err
