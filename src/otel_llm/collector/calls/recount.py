"""The calls in a journal or a dead letter, read again: to refill a store, and to check its sums."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otel_llm import semconv
from otel_llm.genai import Call
from otel_llm.semconv import own

from ..data import Batch
from ..errors import Malformed
from ..journal.segments import SUFFIX, read_back
from ..sending.dead_letter import read
from .reading import read_call

_CHUNK: Final = 2**20


@dataclass(frozen=True, slots=True)
class Sums:
    """What some calls come to; ``None``: nothing to add up."""

    calls: int = 0
    """Model calls, each once."""
    errors: int = 0
    unpriced: int = 0
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


def calls_of(payload: bytes) -> list[Call]:
    """Return the calls of one traces request as the pipeline left it. Raises ``Malformed``."""
    return calls_in_batch(Batch.open(payload))


def calls_in_batch(batch: Batch) -> list[Call]:
    """Return the calls of a batch that no processor has to look at any more."""
    return [
        read_call(span)
        for span in batch.genai()
        if span.has(semconv.OPERATION_NAME) and not span.has(own.DUPLICATE_OF)
    ]


def calls_in(paths: Iterable[Path]) -> Iterator[Call]:
    """Yield the calls of journals (directories) and dead letters (files), repeated ones again.

    Raises ``OSError`` and ``Malformed``. A journal may be in use: what is there now is read.
    """
    for path in paths:
        payloads = _journal(path) if path.is_dir() else _letter(path)
        for payload in payloads:
            yield from calls_of(payload)


def recount(calls: Iterable[Call]) -> Sums:
    """Add up the model calls among ``calls``; a span that comes twice counts once."""
    once = {(call.trace_id, call.span_id): call for call in calls if call.billed}.values()
    costs = [c.cost.total for c in once if c.cost and c.cost.currency == "USD"]
    return Sums(
        calls=len(once),
        errors=sum(call.error_type is not None for call in once),
        unpriced=sum(call.unpriced for call in once),
        cost_usd=math.fsum(costs) if costs else None,
        input_tokens=_sum(call.usage.input_tokens for call in once),
        output_tokens=_sum(call.usage.output_tokens for call in once),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _letter(file: Path) -> Iterator[bytes]:
    return (payload for signal, payload in read(file) if signal == "traces")


def _journal(directory: Path) -> Iterator[bytes]:
    if not directory.name.startswith("traces"):
        raise Malformed(f"{directory} is no journal of traces")
    for file in sorted(directory.glob(f"*{SUFFIX}")):
        yield from payloads_of(file)


def payloads_of(file: Path, offset: int = 0) -> Iterator[bytes]:
    """Yield the sound records of a journal's file from ``offset`` on."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        yield from payloads(descriptor, offset, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def payloads(file: int, offset: int, end: int) -> Iterator[bytes]:
    """Yield the sound records of a journal's file between two offsets."""
    while offset < end:
        found = read_back(file, offset, end, _CHUNK)
        yield from (bytes(record.payload) for record in found.records)
        offset = found.end
