"""One believable mail, and the values that go into it."""

from __future__ import annotations

from dataclasses import replace

from nurture.core.message import Address
from nurture.core.project import Template
from nurture.render.grammar import Path
from nurture.render.mail import Envelope

HTML = """{% set action = "Book a walk-through" %}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{ company.name }}</title>
<style>
body { margin: 0; font-family: "Helvetica Neue", Arial, sans-serif; background: #f4f6f8 }
.wrap { max-width: 600px; margin: 0 auto; background: #ffffff }
p { font-size: 16px; line-height: 1.5; margin: 0 0 16px }
a { color: #0b6bcb } a:hover { color: #084c92 }
.button { background: #0b6bcb; color: #fff; padding: 12px 20px }
td > p { padding: 0 24px }
@media (max-width: 600px) { .wrap { width: 100% !important } }
</style></head>
<body>
<table class="wrap" role="presentation" width="600"><tbody>
<tr><td><h1>Your leak guide, {{ lead.first_name or "with thanks" }}</h1>
<p>Hello {{ lead.first_name|default("there") }}, air is the most expensive energy
in your plant{% if account.name %} at {{ account.name }}{% endif %}.</p>
{% if account.compressor_kw >= 75 %}<p>With {{ account.compressor_kw }} kW, a tenth of it leaking
costs {{ (account.compressor_kw * 216)|round|int }} euros a year.</p>
{% elif account.compressor_kw %}<p>Even {{ account.compressor_kw }} kW leak.</p>
{% else %}<p>Most plants lose a fifth of their air.</p>{% endif %}
<p><a class="button" href="https://www.havelock-air.example/guide?a=1&amp;b=2">Read it</a></p>
<h2>What others found</h2>
<ol>{% for item in lead.interests %}<li>{{ loop.index }}/{{ loop.length }}: {{ item }}</li>
{% endfor %}<li>A dairy in <a href="https://www.havelock-air.example/cases">Friesland</a></li></ol>
<p><img src="https://www.havelock-air.example/s.png" alt="Sensor for {{ account.name }}"></p>
<p><a href="https://www.havelock-air.example/book?email={{ lead.email|urlencode }}">{{ action }}</a>
or answer <a href="{{ form_url }}">three questions</a>, or write to
<a href="mailto:{{ sender.email }}">{{ sender.name }}</a>.</p></td></tr>
{% include "_footer.html" %}
</tbody></table></body></html>
"""

FOOTER = """<tr><td class="small"><p>{{ company.name }}, {{ company.postal_address }}</p>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a> &middot;
<a href="{{ preferences_url }}">Preferences</a> &middot; <a href="{{ view_url }}">View</a>
&middot; <a href="{{ company.website }}">{{ company.name }}</a></p></td></tr>"""

PARTIALS = {"_footer.html": FOOTER}

MAIL = Template(
    name="guide-delivery",
    version="version-1",
    subject='Your leak guide, {{ lead.first_name or "with thanks" }}',
    preheader="Ten minutes to read, {{ lead.first_name }}",
    html=HTML,
    text="",
    topic="guides",
    buyer_step="exploring",
)

VALUES: dict[str, object] = {
    "lead": {
        "first_name": "Ana",
        "email": "ana@example.com",
        "interests": ["savings", "noise"],
    },
    "account": {"name": "Friesland Dairy", "compressor_kw": 110},
    "company": {
        "name": "Havelock Air",
        "postal_address": "Hafenstr. 1\n20457 Hamburg",
        "website": "https://www.havelock-air.example",
    },
    "sender": {"name": "Ingrid", "email": "ingrid@mail.havelock-air.example"},
    "unsubscribe_url": "https://n.example/u/t?x=1&y=2",
    "preferences_url": "https://n.example/p/t",
    "view_url": "https://n.example/v/t",
    "form_url": "https://n.example/f/t",
}

ALLOWED: frozenset[Path] = frozenset(
    {
        ("lead", "first_name"),
        ("lead", "email"),
        ("lead", "interests"),
        ("lead", "revisit_on"),
        ("account", "name"),
        ("account", "compressor_kw"),
        ("company", "name"),
        ("company", "postal_address"),
        ("company", "website"),
        ("sender", "name"),
        ("sender", "email"),
        ("unsubscribe_url",),
        ("preferences_url",),
        ("view_url",),
        ("form_url",),
    }
)

ENVELOPE = Envelope(
    sender=Address(name="Ingrid from Havelock Air", email="ingrid@mail.havelock-air.example"),
    recipient=Address(name="Ana Müller", email="ana@example.com"),
    reply_to="ingrid@havelock-air.example",
)


def link_url(number: int) -> str:
    return f"https://n.example/c/{number}?t=1&u=2"


def mail_of(html: str, *, text: str = "", subject: str = "Hello") -> Template:
    return replace(MAIL, html=html, text=text, subject=subject, preheader="")


def page(body: str, *, style: str = "p { color: red }") -> str:
    return f"<!DOCTYPE html><html><head><style>{style}</style></head><body>{body}</body></html>"
