"""Prefect's own watch over the runs: dead ones are freed, and somebody is told.

`python -m flows.automations` creates what is missing and brings the rest up to date. With
`--notify TYPE/NAME`, the name of a notification block made in Prefect, it also sends alarms.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

HEARTBEAT = "prefect.flow-run.heartbeat"
ENDED = {f"prefect.flow-run.{how}" for how in ("Completed", "Failed", "Crashed", "Cancelled")}
SILENT_FOR = timedelta(seconds=90)
"""Three heartbeats of thirty seconds."""
STUCK_FOR = timedelta(minutes=5)
NO_TICK_FOR = timedelta(minutes=15)

OURS = ResourceSpecification(
    {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.nurture"}
)
A_RUN = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})
A_TICK = ResourceSpecification(
    {"prefect.resource.role": "flow", "prefect.resource.name": "advance"}
)


def watches() -> list[AutomationCore]:
    """Return what frees the slot of a run that is dead or never began."""
    return [
        AutomationCore(
            name="nurture: free runs whose process is dead",
            description="A run that sent a heartbeat and then none for long is marked as crashed.",
            trigger=_silence({HEARTBEAT}, {HEARTBEAT, *ENDED}, SILENT_FOR),
            actions=[_crash("its process stopped saying that it lives")],
        ),
        AutomationCore(
            name="nurture: free runs that never begin",
            description="With a limit of one, a run stuck in Pending would keep out all others.",
            trigger=_silence(
                {"prefect.flow-run.Pending"}, {"prefect.flow-run.Running", *ENDED}, STUCK_FOR
            ),
            actions=[_crash("it was given a slot and never began")],
        ),
    ]


def alarms(block: UUID) -> list[AutomationCore]:
    """Return what tells somebody, by a notification block, that something is wrong."""
    return [
        AutomationCore(
            name="nurture: tell when a run fails",
            trigger=EventTrigger(
                expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
                match=A_RUN,
                match_related=OURS,
                posture=Posture.Reactive,
                threshold=1,
            ),
            actions=[
                _tell(block, "A flow run failed", "{{ flow.name }}: {{ flow_run.state.name }}")
            ],
        ),
        AutomationCore(
            name="nurture: tell when nothing advances",
            trigger=EventTrigger(
                expect={"prefect.flow-run.Completed"},
                match=A_RUN,
                match_related=A_TICK,
                posture=Posture.Proactive,
                threshold=1,
                within=NO_TICK_FOR,
            ),
            actions=[_tell(block, "No tick", "`advance` has not completed for 15 minutes.")],
        ),
    ]


def _silence(after: set[str], expect: set[str], within: timedelta) -> EventTrigger:
    return EventTrigger(
        after=after,
        expect=expect,
        match=A_RUN,
        match_related=OURS,
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=within,
    )


def _crash(why: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=StateType.CRASHED, message=f"Taken for dead: {why}.")


def _tell(block: UUID, subject: str, body: str) -> SendNotification:
    return SendNotification(block_document_id=block, subject=f"nurture: {subject}", body=body)


async def install(notify: str = "") -> list[str]:
    """Create or update the automations and return their names."""
    async with get_client() as client:
        wanted = watches()
        if notify:
            kind, _, name = notify.partition("/")
            block = await client.read_block_document_by_name(name, kind)
            wanted += alarms(block.id)
        for automation in wanted:
            await _put(client, automation)
    return [automation.name for automation in wanted]


async def _put(client: PrefectClient, automation: AutomationCore) -> None:
    found = await client.read_automations_by_name(automation.name)
    if found:
        await client.update_automation(found[0].id, automation)
    else:
        await client.create_automation(automation)


def main(arguments: Sequence[str]) -> int:
    """Install the automations on the server that PREFECT_API_URL names."""
    parser = argparse.ArgumentParser(prog="python -m flows.automations", description=__doc__)
    parser.add_argument("--notify", metavar="TYPE/NAME", default="", help="send alarms this way")
    installed = asyncio.run(install(parser.parse_args(arguments).notify))
    sys.stdout.writelines(f"{name}\n" for name in installed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
