"""A command with the options that all commands share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

# Typer's own types of commands and options have no public names.
# ruff: noqa: ANN401
from nurture.cli.place import DATABASE, HOME, PROFILE, Place

_PANEL = "Common options"
_NAMES = {
    "project_folder": "folder",
    "project_database": "database",
    "test_clock": "now",
    "as_json": "json",
}
"""Our parameters, by names that no command has for its own, and what they are to a Place."""


class Verb(TyperCommand):
    """Takes the common options and hands them to the function as `context.obj`."""

    def __init__(self, *args: Any, params: list[Any] | None = None, **named: Any) -> None:
        super().__init__(*args, params=[*(params or []), *_common()], **named)

    def invoke(self, ctx: Any) -> Any:
        """Take the common options out of what the function gets."""
        ctx.obj = Place(**{given: ctx.params.pop(name) for name, given in _NAMES.items()})
        # Refused before anything is done, also by verbs that need no clock.
        ctx.obj.moment()
        return super().invoke(ctx)


@cache
def _common() -> tuple[Any, ...]:
    """Return the common options, made by Typer itself from a signature."""
    made = typer.Typer(add_completion=False)
    made.command()(_signature)
    return tuple(get_command(made).params)


def _signature(
    project_folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            help=f"The project's folder; else {HOME}, else where you are.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    project_database: Annotated[
        str | None,
        typer.Option(
            "--database",
            help=f"The database's address; else {DATABASE}, else .nurture/nurture.db there.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    test_clock: Annotated[
        str | None,
        typer.Option("--now", help=f"A test clock; needs {PROFILE}=test.", rich_help_panel=_PANEL),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for programs.", rich_help_panel=_PANEL)
    ] = False,
) -> None:
    """Say which options there are."""


def group(name: str, text: str) -> typer.Typer:
    """Return a group of verbs."""
    return typer.Typer(name=name, help=text, no_args_is_help=True)
