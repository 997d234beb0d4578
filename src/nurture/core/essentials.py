"""What must work whatever state the release in force is in: who we are, who may tell us what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nurture.core.project import Workspace

NOBODY: Mapping[str, str] = {"name": "", "legal_name": "", "postal_address": "", "website": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Essentials:
    """What an opt-out needs. Whatever is not known is empty, and the rest holds.

    `answer_to` is where people reach us; `time_zone` the one whose days the ledger counts by;
    `reply_secrets` and `webhook_keys` prove who posts.
    """

    company: Mapping[str, str] = field(default_factory=lambda: NOBODY)
    topics: Mapping[str, str] = field(default_factory=dict)
    answer_to: str = ""
    time_zone: str = "UTC"
    public_url: str = ""
    transport: str = ""
    reply_secrets: tuple[str, ...] = field(default=(), repr=False)
    webhook_keys: tuple[str, ...] = ()
    webhook_max_age_seconds: int | None = None


def essentials_of(workspace: Workspace) -> Essentials:
    """Return the essentials of a release that can be loaded."""
    options = workspace.transport.options
    keys, age = options.get("webhook_keys") or (), options.get("webhook_max_age")
    return Essentials(
        company=workspace.company,
        topics=workspace.topics,
        answer_to=workspace.reply_to or workspace.sender_email,
        time_zone=workspace.time_zone,
        public_url=workspace.public_url,
        transport=workspace.transport.kind,
        reply_secrets=workspace.reply_secrets,
        webhook_keys=tuple(map(str, keys)) if isinstance(keys, list | tuple) else (),
        webhook_max_age_seconds=age if isinstance(age, int) else None,
    )
