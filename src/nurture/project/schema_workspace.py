"""The models of nurture.yaml, fields.yaml and handoffs/*.yaml."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from nurture.project.codes import Code
from nurture.project.nearest import did_you_mean
from nurture.project.schema_base import (
    VARIABLE,
    ChoiceKey,
    Day,
    Email,
    FieldName,
    Flag,
    HostPort,
    Line,
    MinuteOfDay,
    Port,
    Seconds,
    Selector,
    Slug,
    Strict,
    Text,
    Url,
    Weekday,
    wrong,
)

BUILT_IN_FIELDS = ("email", "time_zone", "source", "language")
"""Every lead has these; fields.yaml does not list them."""

FREE_MAIL = (
    "aol.com", "gmail.com", "gmx.at", "gmx.ch", "gmx.de", "gmx.net", "googlemail.com",
    "hotmail.com", "icloud.com", "live.com", "mail.com", "me.com", "msn.com", "outlook.com",
    "proton.me", "protonmail.com", "t-online.de", "web.de", "yahoo.com", "yandex.com",
)  # fmt: skip
"""Domains that say nothing about where somebody works."""


def _zone(name: str) -> str:
    zones = available_timezones()
    if name not in zones:
        remedy = did_you_mean(name, zones)
        raise wrong(Code.NOT_A_CHOICE, "there is no such time zone", remedy)
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]

PerMinute = Annotated[int, Field(ge=1, le=1_000_000)]

Secret = Annotated[str, WithJsonSchema({"type": "string", "pattern": VARIABLE})]
"""Text that must come from the environment; check.py looks at how it is written."""


class CompanyModel(Strict):
    """Who sends the mails. The postal address stands in every one of them."""

    name: Line
    legal_name: Line | None = None
    postal_address: Text
    website: Url


class SenderModel(Strict):
    """The name and addresses that readers see."""

    name: Line
    email: Email
    reply_to: Email | None = None
    """Where answers go; the sender's address if it is left out."""
    dkim_selectors: list[Selector] = Field(default_factory=list)
    """Names under which the mail server signs; `nurture doctor` looks their keys up."""


class WindowModel(Strict):
    """Local hours in which mail may leave."""

    days: Annotated[list[Weekday], Field(min_length=1)]
    start: MinuteOfDay = Field(alias="from")
    until: MinuteOfDay = Field(alias="to")
    """The end, not included; "24:00" is midnight."""

    @model_validator(mode="after")
    def _forward(self) -> WindowModel:
        if self.start >= self.until:
            remedy = 'end it at "24:00", and add a second window for the early hours'
            raise wrong(Code.CONTRADICTION, "a window must begin before it ends", remedy)
        return self


class CapsModel(Strict):
    """How many mails one lead may get."""

    per_day: Annotated[int, Field(ge=1, le=100)] = 1
    per_week: Annotated[int, Field(ge=1, le=700)] = 3


class RetentionModel(Strict):
    """How long things are kept."""

    inactive: Seconds = 365 * 86400
    raw_events: Seconds = 90 * 86400


class SignalsModel(Strict):
    """Who may post signals to /hooks/signals."""

    secrets: list[Secret] = Field(default_factory=list)
    """Any of them verifies a post; one for each system that posts, or two while one is changed."""


class RateModel(Strict):
    """How many mails may leave in any minute."""

    per_minute: PerMinute | None = None
    per_domain: dict[Line, PerMinute] = Field(default_factory=dict)
    """For each receiving domain; "default" is for all that are not named."""


class RampModel(Strict):
    """Warm a sending domain up: few mails an hour to a receiver group, more every day."""

    started_on: Day


class PacedModel(Strict):
    """What every way out may say about how fast mail leaves."""

    rate: RateModel = Field(default_factory=RateModel)
    ramp: RampModel | None = None
    breakers: Flag | None = None
    """Pause or slow down when too much comes back; left out, where the provider reports it."""


class RepliesModel(Strict):
    """Who may post answers to our mails to /hooks/inbound."""

    secrets: list[Secret] = Field(default_factory=list)
    """Any of them is taken for the password; two while one is changed."""


class OutboxModel(PacedModel):
    """Write mails to a folder; nothing leaves."""

    kind: Literal["outbox"]


class SmtpModel(PacedModel):
    """Send through a mail server."""

    kind: Literal["smtp"]
    host: Line
    port: Port = 587
    user: Line | None = None
    password: Secret | None = None
    tls: Literal["none", "starttls", "tls"] = "starttls"


class SendGridModel(PacedModel):
    """Send through SendGrid."""

    kind: Literal["sendgrid"]
    api_key: Secret
    region: Literal["global", "eu"] = "global"
    webhook_keys: list[Line] = Field(default_factory=list)
    """Public keys that events are verified with; two while keys are changed."""
    webhook_max_age: Annotated[Seconds, Field(ge=600)] = 25 * 3600
    """How old a signed post may be; SendGrid repeats one for a day."""
    sandbox: Flag = False
    batch: Flag = False
    """Send mails that are alike in one call, once `nurture doctor --batch` has proved it."""
    fence: Seconds | None = None
    """Let SendGrid keep each mail for so long, so that one in doubt can be called back."""
    lookup: Literal["activity"] | None = None
    """Ask the Email Activity API about mails in doubt; SendGrid sells it apart, not in the EU."""
    resend_after: Seconds = 1800
    """How long no report may come about a mail in doubt before it is sent again, if it may be."""
    treat_503_as_refused: Flag = False
    """Trust SendGrid's word that a 503 means that it did not take the mail."""

    @model_validator(mode="after")
    def _lookup_has_data(self) -> SendGridModel:
        if self.lookup and self.region == "eu":
            remedy = "leave lookup out"
            text = "the Email Activity API knows nothing of accounts in the EU"
            raise wrong(Code.CONTRADICTION, text, remedy)
        return self


TRANSPORT_KINDS = ("outbox", "smtp", "sendgrid")


def _transport_kind(value: object) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else None
    return f"kind:{kind}" if kind in TRANSPORT_KINDS else None


TransportModel = Annotated[
    Annotated[OutboxModel, Tag("kind:outbox")]
    | Annotated[SmtpModel, Tag("kind:smtp")]
    | Annotated[SendGridModel, Tag("kind:sendgrid")],
    Discriminator(_transport_kind),
]


class WorkspaceModel(Strict):
    """nurture.yaml: who we are and what we allow ourselves."""

    company: CompanyModel
    sender: SenderModel
    public_url: Url
    """Where readers reach this installation: links in mails begin with it."""
    time_zone: TimeZone
    default_window: Slug
    windows: Annotated[dict[Slug, WindowModel], Field(min_length=1)]
    holidays: list[Day] = Field(default_factory=list)
    """Days on which no mail leaves."""
    caps: CapsModel = Field(default_factory=CapsModel)
    topics: Annotated[dict[Slug, Line], Field(min_length=1)]
    """What people consent to, in words they see."""
    free_mail_domains: list[Line] = Field(default_factory=lambda: list(FREE_MAIL))
    """Mail domains that name no account."""
    transport: TransportModel
    retention: RetentionModel = Field(default_factory=RetentionModel)
    signals: SignalsModel = Field(default_factory=SignalsModel)
    replies: RepliesModel = Field(default_factory=RepliesModel)


class EndpointModel(Strict):
    """handoffs/NAME.yaml: one receiver of qualified leads."""

    title: Line
    url: Url
    secret: Secret
    """Signs what we send."""
    feedback_secret: Secret
    """Verifies what comes back."""
    allow: list[HostPort] = Field(default_factory=list)
    """host:port pairs that may be private or plain http."""
    team: Line
    accept_within: Seconds = 86400


class FieldModel(Strict):
    """One field."""

    type: Literal["text", "number", "bool", "date", "choice", "choices"]
    label: Line
    question: Line | None = None
    """How forms ask for it."""
    help: Line | None = None
    choices: dict[ChoiceKey, Line] | None = None
    """Keys and labels, for the types choice and choices."""
    personal: bool = False
    """Erased with the person."""
    valid_for: Seconds | None = None
    """How long an answer is believed."""
    min: int | None = None
    max: int | None = None
    bant: Literal["budget", "authority", "need", "timeline"] | None = None
    """Asked and used only from the stage opportunity on."""

    @model_validator(mode="after")
    def _together(self) -> FieldModel:
        if self.type in ("choice", "choices"):
            if not self.choices:
                remedy = "add choices: {key: Label, ...}"
                raise wrong(Code.CONTRADICTION, f"a {self.type} field needs choices", remedy)
        elif self.choices is not None:
            remedy = 'write "type: choice", or remove choices'
            raise wrong(Code.CONTRADICTION, f"a {self.type} field has no choices", remedy)
        limited = self.min is not None or self.max is not None
        if limited and self.type != "number":
            message = f"a {self.type} field has no min or max"
            raise wrong(Code.CONTRADICTION, message, "remove them")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise wrong(Code.CONTRADICTION, "min is larger than max", "swap them")
        return self


def _not_built_in(fields: dict[str, FieldModel]) -> dict[str, FieldModel]:
    taken = sorted(set(fields) & set(BUILT_IN_FIELDS))
    if taken:
        message = f"every lead has {', '.join(taken)} already"
        raise wrong(Code.CONTRADICTION, message, "remove it here")
    return fields


class FieldsModel(Strict):
    """fields.yaml: what we know about a lead and its account."""

    lead: Annotated[dict[FieldName, FieldModel], AfterValidator(_not_built_in)]
    account: dict[FieldName, FieldModel] = Field(default_factory=dict)
