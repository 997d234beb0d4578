"""Run the command line: exit 0 done, 1 findings, 2 misuse.

Every error that a person can cause is one line on standard error, never a traceback.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nurture.cli.show import warn
from nurture.core.errors import NurtureError, ProjectError, RenderError

DONE, FINDINGS, MISUSE = 0, 1, 2
INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    from typer.main import get_command

    from nurture.cli.root import app

    with _logging_in_lines():
        try:
            code = get_command(app).main(list(arguments), "nurture", standalone_mode=False)
            if sys.stdout is not None:
                # A full disk shows now, not when the interpreter is gone already.
                sys.stdout.flush()
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:
            # Whoever read our output has had enough; what is left of it must not be an error.
            _drop_output()
            return DONE
        except Exception as error:  # noqa: BLE001 (what is ours is raised again)
            return _told(error)
    return code if isinstance(code, int) else DONE


def _told(error: Exception) -> int:
    """Say what is wrong, or raise what is nobody's mistake but ours."""
    from nurture.store.trouble import explain

    if isinstance(error, ProjectError):
        warn(str(error))
        return FINDINGS
    if isinstance(error, NurtureError):
        warn(f"nurture: {error}")
        return FINDINGS if isinstance(error, RenderError) else MISUSE
    # Typer's errors of usage; their base class has no public name.
    usage = getattr(error, "format_message", None)
    if usage is not None:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "nurture"
        # A group without a verb has shown its help already, and says nothing more.
        if said := usage().replace("Value error, ", "").strip().rstrip("."):
            warn(f"nurture: {said}. See `{command} --help`.")
        return MISUSE
    if type(error).__name__ == "Abort":
        return INTERRUPTED
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{error.filename}: "
        warn(f"nurture: {where}{error.strerror or error}")
        if error.errno == errno.ENOSPC:
            _drop_output()
        return MISUSE
    trouble = explain(error)
    if trouble is None:
        raise error
    warn(f"nurture: {trouble}")
    return MISUSE


def _drop_output() -> None:
    """Let nothing of what is still unwritten become an error at the very end."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _OneLine(logging.Formatter):
    """Says what failed without its traceback; `NURTURE_DEBUG=1` shows that too."""

    def formatException(self, ei: object) -> str:  # noqa: N802 (logging's name)
        return ""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record).rstrip()
        error = record.exc_info[1] if record.exc_info else None
        return f"{text}: {type(error).__name__}" if error is not None else text


@contextmanager
def _logging_in_lines() -> Iterator[None]:
    """Let what the engine logs be one line each on standard error."""
    ours = logging.getLogger("nurture")
    handler = logging.StreamHandler()
    form = "%(levelname)s %(name)s %(message)s"
    debug = bool(os.environ.get("NURTURE_DEBUG"))
    handler.setFormatter(logging.Formatter(form) if debug else _OneLine(form))
    ours.addHandler(handler)
    try:
        yield
    finally:
        ours.removeHandler(handler)
