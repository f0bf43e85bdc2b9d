"""What importing the app wing adds to a Python that does nothing, when no SDK is imported.

    python -m benchmarks.import_time [--rounds 21]

``python -c pass``, OpenTelemetry's API and ours take turns, each in a process of its own; what
counts is the processor time of that process, and of the rounds the fastest tenth: neighbours on the
machine only ever add. With ``opentelemetry-instrument`` its loader is there before us, so that what
it imports is not ours to answer for: there, distro and core with all that they are made of are
measured on top of it, and so are all instrumentors together, loaded and switched on.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence

LIMIT_MS = 40
_LOADER = "import opentelemetry.instrumentation.auto_instrumentation._load"
_FULLY = (
    "from otel_llm.distro import Configurator, Distro\n"
    "from otel_llm.instrumentation.core import LLMInstrumentor"
)
_EVERY = """
from importlib.metadata import entry_points
for point in entry_points(group="opentelemetry_instrumentor"):
    if point.name.startswith("otel_llm_"):
        point.load()().instrument()
"""
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""An installed package is compiled; from a checkout the first round does it."""
PROGRAMS = {
    "python -c pass": "pass",
    "OpenTelemetry's trace API": "import opentelemetry.trace",
    "distro and core": "import otel_llm.distro, otel_llm.instrumentation.core",
    "the loader of opentelemetry-instrument": _LOADER,
    "loader, distro and core": f"{_LOADER}\n{_FULLY}",
    "loader, all instrumentors": f"{_LOADER}\n{_FULLY}\n{_EVERY}",
}


def milliseconds(program: str) -> float:
    """Return the processor time of a new interpreter that runs ``program``."""
    child = subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.DEVNULL, env=_ENVIRONMENT
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"exit {child.returncode}: {program}")
    return (used.ru_utime + used.ru_stime) * 1e3


def measured(rounds: int) -> dict[str, float]:
    """Return what the fastest tenth of every program's rounds took at most; they take turns, after
    one round that warms the disk."""
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for number in range(rounds + 1):
        for name, program in PROGRAMS.items():
            took = milliseconds(program)
            taken[name] += [took] if number else []
    return {name: statistics.quantiles(times, n=10)[0] for name, times in taken.items()}


def verdict(took: dict[str, float]) -> Sequence[str]:
    """Print what each adds and return what is over the limit."""
    plain, loader = took["python -c pass"], took["the loader of opentelemetry-instrument"]
    over: list[str] = []
    for name, ms in took.items():
        beside = f"{ms - loader:+8.1f} ms to the loader" if name.startswith("loader,") else ""
        print(f"  {name:42}{ms:8.1f} ms{ms - plain:+8.1f} ms{beside}")
    for name, base in (("distro and core", plain), ("loader, distro and core", loader)):
        if took[name] - base > LIMIT_MS:
            over.append(f"{name}: {took[name] - base:.1f} ms added, limit {LIMIT_MS}")
    return over


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=21)
    over = verdict(measured(arguments.parse_args().rounds))
    print("\n" + ("\n".join(over) if over else "all within their limits"))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
