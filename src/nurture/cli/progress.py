"""Progress of long work, read from its own counts while it runs; nothing where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from nurture.cli.show import console

REFRESH_SECONDS = 0.2


@contextmanager
def watched(
    title: str, count: Callable[[], int], total: Callable[[], int], *, quiet: bool
) -> Iterator[None]:
    """Show a bar on standard error while the work runs, if it is a terminal and not `quiet`."""
    where = console(stderr=True)
    if quiet or not where.is_terminal:
        yield
        return
    over = Event()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=where,
        transient=True,
    ) as bar:
        task = bar.add_task(title, total=None)

        def follow() -> None:
            while not over.wait(REFRESH_SECONDS):
                bar.update(task, completed=count(), total=max(total(), count()) or None)

        follower = Thread(target=follow, daemon=True)
        follower.start()
        try:
            yield
        finally:
            over.set()
            follower.join()
