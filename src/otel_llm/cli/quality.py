"""``quality``: how good the checks are on a labelled set of texts, and where they are wrong."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from .command import Commands, command, group, mistakes


def add(commands: Commands) -> None:
    """Describe the subcommands."""
    quality = group(commands, "quality", "the quality checks: how good are they?")
    measure = command(quality, "measure", _measure, "precision and recall of every check")
    measure.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a table with the columns side, labels and text, such as tests/data/"
        "labelled_outputs.tsv",
    )
    measure.add_argument("--held-out", action="store_true", help="only the half that is held out")
    measure.add_argument("--mistakes", action="store_true", help="show every text that went wrong")


def _measure(arguments: argparse.Namespace) -> int:
    from otel_llm.quality import measure

    try:
        examples = measure.read_examples(arguments.file)
    except (OSError, ValueError, csv.Error) as error:
        return mistakes(arguments.file, [error])
    chosen = [one for one in examples if one.held or not arguments.held_out]
    print(f"{len(chosen)} texts")
    print(f"{'check':18}{'labelled':>9}{'flagged':>9}{'precision':>11}{'recall':>8}")
    for one in measure.measure(chosen):
        counts = f"{one.hits + one.misses:9}{one.hits + one.false_alarms:9}"
        print(f"{one.check:18}{counts}{_share(one.precision):>11}{_share(one.recall):>8}")
    for example, flags in measure.mistakes(chosen) if arguments.mistakes else ():
        labels = ", ".join(sorted(example.labels)) or "nothing"
        print(f"{labels} -> {', '.join(sorted(flags)) or 'nothing'}: {example.text[:120]!r}")
    return 0


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"
