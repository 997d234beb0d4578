"""Which headers a mail carries, and which only some."""

from __future__ import annotations

from dataclasses import replace

from nurture.engine.mailroom import Mailroom
from nurture.engine.preview import preview
from nurture.engine.samples import sample_lead
from tests.engine.programme import SECRETS, TUESDAY, starter


def headers(*, answers_form: bool) -> dict[str, str]:
    base = starter()
    mail = replace(base.templates["guide-delivery"], answers_form=answers_form)
    workspace = replace(base.workspace, public_url="https://n.havelock-air.example")
    project = replace(base, templates={**base.templates, mail.name: mail}, workspace=workspace)
    lead = sample_lead(project, now=TUESDAY)
    return dict(preview(project, Mailroom(secrets=SECRETS), mail.name, lead, now=TUESDAY).headers)


def test_every_mail_of_a_sequence_carries_the_headers_of_a_list() -> None:
    found = headers(answers_form=False)
    assert list(found) == ["List-Unsubscribe", "List-Unsubscribe-Post", "List-ID", "Feedback-ID"]
    assert found["Feedback-ID"] == "guide-delivery:welcome:mail.havelock-air.example"


def test_a_mail_that_answers_a_form_asks_machines_not_to_answer() -> None:
    found = headers(answers_form=True)
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert "Precedence" not in found


def test_the_starters_first_mail_answers_a_form() -> None:
    told = {name for name, mail in starter().templates.items() if mail.answers_form}
    assert told == {"guide-delivery"}
