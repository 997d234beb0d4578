"""What our own pages and people's replies prove: a mail whose link was used has left."""

from __future__ import annotations

from datetime import datetime

from nurture.core.message import Message, MessageState
from nurture.store import leads, messages
from nurture.store.db import Connection

FOLLOWED = "its link was followed"
ANSWERED = "it was answered"


def note(connection: Connection, message: Message, how: str, *, now: datetime) -> None:
    """Settle the doubt, if there is one: whoever uses what stands in a mail has received it.

    A machine proves it as well as a person does. It keeps the mail from being sent again.
    """
    if message.state is MessageState.ACCEPTED:
        return
    # Leads before messages: whoever locks both does so in this order.
    leads.hold(connection, [message.lead_id])
    messages.prove(connection, {message.id: ""}, now=now, reason=how)
