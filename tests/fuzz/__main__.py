"""The long run: ``python -m tests.fuzz [--seconds N] [--target NAME] [--seed N]``.

What breaks a decoder is kept in ``tests/data/fuzz``, where the suite finds it; exits 1 then.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time

from .mutate import mutated
from .targets import CORPUS, TARGETS, kind_of, seeds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each decoder")
    parser.add_argument("--target", choices=TARGETS, help="one decoder alone")
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    chosen = [arguments.target] if arguments.target else list(TARGETS)
    chance = random.Random(arguments.seed)
    return max(fuzz(name, arguments.seconds, chance) for name in chosen)


def fuzz(name: str, seconds: float, chance: random.Random) -> int:
    """Feed one decoder until the time is over or it breaks; returns the exit code."""
    known = [file.read_bytes() for file in seeds(name)] or [b""]
    until, inputs = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        data = mutated(chance, known)
        inputs += 1
        try:
            TARGETS[name](data)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}, kept in {_keep(name, data)}")
            return 1
    print(f"{name}: {inputs} inputs", flush=True)
    return 0


def _keep(name: str, data: bytes) -> str:
    folder = CORPUS / kind_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"found-{hashlib.sha256(data).hexdigest()[:16]}"
    file.write_bytes(data)
    return str(file.relative_to(CORPUS.parent.parent))


if __name__ == "__main__":
    sys.exit(main())
