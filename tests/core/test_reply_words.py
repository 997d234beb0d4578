"""Who says nothing but "stop" wants no more mail, however it is said; who talks of it does."""

from __future__ import annotations

import time

import pytest

from nurture.core.reply_words import own_words, says_stop

QUOTED = "On Mon, 1 Sep 2026 at 10:00, Ingrid <i@x.example> wrote:\n> Hello Ada\n> Unsubscribe\n"
STOPS = """
    stop / Stop. / STOP!! / please stop / Stop, thanks / Stop, please, thank you
    Please stop emailing me / stop e-mailing us / Stop contacting me. / stop sending me emails
    Stop sending me these emails please / Please stop sending me your newsletters
    Stop sending / stop these mails / stop all emails / Please stop spamming us!
    Don't email me again / Do not contact me any more / never write to me again, thanks.
    unsubscribe / Unsubscribe me / Unsubscribe, thank you. / Please unsubscribe me from this list
    unsubscribe me from all emails / Please unsubscribe us from your mailing list. Thank you!
    Hi Ingrid, please unsubscribe me. / Hello, stop / No thanks, unsubscribe / Sorry, unsubscribe me
    Could you please unsubscribe me? / I would like to unsubscribe / I'd like to opt out
    I want to be removed from your list / Not interested, please remove
    Please remove me / Please remove me from your list. Thanks / take me off this mailing list
    opt-out / opt out / Please opt me out of all emails / no more mails / No more e-mails, please
    Bitte abmelden / abmelden / Newsletter abbestellen / Bitte keine weiteren Mails
    Please remove my email address / remove my name from your list / Take me off, please
    Remove this address from your mailing list / unsubscribe me from everything / Pls unsubscribe
    Hi please remove me from your list / Hello unsubscribe / Hi Ingrid - please unsubscribe me
    Kindly remove me from your mailing list / No longer interested, please remove me
    I don't want any more emails / I do not want to receive any more of your newsletters
    keine E-Mails mehr / Bitte aus dem Verteiler nehmen / Melden Sie mich bitte ab
    Bitte nehmen Sie mich aus Ihrem Verteiler / Désinscrire / Me désabonner, merci
    Stop it! / Please stop this. / STOP ALL / Cancel my subscription, please / Leave me alone
    Ich möchte mich abmelden. / Ich möchte keine E-Mails mehr erhalten / Abmeldung / Stopp!
    Please unsubscribe me from all future emails / Wir wollen keine Mails bekommen
    Bitte keine Mails mehr senden / Veuillez me désinscrire
    Not interested, stop it / No thanks, please stop this / Enough! Stop it! / Sorry, stop all
"""
TALK = """
    we cannot stop using your product / We can't stop. / Don't stop / Please don't stop emailing me
    Do not unsubscribe me / Never stop / I don't want to unsubscribe / non-stop / full stop
    We cancelled our subscription to the old one / Ich möchte mich anmelden / stop it leaking
    Can you stop it? / We want to stop this. / Could you please stop all?
    How do I stop the compressor? / Does it stop leaks? / Stop by on Friday / Stop worrying
    Hi we cannot stop / Hello, we could not stop laughing / stop the leaks
    Please remove the valve / remove oil from the air / Please take us through it
    Unsubscribe rates are our problem too / We want to stop losing air / stop sending air to waste
    Taken / Sorry, taken / take us / Hi can't stop / Hello I stop / Please remove my valve
    Sorry, please delete this email / Please delete my email / Why did you take us off your list?
    I don't want any more leaks / Hi Ingrid - we cannot stop / Take off on Friday
    no / Thanks / I am out until Monday / Can you stop by? / don't contact Bo, contact me
    Wir wollen den Verdichter abmelden / Keine Ahnung / Keine E-Mail erhalten / Keine Mail bekommen?
"""


def each(table: str) -> list[str]:
    return [one.strip() for line in table.split("\n") for one in line.split(" / ") if one.strip()]


@pytest.mark.parametrize("words", each(STOPS))
def test_whoever_says_nothing_but_stop_wants_no_more_mail(words: str) -> None:
    assert says_stop(words)


@pytest.mark.parametrize("words", each(TALK))
def test_whoever_talks_of_something_else_is_a_person_who_answers(words: str) -> None:
    assert not says_stop(words)


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("Don\u2019t write to us any more", True),
        ("Hello\n\nPlease stop\n\nAda Berg\nBerg Foods", True),
        ("Hello\n\nStop\n\nworrying, we love it. Call me on 123", False),
        ("Stop\nwriting to me", True),
        ("Stop.\nComing to your stand was a mistake", True),
        ("one\ntwo\nthree\nfour\nfive\nstop", False),
        (f"{QUOTED}\nSTOP\n", True),
        (f"{QUOTED}\nSTOP\n-- \nAda", True),
        ("> Hello Ada\n\nunsubscribe", True),
        (f"We like it.\n{QUOTED}\nSTOP\n", False),
        ("> if you want no more of it click here to\nunsubscribe", False),
        (QUOTED, False),
        ("Yes, call me\n-----Original message-----\nstop", False),
        ("-----Original message-----\nstop", False),
        ("Fine!\n-- \nstop", False),
    ],
)
def test_it_counts_where_the_person_wrote_it(text: str, stops: bool) -> None:
    assert says_stop(own_words(text)) == stops


@pytest.mark.parametrize(
    ("subject", "words", "stops"),
    [
        ("UNSUBSCRIBE", "", True),
        ("Stop!", "Thanks\nBest regards", True),
        ("Re: Unsubscribe", "", False),
        ("Re: What leaks cost", "", False),
        ("Stop", "We would like a visit in May.", False),
    ],
)
def test_a_subject_of_their_own_counts_if_they_wrote_nothing_else(
    subject: str,
    words: str,
    stops: bool,
) -> None:
    assert says_stop(words, subject) == stops


@pytest.mark.parametrize("line", ["stop " * 12000, "!" * 60000, "stop" + "!" * 60000 + "x"])
def test_no_line_takes_long_to_read(line: str) -> None:
    began = time.process_time()
    assert not says_stop(own_words(line), line)
    assert time.process_time() - began < 1
