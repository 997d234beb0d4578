"""A real browser that runs scripts visits every link of a mail, as one mail scanner does."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from nurture.core.token import Purpose
from nurture.engine import traces
from nurture.store.db import Database
from tests.web.world import NOW, World

# Not what a headless one calls itself: a scanner that hides.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"


@dataclass
class Running:
    """A clock that goes on as ours does, half an hour after the mail was delivered."""

    at: datetime = NOW
    _since: float = field(default_factory=time.monotonic)

    def __call__(self) -> datetime:
        """Return the present instant."""
        passed = timedelta(seconds=time.monotonic() - self._since)
        return self.at + passed

    def go(self, **by: float) -> None:
        """Let time pass."""
        self.at += timedelta(**by)


def test_nothing_is_moved_and_the_person_after_it_counts_once(
    sqlite_database: Database, tmp_path: Path
) -> None:
    clock = Running()
    world = World(database=sqlite_database, clock=clock)  # type: ignore[arg-type] # one that runs
    lead_id = world.add_lead()
    mail = world.add_mail(lead_id)
    clock.go(minutes=30)
    first, second = (f"/c/{world.token(Purpose.CLICK, mail, number=n)}" for n in (0, 1))
    others = (("u", Purpose.UNSUBSCRIBE), ("p", Purpose.PREFERENCES), ("v", Purpose.VIEW))
    # The way out first, and the authors' links last: even so it is one machine.
    links = [*(f"/{page}/{world.token(p, mail)}" for page, p in others)]
    links += [first, second]
    before = world.lead(lead_id)
    with world.serving() as page:
        for link in links:
            _visit(str(page.base_url.join(link)), tmp_path)
        clock.go(minutes=10)
        traces.run(world.runtime, now=clock())
        clicks = world.events(lead_id)
        assert {kind for kind, _, _ in clicks} == {"message.clicked"}
        assert [human for _, _, human in clicks] == [False, False]
        assert world.lead(lead_id) == before
        clock.go(hours=1)
        page.get(first)
        clock.go(minutes=10)
        traces.run(world.runtime, now=clock())
    assert sum(human for _, _, human in world.events(lead_id)) == 1


def _visit(url: str, folder: Path) -> None:
    subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-agent={AGENT}", f"--user-data-dir={folder}/data",
            # The pages that mails lead to are not there; ours are.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--virtual-time-budget=3000", "--dump-dom", url,
        ],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
