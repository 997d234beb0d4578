"""tick, deliver, sunset, rebuild, handoff, message, task, sending: the work and its exceptions."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from nurture.cli import show
from nurture.store.db import open_database
from nurture.store.tables import handoffs, leads, messages
from nurture.transports.signing import verify
from tests.cli.conftest import ADA, BO, CY, DEE, Shell
from tests.receivers import Receiver


def letters(shell: Shell) -> list[Path]:
    """Return the mails in the outbox."""
    return sorted((shell.folder / ".nurture" / "outbox").rglob("*.eml"))


def doubtful(shell: Shell) -> str:
    """Return the id of the mail in doubt."""
    (found,) = in_doubt(shell)
    return str(found["uid"])


def in_doubt(shell: Shell) -> list[dict[str, Any]]:
    """Return the mails in doubt."""
    return [one for one in shell("message", "list", "--json").json if one["state"] != "ready"]


WHY = ("--reason", "SendGrid has it")


class TestTick:
    def test_everything_due_is_done(self, shell: Shell) -> None:
        later = shell.now + timedelta(days=6)
        told = shell("tick", "--json", now=later).json
        assert told["advance"]["planned"] >= 1
        assert told["deliver"]["accepted"] == len(letters(shell)) >= 1
        again = shell("tick", "--json", now=later).json
        assert again["deliver"].get("claimed", 0) == 0
        assert "Nothing was due." in shell("tick", now=later).out

    def test_people_read_counts_of_what_was_done(self, shell: Shell) -> None:
        said = shell("tick", now=shell.now + timedelta(days=6)).out
        assert "accepted" in said
        assert "deliver" in said

    def test_delivering_alone_plans_nothing(self, shell: Shell) -> None:
        told = shell("deliver", "--json", now=shell.now + timedelta(days=6)).json
        assert told["advance"] == told["assess"] == {}

    def test_nothing_is_in_force_yet(self, fresh_shell: Shell) -> None:
        outcome = fresh_shell("tick")
        assert outcome.code == 2
        assert "there is no database yet; run `nurture apply` first" in outcome.err


class TestSunset:
    def test_the_silent_rest(self, shell: Shell) -> None:
        later = shell.now + timedelta(days=120)
        waits = shell("sunset", "--dry-run", "--json", now=later).json
        assert waits["silent_but_in_a_sequence"] >= 1
        assert "Nothing was changed" in shell("sunset", "--dry-run", now=later).out
        shell("tick", now=later)
        assert shell("sunset", now=later).code == 0

    def test_as_many_rest_as_the_dry_run_said(self, shell: Shell) -> None:
        later = shell.now + timedelta(days=120)
        assert shell("lead", "exit", CY, "--by", "Ann").code == 0
        waits = shell("sunset", "--dry-run", "--json", now=later).json
        assert (waits["archived"], waits["silent_but_in_a_sequence"]) == (1, 2)
        assert shell("sunset", "--json", now=later).json["archived"] == 1

    def test_whoever_was_kept_long_enough_is_erased(self, shell: Shell) -> None:
        later = shell.now + timedelta(days=370)
        assert shell("sunset", "--dry-run", "--json", now=later).json["erased"] == 1
        assert shell("sunset", "--json", now=later).json["erased"] == 1


class TestRebuild:
    def test_what_is_stored_is_what_facts_say(self, shell: Shell) -> None:
        told = shell("rebuild", "--json").json
        assert told["wrong"] == []
        assert told["leads"] == 5
        assert "none wrong" in shell("rebuild", "--dry-run").out

    def test_a_wrong_score_is_found_and_put_right(self, shell: Shell) -> None:
        database = open_database(f"sqlite:///{shell.folder / '.nurture' / 'nurture.db'}")
        with database.write() as connection:
            connection.execute(
                update(leads).where(leads.c.match_key == BO).values(engagement=99_000)
            )
        database.close()
        outcome = shell("rebuild")
        assert outcome.code == 1
        assert "stored 99000" in outcome.out
        assert shell("rebuild", "--dry-run").code == 0

    def test_what_time_has_moved_is_told(self, shell: Shell) -> None:
        told = shell("rebuild", "--json", now=shell.now + timedelta(days=30)).json
        assert told["moved_leads"] >= 1
        assert {"uid", "field", "before", "after"} == set(told["moved"][0])


class TestHandoffs:
    def only(self, shell: Shell) -> dict[str, object]:
        (found,) = shell("handoff", "list", "--json").json
        assert isinstance(found, dict)
        return found

    def test_they_are_listed_and_shown_with_their_bytes(self, shell: Shell) -> None:
        found = self.only(shell)
        assert found["state"] == "delivered"
        assert "body" not in found
        assert str(found["uid"]) in shell("handoff", "list", "--state", "delivered").out
        assert shell("handoff", "list", "--state", "dead", "--json").json == []
        told = shell("handoff", "show", str(found["uid"]), "--json").json
        assert told["body"]["data"]["person"]["email"] == ADA
        assert told["attempts"][0]["outcome"] == "delivered"
        assert "Europe/Berlin" in shell("handoff", "show", str(found["uid"])).out

    def test_one_can_be_sent_again(self, shell: Shell) -> None:
        uid = str(self.only(shell)["uid"])
        assert shell("handoff", "replay", uid).code == 0
        assert self.only(shell)["state"] == "ready"
        assert "is ready; only a delivered or dead one" in shell("handoff", "replay", uid).err

    @pytest.mark.parametrize("words", [("show", "msg_x"), ("replay", "msg_x"), ("test", "nope")])
    def test_an_unknown_name_is_misuse(self, shell: Shell, words: tuple[str, ...]) -> None:
        outcome = shell("handoff", *words)
        assert outcome.code == 2
        assert "see `nurture handoff list`" in outcome.err or "no endpoint" in outcome.err

    def test_an_unknown_state_is_answered_with_those_there_are(self, shell: Shell) -> None:
        assert "there are: waiting" in shell("handoff", "list", "--state", "gone").err

    def test_a_trial_is_signed_and_not_sent(self, shell: Shell) -> None:
        told = shell("handoff", "test", "inside-sales", "--json").json
        assert told["answer"] is None
        assert told["body"]["type"] == "lead.handoff.test"
        assert told["headers"]["webhook-signature"].startswith("v1,")
        assert "Nothing was sent" in shell("handoff", "test", "inside-sales").out

    def test_a_trial_can_be_sent(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
    ) -> None:
        monkeypatch.setenv("CRM_WEBHOOK_URL", receiver.url)
        monkeypatch.setenv("CRM_WEBHOOK_ALLOW", receiver.address)
        told = shell("handoff", "test", "inside-sales", "--send", "--json")
        assert told.code == 0
        assert told.json["answer"]["kind"] == "delivered"
        ((headers, body),) = receiver.got
        assert json.loads(body)["type"] == "lead.handoff.test"
        secret = "whsec_ZGVtbyBvbmx5OiBzaWducyB3aGF0IHdlIHNlbmQgdG8gc2FsZXM="
        assert verify(body, headers, secrets=[secret], now=shell.now).id.startswith("msg_trial")

    def test_a_trial_that_nobody_takes_is_a_finding(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CRM_WEBHOOK_URL", "http://127.0.0.1:1/crm")
        monkeypatch.setenv("CRM_WEBHOOK_ALLOW", "127.0.0.1:1")
        assert shell("handoff", "test", "inside-sales", "--send").code == 1


class TestMessages:
    def test_mails_in_doubt_are_listed(self, shell: Shell) -> None:
        (found,) = in_doubt(shell)
        assert (found["state"], found["reason"]) == ("parked", "the connection broke")
        assert found["settled_by"] == "your word: nurture message resolve"
        assert found["age_seconds"] > 86_400
        said = shell("message", "list").out
        assert DEE in said
        assert "day" in said

    def test_the_status_of_sending_tells_how_many_wait_for_a_person(self, shell: Shell) -> None:
        in_doubt(shell)
        told = shell("sending", "status")
        assert (told.code, "Parked: 1 stayed in doubt" in told.out) == (1, True)

    def test_one_that_did_leave_counts_as_sent(self, shell: Shell) -> None:
        uid = doubtful(shell)
        assert shell("message", "resolve", uid[:12], "--sent", *WHY).code == 0
        assert in_doubt(shell) == []
        story = shell("why", DEE).out
        assert "A person decided about the mail" in story
        assert "SendGrid has it" in " ".join(story.split())
        assert shell("deliver", "--json").json["deliver"]["claimed"] == 0
        assert (
            "there is no doubt to settle" in shell("message", "resolve", uid, "--again", *WHY).err
        )

    def test_one_that_did_not_leave_is_sent_once_more(self, shell: Shell) -> None:
        uid = doubtful(shell)
        assert "sent again" in shell("message", "resolve", uid, "--again", *WHY).out
        # Not on the day of another mail: the cap holds for it too.
        assert shell("deliver", "--json").json["deliver"]["postponed"] == 1
        (held,) = [one for one in shell("message", "list", "--json").json if one["uid"] == uid]
        assert held["state"] == "ready"
        assert "caps" in held["reason"]
        assert held["at"] > str(shell.now)
        tomorrow = shell.now + timedelta(days=1)
        assert shell("deliver", "--json", now=tomorrow).json["deliver"]["accepted"] == 1
        assert [path.stem for path in letters(shell)] == [uid]
        assert shell("verify").code == 0

    def test_it_has_to_be_said_which(self, shell: Shell) -> None:
        uid = doubtful(shell)
        for words in ((), ("--sent", "--again")):
            outcome = shell("message", "resolve", uid, *words)
            assert outcome.code == 2
            assert "choose --sent" in outcome.err

    def test_it_has_to_be_said_why(self, shell: Shell) -> None:
        outcome = shell("message", "resolve", doubtful(shell), "--sent")
        assert outcome.code == 2
        assert "say with --reason why you know it" in outcome.err

    def test_what_a_pause_holds_back_says_so(self, shell: Shell) -> None:
        assert shell("message", "resolve", doubtful(shell), "--again", *WHY).code == 0
        assert shell("sending", "pause", "--reason", "wrong price").code == 0
        held = shell("message", "list", "--json").json
        assert held
        assert all("wrong price" in one["reason"] for one in held)
        assert {one["settled_by"] for one in held} == {"nurture sending resume"}

    def test_an_unknown_mail_is_misuse(self, shell: Shell) -> None:
        unknown = shell("message", "resolve", "zzz", "--sent", *WHY)
        assert "see `nurture message list`" in unknown.err
        assert shell("message", "resolve", "", "--sent", *WHY).code == 2

    def test_many_are_settled_by_what_they_have_in_common(self, shell: Shell) -> None:
        which = ("--transport", "post", "--parked", "--before", "2027-01-01")
        assert len(shell("message", "list", *which, "--json").json) == 1
        asked = shell("message", "resolve", *which, "--sent", *WHY)
        assert (asked.code, "then say --yes 1" in asked.err) == (2, True)
        assert "and not 2" in shell("message", "resolve", *which, "--sent", *WHY, "--yes", "2").err
        assert shell("message", "resolve", *which, "--sent", *WHY, "--yes", "1").code == 0
        assert in_doubt(shell) == []
        gone = shell("message", "resolve", *which, "--sent", *WHY, "--yes", "1")
        assert "no mail is in doubt there" in gone.err

    def test_ids_and_a_selection_are_not_mixed(self, shell: Shell) -> None:
        for words in ((), (doubtful(shell), "--parked")):
            told = shell("message", "resolve", *words, "--sent", *WHY)
            assert (told.code, "or say which with --transport" in told.err) == (2, True)


def test_what_has_failed_is_told_everywhere_and_tried_again(shell: Shell) -> None:
    uid, mended = doubtful(shell), ("--reason", "the relay lets us in")
    path = f"sqlite:///{shell.folder}/.nurture/nurture.db"
    with closing(open_database(path)) as database, database.write() as connection:
        values = {"state": "failed", "reason": "554 no relay", "closed_at": shell.now}
        connection.execute(messages.update().where(messages.c.uid == uid).values(**values))
    said = "1 mail failed in the last 24 hours, 1 of them because of: 554 no relay"
    for words in (("sending", "status"), ("message", "list"), ("doctor",)):
        told = " ".join(shell(*words).out.split())
        assert said in told, words
    assert shell("sending", "status").code == 1
    asked = shell("message", "retry", "--after", "2026-01-01", *mended)
    assert (asked.code, "say --yes 1" in asked.err) == (2, True)
    assert shell("message", "retry", "--after", "2026-01-01", *mended, "--yes", "1").code == 0
    assert "it has not failed" in shell("message", "retry", uid[:12], *mended).err
    assert shell("message", "retry", uid).code == 2


def test_nobody_is_let_back_in_whom_no_bounce_has_stopped(shell: Shell) -> None:
    told = shell("lead", "unbounce", "--after", "2026-01-01", "--before", "2027-01-01")
    assert (told.code, "nobody is stopped by such bounces" in told.err) == (2, True)


def test_a_stop_by_mail_is_taken_although_the_release_cannot_be_loaded(shell: Shell) -> None:
    mail = shell.folder / "stop.eml"
    mail.write_text(f"From: {DEE}\nIn-Reply-To: <{doubtful(shell)}@mail.example>\n\nstop\n")
    with open_database(f"sqlite:///{shell.folder / '.nurture' / 'nurture.db'}").write() as there:
        there.execute(text("UPDATE releases SET files = '{'"))
    taken = shell("reply", str(mail))
    assert (taken.code, "Recorded as an opt-out" in taken.out) == (0, True)
    assert shell("apply").code == 0
    assert "unsubscribed" in shell("lead", "show", DEE).out


class TestTasks:
    def test_a_task_is_listed_and_done(self, shell: Shell) -> None:
        (found,) = shell("task", "list", "--json").json
        assert found["title"] == "Call Bo"
        assert found["late"] is False
        assert "Call Bo" in shell("task", "list", "--team", "prospect development").out
        assert shell("task", "list", "--team", "nobody", "--json").json == []
        done = shell("task", "done", str(found["id"]), "--outcome", "wants a visit", "--talked")
        assert done.code == 0
        assert "Nothing is to be done." in shell("task", "list").out
        story = shell("why", BO).out
        assert "wants a visit" in story
        assert "Talked to us on the phone" in story

    def test_row_12_minutes_count_against_the_budget_of_the_stage(self, shell: Shell) -> None:
        (found,) = shell("task", "list", "--json").json
        assert found["over_budget"] == []
        number = ("task", "done", str(found["id"]), "--outcome", "no answer", "--minutes")
        assert shell(*number, "0").code == 2
        done = shell(*number, "95")
        assert "Over its budget: 95 of " in done.out
        assert "Over its effort budget: 95 of " in shell("why", BO).out
        (table,) = shell("report", "--json").json["tables"]["effort"]
        assert (table["minutes"], table["over_budget"]) == (95, 1)

    def test_row_04_a_task_quotes_the_persona_of_whom_it_is_about(self, shell: Shell) -> None:
        (found,) = shell("task", "list", "--json").json
        number = str(found["id"])
        said = shell("task", "show", number).out
        assert "Call Bo" in said
        assert "none fits yet: find out the role" in said
        assert shell("task", "show", number, "--json").json["persona"] == "unknown"
        row = "email,role\nbo@plant.example,plant-manager\n"
        (shell.folder / "role.csv").write_text(row)
        assert shell("import", str(shell.folder / "role.csv")).code == 0
        assert "Who besides you would have to say yes?" in shell("task", "show", number).out
        told = shell("task", "show", number, "--json").json
        assert told["persona"]["name"] == "plant-manager"
        assert shell("task", "show", "4711").code == 2

    def test_an_unknown_task_is_misuse(self, shell: Shell) -> None:
        outcome = shell("task", "done", "4711", "--outcome", "x")
        assert outcome.code == 2
        assert "no task 4711 is open" in outcome.err


class TestSending:
    @pytest.fixture(autouse=True)
    def nothing_in_doubt(self, shell: Shell) -> None:
        shell("message", "resolve", doubtful(shell), "--sent", *WHY)

    def test_mail_stops_and_goes_on(self, shell: Shell) -> None:
        assert shell("sending", "status").out == "Mail may leave.\n"
        assert shell("sending", "pause", "--reason", "wrong price", "--by", "Ann").code == 0
        status = shell("sending", "status")
        assert (status.code, "Ann: wrong price" in status.out) == (1, True)
        later = shell.now + timedelta(days=6)
        ticked = shell("tick", now=later)
        assert ticked.code == 1
        assert "sending is halted: Ann: wrong price" in ticked.err
        assert letters(shell) == []
        assert "All sending is paused" in shell("why", BO).out
        assert shell("sending", "resume", "--json").json == {"lifted": ["sending"]}
        assert shell("tick", now=later).code == 0
        assert letters(shell)

    def test_a_pause_can_end_by_itself(self, shell: Shell) -> None:
        until = (shell.now + timedelta(hours=5)).isoformat()
        shell("sending", "pause", "--reason", "x", "--until", until)
        assert shell("sending", "status", "--json").json["off"][0]["until"] is not None
        assert shell("sending", "status", now=shell.now + timedelta(hours=6)).code == 0

    def test_what_waits_is_told_with_its_reason_and_a_forecast(self, shell: Shell) -> None:
        shell("sending", "pause", "--reason", "wrong price")
        later = shell.now + timedelta(days=6)
        shell("tick", now=later)
        found = shell("sending", "status", "--json", now=later).json
        assert found["due"] > 0
        assert found["empty_at"] is not None
        said = shell("sending", "status", now=later).out
        assert f"Due: {found['due']}; the oldest was planned" in said
        assert "Empty: if sending went on now: " in said
        assert "caps per person are not in it" in said

    def test_a_word_about_late_mail_needs_some(self, shell: Shell) -> None:
        assert shell("sending", "late", "welcome/x").code == 2
        told = shell("sending", "late", "welcome/x", "--send")
        assert (told.code, "no mail does" in told.err) == (2, True)

    def test_pausing_one_lead_is_no_halt_of_all(self, shell: Shell) -> None:
        shell("lead", "pause", CY)
        assert shell("sending", "status").code == 0


class TestVerify:
    def test_promises_are_checked_with_the_rows_looked_at(self, shell: Shell) -> None:
        told = shell("verify", "--json").json
        assert told["kept"] is True
        assert {"id", "promise", "rows", "broken"} == set(told["promises"][0])
        assert "all kept" in shell("verify").out

    def test_a_broken_promise_is_a_finding(self, shell: Shell) -> None:
        database = open_database(f"sqlite:///{shell.folder / '.nurture' / 'nurture.db'}")
        with database.write() as connection:
            connection.execute(update(handoffs).values(delivered_at=None))
        database.close()
        outcome = shell("verify")
        assert outcome.code == 1
        assert "I12: handoff msg_" in outcome.out
        assert shell("verify", "--json").json["kept"] is False


class TestReport:
    def test_no_heading_is_broken_for_people(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(show, "WIDE", 100)
        said = shell("report").out.split()
        headings = (
            "disqualified prospects prospect rate customers kind sent clicked answered inside"
        )
        for word in [*headings.split(), "delivered", "accepted", "overdue", "median"]:
            assert word in said, word
        assert "more columns: --csv and --json have all" in shell("report").out

    def test_figures_come_as_tables_page_and_json(self, shell: Shell, tmp_path: Path) -> None:
        assert "Milestones" in shell("report").out
        told = shell("report", "--json").json
        assert told["company"] == "Havelock Air"
        page, folder = tmp_path / "report.html", tmp_path / "csv"
        outcome = shell("report", "--html", str(page), "--csv", str(folder))
        assert outcome.code == 0
        assert "<html" in page.read_text()
        assert {path.stem for path in folder.iterdir()} == set(told["tables"])
