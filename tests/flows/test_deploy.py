"""prefect.yaml as Prefect takes it: deployments, schedules, limits, and the watch over the runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.flows import programme
from tests.flows.prefect_server import Deployed, PrefectServer, Row, run

ROOT = Path(__file__).parents[2]
PLAN: Row = YAML(typ="safe").load(ROOT / "prefect.yaml")
PLANNED: dict[str, Row] = {row["name"]: row for row in PLAN["deployments"]}
SCHEDULED = sorted(name for name, row in PLANNED.items() if "schedules" in row)


def test_every_deployment_of_the_plan_is_registered(deployed: Deployed) -> None:
    assert deployed.deployments.keys() == PLANNED.keys()


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_cron_deployment_really_gets_scheduled_runs(deployed: Deployed, name: str) -> None:
    # With SQLAlchemy 2.1 Prefect 3.8 creates none, and everything else seems to be fine.
    assert deployed.scheduled[name] > 0


@pytest.mark.parametrize("name", sorted(PLANNED))
def test_a_deployment_never_runs_into_itself(deployed: Deployed, name: str) -> None:
    found = deployed.deployments[name]

    assert found["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert found["global_concurrency_limit"]["limit"] == PLANNED[name]["concurrency_limit"]["limit"]


def test_schedules_by_the_clock_on_the_wall_follow_the_workspace_zone() -> None:
    zone = YAML(typ="safe").load(ROOT / "nurture.yaml")["time_zone"]
    daily = [
        schedule["timezone"]
        for row in PLANNED.values()
        for schedule in row.get("schedules", ())
        if schedule["slug"] in ("nightly", "daily")
    ]

    assert len(daily) == 3
    assert set(daily) == {zone}


def test_the_watches_are_installed_once_however_often_it_is_asked(
    template: Path, server: PrefectServer
) -> None:
    twice = "from flows.automations import main; main([]); main([])"
    environment = programme.environment(template, **server.environment)

    run(sys.executable, "-c", twice, folder=template, environment=environment)

    names = [row["name"] for row in server.post("/automations/filter")]
    assert sorted(names) == [
        "nurture: free runs that never begin",
        "nurture: free runs whose process is dead",
    ]
