"""``recount``: what the calls in a journal or a dead letter come to, beside what a store says."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from .command import Commands, command


def add(commands: Commands) -> None:
    """Describe the subcommand."""
    about = "add up the calls in journals (directories) and dead letters (files) again"
    recount = command(commands, "recount", _run, about)
    recount.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    recount.add_argument("--json", action="store_true", help="for programs")


def _run(arguments: argparse.Namespace) -> int:
    import json

    from otel_llm.collector.errors import Malformed
    from otel_llm.collector.recount import calls_in, recount

    try:
        sums = asdict(recount(calls_in(arguments.paths)))
    except (OSError, Malformed) as error:
        print(f"otel-llm: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(sums))
    else:
        for name, value in sums.items():
            print(f"{name.replace('_', ' '):15} {'unknown' if value is None else f'{value:,}'}")
    return 0
