"""Which mail is a person's answer, which is a machine's, and which wants no more mail."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from nurture.engine import replies
from nurture.engine.replies import Meaning
from tests.engine.programme import Programme, row
from tests.engine.test_echo import ADA


def answer(text: str, html: str = "", **headers: str) -> EmailMessage:
    """Return a mail with these headers, `X_Name` for X-Name."""
    mail = EmailMessage()
    for name, value in {"Subject": "Re: What leaks cost", **headers}.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return mail


AWAY = "I am out of the office until Monday."
SUPPRESS = {"X_Auto_Response_Suppress": "All"}
BOUNCE = "no such user"
CASES = {
    "a subject alone": (answer("", Subject="UNSUBSCRIBE"), Meaning.OPT_OUT),
    "and a signature": (answer("-- \nAda\n", Subject="Stop"), Meaning.OPT_OUT),
    "our subject": (answer("", Subject="Re: Stop the leaks"), Meaning.REPLY),
    "HTML beside nothing": (answer("\n", "<div>Stop</div>"), Meaning.OPT_OUT),
    "HTML beside words": (answer("Call me", "<div>Stop</div>"), Meaning.REPLY),
    "below the quote": (answer("> Hello Ada\n\nstop"), Meaning.OPT_OUT),
    "a sentence": (answer("Please stop emailing me"), Meaning.OPT_OUT),
    "no sentence": (answer("We cannot stop using your product"), Meaning.REPLY),
    "by a list": (answer("stop", List_Id="<all.corp.example>"), Meaning.OPT_OUT),
    "for a list": (answer("stop", Precedence="list"), Meaning.OPT_OUT),
    "a list's own": (answer("A digest", List_Id="<all.corp.example>"), Meaning.AUTO_REPLY),
    "a machine's": (answer("stop", Auto_Submitted="auto-replied"), Meaning.AUTO_REPLY),
    "Exchange": (answer(AWAY, Subject="Automatic reply: x", **SUPPRESS), Meaning.AUTO_REPLY),
    "a person on Exchange": (answer("Call me", **SUPPRESS), Meaning.REPLY),
    "Exim": (answer(BOUNCE, X_Failed_Recipients="ada@x.example"), Meaning.AUTO_REPLY),
}


@pytest.fixture
def mailed(lite: Programme) -> Programme:
    """Return a programme whose first mail has left."""
    lite.bring(row(ADA))
    lite.tick()
    return lite


@pytest.mark.parametrize(("mail", "meaning"), CASES.values(), ids=CASES)
def test_a_reply_is_taken_for_what_it_is(
    mailed: Programme, mail: EmailMessage, meaning: Meaning
) -> None:
    mail["In-Reply-To"] = f"<{mailed.post.sent[0].uid}@mail.havelock-air.example>"
    taken = replies.take_reply(mailed.runtime, mail.as_bytes(), now=mailed.now)
    assert taken == replies.Taken(lead_id=mailed.lead(ADA), meaning=meaning)
    suppressed = mailed.standing(mailed.lead(ADA))["suppressed"]
    assert suppressed == ("unsubscribed" if meaning is Meaning.OPT_OUT else "")
