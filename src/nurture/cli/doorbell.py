"""The doorbell: what happens on the web is worked off within a second or two, for that lead alone.

Scheduled ticks are the safety net: whatever is lost here is done by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Condition, Thread
from time import sleep
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from datetime import datetime

    from nurture.engine.runtime import Runtime
    from nurture.engine.tick import Ways

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.3
"""A form rings several times within a moment; one pass answers all of it."""
AT_ONCE = 200


class Doorbell:
    """Works off the leads that rang, in a thread of its own; a context manager."""

    def __init__(
        self, runtime: Runtime, make_ways: Callable[[], Ways], clock: Callable[[], datetime]
    ) -> None:
        self._runtime = runtime
        self._make_ways = make_ways
        self._clock = clock
        self._rang: set[int] = set()
        self._posts = False
        self._over = False
        self._changed = Condition()
        self._thread = Thread(target=self._answer, name="doorbell", daemon=True)

    def ring(self, lead_ids: Sequence[int]) -> None:
        """Note that something happened to these leads; none named: a provider has posted."""
        with self._changed:
            self._rang.update(lead_ids)
            self._posts = self._posts or not lead_ids
            self._changed.notify()

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Finish what is being done, and stop."""
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()

    def _answer(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._over or self._rang or self._posts)
                if self._over:
                    return
            sleep(GATHER_SECONDS)
            with self._changed:
                ids, self._rang, self._posts = sorted(self._rang), set(), False
            self._work(ids)

    def _work(self, ids: list[int]) -> None:
        from nurture.engine import tick

        try:
            # Without any lead this reads provider posts and leaves the rest to the next tick.
            for start in range(0, max(len(ids), 1), AT_ONCE):
                batch = ids[start : start + AT_ONCE]
                tick.run(self._runtime, self._make_ways(), now=self._clock(), lead_ids=batch)
        except Exception:
            log.exception("the doorbell could not be answered; the next tick does the work")
