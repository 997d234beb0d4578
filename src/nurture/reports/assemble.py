"""Read everything in one transaction and make every table of the report."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from nurture.core.project import Project
from nurture.reports import effort, funnel, lately, pace, passages, sales, standstill, weeks
from nurture.store import effort as store_effort, reporting, reporting_mails
from nurture.store.db import Connection, Database


def assemble(database: Database, project: Project, *, now: datetime) -> dict[str, pd.DataFrame]:
    """Return all tables by name; they agree with each other, whatever is written meanwhile."""
    with database.read() as connection:
        reporting.hold_still(connection)
        return _tables(connection, project, now)


def _tables(connection: Connection, project: Project, now: datetime) -> dict[str, pd.DataFrame]:
    handoffs = reporting.handed_over(connection)
    found = passages.Passages(
        mails=reporting_mails.mails_by_step(connection),
        clickers=reporting_mails.clickers_by_step(connection),
        answerers=reporting_mails.answerers_by_step(connection),
        open=reporting_mails.open_passages(connection),
        past=reporting_mails.past_passages(connection),
    )
    work = standstill.Work(
        open=found.open,
        in_doubt=reporting_mails.mails_in_doubt(connection),
        handoffs=handoffs,
    )
    return {
        **lately.tables(
            reporting.happened(connection, since=now - lately.SPAN, until=now),
            reporting.happened(connection, since=now - 2 * lately.SPAN, until=now - lately.SPAN),
        ),
        **funnel.tables(reporting.standings(connection), project),
        **pace.tables(reporting.first_times(connection), project),
        **weeks.tables(reporting_mails.sends(connection), project),
        **passages.tables(found, project),
        **sales.tables(handoffs, project, now=now),
        "departures": standstill.departures(
            reporting.archive_moves(connection),
            reporting.stopped_mail(connection),
            reporting.erasures(connection),
        ),
        "effort": effort.effort(store_effort.by_stage(connection), project),
        "held": standstill.held(work, now=now),
    }
