"""What mailbox providers ask of a sender, judged from the settings, one rendered mail and the DNS.

Nothing here opens a socket: who asks the DNS is passed in, and what cannot be asked is a note.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from nurture.core.message import RenderedMail
from nurture.core.project import Workspace
from nurture.engine.spf import Broken, Reading, Resolver, Unasked, records_in
from nurture.transports.dns import DnsAnswer

SHORT_KEY, WEAK_KEY = 2048, 1024
SENDGRID_SELECTORS = ("s1", "s2")
SHORTENERS = frozenset({"bit.ly", "goo.gl", "is.gd", "ow.ly", "t.co", "tiny.cc", "tinyurl.com"})


class Grade(StrEnum):
    """How grave a judgement is."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One thing that was looked at, in words for people."""

    name: str
    grade: Grade
    what: str
    remedy: str = ""


def judge_dns(workspace: Workspace, resolver: Resolver) -> Iterator[Judged]:
    """Say what the DNS tells receivers about the domain that mail is from."""
    domain = _domain(workspace.sender_email)
    yield from _spf(domain, workspace.transport.kind, resolver)
    yield from _dkim(domain, workspace, resolver)
    yield from _dmarc(domain, resolver)
    answers_to = _domain(workspace.reply_to or workspace.sender_email)
    for each in dict.fromkeys((domain, answers_to)):
        yield _mx(each, resolver)


def judge_mail(workspace: Workspace, mail: RenderedMail) -> Iterator[Judged]:
    """Say what a receiver sees of one mail as it would leave."""
    yield _from(workspace)
    yield _one_click(dict(mail.headers), leaves=workspace.transport.kind != "outbox")
    yield _postal_address(workspace, mail)
    yield from _links(workspace, mail)


# -- one mail ------------------------------------------------------------------------------------


def _from(workspace: Workspace) -> Judged:
    domain = _domain(workspace.sender_email)
    if domain in workspace.free_mail_domains:
        return _problem(
            "from",
            f"mail is from {domain}, which is not yours: nobody can authenticate it for you",
            "write from an address of your own domain (sender.email in nurture.yaml)",
        )
    answers = _domain(workspace.reply_to or workspace.sender_email)
    if not related(domain, answers):
        said = f"mail is from {domain} and answers go to {answers}: filters take that for fraud"
        return _note("from", said, "let sender.reply_to be of the same domain as sender.email")
    return _ok("from", f"From, bounces and Message-ID are all of {domain}")


def _one_click(headers: dict[str, str], *, leaves: bool) -> Judged:
    given = headers.get("List-Unsubscribe", "")
    promised = headers.get("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    if "<https://" in given and "<mailto:" in given and promised:
        return _ok("one-click", "mailboxes can unsubscribe with one click")
    said = "mails do not offer to unsubscribe with one click, which Gmail and Yahoo ask of lists"
    remedy = "serve the pages by https and set public_url in nurture.yaml"
    return (_problem if leaves else _note)("one-click", said, remedy)


def _postal_address(workspace: Workspace, mail: RenderedMail) -> Judged:
    wanted = " ".join(workspace.company.get("postal_address", "").split())
    shown = " ".join(mail.text.split())
    if wanted and wanted in shown:
        return _ok("postal address", "stands in the mail that was tried")
    return _problem(
        "postal address",
        "the mail that was tried does not say where you live, which the law asks for",
        "put {{ company.postal_address }} into templates/emails/_footer.html",
    )


def _links(workspace: Workspace, mail: RenderedMail) -> Iterator[Judged]:
    domain, public = _domain(workspace.sender_email), urlsplit(workspace.public_url)
    host = public.hostname or ""
    leaves = workspace.transport.kind != "outbox"
    if leaves and not is_local(host) and not related(domain, host):
        yield _note(
            "links",
            f"mail is from {domain} and its links lead to {host}: filters like them to be related",
            f"serve the pages under a name of {domain} and set public_url",
        )
    odd = list(_odd_links(mail.links))
    for said, remedy in odd:
        yield _note("links", said, remedy)
    if not odd:
        yield _ok("links", f"{len(mail.links)} in the mail that was tried, all of them plain https")


def _odd_links(targets: Iterable[str]) -> Iterator[tuple[str, str]]:
    for target in dict.fromkeys(targets):
        url = urlsplit(target)
        host = url.hostname or ""
        if host in SHORTENERS:
            yield f"{target} hides where it leads, as spam does", "link to the page itself"
        elif is_local(host) or _is_number(host):
            yield f"{target} leads to a machine and not to a name", "link to a page with a name"
        elif url.scheme != "https":
            yield f"{target} is not https", "link to https"


# -- the DNS -------------------------------------------------------------------------------------


def _spf(domain: str, transport: str, resolver: Resolver) -> Iterator[Judged]:
    answer = resolver.ask(domain, "TXT")
    records = records_in(answer)
    if answer.failed:
        yield _not_asked("spf", domain, answer)
    elif len(records) > 1:
        said = f"{domain} has {len(records)} SPF records, which counts as none"
        yield _problem("spf", said, "make one of them")
    elif not records:
        yield _no_spf(domain, transport)
    else:
        yield from _read_spf(domain, records[0], transport, resolver)


def _no_spf(domain: str, transport: str) -> Judged:
    if transport == "sendgrid":
        said = f"{domain} has no SPF record of its own; SendGrid's return path has one"
        return _note("spf", said, "authenticate the domain in SendGrid; then it counts")
    said = f"{domain} has no SPF record: receivers cannot tell who may send for it"
    remedy = "add a TXT record such as v=spf1 mx -all, or what your mail server's owner tells"
    return _problem("spf", said, remedy)


def _read_spf(domain: str, record: str, transport: str, resolver: Resolver) -> Iterator[Judged]:
    reading = Reading(resolver)
    try:
        says = reading.of(domain, record)
    except Broken as error:
        said = f"the SPF record of {domain} is broken and counts as none: {error}"
        yield _problem("spf", said, "correct it, or take that out of it")
        return
    except Unasked as error:
        yield _not_asked("spf", error.name, error.answer)
        return
    if says.everybody:
        said = f"the SPF record of {domain} lets everybody send for it (+all)"
        yield _problem("spf", said, "name who may send, and end it with -all or ~all")
        return
    if not says.somebody:
        yield _nobody(domain, transport)
    elif says.others not in ("-", "~"):
        said = f"the SPF record of {domain} does not say what holds for all others"
        yield _note("spf", said, "end it with -all or ~all")
    else:
        yield _ok("spf", f"{domain} says who may send for it, in {reading.lookups} look-ups")
    for lost in reading.lost:
        yield _note("spf", f"{lost} in the SPF record of {domain} finds nothing", "take it out")


def _nobody(domain: str, transport: str) -> Judged:
    said = f"the SPF record of {domain} says that nobody may send for it"
    if transport == "sendgrid":
        return _note("spf", f"{said}; SendGrid's return path has one of its own", "is that meant?")
    return _problem("spf", said, "name your mail server in it, such as mx or include:NAME")


def _dkim(domain: str, workspace: Workspace, resolver: Resolver) -> Iterator[Judged]:
    named = workspace.dkim_selectors
    guessed = SENDGRID_SELECTORS if workspace.transport.kind == "sendgrid" else ()
    if not named and not guessed:
        said = "nobody says under which names your mail server signs, so no key was looked for"
        remedy = "name them in nurture.yaml: sender.dkim_selectors"
        yield _note("dkim", said, remedy)
        return
    for selector in named or guessed:
        yield _key(f"{selector}._domainkey.{domain}", resolver)


def _key(name: str, resolver: Resolver) -> Judged:
    answer = resolver.ask(name, "TXT")
    if answer.failed:
        return _not_asked("dkim", name, answer)
    if not answer.values:
        said = f"there is no key at {name}: what is signed under it counts as not signed"
        return _problem("dkim", said, "publish the record that your mail server or SendGrid shows")
    keys = [tags for tags in map(_tags, answer.values) if "p" in tags]
    if len(keys) > 1:
        said = f"{len(keys)} keys are at {name}: receivers take any of them, or none"
        return _problem("dkim", said, "keep the one that your mail server signs with")
    tags = keys[0] if keys else {}
    if not keys:
        return _problem("dkim", f"what is at {name} is no key", "publish the record as it is shown")
    if not tags["p"]:
        return _problem("dkim", f"the key at {name} was taken back", "publish a new one")
    if tags.get("k", "rsa") != "rsa":
        return _ok("dkim", f"a key is at {name}")
    bits = _bits(tags["p"])
    if bits < WEAK_KEY:
        said = f"the key at {name} cannot be read" if not bits else f"{name}: {bits} bits, too weak"
        return _problem("dkim", said, f"publish one of {SHORT_KEY} bits")
    if bits < SHORT_KEY:
        return _note("dkim", f"the key at {name} has {bits} bits", f"take {SHORT_KEY} next time")
    return _ok("dkim", f"a key of {bits} bits is at {name}")


def _bits(key: str) -> int:
    try:
        found = load_der_public_key(b64decode("".join(key.split())))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return 0
    return found.key_size if isinstance(found, RSAPublicKey) else 0


def _dmarc(domain: str, resolver: Resolver) -> Iterator[Judged]:
    at = domain
    while at.count("."):
        answer = resolver.ask(f"_dmarc.{at}", "TXT")
        if answer.failed:
            yield _not_asked("dmarc", f"_dmarc.{at}", answer)
            return
        records = [text for text in answer.values if text.replace(" ", "").startswith("v=DMARC1")]
        if records:
            yield from _policy(domain, at, records)
            return
        at = at.partition(".")[2]
    said = f"{domain} has no DMARC record, which Gmail, Yahoo and Microsoft ask of large senders"
    record = f'"v=DMARC1; p=none; rua=mailto:dmarc@{domain}"'
    yield _problem("dmarc", said, f"add the TXT record {record} at _dmarc.{domain}")


def _policy(domain: str, at: str, records: Sequence[str]) -> Iterator[Judged]:
    if len(records) > 1:
        yield _problem("dmarc", f"_dmarc.{at} has {len(records)} records", "keep one")
        return
    tags = _tags(records[0])
    policy = tags.get("p", "").lower()
    if at != domain:
        policy = tags.get("sp", policy).lower()
    if policy not in ("none", "quarantine", "reject"):
        yield _problem("dmarc", f"_dmarc.{at} names no policy (p=)", "write p=none to begin with")
    elif policy == "none":
        said = f"{domain} asks receivers to watch (p=none): enough, and forgers go unpunished"
        yield _note("dmarc", said, "once its reports show only your own mail: p=quarantine")
    else:
        yield _ok("dmarc", f"{domain} asks receivers to {policy} what is not signed for it")
    share = tags.get("pct", "100")
    if policy in ("quarantine", "reject") and share.isdigit() and int(share) < 100:  # noqa: PLR2004 (percent)
        said = f"_dmarc.{at} asks for that in {share} of 100 cases (pct={share})"
        yield _note("dmarc", said, "leave pct out once its reports show only your own mail")
    if "rua" not in tags:
        yield _note("dmarc", f"_dmarc.{at} asks for no reports", "add rua=mailto:... to see misuse")
    if tags.get("adkim", "r") == "s" or tags.get("aspf", "r") == "s":
        said = f"_dmarc.{at} asks for the exact domain (strict alignment): sign as {domain}"
        yield _note("dmarc", said, "see in a received mail that d= and the return path are it")


def _mx(domain: str, resolver: Resolver) -> Judged:
    answer = resolver.ask(domain, "MX")
    if answer.failed:
        return _not_asked("mx", domain, answer)
    remedy = f"add an MX record for {domain}: replies and bounces go there"
    if answer.values and all(host in (".", "") for host in answer.values):
        return _problem("mx", f"{domain} says that it takes no mail", remedy)
    if answer.values:
        return _ok("mx", f"mail to {domain} is taken by {answer.values[0]}")
    if resolver.ask(domain, "A").values:
        return _note("mx", f"{domain} has no MX record, only an address of its own", remedy)
    return _problem("mx", f"nobody takes mail to {domain}: answers and bounces are lost", remedy)


# -- words and names -----------------------------------------------------------------------------


def related(one: str, other: str) -> bool:
    """Tell whether two hosts belong to one organization, as far as their names tell."""
    return _organization(one) == _organization(other)


def _organization(host: str) -> str:
    labels = host.lower().rstrip(".").split(".")
    # co.uk and com.au are nobody's; three letters or fewer in front of a country are like that.
    short = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3  # noqa: PLR2004 (labels and letters)
    return ".".join(labels[-3:] if short else labels[-2:])


def is_local(host: str) -> bool:
    """Tell whether the host is this machine."""
    if host == "localhost":
        return True
    return _is_number(host) and ip_address(host).is_loopback


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _domain(email: str) -> str:
    return email.rpartition("@")[2].lower()


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _ok(name: str, what: str) -> Judged:
    return Judged(name=name, grade=Grade.OK, what=what)


def _note(name: str, what: str, remedy: str) -> Judged:
    return Judged(name=name, grade=Grade.NOTE, what=what, remedy=remedy)


def _problem(name: str, what: str, remedy: str) -> Judged:
    return Judged(name=name, grade=Grade.PROBLEM, what=what, remedy=remedy)


def _not_asked(name: str, asked: str, answer: DnsAnswer) -> Judged:
    return _note(name, f"could not ask about {asked}: {answer.failed}", "try again with a network")
