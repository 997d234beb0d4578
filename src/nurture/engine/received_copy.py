"""What a received copy of our own mail shows: is it signed, aligned, and left with one click.

Only headers are read, as they stand: whether a signature is right is what the receiver says of it.
The file may be anybody's. No address in it and no link is told, only names of hosts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser

from nurture.core.errors import MisuseError
from nurture.engine.deliverability import Grade, Judged, related

MOST_READ = 256 * 1024
"""So much of a file is read. The headers stand at its top, and no mailbox takes longer ones."""

MOST_VALUES, LONGEST_VALUE, LONGEST_HOST = 20, 8192, 253
LIST_HEADERS = ("list-unsubscribe", "list-unsubscribe-post")
WRITTEN = ("from", "subject", "date", "to")
"""What a reader goes by: signed, it is ours."""

_ONE_CLICK = "List-Unsubscribe=One-Click"
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)+")
_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"\s*(dkim|spf|dmarc)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_SIGNED_FOR = re.compile(r"\bheader\.[di]\s*=\s*(?:[^\s;@]*@)?([^\s;@]+)", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')
_ADDRESS = re.compile(r"[^\s<>,;:()@]*@([^\s<>,;:()@]+)")
_READ = "the headers were read as they stand, and no signature was tried"
_TRIED = "whether it is right is what the receiver says below"
_AUTHENTICATE = "let your provider sign for your own domain, and publish the key that it shows you"
_REMEDIES = {
    "dkim": "see `nurture doctor` about the key, and that nothing changes the mail on its way",
    "spf": "see `nurture doctor` about the SPF record of the return path's domain",
    "dmarc": "SPF or DKIM has to pass for the domain of From, or for a relative of it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A DKIM signature: the domain that it is for, and the headers under it, in small letters."""

    domain: str
    covers: tuple[str, ...]


def judge_received(raw: bytes) -> Iterator[Judged]:
    """Say what the headers of a received mail show; raise MisuseError if it has none."""
    header = _header(raw)
    sender = _sender(header)
    yield _judged("received", Grade.NOTE, _READ, _TRIED)
    if not sender:
        said = "the mail is not from one address with a domain: nothing can be aligned with it"
        yield _judged("from", Grade.PROBLEM, said, "save one of your own mails as it arrived")
        return
    yield _judged("from", Grade.OK, f"the mail is from {sender}")
    yield from _one_click(header)
    yield from _signatures(header, sender)
    yield from _results(header, sender)


# -- headers -------------------------------------------------------------------------------------


def _header(raw: bytes) -> Message:
    content = raw[:MOST_READ].lstrip(b"\xef\xbb\xbf\r\n")
    end = _END_OF_HEADERS.search(content)
    if end is None and len(raw) > MOST_READ:
        raise MisuseError(f"no mail: its headers do not end within {MOST_READ} bytes")
    header = BytesHeaderParser().parsebytes(content[: end.start() if end else None])
    if "From" not in header:
        raise MisuseError("no mail as it arrived: no From line; save its source as .eml")
    return header


def _values(header: Message, name: str) -> list[str]:
    """Return the header's values from the top, each on one line."""
    found = header.get_all(name, [])[:MOST_VALUES]
    return [" ".join(str(value)[:LONGEST_VALUE].split()) for value in found]


def _sender(header: Message) -> str:
    """Return the domain of the one address that the mail is from, or ''."""
    values = _values(header, "From")
    # Not by the standard library: it goes as deep into brackets as it is led.
    bare = _without_comments(_QUOTED.sub("", values[0]))
    bracketed = re.findall(r"<([^<>]*)>", bare)
    found = _ADDRESS.findall(",".join(bracketed) or bare)
    return _host(found[0]) if len(values) == len(found) == 1 else ""


def _host(name: str) -> str:
    """Return a host's name in small letters, '' if it is none that may be told."""
    try:
        told = name[:LONGEST_HOST].strip(" .").encode("idna").decode().lower()
    except UnicodeError:
        return ""
    return told if _HOST.fullmatch(told) else ""


# -- one click -----------------------------------------------------------------------------------


def _one_click(header: Message) -> Iterator[Judged]:
    given, promised = (_values(header, name) for name in LIST_HEADERS)
    if len(given) > 1 or len(promised) > 1:
        said = f"the mail has {len(given)} List-Unsubscribe and {len(promised)} of the Post header"
        remedy = "switch off whatever adds its own: subscription tracking, or the relay's lists"
        yield _judged("one-click", Grade.PROBLEM, said, remedy)
        return
    uris = re.findall(r"<\s*([^<>\s]+)\s*>", given[0]) if given else []
    pages = [uri for uri in uris if uri.lower().startswith("https://")]
    if len(pages) != 1:
        said = f"List-Unsubscribe names {len(pages)} https addresses, one is needed"
        remedy = "serve the pages by https and set public_url in nurture.yaml"
        yield _judged("one-click", Grade.PROBLEM, said, remedy)
    elif promised != [_ONE_CLICK]:
        said = f"the header List-Unsubscribe-Post: {_ONE_CLICK} did not arrive"
        remedy = "find out what on the way takes it out; it leaves with every mail sent by https"
        yield _judged("one-click", Grade.PROBLEM, said, remedy)
    else:
        said = "one https address and the promise of one click have arrived"
        yield _judged("one-click", Grade.OK, said)


# -- signatures ----------------------------------------------------------------------------------


def _signatures(header: Message, sender: str) -> Iterator[Judged]:
    found = [_signature(value) for value in _values(header, "DKIM-Signature")]
    if not found:
        said = "the mail has no DKIM signature"
        yield _judged(
            "signature", Grade.PROBLEM, said, f"is it as it arrived? Then {_AUTHENTICATE}"
        )
        return
    own = [one for one in found if one.domain and related(one.domain, sender)]
    if not own:
        domains = ", ".join(dict.fromkeys(one.domain or "nobody" for one in found))
        said = f"it is signed for {domains}, which is no relative of {sender}"
        yield _judged("signature", Grade.PROBLEM, said, _AUTHENTICATE)
        return
    best = max(own, key=lambda one: _covered(header, one, (*LIST_HEADERS, *WRITTEN)))
    exact = best.domain == sender
    said = f"it is signed for {best.domain}, " + ("the domain" if exact else "a relative")
    yield _judged("signature", Grade.OK, f"{said} of From")
    yield from _coverage(header, best)


def _signature(value: str) -> Signature:
    pairs = (part.partition("=") for part in value.split(";"))
    tags = {name.strip().lower(): re.sub(r"\s", "", told) for name, _, told in pairs}
    covers = tuple(tags.get("h", "").lower().split(":"))
    return Signature(domain=_host(tags.get("d", "")), covers=covers)


def _covered(header: Message, signature: Signature, names: Sequence[str]) -> int:
    return sum(_covers(header, signature, name) for name in names)


def _covers(header: Message, signature: Signature, name: str) -> bool:
    """Say whether `h=` names the header as often as it is there: else one of them is not signed."""
    return signature.covers.count(name) >= max(1, len(header.get_all(name, [])))


def _coverage(header: Message, signature: Signature) -> Iterator[Judged]:
    lacking = [name for name in LIST_HEADERS if not _covers(header, signature, name)]
    if lacking:
        said = f"h= does not cover {' and '.join(map(_title, lacking))}, as one click needs"
        remedy = "have your mail server or provider sign them too (RFC 8058 asks for both)"
        yield _judged("signature", Grade.PROBLEM, said, remedy)
    else:
        yield _judged("signature", Grade.OK, "h= covers both headers for one click")
    open_ones = [name for name in WRITTEN if not _covers(header, signature, name)]
    if open_ones:
        said = f"h= does not cover {', '.join(map(_title, open_ones))}: these can be changed unseen"
        # A signature without From is none (RFC 6376, 5.4).
        grade = Grade.PROBLEM if "from" in open_ones else Grade.NOTE
        yield _judged("signature", grade, said, "have your mail server or provider sign them too")
    else:
        yield _judged("signature", Grade.OK, f"h= covers {', '.join(map(_title, WRITTEN))}")


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


# -- what the receiver found ---------------------------------------------------------------------


def _results(header: Message, sender: str) -> Iterator[Judged]:
    by, found = _reported(_values(header, "Authentication-Results"))
    if not found:
        said = "no receiver says whether SPF, DKIM and DMARC passed (Authentication-Results)"
        remedy = "save a copy that arrived at another provider, with all of its headers"
        yield _judged("results", Grade.NOTE, said, remedy)
        return
    for method in ("dkim", "spf", "dmarc"):
        told = [part for part in found if part[0] == method]
        yield _result(method, by, told, sender)


def _result(method: str, by: str, told: Sequence[tuple[str, str, str]], sender: str) -> Judged:
    if method == "dkim":
        # Other signatures, a provider's own, may fail or pass: they are not about us.
        told = [part for part in told if not part[2] or related(part[2], sender)]
    words = list(dict.fromkeys(word for _, word, _ in told))
    if "pass" in words:
        return _judged(method, Grade.OK, f"{by} says pass")
    if not words or words == ["temperror"]:
        said = f"{by} says temperror" if words else f"{by} says nothing about {sender}"
        return _judged(method, Grade.NOTE, said, "try another mail, and another receiver")
    return _judged(method, Grade.PROBLEM, f"{by} says {', '.join(words)}", _REMEDIES[method])


def _reported(values: Sequence[str]) -> tuple[str, list[tuple[str, str, str]]]:
    """Return who reports, and each method with its result and the domain it is about.

    Only the topmost reporter counts: what stands below may have come with the mail.
    """
    by, found = "", []
    for number, value in enumerate(values):
        name, results = _report(value)
        if number and name != by:
            break
        by = name
        found += results
    return by or "the receiver", found


def _report(value: str) -> tuple[str, list[tuple[str, str, str]]]:
    parts = _without_comments(value).split(";")
    # Microsoft leaves its own name out.
    by = "" if "=" in parts[0] else _host(parts[0].split(" ")[0])
    found = []
    for part in parts:
        if result := _RESULT.match(part):
            about = _SIGNED_FOR.search(part)
            domain = _host(about[1]) if about else ""
            found.append((result[1].lower(), result[2].lower(), domain))
    return by, found


def _without_comments(value: str) -> str:
    for _ in range(4):
        value = _COMMENT.sub("", value)
    return value


def _judged(name: str, grade: Grade, what: str, remedy: str = "") -> Judged:
    return Judged(name=name, grade=grade, what=what, remedy=remedy)
