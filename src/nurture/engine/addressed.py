"""Whom a signed link is about: the message it came in, its lead, and the project it was sent by."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from nurture.core.errors import TokenError
from nurture.core.lead import Lead, Stage
from nurture.core.message import Message
from nurture.core.project import Project
from nurture.core.token import Grant, Purpose, verify
from nurture.engine.runtime import Runtime
from nurture.store import leads, messages
from nurture.store.db import Connection
from nurture.store.outage import Outage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """A message with its lead, and the project of the release that planned it.

    `project` None: that release cannot be loaded any more. Nobody can tell then what the mail
    said, but what its reader is owed still holds.
    """

    project: Project | None
    message: Message
    lead: Lead


def granted(runtime: Runtime, token: str, purpose: Purpose, *, now: datetime) -> Grant:
    """Return what the token allows, or raise TokenError."""
    return verify(runtime.secrets.links, token, purpose, now=now)


def addressed(runtime: Runtime, connection: Connection, grant: Grant) -> Addressed:
    """Return whom the grant is about, or raise TokenError: unknown and erased look the same."""
    found = find(runtime, connection, grant)
    if found is None:
        raise TokenError("this link is not valid")
    return found


def find(runtime: Runtime, connection: Connection, grant: Grant) -> Addressed | None:
    """Return whom the grant is about, None if the message is unknown or its lead erased."""
    message = messages.by_uid(connection, grant.subject)
    if message is None:
        return None
    lead = leads.read(connection, [message.lead_id])[message.lead_id]
    if lead.standing.stage is Stage.ERASED:
        return None
    project: Project | None = None
    try:
        project = runtime.project(connection, message.release_id)
    except Outage:
        raise
    except Exception:
        log.exception("release=%s cannot be loaded any more", message.release_id)
    return Addressed(project=project, message=message, lead=lead)
