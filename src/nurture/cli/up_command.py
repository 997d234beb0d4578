"""`nurture up`: everything on one machine, until Ctrl-C: pages, Prefect's server, the flows.

This process never imports Prefect. The flows run in a process of their own, which brings its own
Prefect server; a keeper ends all of it as soon as this process is gone, however that happens.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.run import DONE, FINDINGS
from nurture.cli.serve_command import Host, Port
from nurture.cli.show import say
from nurture.cli.web_site import port_of, web_app
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.bootstrap import App, Settings

KEEPER = Path("flows") / "keeper.py"
PLAN = Path("prefect.yaml")
LOOK_SECONDS = 0.5
STOP_SECONDS = 40.0
"""Longer than a keeper's patience and the server's together."""

# What suits a process that serves flows; what is set already is left as it is. The server's own
# settings are flows/server.py's business.
PREFECT: Mapping[str, str] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


def up(context: typer.Context, host: Host = "127.0.0.1", port: Port = None) -> None:
    """Run everything on this machine: the pages, a Prefect server, and the flows on schedule."""
    with opened(place_of(context), make=True) as app:
        raise typer.Exit(run_up(app, host=host, port=port))


def run_up(app: App, *, host: str = "127.0.0.1", port: int | None = None) -> int:
    """Run until Ctrl-C or SIGTERM, then stop all of it; return the exit code."""
    from nurture.web.serving import BackgroundServer

    _must_have_flows(app.settings.folder)
    stop = Event()
    with (
        _stopped_by_signals(stop),
        web_app(app) as pages,
        BackgroundServer(pages, host=host, port=port or port_of(app)) as server,
        _flows(app.settings) as flows,
    ):
        say(f"Pages: {server.address}  (leads, mails and handoffs; forms and links in mails)")
        say("Flows: Prefect says below where it is; its first start takes some seconds.")
        say("End with Ctrl-C.", style="dim")
        while not stop.wait(LOOK_SECONDS):
            if flows.poll() is not None:
                say("The flows have ended; see above why.", style="red")
                return FINDINGS
        say("Stopping.", style="dim")
    return DONE


def _must_have_flows(folder: Path) -> None:
    for part in (KEEPER, PLAN):
        if not (folder / part).is_file():
            raise MisuseError(
                f"{folder / part} is missing; copy flows/ and prefect.yaml from a new project "
                "(`nurture init`), or run `nurture serve` and `nurture tick` without Prefect"
            )


@contextmanager
def _stopped_by_signals(stop: Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end us in good order."""

    def end(*_: object) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _flows(settings: Settings) -> Iterator[subprocess.Popen[Any]]:
    """Run the flows under a keeper, which ends them when we close its input or are gone."""
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and file)
        [sys.executable, str(settings.folder / KEEPER), sys.executable, "-m", "flows.serve"],
        cwd=settings.folder,
        env=_environment(settings),
        stdin=subprocess.PIPE,
        # Ctrl-C is for us: we end the others in order.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **PREFECT,
        "PREFECT_HOME": str(settings.state / "prefect"),
        **settings.env,
        "NURTURE_HOME": str(settings.folder),
        "NURTURE_DATABASE": settings.database_url,
    }
