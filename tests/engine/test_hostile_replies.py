"""A mail that was written to break whoever reads it: its words count, and nobody else waits."""

from __future__ import annotations

import time

import pytest

from nurture.core.event import EventKind
from nurture.engine import health, replies
from nurture.engine.received_mail import read_mail
from nurture.store import events, raw_posts
from tests.engine.programme import Programme, row
from tests.engine.test_echo import ADA

UID = b"%(uid)s"
ANSWERS = b"In-Reply-To: <" + UID + b"@mail.havelock-air.example>\n"
LONG = 1024 * 1024 - 200

HOSTILE = [
    pytest.param(b'Content-Type: text/plain; charset="a\0b"\n\nstop', id="NUL in a charset"),
    pytest.param(b"Content-Type: text/plain; charset=nonsense\n\nstop", id="no such charset"),
    pytest.param(b"Content-Type: text/plain; charset=hex\n\nstop", id="a charset that is none"),
    pytest.param(b"Content-Type: text/plain; charset=utf-7\n\nstop\n+2AA-", id="half a character"),
    pytest.param(b"Content-Type: text/plain\n\nstop\n\0", id="NUL in the text"),
    pytest.param(b"Message-ID: <[(\n\nstop", id="no message id"),
    pytest.param(b"Message-ID: \xff\n\nstop", id="bytes in a message id"),
    pytest.param(b"Subject: =?utf-7?q?+2AA-?=\n\nstop", id="half a character in the subject"),
    pytest.param(b"Content-Type: multipart/mixed; boundary*=\"a\0b\"''x\n\nstop", id="a boundary"),
    pytest.param(b"Content-Disposition: ;;;=\n\nstop", id="a disposition"),
    pytest.param(b"Content-Transfer-Encoding: \xff\n\nstop", id="an encoding"),
    pytest.param(b"Content-Type: text/html\n\n<div>stop", id="half of HTML"),
    pytest.param(b":\n: :\n\nstop", id="no header at all"),
]


@pytest.mark.parametrize("mail", HOSTILE)
def test_a_stop_is_heard_whatever_is_around_it(lite: Programme, mail: bytes) -> None:
    lite.bring(row(ADA))
    lite.tick()
    raw = ANSWERS.replace(UID, lite.post.sent[0].uid.encode()) + mail
    taken = replies.take_reply(lite.runtime, raw, now=lite.now)
    assert taken
    assert taken.meaning is replies.Meaning.OPT_OUT


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(b"Content-Type: text/plain" + b"; a=b" * (LONG // 5), id="parameters"),
        pytest.param(b'Content-Disposition: inline;"' + b'";"' * (LONG // 3), id="quotes"),
        pytest.param(b"References: " + (b"<" + b"a" * 32 + b"@") * (LONG // 34), id="references"),
        pytest.param(b"Content-Type: text/html\n\n" + b"\1\2" * (LONG // 2), id="marks of ours"),
        pytest.param(b"Content-Type: text/html\n\n" + b"&#1;&#2;" * (LONG // 8), id="entities"),
        pytest.param(b"Content-Type: text/html\n\n" + b"<div>" * (LONG // 5), id="depth"),
    ],
)
def test_no_mail_takes_long_to_read(lite: Programme, mail: bytes) -> None:
    began = time.process_time()
    assert replies.take_reply(lite.runtime, mail, now=lite.now) is None
    assert time.process_time() - began < 5


def test_what_no_database_stores_is_left_out() -> None:
    mail = read_mail(b"Message-ID: a\0b\nContent-Type: text/plain; charset=utf-7\n\na+AAA-b +2AA-")
    assert (mail.value("Message-ID"), mail.text) == ("ab", "ab ?")


def test_mails_that_cannot_be_read_stop_nobody_and_are_worked(programme: Programme) -> None:
    programme.bring(row(ADA))
    programme.tick()
    uid = programme.post.sent[0].uid.encode()
    with programme.database.write() as connection:
        for number, case in enumerate(HOSTILE):
            (mail,) = case.values
            assert isinstance(mail, bytes)
            raw = ANSWERS.replace(UID, uid) + mail.replace(b"stop", b"no. %d" % number)
            raw_posts.keep(connection, provider=replies.PROVIDER, body=raw, now=programme.now)
    counts = programme.tick().echo
    assert (counts["posts"], counts["set_aside"]) == (len(HOSTILE), 0)
    with programme.database.read() as connection:
        found = events.of_lead(connection, programme.lead(ADA))
    assert sum(event.kind is EventKind.MESSAGE_REPLIED for event in found) == len(HOSTILE)
    assert not health.look(programme.runtime, now=programme.now).needs
