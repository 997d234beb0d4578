"""What programs post here: delivery events, signals, mails that came in, and sales' answers."""

from __future__ import annotations

import logging
from base64 import b64decode
from hmac import compare_digest

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from nurture.core.errors import MisuseError, RefusedInput
from nurture.core.signal import read_signals
from nurture.engine import feedback, replies, signals
from nurture.store import raw_posts
from nurture.transports import sendgrid_events, signing
from nurture.transports.sendgrid_inbound import to_mail
from nurture.web.bodies import LargeBody, MailBody, SmallBody, parse_mail_fields
from nurture.web.operator_guard import on_this_machine
from nurture.web.routes import form_body, raw_body
from nurture.web.site import desk_of, ring, site_of

router = APIRouter(prefix="/hooks", tags=["hooks"], default_response_class=JSONResponse)
_NOT_SIGNED = "not signed with this endpoint's feedback secret, or too long ago"
_NO_PASSWORD = "the password is none of replies.secrets"
_NO_SIGNAL = "not signed with a secret for signals, or too long ago"

log = logging.getLogger(__name__)


@router.post(
    "/sendgrid",
    status_code=204,
    responses={401: {"description": "not signed by the provider"}},
    openapi_extra=raw_body("A list of events, signed in two headers"),
)
def take_events(request: Request, body: LargeBody) -> Response:
    """Keep a provider's post as it is, once its signature proves whose it is; work it later."""
    desk, now = desk_of(request), site_of(request).clock()
    if desk.verifier is not None:
        try:
            desk.verifier.verify(
                body,
                signature=request.headers.get(sendgrid_events.SIGNATURE_HEADER, ""),
                timestamp=request.headers.get(sendgrid_events.TIMESTAMP_HEADER, ""),
                now=now,
            )
        except RefusedInput as error:
            raise HTTPException(401, str(error)) from None
    elif desk.site.unsigned_events and on_this_machine(request):
        sendgrid_events.parse(body)
    else:
        raise HTTPException(401, "no verification key is configured")
    with desk.site.runtime.database.write() as connection:
        raw_posts.keep(connection, provider="sendgrid", body=body, now=now)
    desk.site.ring(())
    return Response(status_code=204)


@router.post(
    "/signals",
    status_code=202,
    responses={401: {"description": "not signed with one of the secrets for signals"}},
    openapi_extra=raw_body('{"id": "…", "kind": "page.viewed", "email": "…", …}, or a list'),
)
def take_signals(request: Request, body: LargeBody) -> Response:
    """Keep signals whose signature and shape are right; work them with the provider's posts."""
    site = site_of(request)
    with site.runtime.database.read() as connection:
        secrets = site.runtime.in_force(connection).project.workspace.signal_secrets
    now = site.clock()
    try:
        signing.verify(body, request.headers, secrets=secrets, now=now)
    except RefusedInput as error:
        raise HTTPException(401, _NO_SIGNAL) from error
    except MisuseError as error:
        log.error("signals: %s", error)  # noqa: TRY400 (no trace of a secret)
        raise HTTPException(401, _NO_SIGNAL) from None
    try:
        read_signals(body, now=now)
    except (OverflowError, RecursionError):
        raise RefusedInput("a value in the body is out of range") from None
    with site.runtime.database.write() as connection:
        raw_posts.keep(connection, provider=signals.PROVIDER, body=body, now=now)
    site.ring(())
    return Response(status_code=202)


def _posts_replies(request: Request) -> None:
    """Refuse whoever does not know the password, before the body is read."""
    site = site_of(request)
    with site.runtime.database.read() as connection:
        # An opt-out may be in it: it is taken in whatever state our own files are.
        secrets = site.runtime.essentials(connection).reply_secrets
        if not secrets and site.runtime.readable(connection) is None:
            # Who posts hears that it is for now, and comes again.
            raise HTTPException(503)
    kind, _, told = request.headers.get("authorization", "").partition(" ")
    try:
        given = b64decode(told, validate=True).partition(b":")[2] if kind == "Basic" else b""
    except ValueError:
        given = b""
    known = [compare_digest(secret.encode(), given) for secret in secrets if secret]
    if not any(known):
        headers = {"www-authenticate": 'Basic realm="replies"'}
        raise HTTPException(401, _NO_PASSWORD, headers=headers)


@router.post(
    "/inbound",
    status_code=204,
    responses={401: {"description": "without the password for replies"}},
    openapi_extra=form_body("A mail as SendGrid's Inbound Parse posts it, raw or in parts"),
    dependencies=[Depends(_posts_replies)],
)
def take_reply(request: Request, body: MailBody) -> Response:
    """Keep a mail that came in, without its attachments; work it with the provider's posts."""
    site = site_of(request)
    mail = to_mail(parse_mail_fields(request.headers.get("content-type", ""), body))
    with site.runtime.database.write() as connection:
        raw_posts.keep(connection, provider=replies.PROVIDER, body=mail, now=site.clock())
    site.ring(())
    return Response(status_code=204)


@router.post(
    "/sales/{endpoint}",
    status_code=202,
    responses={401: {"description": "not signed with the endpoint's feedback secret"}},
    openapi_extra=raw_body('{"type": "handoff.accepted", "data": {"handoff_id": "…", …}}'),
)
def take_answer(request: Request, endpoint: str, body: SmallBody) -> Response:
    """Take sales' answer. One about nothing that we know of is taken too, and does nothing."""
    site, now = site_of(request), site_of(request).clock()
    webhook_id = _proven(request, endpoint, body)
    try:
        told = feedback.parse(body, now=now)
        if not (told.handoff_uid.isascii() and told.handoff_uid.isprintable()):
            return Response(status_code=202)
        lead_id = feedback.take(site.runtime, endpoint, body, webhook_id, now=now)
    except (OverflowError, RecursionError):
        raise RefusedInput("a value in the body is out of range") from None
    if lead_id is None:
        log.info("endpoint=%s webhook=%s answers an unknown handoff", endpoint, webhook_id)
    else:
        ring(request, (lead_id,))
    return Response(status_code=202)


def _proven(request: Request, endpoint: str, body: bytes) -> str:
    """Return the webhook's id, if its signature is the endpoint's; all else looks the same."""
    site = site_of(request)
    with site.runtime.database.read() as connection:
        found = site.runtime.in_force(connection).project.endpoints.get(endpoint)
    if found is None:
        raise HTTPException(401, _NOT_SIGNED)
    try:
        verified = signing.verify(
            body, request.headers, secrets=(found.feedback_secret,), now=site.clock()
        )
    except RefusedInput as error:
        raise HTTPException(401, _NOT_SIGNED) from error
    except MisuseError as error:
        log.error("endpoint=%s: %s", endpoint, error)  # noqa: TRY400 (no trace of a secret)
        raise HTTPException(401, _NOT_SIGNED) from None
    return verified.id
