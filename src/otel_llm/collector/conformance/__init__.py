"""Does a server speak OTLP as its specification says? Runs against any endpoint.

Each check sends what a sender may send and holds the answer against OTLP 1.11. ``MUST`` and
``SHOULD`` are the specification's; ``MAY`` is what a server is free to offer, ``usual`` what the
OpenTelemetry Collector does and senders have come to expect. What is sent are spans, points and
records named ``otlp-conformance``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from typing import Literal

import grpc

from . import grpc_checks, http_checks
from .asking import Check, Level, Send, over_grpc, over_http

__all__ = ["Result", "line", "run", "total"]


@dataclass(frozen=True, slots=True)
class Result:
    """How one check came out."""

    transport: Literal["gRPC", "HTTP"]
    level: Level
    claim: str
    passed: bool
    seen: str
    """What the server answered."""


def run(*, grpc_target: str | None = None, http_url: str | None = None) -> Iterator[Result]:
    """Check a server. ``grpc_target`` is ``host:port``, ``http_url`` the base before ``/v1/…``."""
    if grpc_target:
        with grpc.insecure_channel(
            grpc_target, options=[("grpc.max_send_message_length", -1)]
        ) as channel:
            yield from _results("gRPC", grpc_checks.CHECKS, partial(over_grpc, channel))
    if http_url:
        yield from _results("HTTP", http_checks.CHECKS, partial(over_http, http_url))


def line(result: Result) -> str:
    """Return a result as one line of text."""
    mark = "pass" if result.passed else "FAIL"
    return f"{mark}  {result.transport}  {result.level:6}  {result.claim:62}  {result.seen}"


def total(results: Sequence[Result]) -> str:
    """Return the sum of the results as one line of text."""
    return f"{sum(r.passed for r in results)} of {len(results)} passed"


def _results(
    transport: Literal["gRPC", "HTTP"], checks: Sequence[Check], send: Send
) -> Iterator[Result]:
    for level, claim, check in checks:
        try:
            passed, answer = check(send)
            seen = str(answer)
        except (OSError, HTTPException) as error:
            passed, seen = False, f"no answer: {type(error).__name__}"
        yield Result(transport, level, claim, passed, seen)
