"""Turn the models of nurture.yaml, fields.yaml, forms and handoffs into core values."""

from __future__ import annotations

from datetime import datetime, time

from nurture.core.address import ascii_domain
from nurture.core.condition import ValueType
from nurture.core.errors import RefusedInput
from nurture.core.policy import zone
from nurture.core.project import Endpoint, Field, Form, TransportSettings, Window, Workspace
from nurture.core.throttle import Pacing
from nurture.project.schema import FormModel
from nurture.project.schema_base import WEEKDAYS, minute_of_day
from nurture.project.schema_workspace import (
    FREE_MAIL,
    EndpointModel,
    FieldModel,
    FieldsModel,
    WindowModel,
    WorkspaceModel,
)

PACED = ("rate", "ramp", "breakers")
"""Keys of the transport that say how fast mail leaves, and not how."""


def build_workspace(model: WorkspaceModel) -> Workspace:
    """Return who we are and what we allow ourselves."""
    company, sender = model.company, model.sender
    return Workspace(
        company={
            "name": company.name,
            "legal_name": company.legal_name or company.name,
            "postal_address": company.postal_address,
            "website": company.website,
        },
        sender_name=sender.name,
        sender_email=sender.email,
        reply_to=sender.reply_to or sender.email,
        public_url=model.public_url,
        time_zone=model.time_zone,
        default_window=model.default_window,
        windows={name: _window(name, window) for name, window in model.windows.items()},
        holidays=frozenset(model.holidays),
        cap_per_day=model.caps.per_day,
        cap_per_week=model.caps.per_week,
        topics=dict(model.topics),
        free_mail_domains=frozenset(domain.lower() for domain in model.free_mail_domains)
        | frozenset(FREE_MAIL),
        transport=TransportSettings(
            kind=model.transport.kind, options=model.transport.model_dump(exclude={"kind", *PACED})
        ),
        retention_inactive_seconds=model.retention.inactive,
        retention_raw_events_seconds=model.retention.raw_events,
        signal_secrets=tuple(model.signals.secrets),
        reply_secrets=tuple(model.replies.secrets),
        pacing=_pacing(model),
        dkim_selectors=tuple(sender.dkim_selectors),
    )


def _pacing(model: WorkspaceModel) -> Pacing:
    rate, ramp = model.transport.rate, model.transport.ramp
    domains = {_mail_domain(name): limit for name, limit in rate.per_domain.items()}
    return Pacing(
        sender_domain=model.sender.email.rpartition("@")[2].lower(),
        time_zone=model.time_zone,
        per_minute=rate.per_minute,
        per_other_domain=domains.pop("default", None),
        per_domain=domains,
        ramp_from=(
            datetime.combine(ramp.started_on, time(0), tzinfo=zone(model.time_zone))
            if ramp is not None
            else None
        ),
        breakers=(
            model.transport.kind == "sendgrid"
            if model.transport.breakers is None
            else model.transport.breakers
        ),
    )


def _mail_domain(name: str) -> str:
    """Return the domain as addresses are stored with it; check_transport tells what is none."""
    try:
        return ascii_domain(name)
    except RefusedInput:
        return name.lower()


def _window(name: str, model: WindowModel) -> Window:
    start = minute_of_day(model.start)
    assert start is not None, "a window that begins at the end of the day begins after its end"
    return Window(
        name=name,
        days=frozenset(WEEKDAYS.index(day) + 1 for day in model.days),
        start=start,
        until=minute_of_day(model.until),
    )


def build_fields(model: FieldsModel) -> dict[str, Field]:
    """Return the fields by key, in the order in which they are written."""
    found = [_field("lead", name, field) for name, field in model.lead.items()]
    found += [_field("account", name, field) for name, field in model.account.items()]
    return {field.key: field for field in found}


def _field(owner: str, name: str, model: FieldModel) -> Field:
    return Field(
        owner=owner,
        name=name,
        type=ValueType(model.type),
        label=model.label,
        question=model.question or "",
        help=model.help or "",
        choices=dict(model.choices or {}),
        personal=model.personal,
        valid_for_seconds=model.valid_for,
        minimum=model.min,
        maximum=model.max,
        bant=model.bant or "",
    )


def build_form(name: str, model: FormModel) -> Form:
    """Return one form."""
    consent = model.consent
    return Form(
        name=name,
        landing=model.kind == "landing",
        title=model.title,
        intro=model.intro,
        ask=tuple(model.ask),
        at_most=model.at_most,
        submit=model.submit,
        thanks_title=model.thanks.title,
        thanks_text=model.thanks.text,
        consent_topics=tuple(consent.topics) if consent else (),
        consent_wording=consent.wording if consent else "",
        consent_required=consent.required if consent else False,
    )


def build_endpoint(name: str, model: EndpointModel) -> Endpoint:
    """Return one receiver of handoffs."""
    return Endpoint(
        name=name,
        title=model.title,
        url=model.url,
        secret=model.secret,
        feedback_secret=model.feedback_secret,
        allow=tuple(model.allow),
        team=model.team,
        accept_within_seconds=model.accept_within,
    )
