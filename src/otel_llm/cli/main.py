"""The top of the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

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
from .command import Run

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
    whole = parser()
    parsed = whole.parse_args(prices.spelled(sys.argv[1:] if arguments is None else arguments))
    run: Run | None = getattr(parsed, "run", None)
    if run is None:
        whole.print_help()
        return 2
    try:
        return run(parsed)
    except ModuleNotFoundError as error:
        return _missing_package(error)
    except BrokenPipeError:
        return 1  # whoever read our output has seen enough
    except KeyboardInterrupt:
        return 130


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
