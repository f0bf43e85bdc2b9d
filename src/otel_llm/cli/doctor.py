"""``doctor``: is everything patched, does the endpoint answer, what leaves the process."""

from __future__ import annotations

import argparse
import logging

from .command import Commands, command


def add(commands: Commands) -> None:
    """Describe the subcommand."""
    doctor = command(commands, "doctor", _doctor, "is each SDK patched, does the endpoint answer?")
    doctor.add_argument("--verbose", action="store_true", help="one line per patched method")


def _doctor(arguments: argparse.Namespace) -> int:
    from otel_llm.instrumentation.doctor import examine

    logging.disable(logging.CRITICAL)  # what the exporters would log, the findings say
    worst = "ok"
    for finding in examine():
        print(f"{finding.state:8} {finding.subject:28} {finding.text}", flush=True)
        if finding.fix:
            print(f"{'':8} {'':28} -> {finding.fix}")
        for line in finding.details if arguments.verbose else ():
            print(f"{'':8}   {line}")
        worst = "error" if "error" in (finding.state, worst) else worst
    return 1 if worst == "error" else 0
