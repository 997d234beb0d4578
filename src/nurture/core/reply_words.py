"""What a person wrote in a reply, and whether it says nothing but "stop"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

STOP_LINES = 5
"""Lines from the top in which a line that says nothing but "stop" is an opt-out."""
LONGEST_STOP = 200

_SIGNATURE = re.compile(r"--\s*$|sent from my |von meinem .{2,40} gesendet", re.IGNORECASE)
_QUOTE = re.compile(r"^(>|on .{5,120} wrote:|am .{5,120} schrieb|-----original)", re.IGNORECASE)
_WORD = re.compile(r"[\w']+")
_HELLO = r"\W*(hi|hello|hey|dear|hallo|liebe[rs]?|guten tag|bonjour)\b"
_GREETINGS = tuple(
    re.compile(_HELLO + behind, re.IGNORECASE)
    for behind in (
        r"[^,.!:;]{0,40}([,.!:;]|$)",
        r"[^,.!:;]{0,40}?\s[-\u2013\u2014]\s",
        r"( there)?\s",
    )
)
_MAILS = r"(e ?)?(mails?|mailings?|messages?|newsletters?|spam|communications?)"
_LIST = rf"((mailing |e ?mail |distribution |contact )?(lists?|database)|{_MAILS}|verteiler|liste)"
_TAKE = r"(nehmen|streichen|löschen)"
_FROM_LIST = (
    r"(aus|von) (dem|der|ihrem|ihrer|diesem|dieser) (e ?mail ?)?(verteiler|liste|mailingliste)"
)
_ADDRESS = r"(my|our|this) (e ?mail )?address|(my|our) name"
_WHOM = rf"(me|us|{_ADDRESS}|(my|our) e ?mail)"
_WHOSE = r"((any|all)( of)? )?((your|this|that|these|those|the|such|more|further|future) ){0,2}"
_UNWANTED = r"(i|we) (do not|don't) (want|wish)( to (get|receive))?"
_AGAIN = r"( (now|again|any ?more|immediately|at once|asap))?"
_WISHES = r"(ich möchte|wir möchten|ich will|wir wollen)"
_WISH = rf"({_WISHES} )?"
_NO_MAIL = r"keine ((weiteren|mehr) )?(e ?)?mails?( mehr)?"
_STOPS = (
    r"stopp?",
    r"(cancel|end) ((my|our|the|this) )?subscription",
    r"leave (me|us) alone",
    rf"stop ((e ?)?mailing|contacting|messaging|spamming|writing( to)?) (me|us){_AGAIN}",
    rf"stop sending( (me|us))?( {_WHOSE}({_MAILS}|stuff|things|this|these))?{_AGAIN}",
    rf"stop {_WHOSE}{_MAILS}",
    rf"(do not|don't|never) ((e ?)?mail|contact|message|write( to)?) (me|us){_AGAIN}",
    rf"unsubscribe( {_WHOM})?( from ({_WHOSE}{_LIST}|this|everything|all))?{_AGAIN}",
    rf"(be )?removed?( {_WHOM})?( (from|off) {_WHOSE}{_LIST})?{_AGAIN}",
    # Who wants a mail deleted may have sent it to us by mistake.
    rf"(be )?deleted?( (me|us|{_ADDRESS}))?( (from|off) {_WHOSE}{_LIST})?{_AGAIN}",
    rf"(take {_WHOM}|(be )?taken) (off( {_WHOSE}{_LIST})?|from {_WHOSE}{_LIST}){_AGAIN}",
    rf"{_UNWANTED} (any )?(more )?(of )?{_WHOSE}{_MAILS}( from you)?{_AGAIN}",
    rf"opt (me |us )?out( of {_WHOSE}{_LIST})?",
    rf"no (more|further) {_MAILS}",
    rf"{_WISH}((mich|uns) )?(bitte )?((vom|den) )?(newsletter )?(abmelden|austragen|abbestellen)",
    r"abmeldung( vom newsletter)?",
    r"(melden|tragen) sie (mich|uns) (bitte )?(ab|aus)",
    rf"({_TAKE} sie )?((mich|uns) )?(bitte )?{_FROM_LIST}( ({_TAKE}|entfernen|heraus|raus))?",
    rf"{_WISH}{_NO_MAIL}( (senden|schicken))?",
    # Without a wish, that means that a mail has not come.
    rf"{_WISHES} {_NO_MAIL} (erhalten|bekommen)",
    r"(veuillez )?(me )?(désinscrire|désabonner)|désinscription|(désinscrivez|désabonnez) moi",
)
_THANKS = r"(please|pls|plz|kindly|thanks|thank you|many thanks|bitte|danke|vielen dank|merci)"
_ENOUGH = (
    r"(no (thanks|thank you)|((i'm|i am|we are|we're) )?(not|no longer) interested|sorry|enough)"
)
_STOP = re.compile(
    rf"({_ENOUGH} )?({_THANKS} )?"
    r"((can|could|would|will) you (please )?|(i|we|i'd|we'd)( would)? (want|wish|like) to )?"
    rf"({'|'.join(_STOPS)})( {_THANKS}){{0,2}}"
    # Who asks whether we can stop it, or wants to, may mean what leaks there.
    rf"|({_ENOUGH} )?({_THANKS} )?stopp? (it|this|all|everything)( {_THANKS}){{0,2}}"
)
_COURTESY = re.compile(rf"{_THANKS}( (very|so) much)?|(best|kind|many)? ?(regards|wishes)|best")
_GOES_ON = re.compile(r"[a-zäöü]+ing\b")


def own_words(text: str) -> str:
    """Return what the person wrote: above the signature and the quoted mail, or else below it."""
    lines = text.splitlines()
    return _until_signature(lines, quotes=True) or _until_signature(_below(lines), quotes=False)


def _until_signature(lines: Sequence[str], *, quotes: bool) -> str:
    kept: list[str] = []
    for line in lines:
        if _SIGNATURE.match(line.strip()) or (quotes and _QUOTE.match(line)):
            break
        kept.append(line)
    return "\n".join(kept).strip()


def _below(lines: Sequence[str]) -> Sequence[str]:
    """Return what stands below the last quoted line, with an empty line between."""
    quoted = [number for number, line in enumerate(lines) if line.startswith(">")]
    below = lines[quoted[-1] + 1 :] if quoted else []
    # Without one it is the end of a quoted line that was too long.
    return below[1:] if below and not below[0].strip() else []


def says_stop(words: str, subject: str = "") -> bool:
    """Say whether a line near the top, or a subject of their own, says nothing but "stop".

    The subject counts if nothing else was written. Behind a "Re:" it is ours and not theirs.
    """
    lines = [line for line in words.splitlines() if line.strip()]
    if all(_COURTESY.fullmatch(_plain(line)) for line in lines) and _is_stop(subject):
        return True
    top = list(pairwise([*lines, ""]))[:STOP_LINES]
    return any(_is_stop(line) and not _goes_on(line, after) for line, after in top)


def _is_stop(line: str) -> bool:
    if len(line) > LONGEST_STOP:
        return False
    said = (line, *(greeting.sub("", line, count=1) for greeting in _GREETINGS))
    return any(_STOP.fullmatch(_plain(each)) for each in said)


def _goes_on(line: str, after: str) -> bool:
    """Say whether a bare "stop" is the first word of another sentence: stop / worrying."""
    bare = _plain(line) == "stop" and line.strip()[-1:].isalpha()
    return bare and _GOES_ON.match(after.strip()) is not None and not _is_stop(f"{line} {after}")


def _plain(line: str) -> str:
    return " ".join(_WORD.findall(line.replace("\u2019", "'").casefold()))
