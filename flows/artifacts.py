"""What a run leaves to be read in Prefect."""

from __future__ import annotations

from prefect.artifacts import acreate_markdown_artifact
from prefect.logging import get_run_logger

from flows import pages
from flows.work import Counts, Done


async def leave(name: str, done: Done) -> Counts:
    """Keep what the run did as an artifact and as a line in its log, and return its counts."""
    said = pages.headline(done)
    await acreate_markdown_artifact(
        key=f"nurture-{name}", markdown=pages.page(done), description=said
    )
    get_run_logger().info("%s", said)
    return done.counts
