"""doctor: each thing that can be wrong is found, with what to do about it."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nurture.core.refusal import Row
from nurture.store import oddities, refusals
from nurture.store.db import open_database
from tests.cli.conftest import SECRET, Shell
from tests.nameserver import name_server


def checks(shell: Shell, **more: Any) -> dict[str, list[dict[str, str]]]:
    """Return what the doctor found, by name."""
    found: dict[str, list[dict[str, str]]] = {}
    for one in shell("doctor", "--json", **more).json["checks"]:
        found.setdefault(one["name"], []).append(one)
    return found


def set_up(shell: Shell, old: str, new: str, file: str = "nurture.yaml") -> None:
    """Change a file of the project and put it in force."""
    path = shell.folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert shell("apply").code == 0


def test_a_healthy_installation_has_notes_at_most(shell: Shell) -> None:
    (doubt,) = shell("message", "list", "--json").json
    shell("message", "resolve", doubt["uid"], "--sent", "--reason", "SendGrid has it")
    outcome = shell("doctor")
    assert outcome.code == 0
    assert "Nothing is wrong." in outcome.out
    assert SECRET not in outcome.out
    assert shell("doctor", "--json").json["healthy"] is True


def test_people_who_stand_still_in_a_release_that_nobody_can_read_are_told_of(shell: Shell) -> None:
    set_up(shell, "holidays: [", "holidays: [2027-12-24, ")
    url = f"sqlite:///{shell.folder / '.nurture' / 'nurture.db'}"
    with open_database(url).write() as connection:
        connection.execute(text("UPDATE releases SET files = '{}' WHERE id = 1"))
    said = [one for one in checks(shell)["release"] if one["state"] == "problem"]
    assert len(said) == 1
    assert said[0]["what"].startswith("release 1 cannot be read any more, and ")
    assert " enrollments and " in said[0]["what"]
    assert "nurture: release 1 cannot be read any more" in shell("apply").err


def test_a_release_whose_row_is_damaged_is_told_of_and_mended_by_applying(shell: Shell) -> None:
    url = f"sqlite:///{shell.folder / '.nurture' / 'nurture.db'}"
    with open_database(url).write() as connection:
        connection.execute(text("UPDATE releases SET files = '{'"))
    (said,) = checks(shell)["release"]
    assert "the files of release 1 are damaged" in said["what"]
    assert "people can unsubscribe" in said["remedy"]
    assert shell("tick").code == 2
    assert shell("apply").code == 0
    assert checks(shell)["release"][0]["what"].startswith("in force: ")


def test_odd_answers_of_a_provider_are_told_of(shell: Shell) -> None:
    url = f"sqlite:///{shell.folder / '.nurture' / 'nurture.db'}"
    with open_database(url).write() as connection:
        oddities.note(connection, "sendgrid", 3, now=shell.now)
    said = [one for one in checks(shell)["sending"] if one["state"] == "problem"]
    assert "sendgrid took 3 mails with an odd answer" in said[0]["what"]


def test_what_refused_many_in_a_row_is_told_in_its_words(shell: Shell) -> None:
    url = f"sqlite:///{shell.folder / '.nurture' / 'nurture.db'}"
    with open_database(url).write() as connection:
        refusals.keep_row(connection, "smtp", Row(people=(1, 2), of_us=(1, 2), reason="554 relay"))
    said = [one for one in checks(shell)["sending"] if one["state"] == "problem"]
    assert said[0]["what"].endswith(
        "2 people and taken nothing since; the last time it said: 554 relay"
    )


def test_an_outbox_is_noted(shell: Shell) -> None:
    (found,) = checks(shell)["transport"]
    assert (found["state"], "nothing is sent" in found["what"]) == ("note", True)


def test_broken_files_are_a_problem(shell: Shell) -> None:
    (shell.folder / "nurture.yaml").write_text("company: {}\n")
    outcome = shell("doctor")
    assert outcome.code == 1
    assert "errors in the files; run `nurture check`" in outcome.out


def test_one_error_is_not_several(shell: Shell) -> None:
    segment = shell.folder / "segments" / "gone-quiet.yaml"
    segment.write_text("title: Gone\nwhen: silent('60x')\n")
    said = checks(shell)["project"][0]["what"]
    assert said == "1 error in the files"


def test_a_file_that_is_no_database_is_said(shell: Shell) -> None:
    (shell.folder / ".nurture" / "nurture.db").write_text("a letter" * 1000)
    for left in (shell.folder / ".nurture").glob("nurture.db-*"):
        left.unlink()
    (found,) = checks(shell)["database"]
    assert (found["what"], found["remedy"]) == (
        "the file holds something else than a database; is its address right?",
        "",
    )


def test_work_that_nobody_does_is_a_problem(shell: Shell) -> None:
    found = checks(shell, now=shell.now + timedelta(days=6))
    (advance,) = found["queue advance"]
    assert advance["state"] == "problem"
    assert "the oldest for" in advance["what"]
    assert "is anything running the ticks?" in advance["remedy"]


def test_a_paused_lead_is_no_work_left_undone(shell: Shell) -> None:
    later = shell.now + timedelta(days=6)
    for one in shell("lead", "list", "--json").json["leads"]:
        shell("lead", "pause", one["uid"])
    assert checks(shell, now=later)["queue advance"][0]["state"] == "ok"


def test_paused_sending_is_a_problem(shell: Shell) -> None:
    shell("sending", "pause", "--reason", "wrong price", "--by", "Ann")
    (found,) = checks(shell)["sending"]
    assert found["what"] == "sending is off: Ann: wrong price"
    assert found["remedy"] == "nurture sending resume"


def test_a_mail_that_a_person_has_to_settle_is_a_problem(shell: Shell) -> None:
    (found,) = [one for one in checks(shell)["people"] if one["state"] == "problem"]
    assert found["what"] == "Mails parked because they stayed uncertain: 1"


def test_a_secret_that_can_be_guessed_is_a_problem(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NURTURE_SECRET", "ab" * 20)
    (found,) = checks(shell)["secret"]
    assert found["state"] == "problem"
    assert "abab" not in shell("doctor").out


def test_a_secret_file_that_others_can_read_is_a_problem(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NURTURE_SECRET")
    file = shell.folder / ".nurture" / "secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    (note,) = checks(shell)["secret"]
    assert note["state"] == "note"
    file.chmod(0o644)
    (problem,) = checks(shell)["secret"]
    assert problem["remedy"] == f"chmod 600 {file}"
    assert file.read_text().strip() not in shell("doctor").out


def test_real_mail_with_links_to_this_machine_is_a_problem(shell: Shell) -> None:
    smtp = "transport: {kind: smtp, host: mail.example, tls: none}"
    set_up(shell, "transport: {kind: outbox}", smtp)
    found = checks(shell)
    assert found["public_url"][0]["state"] == "problem"
    assert any("unprotected" in one["what"] for one in found["transport"])


def test_what_receivers_ask_of_a_sender_is_looked_up_in_the_dns(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = "mail.havelock-air.example"
    with name_server({(domain, "MX"): ["10 mx.example."]}) as (server, asked):
        monkeypatch.setenv("NURTURE_DNS", server)
        found = checks(shell)
        text = shell("doctor").out
    assert f"{domain}. IN TXT" in asked
    assert found["spf"][0]["state"] == "problem"
    assert found["dmarc"][0]["remedy"].startswith("add the TXT record")
    assert found["mx"][0]["what"] == f"mail to {domain} is taken by mx.example"
    assert found["postal address"][0]["state"] == "ok"
    assert "spf: mail.havelock-air.example has no SPF record" in text


def test_nobody_is_asked_while_mail_goes_to_a_folder(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NURTURE_DNS")
    (found,) = checks(shell)["dns"]
    assert (found["state"], "mail goes to a folder" in found["what"]) == ("note", True)


def test_a_name_server_that_cannot_be_asked_is_said_to_be_none(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NURTURE_DNS", "ns.example:53")
    (found,) = checks(shell)["dns"]
    assert found["state"] == "problem"
    assert found["what"].startswith("NURTURE_DNS: 'ns.example:53' is no name server")


def test_a_provider_without_keys_cannot_report(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.not-to-be-shown")
    sendgrid = 'transport: {kind: sendgrid, api_key: "${SENDGRID_API_KEY}"}'
    set_up(shell, "transport: {kind: outbox}", sendgrid)
    assert any("no webhook_keys" in one["what"] for one in checks(shell)["transport"])
    assert "not-to-be-shown" not in shell("doctor").out


def test_a_missing_variable_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.key")
    sendgrid = 'transport: {kind: sendgrid, api_key: "${SENDGRID_API_KEY}"}'
    set_up(shell, "transport: {kind: outbox}", sendgrid)
    monkeypatch.delenv("SENDGRID_API_KEY")
    outcome = shell("doctor")
    assert outcome.code == 1
    assert "SENDGRID_API_KEY" in outcome.out


def test_a_crm_elsewhere_wants_https_and_secrets_of_its_own(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_WEBHOOK_URL", "https://crm.example/hook")
    said = " ".join(one["what"] for one in checks(shell)["handoff inside-sales"])
    assert "a secret of the demo, which everybody knows" in said


def test_a_database_that_does_not_answer_is_a_problem(shell: Shell) -> None:
    outcome = shell("doctor", "--database", "postgresql://x@127.0.0.1:1/x")
    assert outcome.code == 1
    assert "the database cannot be reached" in outcome.out


def test_a_database_that_is_not_there_is_a_problem(shell: Shell, tmp_path: Path) -> None:
    outcome = shell("doctor", "--database", f"sqlite:///{tmp_path / 'none.db'}")
    assert outcome.code == 1
    assert "run `nurture apply` first" in outcome.out


def test_a_mail_that_arrived_is_looked_at_from_a_file_or_a_pipe(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = b"From: Ingrid <ingrid@mail.havelock-air.example>\r\n\r\nhello"
    (tmp_path / "arrived.eml").write_bytes(mail)
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(mail)))
    read = [shell.plainly("doctor", "--received", f) for f in (f"{tmp_path}/arrived.eml", "-")]
    assert read[0].out == read[1].out
    assert "the mail has no DKIM signature" in read[0].out
    assert "ingrid" not in read[0].out
    assert [did.code for did in read] == [1, 1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--received", "missing.eml"], "cannot read missing.eml"),
        (["--received", "."], "cannot read ."),
        (["--received", "a.eml", "--code", "1"], "looks at one mail, and at nothing else"),
    ],
)
def test_what_cannot_be_looked_at_is_misuse(shell: Shell, words: list[str], says: str) -> None:
    did = shell("doctor", *words)
    assert did.code == 2
    assert says in did.err
