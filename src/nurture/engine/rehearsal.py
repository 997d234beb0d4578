"""Render every mail of a project once before it goes into force, for nobody.

Twice, in fact: for somebody about whom everything is known, and for somebody about whom nothing
is. What the linter cannot see line by line comes out so: loops that could run for too long, text
that grows beyond its limit, a subject that is empty without a name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from nurture.core.errors import Finding, RenderError
from nurture.core.lead import Lead
from nurture.core.message import Address
from nurture.core.project import Project, Template
from nurture.engine.mailroom import addressed_to, constants_of
from nurture.engine.samples import sample_lead
from nurture.engine.template_place import place_of
from nurture.engine.values import template_values
from nurture.project.check_mails import allowed_names
from nurture.project.codes import Code
from nurture.project.layout import mail_file
from nurture.render.mail import DIRECT_NAMES, Envelope, compile_mail, render_mail

_ANY_DAY = datetime(2026, 9, 1, tzinfo=UTC)
"""A check says the same on every day."""
_STAND_IN = 'let something stand in for what is missing: {{ lead.first_name or "you" }}'
_REMEDY = "render it with `nurture preview` and correct it"


def rehearse(project: Project, *, broken: Collection[str] = ()) -> list[Finding]:
    """Return every mail that does not render; files that are `broken` anyway are left out."""
    everything = sample_lead(project, now=_ANY_DAY)
    leads = {
        "": everything,
        "for a lead of whom nothing is known: ": replace(everything, profile={}, account={}),
    }
    found = []
    for template in project.templates.values():
        if mail_file(project.files, template.name) not in broken:
            found += _rehearse(project, template, leads)
    return [finding for finding in found if finding.file not in broken]


def _rehearse(project: Project, template: Template, leads: Mapping[str, Lead]) -> list[Finding]:
    workspace = project.workspace
    links = dict.fromkeys(DIRECT_NAMES, workspace.public_url)
    sender = Address(name=workspace.sender_name, email=workspace.sender_email)
    try:
        compiled = compile_mail(
            template,
            project.partials,
            constants_of(workspace),
            allowed=allowed_names(project),
            foldable=False,
        )
    except RenderError as error:
        return [_finding(project, template, str(error))]
    for about, lead in leads.items():
        try:
            render_mail(
                compiled,
                {**template_values(project, lead, now=_ANY_DAY), **links},
                envelope=Envelope(sender=sender, recipient=addressed_to(lead)),
                link_url=lambda number: f"{workspace.public_url}/c/{number}",
            )
        except RenderError as error:
            return [_finding(project, template, str(error), about)]
    return []


def _finding(project: Project, template: Template, error: str, about: str = "") -> Finding:
    """Return the finding, with the file and line that the renderer names."""
    file, at, told = place_of(project, template.name, error)
    message, _, remedy = told.partition("; ")
    return Finding(
        file=file,
        line=at,
        code=Code.TEMPLATE_FLAW,
        message=about + message,
        remedy=remedy or (_STAND_IN if about else _REMEDY),
    )
