"""import, lead, why, segment and score: what people ask and decide about leads."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest

from nurture.store.tables import PERSONAL
from tests.cli.conftest import ADA, BO, CY, EVE, Shell
from tests.engine.programme import HEADER, row


def lead(shell: Shell, address: str) -> dict[str, object]:
    """Return what `lead show` tells programs."""
    found: dict[str, object] = shell("lead", "show", address, "--json").json
    return found


class TestImport:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "new.csv"
        path.write_text("\n".join([HEADER, row("new@plant.example"), row("no address")]) + "\n")
        return path

    def test_what_cannot_be_used_goes_to_a_file_with_line_and_reason(
        self, shell: Shell, file: Path
    ) -> None:
        outcome = shell("import", str(file))
        assert outcome.code == 0
        rejects = file.with_suffix(".rejects.csv")
        assert "line,reason" in rejects.read_text()
        assert "Rejected on line 3: not an address" in outcome.out
        assert stat.S_IMODE(rejects.stat().st_mode) == 0o600

    def test_nothing_that_is_there_is_written_over(self, shell: Shell, file: Path) -> None:
        rejects = file.with_suffix(".rejects.csv")
        rejects.write_text("somebody is correcting this\n")
        told = shell("import", str(file), "--json").json
        assert told["rejects_file"] == str(file.with_name("new.rejects-2.csv"))
        assert rejects.read_text() == "somebody is correcting this\n"
        for taken in (file, rejects):
            outcome = shell("import", str(file), "--rejects", str(taken))
            assert (outcome.code, "exists already" in outcome.err) == (2, True)

    def test_a_dry_run_writes_no_file(self, shell: Shell, file: Path) -> None:
        before = sorted(file.parent.iterdir())
        told = shell("import", str(file), "--dry-run", "--json").json
        assert (len(told["rejected"]), told["rejects_file"]) == (1, None)
        assert sorted(file.parent.iterdir()) == before

    def test_a_place_that_cannot_be_written_is_refused_before_anything_is_stored(
        self, shell: Shell, file: Path
    ) -> None:
        outcome = shell("import", str(file), "--rejects", "/nowhere/at/all.csv")
        assert (outcome.code, "nothing can be written" in outcome.err) == (2, True)
        assert shell("import", str(file), "--json").json["created"] == 1

    def test_programs_get_the_counts(self, shell: Shell, file: Path, tmp_path: Path) -> None:
        told = shell("import", str(file), "--rejects", str(tmp_path / "r.csv"), "--json").json
        assert (told["rows"], told["created"], told["merged"]) == (2, 1, 0)
        assert [one["line"] for one in told["rejected"]] == [3]
        assert told["rejects_file"] == str(tmp_path / "r.csv")

    def test_twice_changes_nothing(self, shell: Shell, file: Path) -> None:
        shell("import", str(file))
        told = shell("import", str(file), "--json").json
        assert (told["created"], told["unchanged"]) == (0, 1)

    def test_a_dry_run_stores_nothing(self, shell: Shell, file: Path) -> None:
        outcome = shell("import", str(file), "--dry-run")
        assert "Nothing was stored" in outcome.out
        assert shell("lead", "show", "new@plant.example").code == 2

    def test_a_file_that_is_no_list_of_leads_is_named(self, shell: Shell, tmp_path: Path) -> None:
        path = tmp_path / "odd.csv"
        path.write_text("name\nAda\n")
        outcome = shell("import", str(path))
        assert outcome.code == 2
        assert outcome.err == f"nurture: {path}: line 1: there is no column 'email'\n"


class TestReading:
    def test_leads_are_listed(self, shell: Shell) -> None:
        listed = shell("lead", "list", "--json").json["leads"]
        assert {one["email"] for one in listed} >= {ADA, BO, CY, EVE}
        assert ADA in shell("lead", "list").out

    def test_a_list_can_be_narrowed(self, shell: Shell) -> None:
        def emails(*words: str) -> set[str]:
            return {one["email"] for one in shell("lead", "list", *words, "--json").json["leads"]}

        assert emails("--stage", "inactive") == {EVE}
        assert ADA in emails("--segment", "with-sales")
        assert emails("--segment", "with-sales", "--stage", "inactive") == set()

    @pytest.mark.parametrize("narrowed", [(), ("--stage", "lead")])
    def test_a_short_list_holds_those_heard_from_last(
        self, shell: Shell, tmp_path: Path, narrowed: tuple[str, ...]
    ) -> None:
        path = tmp_path / "later.csv"
        rows = [
            row("newest@new.example", captured_at="2026-09-03T11:30:00Z"),
            row("older@old.example", captured_at="2026-08-02T09:00:00Z"),
        ]
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        later = shell.now + timedelta(hours=1)
        shell("import", str(path), now=later)
        shell("tick", now=later)
        found = shell("lead", "list", *narrowed, "--limit", "1", "--json").json
        assert [one["email"] for one in found["leads"]] == ["newest@new.example"]
        said = shell("lead", "list", *narrowed, "--limit", "1").out
        assert f"1 of {found['total']} leads; --limit shows more" in said
        assert f"{found['total']} leads; the story" in shell("lead", "list", *narrowed).out

    @pytest.mark.parametrize("option", ["--stage", "--segment"])
    def test_an_unknown_name_is_answered_with_those_there_are(
        self, shell: Shell, option: str
    ) -> None:
        outcome = shell("lead", "list", option, "nope")
        assert outcome.code == 2
        assert "'nope'; there are: " in outcome.err

    def test_a_lead_is_found_by_address_id_and_beginning_of_it(self, shell: Shell) -> None:
        uid = str(lead(shell, ADA)["uid"])
        assert lead(shell, uid)["uid"] == lead(shell, uid[:10])["uid"] == uid

    def test_a_lead_is_shown_with_where_its_values_are_from(self, shell: Shell) -> None:
        found = shell("lead", "show", BO)
        assert "Employees" in found.out
        assert "from the import of leads.csv" in found.out
        assert "Europe/Helsinki (" in found.out
        told = shell("lead", "show", BO, "--json").json
        assert told["profile"]["account.employees"]["value"] == 320
        assert told["enrollments"][0]["sequence"] == "welcome"

    def test_everything_stored_is_given_out(self, shell: Shell, tmp_path: Path) -> None:
        out = tmp_path / "ada.json"
        assert shell("lead", "export", ADA, "--out", str(out)).code == 0
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        told = json.loads(out.read_text())
        assert set(told) >= set(PERSONAL)
        assert told["leads"][0]["email"] == ADA
        assert told["messages"]
        assert told["attempts"]
        assert told["event_details"]
        assert shell("lead", "export", ADA).json == told


class TestWhy:
    def test_a_story_has_what_why_and_next_in_two_named_zones(self, shell: Shell) -> None:
        story = shell("why", BO).out
        assert "Europe/Helsinki" in story
        assert "Europe/Berlin" in story
        assert "Came to us; source: website" in story
        assert "from the import of leads.csv, line 3" in story
        assert "Waits for the answer to the form 'Three quick questions'" in " ".join(story.split())

    def test_both_names_of_the_verb_tell_the_same(self, shell: Shell) -> None:
        assert shell("lead", "why", ADA).out == shell("why", ADA).out

    def test_programs_get_lines_with_instants(self, shell: Shell) -> None:
        story = shell("why", ADA, "--json").json
        assert {"at", "kind", "what", "why", "minor", "said"} == set(story["lines"][0])
        assert {"at", "what", "why", "said"} == set(story["next"][0])
        assert story["zones"] == {"lead": "Europe/Berlin", "home": "Europe/Berlin"}

    def test_lesser_lines_are_shown_when_asked_for(self, shell: Shell) -> None:
        assert "lesser lines are left out" in shell("why", ADA).out
        assert len(shell("why", ADA, "--all").out) > len(shell("why", ADA).out)

    def test_nobody_by_that_name_is_misuse(self, shell: Shell) -> None:
        outcome = shell("why", "nobody@plant.example")
        assert outcome.code == 2
        assert outcome.err.startswith("nurture: no lead is called 'nobody@plant.example'")


class TestActing:
    def test_a_paused_lead_is_left_alone_until_it_is_resumed(self, shell: Shell) -> None:
        assert shell("lead", "pause", BO, "--reason", "is on holiday", "--by", "Ann").code == 0
        later = shell.now + timedelta(days=6)
        assert shell("tick", now=later).code == 0
        assert "Ann: is on holiday" in shell("why", BO, now=later).out
        before = lead(shell, BO)["enrollments"]
        shell("lead", "resume", BO)
        shell("tick", now=later)
        assert lead(shell, BO)["enrollments"] != before

    def test_a_pause_can_end_by_itself(self, shell: Shell) -> None:
        until = (shell.now + timedelta(days=2)).date().isoformat()
        outcome = shell("lead", "pause", BO, "--until", until)
        assert "00:00" in outcome.out
        assert lead(shell, BO)["paused"]
        past = (shell.now - timedelta(days=2)).date().isoformat()
        assert shell("lead", "pause", BO, "--until", past).code == 2
        assert "write 2026-12-01" in shell("lead", "pause", BO, "--until", "soon").err

    def test_resuming_who_is_not_paused_changes_nothing(self, shell: Shell) -> None:
        outcome = shell("lead", "resume", BO)
        assert outcome.code == 0
        assert "was not paused" in outcome.out
        assert shell("lead", "resume", BO, "--json").json["lifted"] is False

    def test_a_lead_can_be_taken_out_of_its_sequence(self, shell: Shell) -> None:
        told = shell("lead", "exit", BO, "--reason", "met at a fair", "--json").json
        assert told["left"] == ["welcome"]
        assert lead(shell, BO)["enrollments"] == []
        assert "met at a fair" in shell("why", BO).out
        assert "is not in any sequence" in shell("lead", "exit", BO).err
        assert (
            "is not in the sequence 'nope'" in shell("lead", "exit", BO, "--sequence", "nope").err
        )

    def test_an_inactive_lead_can_be_brought_back(self, shell: Shell) -> None:
        later = shell.now + timedelta(hours=1)
        told = shell("lead", "revive", EVE, "--json", now=later).json
        assert told["stage"] == "lead"
        outcome = shell("lead", "revive", BO)
        assert outcome.code == 2
        assert "only who is in the inactive file can be revived" in outcome.err

    def test_erasing_has_to_be_meant(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", StringIO())
        outcome = shell("lead", "erase", ADA)
        assert outcome.code == 2
        assert "add --yes" in outcome.err
        assert lead(shell, ADA)["email"] == ADA

    def test_an_erased_lead_is_gone(self, shell: Shell) -> None:
        uid = str(lead(shell, ADA)["uid"])
        assert shell("lead", "erase", ADA, "--yes").code == 0
        assert shell("lead", "show", ADA).code == 2
        story = shell("why", uid).out
        assert "Asked us to forget them, and we did." in story
        assert "ada" not in story.casefold()
        database = shell.folder / ".nurture" / "nurture.db"
        for file in database.parent.glob("nurture.db*"):
            assert ADA.encode() not in file.read_bytes()
        assert "is erased" in shell("lead", "pause", uid).err
        assert shell("verify").code == 0


class TestSegments:
    def test_segments_are_counted(self, shell: Shell) -> None:
        counts = {one["name"]: one["count"] for one in shell("segment", "list", "--json").json}
        assert counts["with-sales"] == 1
        told = shell("segment", "count", "guide-readers", "--json").json
        assert told["count"] == counts["guide-readers"] == 4
        assert len(told["sample"]) == 4
        assert "leads are in 'Guide readers'" in shell("segment", "count", "guide-readers").out

    def test_a_segment_is_explained_by_the_values_that_decide(self, shell: Shell) -> None:
        outcome = shell("segment", "explain", "guide-readers", EVE)
        assert "is not in 'Guide readers'" in outcome.out
        assert "no" in outcome.out
        assert "they answered the form" in outcome.out
        assert "never" in outcome.out
        told = shell("segment", "explain", "with-sales", ADA, "--json").json
        assert told["inside"] is True
        assert told["tree"]["answer"] == "pass"
        assert told["tree"]["parts"]

    def test_a_list_needs_a_segment_that_asks_for_it(self, shell: Shell, tmp_path: Path) -> None:
        file = tmp_path / "fair.csv"
        file.write_text(f"email\n{BO}\n", encoding="utf-8")
        outcome = shell("segment", "import", "guide-readers", str(file))
        assert outcome.code == 2
        assert "happened('list.added', 'guide-readers')" in outcome.err

    def test_taking_off_a_list_needs_one_way_to_name_people_and_a_reason(
        self, shell: Shell
    ) -> None:
        both = shell("segment", "remove", "guide-readers", ADA, "--file", "x.csv", "--reason", "r")
        assert "name either one lead or a --file, not both" in both.err
        blank = shell("segment", "remove", "guide-readers", ADA, "--reason", " ")
        assert "--reason: say why" in blank.err
        none = shell("segment", "remove", "guide-readers", ADA, "--reason", "Left")
        assert "asks for no list" in none.err
        back = shell("segment", "import", "guide-readers", "x.csv", "--put-back")
        assert "--put-back needs --reason" in back.err
        assert {both.code, blank.code, none.code, back.code} == {2}

    def test_a_list_is_filled_emptied_and_compared(
        self, fresh_shell: Shell, tmp_path: Path
    ) -> None:
        rule = "title: Fair\nwhen: \"happened('list.added', 'fair')\"\n"
        (fresh_shell.folder / "segments" / "fair.yaml").write_text(rule, encoding="utf-8")
        people = tmp_path / "people.csv"
        people.write_text("\n".join([HEADER, row(ADA), row(BO)]) + "\n", encoding="utf-8")
        assert fresh_shell("apply").code == fresh_shell("import", str(people)).code == 0
        assert "2 put on the list" in fresh_shell("segment", "import", "fair", str(people)).out
        assert "nobody has looked at it" in fresh_shell("segment", "changes", "fair").err
        strange = tmp_path / "strange.csv"
        strange.write_text(f"email,name\nx@else.example,X\n{BO},Bo\n", encoding="utf-8")
        told = fresh_shell("segment", "import", "fair", str(strange), "--json").json
        assert "2,no lead of ours" in Path(told["rejects_file"]).read_text().replace('"', "")
        remove = ("segment", "remove", "fair", "--reason", "Left", "--by", "Ada Lindholm")
        told = fresh_shell(*remove, "--file", str(people), "--dry-run", "--json").json
        assert told == {"rows": 2, "removed": 2, "not_on": 0, "unknown": [], "dry_run": True}
        assert "1 taken off the list 'fair', 0 were not on it" in fresh_shell(*remove, BO).out
        again = fresh_shell("segment", "import", "fair", str(people)).out
        assert "1 were taken off before and stay off" in again
        assert fresh_shell("sunset").code == 0
        later = fresh_shell.now + timedelta(days=1)
        fresh_shell(*remove, ADA, now=later)
        found = fresh_shell("segment", "changes", "fair", "--json", now=later).json
        assert (found["joined"]["leads"], found["left"]["leads"]) == (0, 1)
        said = fresh_shell("segment", "changes", "fair", now=later).out
        assert "'Fair' had 1 leads on" in said
        assert "they were not put on the list 'fair' (taken off" in said

    def test_an_unknown_segment_is_answered_with_those_there_are(self, shell: Shell) -> None:
        for words in (("count", "nope"), ("explain", "nope", ADA)):
            outcome = shell("segment", *words)
            assert outcome.code == 2
            assert "there are: date-is-near" in outcome.err


class TestScore:
    def test_rows_add_up_to_the_score(self, shell: Shell) -> None:
        told = shell("score", "explain", ADA, "--json").json
        for axis in ("engagement", "fit", "readiness"):
            assert sum(row["net"] for row in told[axis]["rows"]) == told[axis]["value"]
        assert told["engagement"]["value"] > 0

    def test_rows_that_count_nothing_are_one_line_for_people(self, shell: Shell) -> None:
        seen = {"kind": "signal.mentioned", "email": ADA, "occurred_at": shell.now.isoformat()}
        lines = [json.dumps(seen | {"id": f"m{n}", "subject": f"s{n}"}) for n in range(20)]
        file = shell.folder / "mentions.jsonl"
        file.write_text("\n".join(lines), encoding="utf-8")
        assert shell("signal", str(file)).code == 0
        said = " ".join(shell("score", "explain", ADA).out.split())
        assert "18 that count nothing now" in said
        rows = shell("score", "explain", ADA, "--json").json["engagement"]["rows"]
        assert len([row for row in rows if row["rule"] == "mention"]) == 20

    def test_people_read_gates_evidence_and_what_is_missing(self, shell: Shell) -> None:
        said = " ".join(shell("score", "explain", BO).out.split())
        assert "the gate stakeholder is open; to be asked:" in said
        assert "they have to know us better: 3 more touches" in said
        assert "Looked at again" in said
