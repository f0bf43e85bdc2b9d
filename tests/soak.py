"""The long form of the fault test: ``python -m tests.soak [--kills N] [--seed N] [--workers N]``,
or ``--day``.

Prints what happened after every kill, and a verdict; exits 1 when anything was lost or changed.
``--day`` lets a day of spans pass, with an hour in which one of two destinations is gone.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from .e2e import day
from .e2e.faults import Attack


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--day", action="store_true")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="otel-llm-soak-") as directory:
        if arguments.day:
            seen = day.run(Path(directory))
            print(seen)
            print("nothing lost" if seen.complete else "FAILED")
            return 0 if seen.complete else 1
        return soak(Path(directory), arguments.kills, arguments.workers)


def soak(directory: Path, kills: int, workers: int) -> int:
    """Kill a collector ``kills`` times while everything around it fails; returns the exit code."""
    with Attack(directory, workers) as attack:
        attack.produce()
        for kill in range(1, kills + 1):
            attack.disturb(random.uniform(0.2, 2.0))
            if kill % 5 == 0:
                attack.fill_disk(random.uniform(0.1, 0.5))
            attack.kill()
            print(f"kill {kill}: {_progress(attack)}", flush=True)
        attack.calm()
        attack.produce()
        attack.disturb(1.0)
        attack.calm()
        verdicts = [_verdict(attack, destination) for destination in range(2)]
    print("nothing lost" if all(verdicts) else "FAILED")
    return 0 if all(verdicts) else 1


def _progress(attack: Attack) -> str:
    arrived = [len(sink.spans()) for sink in attack.sinks]
    return f"{len(attack.oracle.acknowledged)} acknowledged, {arrived[0]} and {arrived[1]} arrived"


def _verdict(attack: Attack, destination: int) -> bool:
    judged, missing = attack.judge(destination), attack.missing(destination)
    invented = judged.delivered.keys() - attack.oracle.issued.keys()
    print(
        f"{('gRPC', 'HTTP')[destination]} destination: "
        f"{len(attack.oracle.acknowledged)} acknowledged, {len(judged.delivered)} delivered "
        f"({judged.delivered.total() - len(judged.delivered)} twice), "
        f"{len(judged.buried)} in the dead letter, {len(missing)} missing, "
        f"{len(invented)} never sent, {len(judged.changed)} changed"
    )
    return not missing and not invented and not judged.changed


if __name__ == "__main__":
    sys.exit(main())
