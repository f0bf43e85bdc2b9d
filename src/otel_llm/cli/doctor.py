"""``doctor``: is everything patched, does the endpoint answer, what leaves the process.

Exits with 1 when something is an error, with ``--strict`` when something is a warning too.
"""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from .command import Commands, command

if TYPE_CHECKING:
    from otel_llm.instrumentation.doctor import Finding


def add(commands: Commands) -> None:
    """Describe the subcommand."""
    doctor = command(commands, "doctor", _doctor, "is each SDK patched, does the endpoint answer?")
    doctor.add_argument("--verbose", action="store_true", help="one line per patched method")
    doctor.add_argument("--json", action="store_true", help="an array of findings, with everything")
    doctor.add_argument("--strict", action="store_true", help="exit with 1 on warnings too")


def _doctor(arguments: argparse.Namespace) -> int:
    try:
        from otel_llm.instrumentation.doctor import examine
    except ValueError as error:  # OpenTelemetry reads OTEL_PROPAGATORS as it is imported
        print(f"error    opentelemetry                it cannot be imported: {error}")
        print(f"{'':37} -> unset OTEL_PROPAGATORS, or install what it names")
        return 1

    logging.disable(logging.CRITICAL)  # what the exporters would log, the findings say
    states: set[str] = set()
    found: list[Finding] = []
    for finding in examine():
        states.add(finding.state)
        if arguments.json:
            found.append(finding)
        else:
            _print(finding, arguments.verbose)
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    return 1 if states & ({"error", "warning"} if arguments.strict else {"error"}) else 0


def _print(finding: Finding, verbose: bool) -> None:
    print(f"{finding.state:8} {finding.subject:28} {finding.text}", flush=True)
    if finding.fix:
        print(f"{'':8} {'':28} -> {finding.fix}")
    for line in finding.details if verbose else ():
        print(f"{'':8}   {line}")
