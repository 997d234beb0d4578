"""Render one mail as it would leave, without planning or storing anything."""

from __future__ import annotations

from datetime import datetime

from nurture.core.errors import MisuseError
from nurture.core.lead import Lead
from nurture.core.message import Message, MessageState, RenderedMail
from nurture.core.project import Project
from nurture.core.sequence import EmailStep, FormStep, Sequence
from nurture.engine.mailroom import Mailroom, addressed_to
from nurture.engine.values import PERSONA, template_values
from nurture.project.nearest import did_you_mean

PREVIEW_UID = "0" * 32
"""The id of no message: links in a preview lead nowhere."""


def preview(
    project: Project,
    mailroom: Mailroom,
    name: str,
    lead: Lead,
    *,
    now: datetime,
    persona: str | None = None,
) -> RenderedMail:
    """Return the mail for the lead, in the first sequence and step that send it.

    `persona`: as if the lead were of this one; none if it is empty.
    """
    template = project.templates.get(name)
    if template is None:
        hint = did_you_mean(name, project.templates)
        raise MisuseError(f"there is no mail {name!r} in templates/emails; {hint}")
    if persona and persona not in project.personas:
        hint = did_you_mean(persona, project.personas)
        raise MisuseError(f"there is no persona {persona!r} in personas; {hint}")
    slots = template_values(project, lead, now=now)
    sequence, step = _where_sent(project, name)
    message = Message(
        id=0,
        uid=PREVIEW_UID,
        lead_id=lead.id,
        enrollment_id=0,
        release_id=0,
        sequence=sequence.name,
        step=step.id if step else "preview",
        template=name,
        topic=(step.topic if step else "") or sequence.topic,
        window=sequence.window,
        form=step.form if isinstance(step, FormStep) else "",
        slots=slots if persona is None else {**slots, PERSONA: persona},
        state=MessageState.READY,
        tries=0,
        epoch=0,
        not_before=now,
        expires_at=None,
        planned_at=now,
    )
    return mailroom.outgoing(project, message, addressed_to(lead)).mail


def _where_sent(project: Project, name: str) -> tuple[Sequence, EmailStep | FormStep | None]:
    for sequence in project.sequences.values():
        for step in sequence.steps:
            if isinstance(step, EmailStep | FormStep) and name in step.templates:
                return sequence, step
    for sequence in project.sequences.values():
        return sequence, None
    raise MisuseError("there is no sequence yet; a mail is sent by one, and named after it")
