"""The page about Prefect tells what there is."""

from __future__ import annotations

from ruamel.yaml import YAML

from flows.server import SETTINGS
from tests.docs.pages import ROOT, codes, table

PAGE = "docs/howto/prefect.md"
DEPLOYMENTS = YAML(typ="safe").load(ROOT / "prefect.yaml")["deployments"]


def test_every_setting_of_a_server_is_told_with_its_value() -> None:
    rows = table(PAGE, "setting", "value", "because").rows

    assert {codes(row["setting"])[0]: codes(row["value"])[0] for row in rows} == SETTINGS


def test_every_flow_with_a_schedule_is_told() -> None:
    rows = table(PAGE, "flow", "when", "what it does").rows

    assert [codes(row["flow"])[0] for row in rows] == [
        row["name"] for row in DEPLOYMENTS if "schedules" in row
    ]
