"""Read what must always work from the text of a release that cannot be loaded any more.

Something is missing or no longer understood there, and nobody may have to wait for that to be
mended before they are left alone. So every value is taken by itself, and left out if it is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from zoneinfo import available_timezones

from nurture.core.essentials import NOBODY, Essentials
from nurture.project.durations import seconds
from nurture.project.environment import expand, names_variable
from nurture.project.yaml_file import Document, scan

FILE = "nurture.yaml"


def read_essentials(files: Mapping[str, str], env: Mapping[str, str]) -> Essentials:
    """Return what the files of a release still tell; nothing wrong with them is an error."""
    document: Document | None = None
    with suppress(Exception):
        document, _ = scan(files[FILE], file=FILE)
    if document is None:
        return Essentials()
    document, _ = expand(document, env)
    zone = _text(document, "time_zone")
    return Essentials(
        company={name: _text(document, "company", name) for name in NOBODY},
        topics={name: _text(document, "topics", name) for name in _names(document, "topics")},
        answer_to=_text(document, "sender", "reply_to") or _text(document, "sender", "email"),
        time_zone=zone if zone in available_timezones() else "UTC",
        public_url=_text(document, "public_url"),
        transport=_text(document, "transport", "kind"),
        reply_secrets=_texts(document, "replies", "secrets"),
        webhook_keys=_texts(document, "transport", "webhook_keys"),
        webhook_max_age_seconds=_seconds(_text(document, "transport", "webhook_max_age")),
    )


def _names(document: Document, *path: str) -> tuple[str, ...]:
    found = document.at(path)
    return tuple(map(str, found)) if isinstance(found, dict) else ()


def _text(document: Document, *path: str) -> str:
    found = document.at(path)
    return "" if not isinstance(found, str) or names_variable(found) else found


def _texts(document: Document, *path: str) -> tuple[str, ...]:
    found = document.at(path)
    listed = found if isinstance(found, list) else []
    return tuple(one for one in listed if isinstance(one, str) and one and not names_variable(one))


def _seconds(text: str) -> int | None:
    try:
        return seconds(text)
    except ValueError:
        return None
