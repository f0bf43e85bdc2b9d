"""The calls of a running collector, or of its file, for commands that work on them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from .asking import Unanswered, opened_file, stream

if TYPE_CHECKING:
    from otel_llm.genai import Call
    from otel_llm.store import Filter

SINCE: Final = "30d (ago), ISO 8601 or Unix seconds"


def add_since(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Describe ``--since``, which is required without a ``default``."""
    parser.add_argument(
        "--since", type=moment, default=default, required=default is None, help=SINCE
    )


def add_times(parser: argparse.ArgumentParser, since: str | None = None) -> None:
    """Describe ``--since``, by default ``since``, and ``--until``."""
    add_since(parser, since)
    parser.add_argument("--until", type=moment, help="in the same forms; by default now")


def moment(written: str) -> str:
    """Return a time as it was written; what is none is a mistake in the command line."""
    from otel_llm.config.moment import moment_ns

    try:
        moment_ns(written, 0)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{written!r}: {error}") from None
    return written


def chosen(since: str, until: str | None = None) -> Filter:
    """Return times that ``moment`` has seen as a filter."""
    from otel_llm.store import Selection

    return Selection.model_validate({"since": since, "until": until}).filter()


def unanswered(error: Unanswered) -> int:
    """Print why there is no answer; returns exit code 1."""
    print(f"otel-llm: {error}", file=sys.stderr)
    return 1


@contextmanager
def calls_of(arguments: argparse.Namespace) -> Generator[Iterator[Call]]:
    """Give the calls from ``--since`` to ``--until``, oldest first, agents and tools among them.

    Raises ``Unanswered``, also while they are read.
    """
    since, until = arguments.since, arguments.until
    if arguments.store:
        where = chosen(since, until)
        with opened_file(arguments.store) as store:
            yield store.history(where.since_ns or 0, where)
    else:
        yield _exported(arguments, since, until)


def _exported(arguments: argparse.Namespace, since: str, until: str | None) -> Iterator[Call]:
    from otel_llm.collector.calls import read_call
    from otel_llm.collector.data import Batch
    from otel_llm.collector.wire.otlp_json import from_json

    asked = {"format": "otlp", "since": since, "until": until}
    for line in _lines(stream(arguments, "/v1/export", asked)):
        _, payload = from_json(line)
        yield from map(read_call, Batch.open(payload).genai())


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in lines if line)
    if rest:
        yield rest.decode()
