"""Reports: figures from the ledger as tables, JSON, CSV and one page that can be passed on."""

from __future__ import annotations

from datetime import datetime

from nurture.core.project import Project
from nurture.reports.report import Report
from nurture.store.db import Database

__all__ = ["Report", "build"]


def build(database: Database, project: Project, *, now: datetime) -> Report:
    """Return the report on everything that has happened, as of `now`."""
    # pandas takes a good part of a second to import: only whoever wants a report pays for it.
    from nurture.reports.assemble import assemble  # noqa: PLC0415

    return Report(
        tables=assemble(database, project, now=now),
        company=project.workspace.company.get("name", ""),
        content_hash=project.content_hash,
        time_zone=project.workspace.time_zone,
        generated_at=now,
    )
