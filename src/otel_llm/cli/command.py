"""What the subcommands share: how one is described, and how mistakes are said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import Any

Run = Callable[[argparse.Namespace], int]
Commands = Any
"""What ``add_subparsers`` returns; argparse keeps its type private."""


def command(commands: Commands, name: str, run: Run, summary: str) -> argparse.ArgumentParser:
    """Describe one subcommand; ``run`` gets its arguments and returns the exit code."""
    added: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    added.set_defaults(run=run)
    return added


def group(commands: Commands, name: str, summary: str) -> Commands:
    """Describe a subcommand that has subcommands of its own; one of them is required."""
    added: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    return added.add_subparsers(title="commands", metavar="COMMAND", required=True)


def mistakes(where: object, problems: Iterable[object]) -> int:
    """Print every mistake behind the place it is in; returns exit code 2."""
    for problem in problems:
        said = reason(problem)
        print(f"{where}: {said}" if where else said, file=sys.stderr)
    return 2


def reason(problem: object) -> str:
    """Return what is wrong in words: of a file that cannot be read neither number nor name."""
    if isinstance(problem, UnicodeDecodeError):
        return "is no text in UTF-8"
    return (isinstance(problem, OSError) and problem.strerror) or str(problem)
