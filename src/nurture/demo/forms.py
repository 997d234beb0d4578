"""Fill in a form as a browser would: read the page, choose, send it back."""

from __future__ import annotations

from datetime import date

import httpx
from selectolax.lexbor import LexborHTMLParser, LexborNode

from nurture.simulate.people import Person


def fill_in(client: httpx.Client, url: str, person: Person, *, today: date) -> bool:
    """Open the form, answer what it asks, send it; return whether it was taken."""
    page = client.get(url)
    if page.status_code != httpx.codes.OK:
        return False
    form = LexborHTMLParser(page.text).css_first("form")
    if form is None:
        return False
    answers = {name: value for name, value in _answers(form, person, today).items() if value}
    sent = client.post(url, data=answers, follow_redirects=True)
    return sent.status_code == httpx.codes.OK


def _answers(form: LexborNode, person: Person, today: date) -> dict[str, str]:
    found: dict[str, str] = {}
    options: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    for node in form.css("input, select, textarea"):
        name, kind = node.attributes.get("name") or "", node.attributes.get("type") or ""
        if kind == "hidden":
            found[name] = node.attributes.get("value") or ""
        elif "." in name:
            # Fields are named like lead.role; anything else (a trap for robots) stays empty.
            options.setdefault(name, [])
            kinds[name] = kind
            if kind in ("radio", "checkbox"):
                options[name].append(node.attributes.get("value") or "")
            elif node.tag == "select":
                options[name].extend(_choices(node))
    for name, choices in options.items():
        found[name] = person.answer(name, choices, kinds[name], today=today)
    return found


def _choices(select: LexborNode) -> list[str]:
    values = [option.attributes.get("value") or "" for option in select.css("option")]
    return [value for value in values if value]
