"""Run every benchmark in turn, or those that are named: ``python -m benchmarks app_overhead``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(
    f.stem
    for f in HERE.glob("*.py")
    if '__name__ == "__main__"' in f.read_text() and f.stem != "__main__"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help=", ".join(NAMES))
    failed = 0
    for name in parser.parse_args().names or NAMES:
        print(f"\n=== {name} ===", flush=True)
        # Each in a process of its own: one benchmark's warm caches are another's cold start.
        failed |= subprocess.call([sys.executable, "-m", f"benchmarks.{name}"])
    return failed


if __name__ == "__main__":
    sys.exit(main())
