"""The command line: `nurture VERB`, for people with Rich, for programs with `--json`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end with its exit code."""
    from nurture.cli.run import run

    sys.exit(run(sys.argv[1:]))
