"""Mails in one call: the engine's own mails reach everybody as if each had gone alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nurture.core.message import OutgoingMessage
from nurture.engine import tick
from nurture.engine.mailroom import Mailroom
from nurture.store import leads, messages
from nurture.transports.sendgrid import SendGridSettings
from nurture.transports.sendgrid_batch import SendGridBatchTransport
from tests.engine.programme import SECRETS, Programme, row
from tests.engine.test_deliver_trouble import mail, rows, states
from tests.transports.servers import HOST, serving
from tests.transports.test_sendgrid import answer
from tests.transports.test_sendgrid_batch import SendGrid, as_alone

NAMES = ["Ada", "Łukasz", "<b>Bo</b> & Co", 'Cy "the" Third', "[%0.1%]", "{{ Dee }}", "%name%"]


def delivered(programme: Programme, server: SendGrid) -> None:
    """Plan a mail for each name and let them leave in batches."""
    people = [
        row(f"p{n}@plant{n}.example", first_name=f'"{name.replace(chr(34), chr(34) * 2)}"')
        for n, name in enumerate(NAMES)
    ]
    programme.bring(*people)
    tick.think(programme.runtime, programme.ways, tick.Ticked(), now=programme.now, limit=100)
    with serving(server) as port:
        account = SendGridSettings(api_key="SG.x", base_url=f"http://{HOST}:{port}")
        way = SendGridBatchTransport(account)
        programme.ways = replace(
            programme.ways, mailroom=Mailroom(secrets=SECRETS, in_pieces=True), transport=way
        )
        mail(programme)
        way.close()


def alone(programme: Programme) -> list[OutgoingMessage]:
    """Return every mail as it would leave alone."""
    room = Mailroom(secrets=SECRETS)
    with programme.database.read() as connection:
        planned = messages.by_uids(connection, [each.uid for each in rows(programme)]).values()
        people = leads.addresses(connection, {one.lead_id for one in planned})
    return [room.outgoing(programme.project, one, people[one.lead_id]) for one in planned]


def test_everybody_reads_what_they_would_have_read_alone(lite: Programme) -> None:
    server = SendGrid()
    delivered(lite, server)
    assert server.calls == [len(NAMES)]
    assert states(lite) == {"accepted": len(NAMES)}
    assert server.got == as_alone(alone(lite))


def refuse_first(named: str) -> Callable[[dict[str, Any]], bytes | None]:
    """Refuse a request for this address, naming whose it is."""

    def refuse(body: dict[str, Any]) -> bytes | None:
        people = [person["to"][0]["email"] for person in body["personalizations"]]
        if named not in people:
            return None
        field = f"personalizations.{people.index(named)}.to.0.email"
        error = {"message": "Does not contain a valid address.", "field": field, "help": None}
        return answer("400 Bad Request", json.dumps({"errors": [error]}).encode())

    return refuse


def test_one_bad_address_fails_alone_and_the_others_leave_in_the_same_tick(
    lite: Programme,
) -> None:
    server = SendGrid(refuse_first("p3@plant3.example"))
    delivered(lite, server)
    assert server.calls == [len(NAMES), len(NAMES) - 1]
    assert states(lite) == {"accepted": len(NAMES) - 1, "failed": 1}
    assert {each.tries for each in rows(lite, "accepted")} == {0}
    (failed,) = rows(lite, "failed")
    assert failed.reason.startswith("sendgrid: personalizations.3.to.0.email: Does not contain")
