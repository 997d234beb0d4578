"""From files to the frozen project."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path

import pytest

from nurture.core.condition import TRUE, ValueType
from nurture.core.errors import ProjectError
from nurture.core.lead import Gate, Stage, Temperature, Trait
from nurture.core.project import Band, Window
from nurture.core.throttle import Pacing
from nurture.project.codes import Code
from nurture.project.load import load_files, load_folder
from nurture.project.names import names_of
from nurture.project.schema_workspace import FREE_MAIL
from tests.project.support import BASE, HERE, base_project, edited, findings, with_file

DAY = 86_400


def written(folder: Path) -> Path:
    for file, text in BASE.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


# --- where files come from ---------------------------------------------------------------


def test_a_folder_and_its_files_are_the_same_project() -> None:
    assert load_folder(HERE / "base", {}) == load_files(BASE, {})


def test_files_beside_the_project_do_not_count(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "README.md").write_text("Hello")
    (folder / "segments" / "notes.md").write_text("Hello")
    (folder / "segments" / ".draft.yaml").write_text("title: 1")
    (folder / "templates" / "pages").mkdir()
    (folder / "templates" / "pages" / "x.html").write_text("<p>")
    assert load_folder(folder, {}).content_hash == base_project().content_hash


def test_the_hash_names_the_exact_files() -> None:
    whole = base_project().content_hash
    assert whole == load_files(dict(sorted(BASE.items(), reverse=True)), {}).content_hash
    assert whole != load_files(edited("nurture.yaml", "Acme Air", "Acme  Air"), {}).content_hash
    assert (
        whole != load_files(with_file("segments/a.yaml", "title: A\nwhen: true\n"), {}).content_hash
    )


def test_files_are_kept_as_they_are_written() -> None:
    project = load_files(BASE, {"PUBLIC_URL": "https://public.example/"})
    assert project.workspace.public_url == "https://public.example"
    assert project.files == BASE
    assert "public.example" not in "".join(project.files.values())


def test_an_empty_folder_lacks_three_files(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as error:
        load_folder(tmp_path, {})
    told = [(f.file, f.code) for f in error.value.findings]
    files = ("fields.yaml", "nurture.yaml", "qualification.yaml")
    assert told == [(file, Code.FILE_MISSING) for file in files]


def told_of(folder: Path) -> list[tuple[str, str]]:
    with pytest.raises(ProjectError) as error:
        load_folder(folder, {})
    return [(finding.file, finding.code) for finding in error.value.findings]


def test_a_link_may_stay_within_the_folder(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "segments" / "copy.yaml").symlink_to(folder / "segments" / "readers.yaml")
    assert "copy" in load_folder(folder, {}).segments


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside.yaml", "../../gone.yaml"])
def test_a_link_must_not_leave_the_folder(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside.yaml").write_text("title: Secret\nwhen: true\n")
    folder = written(tmp_path / "project")
    (folder / "segments" / "linked.yaml").symlink_to(target)
    assert told_of(folder) == [("segments/linked.yaml", Code.FILE_OUTSIDE)]


def test_a_linked_folder_must_not_leave_either(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.yaml").write_text("title: Secret\nwhen: true\n")
    folder = written(tmp_path / "project")
    (folder / "segments" / "readers.yaml").unlink()
    (folder / "segments").rmdir()
    (folder / "segments").symlink_to(tmp_path / "outside")
    assert ("segments/x.yaml", Code.FILE_OUTSIDE) in told_of(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files on this system")
def test_only_ordinary_files_are_read(tmp_path: Path) -> None:
    folder = written(tmp_path)
    os.mkfifo(folder / "segments" / "pipe.yaml")
    (folder / "segments" / "loop.yaml").symlink_to(folder / "segments" / "loop.yaml")
    (folder / "segments" / "lost.yaml").symlink_to(folder / "segments" / "nothing.yaml")
    assert told_of(folder) == [
        ("segments/loop.yaml", Code.FILE_OUTSIDE),
        ("segments/lost.yaml", Code.FILE_OUTSIDE),
        ("segments/pipe.yaml", Code.FILE_OUTSIDE),
    ]


def test_a_file_must_be_utf8_and_keeps_its_name(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "sequences" / "welcome.yaml").write_bytes("title: Übung".encode("latin-1"))
    (folder / "segments" / "a.yaml").write_text("title: A\nwhen: enrolled('welcome')\n")
    assert told_of(folder) == [("sequences/welcome.yaml", Code.FILE_ENCODING)]


def test_a_file_at_the_top_that_is_no_text_is_not_missing_too(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "nurture.yaml").write_bytes(b"\xff")
    assert told_of(folder) == [("nurture.yaml", Code.FILE_ENCODING)]


def test_half_a_character_is_no_text() -> None:
    assert findings(with_file("templates/emails/guide.html", "\ud800")) == [
        f"templates/emails/guide.html:1: {Code.FILE_ENCODING}"
    ]


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "segments" / "huge.yaml").write_text("#" * (1024 * 1024 + 1))
    assert told_of(folder) == [("segments/huge.yaml", Code.YAML_TOO_LARGE)]


# --- nurture.yaml ------------------------------------------------------------------------


def test_the_workspace_is_complete() -> None:
    workspace = base_project().workspace
    assert workspace.company["name"] == "Acme Air"
    assert workspace.company["legal_name"] == "Acme Air"
    assert workspace.reply_to == workspace.sender_email == "ada@mail.acme.example"
    assert (workspace.cap_per_day, workspace.cap_per_week) == (1, 3)
    assert workspace.holidays == {date(2026, 12, 25)}
    assert workspace.retention_inactive_seconds == 365 * DAY
    assert workspace.free_mail_domains == frozenset(FREE_MAIL)
    assert workspace.transport.kind == "outbox"


def test_a_window_may_end_at_midnight() -> None:
    windows = base_project().workspace.windows
    assert windows["office"] == Window(
        name="office", days=frozenset({1, 2, 3, 4, 5}), start=time(8, 30), until=time(17, 30)
    )
    assert windows["any-time"].until is None


def test_free_mail_domains_come_on_top() -> None:
    files = edited("nurture.yaml", "transport:", "free_mail_domains: [Mail.Example]\ntransport:")
    assert load_files(files, {}).workspace.free_mail_domains == {*FREE_MAIL, "mail.example"}


@pytest.mark.parametrize(
    ("transport", "options"),
    [
        (
            '{kind: smtp, host: m.example, port: "${PORT:-2525}", password: "${SMTP_PASSWORD}"}',
            {
                "host": "m.example",
                "port": 2525,
                "user": None,
                "password": "s",
                "tls": "starttls",
            },
        ),
        (
            '{kind: sendgrid, api_key: "${KEY}", sandbox: "${BOX}", webhook_keys: ["${HOOK}"]}',
            {"api_key": "k", "region": "global", "sandbox": True, "webhook_keys": ["h"]},
        ),
    ],
)
def test_settings_of_a_transport_come_from_the_environment(
    transport: str, options: dict[str, object]
) -> None:
    env = {"SMTP_PASSWORD": "s", "KEY": "k", "BOX": "true", "HOOK": "h", "PORT": ""}
    project = load_files(edited("nurture.yaml", "{kind: outbox}", transport), env)
    assert project.workspace.transport.options.items() >= options.items()
    assert "options" not in repr(project.workspace.transport)


def test_variables_mean_nothing_in_other_files() -> None:
    files = edited("segments/readers.yaml", "Asked for", "${NAME} asked for")
    assert load_files(files, {}).segments["readers"].description.startswith("${NAME}")


# --- fields and qualification ------------------------------------------------------------


def test_fields_keep_their_order_and_types() -> None:
    fields = base_project().fields
    assert list(fields)[:2] == ["lead.first_name", "lead.role"]
    assert fields["account.employees"].type is ValueType.NUMBER
    assert (fields["account.employees"].minimum, fields["account.employees"].maximum) == (
        1,
        500_000,
    )
    assert fields["lead.budget"].bant == "budget"
    assert fields["lead.first_name"].personal


def test_a_field_may_last() -> None:
    files = edited("fields.yaml", "label: Interested", "label: Interested, valid_for: 540d")
    assert load_files(files, {}).fields["lead.interested"].valid_for_seconds == 540 * DAY


def test_qualification_is_what_the_file_says() -> None:
    rules = base_project().qualification
    assert set(rules.stages) == set(Stage)
    assert rules.stages[Stage.LEAD].silence_seconds == 90 * DAY
    assert rules.fit.rules[0].bands == (
        Band(low=1, high=49, points=0),
        Band(low=50, high=None, points=50),
    )
    assert (rules.fit.rules[1].values, rules.fit.rules[1].otherwise) == ({"DE": 20}, 5)
    assert rules.fit.rules[2].points == 30
    assert rules.engagement.bands == {"1": 60, "2": 25}
    assert rules.engagement.groups[0].half_life_days == 21
    assert rules.engagement.groups[1].rules[0].hand_raise
    assert [gate.gate for gate in rules.gates] == list(Gate)[:3]
    assert rules.nurtured.span_seconds == 7 * DAY
    assert [trait.trait for trait in rules.traits] == list(Trait)
    assert rules.temperatures[-1].temperature is Temperature.NEW
    assert rules.temperatures[-1].when == TRUE
    assert rules.handoff.from_stage is Stage.PROSPECT
    assert rules.handoff.accept_within_seconds == DAY


def test_forms_and_receivers_are_what_their_files_say() -> None:
    project = base_project()
    assert project.forms["guide"].landing
    assert project.forms["guide"].consent_topics == ("guides",)
    assert project.forms["guide"].consent_required
    assert not project.forms["basics"].landing
    assert project.forms["basics"].at_most == 2
    assert project.forms["basics"].submit == "Send"
    assert project.endpoints["sales"].team == "inside sales"
    assert "whsec" not in repr(project.endpoints["sales"])


def test_names_of_a_project_are_those_of_its_files() -> None:
    names = names_of(base_project())
    assert names.templates == {"guide", "questions"}
    assert names.segments == {"readers": "submitted('guide')"}


# --- templates ---------------------------------------------------------------------------


def test_a_template_keeps_its_source() -> None:
    template = base_project().templates["guide"]
    assert template.subject == 'Your guide, {{ lead.first_name or "here" }}'
    assert template.html.startswith("<p>Hello {{ lead.first_name }}")
    assert template.text.startswith("Hello {{ lead.first_name }}")
    assert (template.buyer_step, template.topic) == ("problem", "")
    assert base_project().templates["questions"].text == ""
    assert base_project().partials == {"_footer.html": BASE["templates/emails/_footer.html"]}


def test_line_ends_and_a_byte_order_mark_do_not_matter_for_front_matter() -> None:
    text = "\ufeff" + BASE["templates/emails/guide.html"].replace("\n", "\r\n")
    project = load_files(with_file("templates/emails/guide.html", text), {})
    assert project.templates["guide"].html == base_project().templates["guide"].html


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("templates/emails/guide.html", "Hello", "Hi"),
        ("templates/emails/guide.html", "Your guide", "The guide"),
        ("templates/emails/guide.txt", "Hello", "Hi"),
        ("templates/emails/_footer.html", "Unsubscribe", "Stop"),
        ("nurture.yaml", "1 Main Street", "2 Main Street"),
        ("nurture.yaml", "Ada from Acme", "Ida from Acme"),
    ],
)
def test_whatever_a_reader_would_see_makes_a_new_version(file: str, old: str, new: str) -> None:
    before = base_project().templates["guide"].version
    assert load_files(edited(file, old, new), {}).templates["guide"].version != before


def test_what_no_reader_sees_makes_none() -> None:
    before = base_project().templates["guide"].version
    files = {
        **BASE,
        "templates/emails/questions.html": BASE["templates/emails/questions.html"] + "<p></p>",
        "nurture.yaml": BASE["nurture.yaml"].replace("17:30", "16:30"),
    }
    assert load_files(files, {}).templates["guide"].version == before


PACED = (
    "{kind: smtp, host: m.example, ramp: {started_on: 2026-10-01}, breakers: true, "
    "rate: {per_minute: 9, per_domain: {default: 5, Mail.Example: 2}}}"
)


@pytest.mark.parametrize(
    ("transport", "pacing"),
    [
        ("{kind: outbox}", Pacing()),
        ('{kind: sendgrid, api_key: "${KEY}"}', Pacing(breakers=True)),
        ('{kind: sendgrid, api_key: "${KEY}", breakers: false}', Pacing()),
        (
            PACED,
            Pacing(
                per_minute=9,
                per_domain={"mail.example": 2},
                per_other_domain=5,
                ramp_from=datetime.fromisoformat("2026-10-01T00:00+02:00"),
                breakers=True,
            ),
        ),
    ],
)
def test_how_fast_mail_leaves_stands_beside_how(transport: str, pacing: Pacing) -> None:
    project = load_files(edited("nurture.yaml", "{kind: outbox}", transport), {"KEY": "k"})
    workspace = project.workspace
    domain = workspace.sender_email.partition("@")[2]
    here = workspace.time_zone
    assert workspace.pacing == replace(pacing, sender_domain=domain, time_zone=here)
    assert not {"rate", "ramp", "breakers"} & set(workspace.transport.options)
