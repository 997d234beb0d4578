"""Prove on real inboxes that SendGrid fills in what is each recipient's own, before batches go.

Two mails go out in one call, each with a code of its own in the text part and another in the HTML
part. Only who has read all four knows that both parts were filled in, for each of the two.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256

import orjson

from nurture.bootstrap import App
from nurture.core.errors import MisuseError
from nurture.core.message import (
    Accepted,
    Address,
    Outcome,
    OutgoingMessage,
    Pieces,
    RenderedMail,
)
from nurture.core.project import Workspace
from nurture.core.token import public_id
from nurture.engine.deliver import Transport
from nurture.store import installation, records
from nurture.store.db import Connection
from nurture.transports.sendgrid_batch import shared_calls

PROOF = "batch proof"
PARTS = ("text", "html")
PEOPLE = 2
CODE_LETTERS = 8
_SUBJECT = "Batch trial: please read two codes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A trial: from whom, when, and when its codes came back ('' if they have not).

    `account` is a hash of the region and the key: another account is to be proved again.
    """

    sender: str
    sent_at: str
    proven_at: str = ""
    account: str = ""


def account_of(workspace: Workspace) -> str:
    """Return by what a trial recognises SendGrid's account; it does not tell the key."""
    options = workspace.transport.options
    named = f"{options.get('region') or ''}\0{options.get('api_key') or ''}"
    return sha256(f"batch trial\0{named}".encode()).hexdigest()[:32]


def proof(connection: Connection, workspace: Workspace) -> Proof | None:
    """Return the last trial, if it was made with the sender and the account of the project now."""
    kept = installation.value_of(connection, PROOF)
    found = Proof(**orjson.loads(kept)) if kept else None
    if found is None or found.sender != workspace.sender_email:
        return None
    return found if found.account == account_of(workspace) else None


def wants_batches(workspace: Workspace) -> bool:
    """Say whether the project asks for batches."""
    transport = workspace.transport
    return transport.kind == "sendgrid" and bool(transport.options.get("batch"))


def uses_batches(connection: Connection, workspace: Workspace) -> bool:
    """Say whether mail goes in batches: they are asked for, and proved."""
    if not wants_batches(workspace):
        return False
    found = proof(connection, workspace)
    return found is not None and bool(found.proven_at)


def send_trial(
    app: App, transport: Transport, addresses: Sequence[str], *, now: datetime
) -> list[Outcome]:
    """Send the two mails in one call, and remember the trial if SendGrid took them."""
    if len(addresses) != PEOPLE or len({address.lower() for address in addresses}) != PEOPLE:
        raise MisuseError("a trial needs two different addresses that you can read yourself")
    with app.database.read() as connection:
        workspace = app.runtime.in_force(connection).project.workspace
    if workspace.transport.options.get("sandbox"):
        raise MisuseError("the sandbox sends nothing; take sandbox: true out for the trial")
    begun = Proof(
        sender=workspace.sender_email, sent_at=now.isoformat(), account=account_of(workspace)
    )
    mails = [
        _mail(app, begun, workspace, Address(name="", email=address), place, now)
        for place, address in enumerate(addresses)
    ]
    if len(list(shared_calls(mails))) != 1:
        raise MisuseError("SendGrid takes only plain ASCII addresses; give two of those")
    outcomes = transport.send(mails, now=now)
    if all(isinstance(outcome, Accepted) for outcome in outcomes):
        with app.database.write() as connection:
            installation.put(connection, PROOF, _text(begun))
    return outcomes


def take_codes(app: App, codes: Collection[str], *, who: str, now: datetime) -> bool:
    """Take back what the two inboxes showed; say whether it proves that batches work."""
    with app.database.write() as connection:
        workspace = app.runtime.in_force(connection).project.workspace
        begun = proof(connection, workspace)
        if begun is None:
            raise MisuseError(
                f"no trial was sent from {workspace.sender_email}; send one with"
                " nurture doctor --batch ADDRESS --batch ADDRESS"
            )
        given = {code.strip().lower() for code in codes}
        wanted = [_code(app, begun, place, part) for place in range(PEOPLE) for part in PARTS]
        if not all(any(hmac.compare_digest(code, one) for one in given) for code in wanted):
            return False
        ended = replace(begun, proven_at=now.isoformat())
        installation.put(connection, PROOF, _text(ended))
        records.note_audit(
            connection, actor=who, action="batch.proved", subject="sendgrid", detail={}, now=now
        )
    return True


def _text(kept: Proof) -> str:
    return orjson.dumps(asdict(kept)).decode()


def _code(app: App, begun: Proof, place: int, part: str) -> str:
    text = f"batch/{begun.sender}/{begun.sent_at}/{place}/{part}"
    return public_id(app.runtime.secrets.identity, text)[:CODE_LETTERS]


def _mail(
    app: App, begun: Proof, workspace: Workspace, to: Address, place: int, now: datetime
) -> OutgoingMessage:
    text_code, html_code = (_code(app, begun, place, part) for part in PARTS)
    told = "Give all four codes of both mails to nurture doctor, each with --code."
    other = "The other code stands in the text part: look at the mail's source."
    text = ("The code of the text part: ", text_code, f"\n{told}\n")
    html = ("<p>The code of the HTML part: <b>", html_code, f"</b></p><p>{told} {other}</p>")
    uid = public_id(app.runtime.secrets.identity, f"batch/{begun.sent_at}/{to.email}")
    return OutgoingMessage(
        uid=uid,
        attempt_uid=f"{uid}-1",
        mail=RenderedMail(
            sender=Address(name=workspace.sender_name, email=workspace.sender_email),
            recipient=to,
            reply_to=workspace.reply_to or None,
            subject=_SUBJECT,
            html="".join(html),
            text="".join(text),
        ),
        planned_at=now,
        categories=("batch-trial",),
        pieces=Pieces(html=html, text=text),
    )
