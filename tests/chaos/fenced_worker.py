"""A delivery worker that somebody kills, whose mail SendGrid keeps for an hour."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import timedelta

from nurture.transports.sendgrid import SendGridSettings
from nurture.transports.sendgrid_fence import SendGridFencedTransport
from tests.chaos.worker import work

FENCE = timedelta(hours=1)


def main(url: str, address: str, hours: float) -> None:
    """Deliver to the stand-in at the address until nothing is ready."""
    account = SendGridSettings(api_key="SG.x", base_url=address, read_seconds=5.0)
    with closing(SendGridFencedTransport(account, fence=FENCE)) as line:
        work(url, line, hours)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
