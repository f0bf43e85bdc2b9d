"""The ``otel-llm`` command.

Each subcommand imports what it needs when it runs: ``otel-llm --version`` loads nothing, and what
needs the collector's packages says which extra to install when they are missing. Exit codes: 0 all
well, 1 the thing asked about is not well, 2 the question was wrong (usage, configuration).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .version import __version__

Run = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns its exit code."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    run: Run | None = getattr(parsed, "run", None)
    if run is None:
        parser.print_help()
        return 2
    try:
        return run(parsed)
    except ModuleNotFoundError as error:
        return _missing_package(error)
    except KeyboardInterrupt:
        return 130


def _missing_package(error: ModuleNotFoundError) -> int:
    if (error.name or "").startswith("otel_llm"):
        raise error
    print(f"otel-llm: this command needs the package {error.name}, which is not installed.\n"
          "          pip install 'otel-llm[collector]'", file=sys.stderr)  # fmt: skip
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="otel-llm", description="LLM observability with OpenTelemetry."
    )
    parser.add_argument("--version", action="version", version=f"otel-llm {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    collector = _command(commands, "collector", _collector, "run the collector until SIGTERM")
    collector.add_argument(
        "--config", type=Path, metavar="FILE", help="settings; without it, the built-in default"
    )

    check = _command(
        commands, "check-config", _check_config, "name every mistake in a collector configuration"
    )
    check.add_argument("file", type=Path, metavar="FILE")
    return parser


def _command(commands: Any, name: str, run: Run, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    command.set_defaults(run=run)
    return command


def _collector(arguments: argparse.Namespace) -> int:
    from .config import ConfigError
    from .service import run

    try:
        return run(arguments.config)
    except ConfigError as error:
        return _report(error, arguments.config)


def _check_config(arguments: argparse.Namespace) -> int:
    from .config import ConfigError
    from .service import read_settings

    try:
        read_settings(arguments.file)
    except ConfigError as error:
        return _report(error, arguments.file)
    print(f"{arguments.file}: valid")
    return 0


def _report(error: Any, file: Path | None) -> int:
    for problem in error.problems:
        print(f"{file or 'built-in default'}: {problem}", file=sys.stderr)
    return 2
