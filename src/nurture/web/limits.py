"""How often one caller may post: a bounded table of counts that forgets after a minute."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

MINUTE_SECONDS = 60.0


class Limiter:
    """Counts per key and minute; the table never holds more than `most_keys`."""

    def __init__(
        self,
        per_minute: int,
        *,
        most_keys: int = 10_000,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_minute = per_minute
        self._most_keys = most_keys
        self._seconds = seconds
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = Lock()

    def allow(self, key: str) -> bool:
        """Count one more post and say whether it is still within the limit."""
        with self._lock:
            now = self._seconds()
            since, count = self._counts.pop(key, (now, 0))
            if now - since >= MINUTE_SECONDS:
                since, count = now, 0
            self._counts[key] = since, count + 1
            while len(self._counts) > self._most_keys:
                self._counts.popitem(last=False)
            return count < self._per_minute

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._counts)
