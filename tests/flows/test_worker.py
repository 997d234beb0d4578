"""A real worker runs every deployment on real work, and Prefect learns nothing about anybody."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.server import kept
from nurture.demo.crm import PretendCrm
from nurture.store import leads
from nurture.store.summary import summary
from tests.flows import programme
from tests.flows.prefect_server import Deployed, PrefectServer, Row
from tests.flows.programme import DUE, PLANTED

WORKER = [
    *(sys.executable, "-m", "prefect", "worker", "start"),
    *("--pool", "nurture", "--type", "process", "--name", "tests", "--limit", "4"),
]
NEEDLES = (*PLANTED, programme.SECRET)
WAVES: tuple[dict[str, int], ...] = (
    {"advance": 1, "import-leads": 0, "hygiene": 0, "stop-lists": 0, "report": 0},
    {"deliver": 1, "handoff": 0},
)
"""Deployments with how many helpers each calls; the second wave needs what `advance` has done."""
HELPERS = ("advance-helper", "deliver-helper")
EVERY = (*(name for wave in WAVES for name in wave), *HELPERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What was there after every deployment had run."""

    server: PrefectServer
    folder: Path
    runs: dict[str, Row]
    crm: PretendCrm
    log: Path


@pytest.fixture(scope="session")
def worked(
    deployed: Deployed, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worked]:
    """Let a worker run every deployment once, at a time when there is work for all of them."""
    folder = Path(shutil.copytree(template, tmp_path_factory.mktemp("worker") / "project"))
    programme.fill_inbox(folder)
    server, log = deployed.server, folder.parent / "worker.log"
    with PretendCrm(programme.CRM_SECRET, lambda: DUE) as crm:
        environment = programme.environment(
            folder, crm=crm.address, PREFECT_WORKER_QUERY_SECONDS="1", **server.environment
        )
        with kept(WORKER, environment=environment, log=log):
            for wave in WAVES:
                those = {name: deployed.deployments[name] for name in wave}
                for name, helpers in wave.items():
                    told = {"helpers": helpers} if helpers else {}
                    server.start(those[name], now=DUE.isoformat(), **told)
                server.ended(those)
            runs = server.ended(deployed.deployments)
        yield Worked(server=server, folder=folder, runs=runs, crm=crm, log=log)


@pytest.mark.parametrize("name", EVERY)
def test_every_deployment_runs_to_completion(worked: Worked, name: str) -> None:
    assert worked.runs[name]["state_name"] == "Completed", worked.log.read_text()


def test_no_deployment_of_the_plan_is_left_out(deployed: Deployed) -> None:
    assert sorted(EVERY) == sorted(deployed.deployments)


def test_the_work_is_done(worked: Worked) -> None:
    with programme.opened(worked.folder) as app, app.database.read() as connection:
        found = summary(connection)
        guests = leads.ids_by_match_key(connection, [programme.GUEST_ADDRESS])

    assert guests
    assert found["messages"]["states"]["accepted"] > 100
    assert found["handoffs"]["states"] == {"delivered": 1}


def test_every_mail_that_was_accepted_is_in_the_outbox_once(worked: Worked) -> None:
    with programme.opened(worked.folder) as app, app.database.read() as connection:
        accepted = summary(connection)["messages"]["states"]["accepted"]

    assert len(list((worked.folder / ".nurture" / "outbox").rglob("*.eml"))) == accepted


def test_sales_gets_the_lead_that_is_ready(worked: Worked) -> None:
    [received] = worked.crm.ledger.received

    assert received.data["person"]["email"] == programme.READY_ADDRESS


def test_the_list_from_the_inbox_is_put_away_with_its_rejects_beside_it(worked: Worked) -> None:
    inbox = worked.folder / ".nurture" / "inbox"

    assert not list(inbox.glob("*.csv"))
    assert sorted(path.name for path in (inbox / "done").iterdir()) == [
        "20260901T080000Z-people that Melusine met.csv",
        "20260901T080000Z-people that Melusine met.rejects.csv",
    ]


def test_the_report_is_a_page_in_the_folder(worked: Worked) -> None:
    written = worked.folder / ".nurture" / "reports"

    assert sorted(path.name for path in written.iterdir()) == ["2026-09-01.html", "latest.html"]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("nurture-import-leads", "| import | created | 1 |"),
        ("nurture-advance", "| assess | handoffs | 1 |"),
        ("nurture-deliver", "| deliver | accepted |"),
        ("nurture-handoff", "| handoff | delivered | 1 |"),
        ("nurture-hygiene", "## Needs a person"),
        ("nurture-report", "| last 30 days | New leads |"),
    ],
)
def test_a_run_leaves_a_page_of_counts(worked: Worked, key: str, told: str) -> None:
    pages = worked.server.artifacts(key)

    # Helpers leave theirs under the same key.
    assert any(told in page for page in pages)
    assert all("| Mails to be sent |" in page for page in pages)


def test_nothing_personal_and_no_secret_is_anywhere_in_prefect(worked: Worked) -> None:
    everything = b"".join(_bytes_below(worked.server.home))

    # Were these not found, the search would prove nothing.
    assert b"advance-helper" in everything
    assert b"nurture-import-leads" in everything
    assert not [needle for needle in NEEDLES if needle.encode() in everything]


def test_the_worker_logs_nothing_personal(worked: Worked) -> None:
    said = worked.log.read_text()

    assert "Completed" in said
    assert not [needle for needle in NEEDLES if needle in said]


def test_the_needles_are_where_they_belong(worked: Worked) -> None:
    ours = b"".join(_bytes_below(worked.folder / ".nurture"))

    assert [needle for needle in PLANTED if needle.encode() in ours] == list(PLANTED)


def _bytes_below(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
