"""``recount``: what the calls in journals and dead letters come to, and whether a store's sums are
those of its calls."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .asking import Unanswered, opened_file
from .command import Commands, command, reason


def add(commands: Commands) -> None:
    """Describe the subcommand."""
    about = "add up the calls in journals (directories) and dead letters (files) again"
    recount = command(commands, "recount", _run, about)
    recount.add_argument("paths", type=Path, nargs="*", metavar="PATH")
    about = "compare the sums by minute, hour and day in FILE, which no collector has open"
    recount.add_argument("--store", type=Path, metavar="FILE", help=about)
    recount.add_argument("--json", action="store_true", help="for programs")


def _run(arguments: argparse.Namespace) -> int:
    import json

    from otel_llm.collector.errors import Malformed

    if not arguments.paths and not arguments.store:
        print("otel-llm: name a journal, a dead letter or --store FILE", file=sys.stderr)
        return 2
    try:
        sums, wrong = _sums(arguments.paths), _differences(arguments.store)
    except (OSError, Malformed, Unanswered) as error:
        print(f"otel-llm: {_told(error)}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(sums | ({"differences": wrong} if arguments.store else {})))
    else:
        _show(sums, wrong)
    return int(any(wrong.values()))


def _told(error: Exception) -> str:
    return f"{error.filename}: {reason(error)}" if isinstance(error, OSError) else str(error)


def _sums(paths: list[Path]) -> dict[str, Any]:
    from otel_llm.collector.calls.recount import calls_in, recount

    return asdict(recount(calls_in(paths))) if paths else {}


def _differences(store: Path | None) -> dict[str, list[str]]:
    from otel_llm.store.rolled_check import differences

    if store is None:
        return {}
    with opened_file(store) as opened:
        return dict(differences(opened))


def _show(sums: dict[str, Any], wrong: dict[str, list[str]]) -> None:
    for name, value in sums.items():
        print(f"{name.replace('_', ' '):15} {'unknown' if value is None else f'{value:,}'}")
    for table, found in wrong.items():
        print(f"{table:15} {'; '.join(found) or 'as the calls'}")
