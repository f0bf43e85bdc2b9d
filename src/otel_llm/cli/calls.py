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


def chosen(since: str, until: str | None = None) -> Filter:
    """Return the times as a filter. Raises ``Unanswered`` for what is no time."""
    from pydantic import ValidationError

    from otel_llm.store import Selection

    try:
        return Selection.model_validate({"since": since, "until": until}).filter()
    except ValidationError as error:
        raise Unanswered("; ".join(str(one["msg"]) for one in error.errors())) from error


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
