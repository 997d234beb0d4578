"""F2, O10: what got past the check into a stored release fails alone, and says why."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from nurture.engine import tick
from nurture.engine.apply import apply
from nurture.engine.runtime import Runtime
from nurture.project.load import load_files
from nurture.store.db import Database
from nurture.store.tables import messages
from tests.engine.programme import SECRETS, Programme, row, starter
from tests.render.hostile import hostile_files, hostile_templates

OTHERS = 999
HOSTILE = [one.name for one in hostile_templates()]
# Wrong for those without a name only, where the rest of the corpus is wrong for every lead.
NAMELESS = "subject-empty"


def forced(database: Database) -> Programme:
    """Return a programme whose release in force holds the hostile templates, unchecked."""
    programme = Programme(database)
    project = load_files({**starter().files, **hostile_files()}, {})
    programme.runtime = Runtime(
        database=database, secrets=SECRETS, load=lambda files: load_files(files, {})
    )
    programme.project = project
    apply(programme.runtime, project, by="nobody", now=programme.now)
    return programme


def test_hostile_templates_in_a_release_fail_alone_and_the_others_go_out(
    database: Database,
) -> None:
    programme = forced(database)
    count = OTHERS + len(HOSTILE)
    named = (row(f"p{n}@plant{n % 89}.example") for n in range(1, count))
    programme.bring(row("nameless@plant.example", first_name=""), *named)
    nameless = programme.lead("nameless@plant.example")
    done = tick.Ticked()
    tick.think(programme.runtime, programme.ways, done, now=programme.now, limit=count)
    with database.write() as connection:
        planned = connection.execute(select(messages.c.id, messages.c.lead_id)).all()
        theirs = sorted(message_id for message_id, lead_id in planned if lead_id != nameless)
        others = [name for name in HOSTILE if name != NAMELESS]
        wrong = dict(zip(theirs[:: count // len(HOSTILE)], others, strict=False))
        wrong |= {message_id: NAMELESS for message_id, lead_id in planned if lead_id == nameless}
        for message_id, name in wrong.items():
            change = messages.update().where(messages.c.id == message_id)
            connection.execute(change.values(template=name))
    tick.mail(programme.runtime, programme.ways, done, now=programme.now, limit=count)
    with database.read() as connection:
        found = connection.execute(select(messages)).all()
    assert Counter(each.state for each in found) == {"accepted": OTHERS, "ready": len(HOSTILE)}
    reasons = {each.template: each.reason for each in found if each.state == "ready"}
    assert set(reasons) == set(HOSTILE)
    assert [name for name in HOSTILE if not reasons[name].startswith("not rendered: ")] == []
    assert all(each.not_before > programme.now for each in found if each.state == "ready")
    assert len(programme.post.sent) == OTHERS
