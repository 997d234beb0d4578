"""What receivers think of us: asked of a real name server, judged in words with a remedy."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nurture.core.message import Address, RenderedMail
from nurture.core.project import TransportSettings, Workspace
from nurture.engine.deliverability import Judged, judge_dns, judge_mail
from nurture.transports.dns import DnsAnswer, DnsResolver
from tests.engine.programme import starter
from tests.nameserver import Zone, name_server

FROM = "mail.havelock-air.example"
ANSWERS = "havelock-air.example"
Said = Mapping[str, list[Judged]]


@cache
def key(bits: int = 2048) -> str:
    """Return a DKIM record of a fresh key, in pieces as name servers have it."""
    made = generate_private_key(65537, bits).public_key()
    der = made.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = f"v=DKIM1; k=rsa; p={b64encode(der).decode()}"
    return " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))


def zone(**other: list[str]) -> Zone:
    """Return a domain at which all is well, but for what a test changes."""
    return {
        (FROM, "TXT"): other.get("spf", ['"v=spf1 include:_spf.host.example -all"', '"other"']),
        (FROM, "MX"): other.get("mx", ["10 mx.havelock-air.example."]),
        (ANSWERS, "MX"): ["10 mx.havelock-air.example."],
        (f"_dmarc.{FROM}", "TXT"): other.get("dmarc", []),
        (f"_dmarc.{ANSWERS}", "TXT"): other.get(
            "above", ['"v=DMARC1; p=reject; rua=mailto:d@havelock-air.example"']
        ),
        (f"s1._domainkey.{FROM}", "TXT"): other.get("dkim", [key()]),
        ("_spf.host.example", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 ~all"'],
        ("open.example", "TXT"): ['"v=spf1 +all"'],
        ("two.example", "TXT"): ['"v=spf1 -all"', '"v=spf1 ~all"'],
        ("odd.example", "TXT"): ['"v=spf1 nonsense -all"'],
        ("many.example", "TXT"): [f'"v=spf1 {"a " * 6}include:many.example ~all"'],
    }


def workspace(kind: str = "smtp", **changes: object) -> Workspace:
    base = starter().workspace
    told = {
        "transport": TransportSettings(kind=kind),
        "public_url": "https://nurture.havelock-air.example",
        "dkim_selectors": ("s1",),
    } | changes
    return replace(base, **told)  # type: ignore[arg-type] # tests give what they like


def by_name(judged: list[Judged]) -> Said:
    found: dict[str, list[Judged]] = {}
    for one in judged:
        found.setdefault(one.name, []).append(one)
    return found


def dns_says(sender: Workspace | None = None, /, **other: list[str]) -> Said:
    with name_server(zone(**other)) as (server, _):
        return by_name(list(judge_dns(sender or workspace(), DnsResolver(server))))


def test_a_sender_with_everything_in_place_is_told_so() -> None:
    found = dns_says()
    assert {name: [str(one.grade) for one in said] for name, said in found.items()} == {
        "spf": ["ok"],
        "dkim": ["ok"],
        "dmarc": ["ok"],
        "mx": ["ok", "ok"],
    }
    assert found["spf"][0].what == f"{FROM} says who may send for it, in 1 look-ups"
    assert found["dkim"][0].what == f"a key of 2048 bits is at s1._domainkey.{FROM}"
    assert found["mx"][0].what == f"mail to {FROM} is taken by mx.havelock-air.example"


@pytest.mark.parametrize(
    ("name", "other", "grade", "said"),
    [
        ("spf", {"spf": ['"other"']}, "problem", "no SPF record"),
        ("spf", {"spf": ['"v=spf1 -all"', '"v=spf1 ~all"']}, "problem", "2 SPF records"),
        ("spf", {"spf": ['"v=spf1 +all"']}, "problem", "lets everybody send"),
        ("spf", {"spf": ['"v=spf1 mx"']}, "note", "does not say what holds for all others"),
        ("spf", {"spf": ['"v=spf1 -all"']}, "problem", "that nobody may send for it"),
        ("spf", {"spf": ['"v=spf1 ip4:0.0.0.0/0 -all"']}, "problem", "lets everybody send"),
        ("spf", {"spf": ['"v=spf1 include:open.example -all"']}, "problem", "lets everybody send"),
        ("spf", {"spf": ['"v=spf1 redirect=_spf.host.example"']}, "ok", "in 1 look-ups"),
        ("spf", {"spf": ['"v=spf1 a:gone.example mx -all"']}, "note", "a:gone.example in the SPF"),
        (
            "spf",
            {"spf": ['"v=spf1 a:gone.example a:gone.example mx:gone.example mx -all"']},
            "problem",
            "find nothing, and 2 may",
        ),
        (
            "spf",
            {"spf": ['"v=spf1 include:gone.example -all"']},
            "problem",
            "it names gone.example, which has no SPF record",
        ),
        ("spf", {"spf": ['"v=spf1 redirect=gone.example"']}, "problem", "it names gone.example"),
        (
            "spf",
            {"spf": ['"v=spf1 include:two.example -all"']},
            "problem",
            "it names two.example, which has 2 SPF records",
        ),
        (
            "spf",
            {"spf": ['"v=spf1 include:odd.example -all"']},
            "problem",
            '"nonsense" in the record of odd.example means nothing',
        ),
        (
            "spf",
            {"spf": ['"v=spf1 a mx ptr exists:x.example a mx include:many.example -all"']},
            "problem",
            "more than 10 look-ups",
        ),
        ("dkim", {"dkim": []}, "problem", "there is no key at s1._domainkey"),
        ("dkim", {"dkim": ['"v=DKIM1; p="']}, "problem", "was taken back"),
        ("dkim", {"dkim": ['"v=DKIM1; p=AAAA"']}, "problem", "cannot be read"),
        ("dkim", {"dkim": [key(1024)]}, "note", "has 1024 bits"),
        ("dkim", {"dkim": ['"v=DKIM1; k=ed25519; p=AAAA"']}, "ok", "a key is at"),
        ("dkim", {"dkim": [key(), '"v=DKIM1; p=AAAA"']}, "problem", "2 keys are at s1._domainkey"),
        ("dkim", {"dkim": ['"hello"']}, "problem", "is no key"),
        ("dkim", {"dkim": ['"hello"', key()]}, "ok", "a key of 2048 bits"),
        ("dmarc", {"dmarc": ['"v=DMARC1; p=reject; pct=0; rua=x"']}, "note", "in 0 of 100 cases"),
        ("dmarc", {"above": []}, "problem", "has no DMARC record"),
        ("dmarc", {"dmarc": ['"v=DMARC1; p=none; rua=x"']}, "note", "watch (p=none)"),
        ("dmarc", {"dmarc": ['"v=DMARC1; rua=x"']}, "problem", "names no policy"),
        ("dmarc", {"above": ['"v=DMARC1; p=reject; sp=none; rua=x"']}, "note", "p=none"),
        ("dmarc", {"dmarc": ['"v=DMARC1; p=reject"']}, "note", "asks for no reports"),
        ("dmarc", {"dmarc": ['"v=DMARC1; p=reject; adkim=s"']}, "note", "exact domain"),
        ("dmarc", {"dmarc": ['"v=DMARC1; p=none"', '"v=DMARC1;p=none"']}, "problem", "2 records"),
        ("mx", {"mx": []}, "problem", "nobody takes mail"),
        ("mx", {"mx": ["0 ."]}, "problem", "takes no mail"),
    ],
)
def test_what_the_dns_lacks_is_said_with_what_to_do(
    name: str, other: Mapping[str, list[str]], grade: str, said: str
) -> None:
    found = [one for one in dns_says(**other)[name] if said in one.what]
    assert [str(one.grade) for one in found] == [grade]
    assert all(one.remedy for one in found if grade != "ok")


@pytest.mark.parametrize(
    "term",
    [
        "nonsense", "ip4:300.0.0.1", "ip4:192.0.2.0/33", "ip4:192.0.2.0/255.255.255.0",
        "ip4:2001:db8::1", "ip6:192.0.2.1", "ip4", "ip4:", "include", "include:", "include:mail..x",
        "include:a.example/24", "a/33", "a:-x.example", "mx//129", "all:x", "exists", "-", ":",
        "exists:%{q}.x.example", "redirect=", "redirect=a.example redirect=b.example", "=x",
        "größer=1",
    ],
)  # fmt: skip
def test_a_term_that_means_nothing_breaks_the_record(term: str) -> None:
    (found,) = dns_says(spf=[f'"v=spf1 mx {term} -all"'])["spf"]
    assert found.grade == "problem"
    assert "is broken and counts as none" in found.what


@pytest.mark.parametrize(
    "terms",
    [
        "ip4:192.0.2.1 -all", "+ip4:192.0.2.0/24 ~all", "IP6:2001:db8::/32 -ALL", "mx/24//64 -all",
        "ptr ~all", "exists:%{i}._spf.%{d2} -all", "mx exp=why.%{d} -all", "mx new-one=x -all",
        "?include:open.example mx -all", "include:%{d}.x.example ~all", "mx:mail.host.example -all",
        "mx -all include:gone.example", "mx -all redirect=gone.example", "  mx   -all  ",
    ],
)  # fmt: skip
def test_a_record_that_says_who_may_send_is_right(terms: str) -> None:
    records = {**zone(spf=[f'"v=spf1 {terms}"']), ("mail.host.example", "MX"): ["1 a.example."]}
    with name_server(records) as (server, _):
        found = by_name(list(judge_dns(workspace(), DnsResolver(server))))
    assert [str(one.grade) for one in found["spf"]] == ["ok"]


def test_nobody_is_judged_by_a_record_that_could_not_be_asked_for() -> None:
    class Failing(DnsResolver):
        """Fails for one name, as a name server in trouble does."""

        def ask(self, name: str, kind: str) -> DnsAnswer:
            """Return no answer about that name."""
            if name == "_spf.host.example":
                return DnsAnswer(failed="NoNameservers")
            return super().ask(name, kind)

    with name_server(zone()) as (server, _):
        (found,) = by_name(list(judge_dns(workspace(), Failing(server))))["spf"]
    assert (found.grade, found.what) == (
        "note",
        "could not ask about _spf.host.example: NoNameservers",
    )


def test_sendgrid_is_known_by_its_own_selectors() -> None:
    sender = workspace("sendgrid", dkim_selectors=())
    found = dns_says(sender, spf=['"other"'])
    assert [str(one.grade) for one in found["dkim"]] == ["ok", "problem"]
    assert found["spf"][0].grade == "note"


def test_a_mail_server_whose_selectors_nobody_named_is_asked_for_them() -> None:
    (found,) = dns_says(workspace(dkim_selectors=()))["dkim"]
    assert (found.grade, found.remedy) == (
        "note",
        "name them in nurture.yaml: sender.dkim_selectors",
    )


def test_without_an_answer_nothing_is_said_against_anybody() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        found = list(judge_dns(workspace(), DnsResolver(server, patience_seconds=0.2)))
    assert {one.grade for one in found} == {"note"}
    assert {one.name for one in found} == {"spf", "dkim", "dmarc", "mx"}
    assert all(one.what.endswith("no name server answers") for one in found)


# -- one mail ------------------------------------------------------------------------------------

MAIL = RenderedMail(
    sender=Address(name="Ingrid", email=f"ingrid@{FROM}"),
    recipient=Address(name="", email="alex@example.com"),
    reply_to=None,
    subject="Hello",
    html="<p>Hello</p>",
    text=f"Hello\n\n{starter().workspace.company['postal_address']}\n",
    headers=(
        ("List-Unsubscribe", "<https://nurture.havelock-air.example/u/x>, <mailto:a@b.example>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ),
    links=("https://www.havelock-air.example/guide",),
)


def mail_says(sender: Workspace | None = None, **changes: object) -> Said:
    mail = replace(MAIL, **changes)  # type: ignore[arg-type] # as above
    return by_name(list(judge_mail(sender or workspace(), mail)))


def test_a_mail_with_everything_in_place_is_told_so() -> None:
    found = mail_says()
    assert set(found) == {"from", "one-click", "postal address", "links"}
    assert {one.grade for said in found.values() for one in said} == {"ok"}


@pytest.mark.parametrize(
    ("name", "sender", "changes", "grade", "said"),
    [
        ("from", {"sender_email": "ingrid@gmail.com"}, {}, "problem", "which is not yours"),
        ("from", {"reply_to": "ingrid@elsewhere.example"}, {}, "note", "answers go to"),
        ("one-click", {}, {"headers": ()}, "problem", "do not offer"),
        ("postal address", {}, {"text": "Hello"}, "problem", "does not say where you live"),
        ("links", {"public_url": "https://n.other.example"}, {}, "note", "lead to n.other"),
        ("links", {}, {"links": ("http://a.example/",)}, "note", "is not https"),
        ("links", {}, {"links": ("https://bit.ly/x",)}, "note", "hides where it leads"),
        ("links", {}, {"links": ("https://127.0.0.1/x",)}, "note", "leads to a machine"),
        ("links", {}, {"links": ("https://203.0.113.9/x",)}, "note", "leads to a machine"),
    ],
)
def test_what_a_mail_lacks_is_said_with_what_to_do(
    name: str, sender: dict[str, object], changes: dict[str, object], grade: str, said: str
) -> None:
    found = [one for one in mail_says(workspace(**sender), **changes)[name] if said in one.what]  # type: ignore[arg-type] # as above
    assert [str(one.grade) for one in found] == [grade]
    assert found[0].remedy


def test_mail_that_goes_to_a_folder_needs_no_one_click() -> None:
    (found,) = mail_says(workspace("outbox"), headers=())["one-click"]
    assert found.grade == "note"
