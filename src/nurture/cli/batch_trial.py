"""`nurture doctor --batch` and `--code`: prove that batches work, on your own inboxes."""

from __future__ import annotations

from collections.abc import Sequence

from nurture.cli.place import Place, opened, person_acting
from nurture.cli.run import DONE, FINDINGS
from nurture.cli.show import print_json, say
from nurture.core.errors import MisuseError


def send(place: Place, addresses: Sequence[str]) -> int:
    """Send the two trial mails; return the exit code."""
    from nurture.bootstrap import batch_trial
    from nurture.bootstrap.ways import sendgrid_settings
    from nurture.core.message import Accepted, Halted, Refused, Uncertain
    from nurture.transports.sendgrid_batch import SendGridBatchTransport

    with opened(place) as app:
        with app.database.read() as connection:
            wanted = app.runtime.in_force(connection).project.workspace.transport
        if wanted.kind != "sendgrid":
            raise MisuseError("batches are SendGrid's; the project in force sends another way")
        way = SendGridBatchTransport(sendgrid_settings(wanted))
        try:
            outcomes = batch_trial.send_trial(app, way, addresses, now=app.now())
        finally:
            way.close()
    taken = all(isinstance(outcome, Accepted) for outcome in outcomes)
    reasons = [o.reason for o in outcomes if isinstance(o, Halted | Refused | Uncertain)]
    if place.json:
        print_json({"sent": taken, "reasons": reasons})
    elif taken:
        say("Two mails are on their way. Read both codes in each of them: one in the HTML, one in")
        say("the text part. Then: nurture doctor --code A --code B --code C --code D")
    else:
        say(f"SendGrid did not take them: {reasons[0]}", style="red")
    return DONE if taken else FINDINGS


def take(place: Place, codes: Sequence[str]) -> int:
    """Take the codes back; return the exit code."""
    from nurture.bootstrap import batch_trial

    with opened(place) as app:
        proved = batch_trial.take_codes(app, codes, who=person_acting(None), now=app.now())
    if place.json:
        print_json({"proved": proved})
    elif proved:
        say("Both parts were filled in for both: with batch: true mail goes in batches.")
    else:
        say("These are not the four codes. If a mail shows [%...%] instead of a code, SendGrid")
        say("did not fill it in: leave batch out of nurture.yaml.", style="red")
    return DONE if proved else FINDINGS
