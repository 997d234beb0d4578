"""Whatever a person gets wrong is one line with the cause and the remedy; never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from nurture.cli.run import run
from nurture.store.db import open_database
from tests.cli.conftest import ADA, Did, Shell


def refused(outcome: Did) -> str:
    """Return the one line with which a command refused to do what it was asked."""
    lines = outcome.err.splitlines()
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert len(lines) == 1, outcome.err
    return lines[0]


class TestClock:
    @pytest.mark.parametrize("words", [("tick",), ("lead", "list"), ("doctor",), ("check",)])
    def test_a_test_clock_is_refused_outside_a_test(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
    ) -> None:
        monkeypatch.delenv("NURTURE_PROFILE")
        said = refused(shell(*words))
        assert "--now sets a test clock, which is refused outside a test" in said
        assert "NURTURE_PROFILE=test" in said

    @pytest.mark.parametrize(
        ("given", "remedy"),
        [
            ("tomorrow", "write a time like 2026-09-01T10:00+02:00"),
            ("2026-09-01T10:00", "add a zone"),
            ("0001-01-01T00:00+14:00", "no clock shows that in UTC"),
            ("9999-12-31T23:59-12:00", "no clock shows that in UTC"),
        ],
    )
    def test_a_test_clock_is_an_instant(self, shell: Shell, given: str, remedy: str) -> None:
        folder = str(shell.folder)
        assert remedy in refused(shell.plainly("tick", "--folder", folder, "--now", given))


class TestPlaces:
    def test_a_folder_without_a_project_gets_no_secret(self, tmp_path: Path, shell: Shell) -> None:
        empty = tmp_path / "empty"
        empty.mkdir()
        said = refused(shell.plainly("lead", "list", "--folder", str(empty)))
        assert said.startswith(f"nurture: {empty}: there is no nurture.yaml here")
        assert list(empty.iterdir()) == []

    def test_folder_and_database_may_come_from_the_environment(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("NURTURE_HOME", str(shell.folder))
        assert shell.plainly("lead", "show", ADA).code == 0
        monkeypatch.setenv("NURTURE_DATABASE", f"sqlite:///{tmp_path / 'none.db'}")
        assert "there is no database yet" in refused(shell.plainly("lead", "show", ADA))

    def test_a_short_secret_is_refused(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NURTURE_SECRET", "short")
        said = refused(shell("lead", "list"))
        assert said == "nurture: NURTURE_SECRET must have at least 32 characters"


class TestDatabases:
    def test_a_server_that_does_not_answer_is_named(self, shell: Shell) -> None:
        url = "postgresql://somebody:hunter2@127.0.0.1:1/nurture"
        said = refused(shell("lead", "list", "--database", url))
        assert "the database cannot be reached" in said
        assert "is it running" in said
        assert "hunter2" not in said

    @pytest.mark.parametrize(
        "url",
        [
            "nonsense",
            "mysterysql://x",
            "mysql://x",
            "postgresql+asyncpg://x/y",
            "sqlite+aiosqlite:///x.db",
            "postgresql://x:port/y",
        ],
    )
    def test_what_is_no_address_is_answered_with_examples(self, shell: Shell, url: str) -> None:
        said = refused(shell("lead", "list", "--database", url))
        assert "write sqlite:///FILE or postgresql://" in said

    def test_a_schema_of_newer_code_is_left_alone(self, shell: Shell) -> None:
        database = open_database(f"sqlite:///{shell.folder / '.nurture' / 'nurture.db'}")
        with database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        database.close()
        for words in (("lead", "list"), ("apply",)):
            said = refused(shell(*words))
            assert "its schema (9999) is newer than this version of nurture knows" in said

    def test_a_reader_makes_no_tables(self, shell: Shell, tmp_path: Path) -> None:
        open_database(f"sqlite:///{tmp_path / 'empty.db'}").engine.connect().close()
        said = refused(shell("lead", "list", "--database", f"sqlite:///{tmp_path / 'empty.db'}"))
        assert "has no tables yet; run `nurture apply`" in said

    def test_nothing_in_force_is_said(self, shell: Shell) -> None:
        database = open_database(f"sqlite:///{shell.folder / '.nurture' / 'nurture.db'}")
        with database.write() as connection:
            connection.execute(text("PRAGMA defer_foreign_keys=ON"))
            for table in ("attempts", "messages", "enrollments", "past_enrollments", "releases"):
                connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 (our own names)
        database.close()
        assert "no project is in force; run `nurture apply` first" in refused(shell("tick"))


class TestOutput:
    """Real processes: what happens to a stream is settled before and after our own code."""

    def listed(self, shell: Shell, redirection: str) -> tuple[int, str]:
        command = f"{sys.executable} -m nurture lead list {redirection}"
        at = [f"--folder {shell.folder}", f"--now {shell.now.isoformat()}"]
        done = subprocess.run(  # noqa: S602 (the shell closes and redirects streams)
            " ".join([command, *at]), shell=True, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    @pytest.mark.parametrize("words", ["", "--json"])
    def test_a_full_disk_is_said(self, shell: Shell, words: str) -> None:
        said = self.listed(shell, f"{words} >/dev/full")
        assert said == (2, "nurture: No space left on device\n")

    def test_a_closed_output_is_no_error(self, shell: Shell) -> None:
        assert self.listed(shell, ">&-") == (0, "")


class TestWords:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("fly",), "No such command 'fly'"),
            (("why",), "Missing argument 'lead'. See `nurture why --help`."),
            (("lead", "list", "--limit", "0"), "Invalid value"),
            (("task", "done", "x", "--outcome", "y"), "Invalid value"),
            (("task", "done", "9" * 20, "--outcome", "y"), "Invalid value"),
            (("task", "done", "1", "--outcome", " "), "say in a sentence what came of it"),
            (("import", "/nowhere/leads.csv"), "/nowhere/leads.csv: No such file or directory"),
        ],
    )
    def test_a_slip_is_one_line(self, shell: Shell, words: tuple[str, ...], said: str) -> None:
        assert said in refused(shell.plainly(*words))

    def test_stop_lists_are_read_where_there_are_any(self, shell: Shell) -> None:
        assert "only SendGrid keeps stop lists" in refused(shell("sending", "pull"))

    def test_a_pause_that_no_clock_can_end_is_refused(self, shell: Shell) -> None:
        said = refused(shell("lead", "pause", ADA, "--until", "9999-12-31T23:59-12:00"))
        assert "is no time" in said

    def test_no_verb_at_all_shows_the_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run([]) == 2
        captured = capsys.readouterr()
        assert "Lead nurturing as code" in captured.out + captured.err
        assert "Traceback" not in captured.err
