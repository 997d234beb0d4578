"""Run the demo from start to finish."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket
from typing import Any

import httpx

from nurture.bootstrap import (
    DEMO_MARKER,
    App,
    Settings,
    keep_secret,
    mark_demo,
    settings,
    start,
)
from nurture.bootstrap.starter import copy_starter
from nurture.bootstrap.ways import make_ways
from nurture.core.errors import MisuseError
from nurture.core.project import Project
from nurture.demo.crm import PretendCrm
from nurture.demo.flow_day import FlowDay
from nurture.demo.mailbox import Mailbox
from nurture.demo.provider import PretendProvider
from nurture.demo.world import Doorbell, World
from nurture.engine import importing, tick, verify
from nurture.engine.apply import apply
from nurture.engine.mailroom import Mailroom
from nurture.simulate.clock import VirtualClock
from nurture.store.summary import summary
from nurture.web.app import create_app
from nurture.web.serving import BackgroundServer, listen_near
from nurture.web.site import Site

START = datetime(2026, 9, 1, 5, 0, tzinfo=UTC)
TICK_HOURS = (5, 7, 8, 10, 12, 14, 16, 18)
"""Hours (UTC) of a virtual day at which a tick runs; the doorbell fills the time between."""
FLOW_DAY = 8
"""The day that goes through the real flows: by then there is all kinds of work."""
PREFERRED_PORT = 8321
SECRET = "a secret for demonstrations only, known to everybody who reads the source"

Progress = Callable[[int, int, World], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be chosen about a demo. `database_url` '' means SQLite in the folder."""

    folder: Path
    seed: int = 7
    days: int = 90
    database_url: str = ""
    flows: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a demo; `numbers` are the same for the same seed."""

    numbers: dict[str, Any]
    imported: importing.Imported
    world: World
    app: App
    flow_ui: str = ""


@contextmanager
def demo(options: Options, progress: Progress, env: Mapping[str, str]) -> Iterator[Result]:
    """Run the whole demo and yield its result while everything can still be looked at."""
    prepare_folder(options.folder)
    with ExitStack() as stack:
        clock = VirtualClock(START)
        # Taken at once, for links name its port: another demo may be starting beside this one.
        listening = stack.enter_context(listen_near(PREFERRED_PORT))
        given = _settings(options, clock, env, listening.getsockname()[1])
        app = stack.enter_context(start(given))
        _must_be_empty(app)
        result = _live(options, app, clock, _Held(stack, listening), progress)
        yield result


@dataclass(frozen=True, slots=True)
class _Held:
    """What is open until the demo ends, and the socket on which its pages are served."""

    stack: ExitStack
    listening: socket


def prepare_folder(folder: Path) -> None:
    """Make a fresh copy of the starter in the folder; only an old demo is overwritten."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / ".nurture" / DEMO_MARKER).exists():
            raise MisuseError(f"{folder} is not empty and holds no demo; name another --folder")
        shutil.rmtree(folder)
    copy_starter(folder)
    state = folder / ".nurture"
    # The same secret afterwards, so that `nurture serve` honors the links in the mails.
    keep_secret(state / "secret", SECRET)
    mark_demo(state)


def _settings(options: Options, clock: VirtualClock, env: Mapping[str, str], port: int) -> Settings:
    kept = {name: value for name, value in env.items() if not name.startswith(("CRM_", "NURTURE_"))}
    return settings(
        options.folder,
        options.database_url or None,
        env={
            **kept,
            "NURTURE_SECRET": SECRET,
            "NURTURE_PROFILE": "test",
            "NURTURE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        },
        clock=clock,
    )


def _must_be_empty(app: App) -> None:
    with app.database.read() as connection:
        if summary(connection)["leads"]["total"]:
            raise MisuseError("the database has leads already; a demo needs an empty one")


def _live(
    options: Options, app: App, clock: VirtualClock, held: _Held, progress: Progress
) -> Result:
    secret = app.project_on_disk().endpoints["inside-sales"].secret
    crm = held.stack.enter_context(PretendCrm(secret, clock))
    # The CRM's port is known only now; the project names it by the environment.
    named = {"CRM_WEBHOOK_URL": f"http://{crm.address}/crm", "CRM_WEBHOOK_ALLOW": crm.address}
    app = held.stack.enter_context(_with_env(app, named))
    project = app.project_on_disk()
    apply(app.runtime, project, by="demo", now=clock())
    imported = importing.import_csv(
        app.runtime, project, (options.folder / "data" / "leads.csv").read_bytes(), now=clock()
    )
    (options.folder / "data" / "leads.rejects.csv").write_text(importing.reject_file(imported))
    world = _world(options, app, project, clock, crm, held)
    flow_day = FlowDay(app.settings) if options.flows else None
    _days(options, world, flow_day, progress)
    mark_demo(options.folder / ".nurture", clock())
    return Result(
        numbers=_numbers(world, imported),
        imported=imported,
        world=world,
        app=app,
        flow_ui=flow_day.summary if flow_day else "",
    )


def _with_env(app: App, more: Mapping[str, str]) -> App:
    given = replace(app.settings, env={**app.settings.env, **more})
    app.close()
    return start(given)


def _world(
    options: Options,
    app: App,
    project: Project,
    clock: VirtualClock,
    crm: PretendCrm,
    held: _Held,
) -> World:
    provider, doorbell = PretendProvider(), Doorbell()
    site = Site(
        runtime=app.runtime,
        mailroom=Mailroom(secrets=app.runtime.secrets),
        clock=clock,
        ring=doorbell.ring,
        outbox_dir=app.settings.outbox,
        provider_keys=(provider.public_key,),
        shortest_form=timedelta(),
        posts_per_minute=1_000_000,
    )
    pages = BackgroundServer(create_app(site), listening=held.listening)
    server = held.stack.enter_context(pages)
    client = held.stack.enter_context(httpx.Client(base_url=server.address, timeout=30))
    return World(
        seed=options.seed,
        app=app,
        ways=make_ways(app),
        clock=clock,
        client=client,
        mailbox=Mailbox(app.settings.outbox),
        provider=provider,
        crm=crm,
        doorbell=doorbell,
        feedback_secret=project.endpoints["inside-sales"].feedback_secret,
    )


def _days(options: Options, world: World, flow_day: FlowDay | None, progress: Progress) -> None:
    for day in range(options.days):
        midnight = START.replace(hour=0) + timedelta(days=day)
        through_flows = flow_day is not None and day == min(FLOW_DAY, options.days - 1)
        with flow_day.running() if flow_day and through_flows else _directly(world) as run:
            for hour in TICK_HOURS:
                world.live_until(midnight + timedelta(hours=hour))
                world.tick(run)
        if day % 7 == 0:
            tick.hygiene(world.app.runtime, world.ways, now=world.clock())
        progress(day + 1, options.days, world)


@contextmanager
def _directly(world: World) -> Iterator[Callable[..., None]]:
    yield world.run_engine


def _numbers(world: World, imported: importing.Imported) -> dict[str, Any]:
    with world.app.database.read() as connection:
        numbers = summary(connection)
    done, ledger = world.done, world.crm.ledger
    numbers["leads"] |= {
        "rows": imported.rows,
        "rejected": len(imported.rejected),
        "without_consent": imported.without_consent,
    }
    numbers["people"] = {
        "mails": done.mails,
        "clicks": done.clicks,
        "scans": done.scans,
        "forms": done.forms,
        "replies": done.replies,
        "unsubscribed": done.unsubscribed,
        "forgotten": done.forgotten,
    }
    numbers["handoffs"]["crm"] = {
        "received": len(ledger.received),
        "repeated": ledger.repeated,
        "busy": ledger.stumbled,
        "refused": ledger.refused,
        "answers": done.answers,
    }
    numbers["invariants"] = [
        {"id": c.id, "promise": c.promise, "rows": c.rows, "broken": list(c.broken)}
        for c in verify.run(world.app.runtime, now=world.clock())
    ]
    return numbers
