"""``collector``, ``check-config``, ``replay``: run a collector and look after it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .command import Commands, command, mistakes

_DEFAULT = "settings; without it, the built-in default"


def add(commands: Commands) -> None:
    """Describe the subcommands."""
    run = command(commands, "collector", _collector, "run the collector until SIGTERM")
    run.add_argument("--config", type=Path, metavar="FILE", help=_DEFAULT)

    check = command(commands, "check-config", _check, "name every mistake in a configuration")
    check.add_argument("file", type=Path, metavar="FILE")

    replay = command(commands, "replay", _replay, "send a dead letter, or OTLP JSON lines, again")
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument("--to", metavar="EXPORTER", help="its name; not needed if there is one")
    replay.add_argument("--config", type=Path, metavar="FILE", help="where the exporter is set up")


def _collector(arguments: argparse.Namespace) -> int:
    from otel_llm.config import ConfigError
    from otel_llm.service import run

    try:
        return run(arguments.config)
    except ConfigError as error:
        return mistakes(arguments.config or "built-in default", error.problems)


def _check(arguments: argparse.Namespace) -> int:
    from otel_llm.config import ConfigError
    from otel_llm.service import read_settings

    try:
        read_settings(arguments.file)
    except ConfigError as error:
        return mistakes(arguments.file, error.problems)
    print(f"{arguments.file}: valid")
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    from otel_llm.collector.components import EXPORTERS
    from otel_llm.collector.errors import Malformed
    from otel_llm.collector.replay import replay
    from otel_llm.config import ConfigError
    from otel_llm.service import read_settings

    try:
        exporters = read_settings(arguments.config).exporters
    except ConfigError as error:
        return mistakes(arguments.config, error.problems)
    name: str = arguments.to or (next(iter(exporters)) if len(exporters) == 1 else "")
    if name not in exporters:
        known = ", ".join(exporters) or "none; give --config"
        return mistakes("--to", [f"which exporter? known: {known}"])
    config = exporters[name]
    exporter = EXPORTERS[name.partition("/")[0]].make(config)
    try:
        result = replay(arguments.file, name, exporter, config)
    except (OSError, Malformed) as error:
        return mistakes(arguments.file, [error])
    finally:
        exporter.close()
    print(f"{result.sent} sent to {name}")
    for reason, items in result.refused.items():
        print(f"{items} not sent: {reason}", file=sys.stderr)
    return 1 if result.refused else 0
