"""The top of the command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import TextIO

from otel_llm.version import __version__

from . import (
    collector,
    conformance,
    costs,
    doctor,
    drift,
    evaluate,
    export,
    notify,
    prices,
    quality,
    recount,
    rules,
    trace,
)
from .command import Run, reason
from .terminal import plain

GROUPS = (
    collector,
    conformance,
    costs,
    doctor,
    drift,
    evaluate,
    export,
    notify,
    prices,
    quality,
    recount,
    rules,
    trace,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns its exit code."""
    _say_anywhere()
    try:
        with redirect_stdout(plain(sys.stdout)), redirect_stderr(plain(sys.stderr)):
            return _guarded(arguments)
    finally:
        _forget_log()


def _guarded(arguments: Sequence[str] | None) -> int:
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        if sys.stdout:  # there is none where it was closed before
            sys.stdout.flush()
        return code
    except ModuleNotFoundError as error:
        return _missing_package(error)
    except BrokenPipeError:
        return _unsaid()  # whoever read our output has seen enough
    except OSError as error:  # what a command could not read it has said itself: a full disk
        print(f"otel-llm: {reason(error)}", file=sys.stderr)
        return _unsaid()
    except KeyboardInterrupt:
        return 130


def _run(arguments: Sequence[str]) -> int:
    whole = parser()
    parsed = whole.parse_args(prices.spelled(arguments))
    run: Run | None = getattr(parsed, "run", None)
    if run is None:
        whole.print_help()
        return 2
    return run(parsed)


def _say_anywhere() -> None:
    """A terminal that cannot show a letter gets its number, and no command fails for it."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def _unsaid() -> int:
    """Drop what is left to write, which would fail once more at the exit; returns 1."""
    _to_nobody(sys.stdout)
    return 1


def _forget_log() -> None:
    """A log that nobody reads any more is no failure of what was logged: Python would exit with 120
    for what is left to write."""
    try:
        if sys.stderr:
            sys.stderr.flush()
    except OSError:
        _to_nobody(sys.stderr)


def _to_nobody(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def parser() -> argparse.ArgumentParser:
    """Describe the whole command line."""
    whole = argparse.ArgumentParser(
        prog="otel-llm", description="LLM observability with OpenTelemetry."
    )
    whole.add_argument("--version", action="version", version=f"otel-llm {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND")
    for module in GROUPS:
        module.add(commands)
    return whole


def _missing_package(error: ModuleNotFoundError) -> int:
    if (error.name or "").startswith("otel_llm"):
        raise error
    print(
        f"otel-llm: this command needs the package {error.name}, which is not installed:\n"
        "  pip install 'otel-llm[collector]'",
        file=sys.stderr,
    )
    return 2
