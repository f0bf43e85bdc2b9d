"""``export``: the calls of a collector as Parquet or OTLP."""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from .asking import Unanswered, add_source, opened_file, stream
from .calls import add_times, chosen, unanswered
from .command import Commands, command, mistakes


def add(commands: Commands) -> None:
    """Describe the subcommand."""
    export = command(commands, "export", _run, "write calls to a file: Parquet, or OTLP to replay")
    export.add_argument("--format", choices=("parquet", "otlp"), required=True)
    export.add_argument("--output", type=Path, required=True, metavar="FILE")
    add_times(export, "24h")
    add_source(export)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.output.is_dir():
        return mistakes(arguments.output, ["is a folder; name a file"])
    try:
        part = _begun(arguments.output)
    except OSError as error:
        mistakes(arguments.output, [error])
        return 1
    try:
        (_from_file if arguments.store else _from_collector)(arguments, part)
        part.replace(arguments.output)  # a file that is there is whole
    except Unanswered as error:
        return unanswered(error)
    except OSError as error:
        mistakes(arguments.output, [error])
        return 1
    finally:
        part.unlink(missing_ok=True)
    print(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes")
    return 0


def _from_collector(arguments: argparse.Namespace, part: Path) -> None:
    asked = {name: getattr(arguments, name) for name in ("format", "since", "until")}
    with part.open("wb") as out:
        for chunk in stream(arguments, "/v1/export", asked):
            out.write(chunk)


def _from_file(arguments: argparse.Namespace, part: Path) -> None:
    from otel_llm.collector.calls.spans import otlp_lines

    where = replace(chosen(arguments.since, arguments.until), billed=None)
    with opened_file(arguments.store) as store, part.open("wb") as out:
        if arguments.format == "otlp":
            out.writelines(line.encode() for line in otlp_lines(store.history(0, where)))
        else:
            store.to_parquet(part, where)


def _begun(output: Path) -> Path:
    """Return a new file beside ``output``: who asked what of which model is for the owner alone,
    and in a folder that others write to, none of them has put a link in its place."""
    descriptor, name = tempfile.mkstemp(prefix=f"{output.name}.", suffix=".part", dir=output.parent)
    os.close(descriptor)
    return Path(name)
