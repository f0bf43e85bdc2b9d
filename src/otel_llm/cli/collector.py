"""``collector``, ``check-config``, ``replay``: run a collector and look after it."""

from __future__ import annotations

import argparse
from pathlib import Path

from .command import Commands, command, mistakes

_DEFAULT = "settings; without it, the built-in default"


def add(commands: Commands) -> None:
    """Describe the subcommands."""
    run = command(commands, "collector", _collector, "run the collector until SIGTERM")
    run.add_argument("--config", type=Path, metavar="FILE", help=_DEFAULT)
    run.add_argument(
        "--workers",
        type=_positive,
        default=1,
        metavar="N",
        help="processes that receive on the same ports, each with a journal of its own",
    )

    check = command(commands, "check-config", _check, "name every mistake in a configuration")
    check.add_argument("file", type=Path, metavar="FILE")

    replay = command(commands, "replay", _replay, "send a dead letter, or OTLP JSON lines, again")
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument(
        "--to",
        metavar="DESTINATION",
        help="an exporter, grpc://host:port or http://host:port; without it, the exporter that the "
        "file is named after",
    )
    replay.add_argument("--config", type=Path, metavar="FILE", help="where the exporter is set up")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _collector(arguments: argparse.Namespace) -> int:
    from otel_llm.config import ConfigError
    from otel_llm.service import run

    try:
        return run(arguments.config, arguments.workers)
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
    from otel_llm.config import ConfigError
    from otel_llm.service.replay import run

    try:
        return run(arguments.file, arguments.to, arguments.config)
    except ConfigError as error:
        return mistakes(arguments.config or "built-in default", error.problems)
