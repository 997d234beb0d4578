"""Wire the ways out: mail transports, the webhook sender, the parsers of provider posts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from nurture.bootstrap import App, Clock
from nurture.bootstrap.batch_trial import uses_batches
from nurture.core.doubt import Evidence
from nurture.core.errors import MisuseError, RefusedInput
from nurture.core.project import Endpoint, TransportSettings
from nurture.engine import echo
from nurture.engine.deliver import Transport
from nurture.engine.doubt import Evidences
from nurture.engine.echo import Parser, ProviderEvent
from nurture.engine.fence import Recall
from nurture.engine.handoff import Answer
from nurture.engine.mailroom import Mailroom
from nurture.engine.tick import Ways
from nurture.render.mime import to_bytes
from nurture.transports import sendgrid_events, signing
from nurture.transports.egress import Egress
from nurture.transports.outbox import OutboxTransport
from nurture.transports.sendgrid import Region, SendGridSettings, SendGridTransport
from nurture.transports.sendgrid_activity import SendGridActivity
from nurture.transports.sendgrid_batch import SendGridBatchTransport
from nurture.transports.sendgrid_fence import SendGridFencedTransport, SendGridKeeper
from nurture.transports.sendgrid_suppressions import SendGridStopLists
from nurture.transports.smtp import SmtpSettings, SmtpTransport, Tls


def ways_for_work(app: App) -> Ways:
    """Return the ways out as `make_ways` does, for whoever works all that is due.

    If the release in force cannot be loaded, what providers and people have posted is worked
    before that is raised: who wants no more mail is left alone whatever else has to wait.
    """
    try:
        return make_ways(app)
    except Exception:
        while echo.run(app.runtime, PARSERS, now=app.now()).posts:
            pass
        raise


def make_ways(app: App) -> Ways:
    """Return the ways out that the project in force asks for."""
    with app.database.read() as connection:
        workspace = app.runtime.in_force(connection).project.workspace
        batch = uses_batches(connection, workspace)
    wanted = workspace.transport
    return Ways(
        mailroom=Mailroom(secrets=app.runtime.secrets, in_pieces=batch),
        transport=make_transport(
            wanted, app.settings.outbox, batch=batch, clock=app.settings.clock
        ),
        evidences=make_evidences(wanted),
        sender=WebhookSender(),
        parsers=PARSERS,
        clock=app.settings.clock,
    )


def make_transport(
    wanted: TransportSettings, outbox: Path, *, batch: bool = False, clock: Clock | None = None
) -> Transport:
    """Return the transport of the settings; `outbox` is where the outbox transport writes.

    `batch`: SendGrid is proved to fill in what is each recipient's own. `clock` tells it when an
    attempt may be taken for lost, after which it begins nothing more.
    """
    options = {k: v for k, v in wanted.options.items() if v is not None}
    match wanted.kind:
        case "outbox":
            return OutboxTransport(outbox, to_bytes=to_bytes)
        case "smtp":
            return SmtpTransport(
                SmtpSettings(
                    host=str(options["host"]),
                    port=int(str(options["port"])),
                    user=str(options.get("user", "")),
                    password=str(options.get("password", "")),
                    tls=Tls(str(options.get("tls", Tls.STARTTLS))),
                ),
                to_bytes=to_bytes,
                clock=clock,
            )
        case "sendgrid":
            made, fence = sendgrid_settings(wanted), fence_of(wanted)
            if fence:
                return SendGridFencedTransport(made, fence=fence, clock=clock)
            if batch:
                return SendGridBatchTransport(made, clock=clock)
            return SendGridTransport(made, clock=clock)
        case unknown:
            raise MisuseError(f"no transport is called {unknown!r}")


def sendgrid_settings(wanted: TransportSettings) -> SendGridSettings:
    """Return the account that the project names."""
    options = wanted.options
    return SendGridSettings(
        api_key=str(options["api_key"]),
        region=Region(str(options.get("region") or Region.GLOBAL)),
        sandbox=bool(options.get("sandbox")),
        treat_503_as_refused=bool(options.get("treat_503_as_refused")),
    )


def fence_of(wanted: TransportSettings) -> timedelta:
    """Return how long the provider keeps each mail; zero: it leaves at once."""
    return timedelta(seconds=int(str(wanted.options.get("fence") or 0)))


def make_stop_lists(app: App) -> SendGridStopLists | None:
    """Return what reads the provider's own stop lists, None where the provider has none."""
    with app.database.read() as connection:
        wanted = app.runtime.in_force(connection).project.workspace.transport
    return SendGridStopLists(sendgrid_settings(wanted)) if wanted.kind == "sendgrid" else None


def make_evidences(wanted: TransportSettings) -> Evidences:
    """Return where doubts about mail sent this way find evidence."""
    options = wanted.options
    if wanted.kind != "sendgrid":
        return Evidences(transport=wanted.kind)
    # Without a key its reports are refused, and in the sandbox there are none.
    reports = bool(options.get("webhook_keys")) and not options.get("sandbox")
    asks = options.get("lookup") == "activity"
    return Evidences(
        transport=wanted.kind,
        rules=Evidence(
            reports=reports,
            look_up=asks,
            quiet=timedelta(seconds=int(str(options.get("resend_after") or 1800))),
        ),
        look_up=SendGridActivity(sendgrid_settings(wanted)) if asks else None,
        # Also without a fence: mail that left under one is still to be seen to.
        recall=Recall(keeper=SendGridKeeper(sendgrid_settings(wanted)), fence=fence_of(wanted)),
    )


class WebhookSender:
    """Signs a handoff and posts it through the guarded egress."""

    def post(self, endpoint: Endpoint, uid: str, body: bytes, *, now: datetime) -> Answer:
        """Return what came of it; a secret that cannot sign is an answer too, never a crash."""
        try:
            headers = signing.signed_headers(
                body, message_id=uid, secrets=[endpoint.secret], now=now
            )
        except MisuseError as error:
            return Answer(kind="refused", status=None, detail=f"{endpoint.name}: {error}")
        answer = Egress(allow=endpoint.allow).post(
            endpoint.url,
            body=body,
            headers={**headers, "content-type": "application/json"},
            now=now,
        )
        return Answer(
            kind=str(answer.verdict),
            status=answer.status,
            detail=answer.error or answer.excerpt,
            retry_after=answer.retry_after,
        )


def read_sendgrid(body: bytes) -> tuple[Sequence[ProviderEvent], Sequence[str]]:
    """Return a stored SendGrid post's events, and a line for each item that is none."""
    try:
        post = sendgrid_events.parse(body)
    except RefusedInput as error:
        return (), (str(error),)
    return post.events, [f"item {bad.index}: {bad.reason}" for bad in post.malformed]


PARSERS: Mapping[str, Parser] = {"sendgrid": read_sendgrid}
"""How each provider's posts are read."""
