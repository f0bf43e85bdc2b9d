"""OTLP over gRPC, claim by claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import grpc

from ..component import Signal
from ..protocol import METHODS
from .asking import (
    GARBAGE,
    PARTLY_SOUND,
    SENT,
    SIGNALS,
    TOO_LARGE,
    Answer,
    Check,
    Outcome,
    Send,
    is_partial,
    is_silent,
    is_whole,
)


def _took(
    signal: Signal,
    payload: bytes,
    says: Callable[[Signal, Answer], bool] = is_whole,
    **request: Any,
) -> Outcome:
    def check(send: Send) -> tuple[bool, Answer]:
        answer = send(payload, signal, **request)
        return answer.status == "OK" and says(signal, answer), answer

    return check


def _refused(code: str, payload: bytes, **request: Any) -> Outcome:
    def check(send: Send) -> tuple[bool, Answer]:
        answer = send(payload, **request)
        return answer.status == code, answer

    return check


def _never_again(send: Send) -> tuple[bool, Answer]:
    answer = send(bytes(TOO_LARGE), compression=grpc.Compression.Gzip)
    hinted = "google.rpc.retryinfo-bin" in answer.headers
    return answer.status == "RESOURCE_EXHAUSTED" and not hinted, answer


def _explained(send: Send) -> tuple[bool, Answer]:
    answer = send(GARBAGE)
    return "grpc-status-details-bin" in answer.headers, answer


def _partly_took(send: Send) -> tuple[bool, Answer]:
    answer = send(PARTLY_SOUND)
    return answer.status == "OK" and is_partial(answer), answer


CHECKS: Final[Sequence[Check]] = [
    *(
        ("MUST", f"{s}: taken, partial_success unset", _took(s, SENT[s], is_silent))
        for s in SIGNALS
    ),
    *(("MUST", f"{s}: an empty request succeeds", _took(s, b"")) for s in SIGNALS),
    (
        "MUST",
        "gzip is understood",
        _took("traces", SENT["traces"], compression=grpc.Compression.Gzip),
    ),
    (
        "MAY",
        "deflate is understood",
        _took("traces", SENT["traces"], compression=grpc.Compression.Deflate),
    ),
    (
        "MUST",
        "unknown fields are ignored",
        _took("traces", SENT["traces"] + b"\xfa\x01\x01x"),
    ),
    (
        "MUST",
        "garbage behind a request is INVALID_ARGUMENT",
        _refused("INVALID_ARGUMENT", SENT["traces"] + GARBAGE),
    ),
    ("SHOULD", "INVALID_ARGUMENT comes with a google.rpc.Status", _explained),
    ("MUST", "garbage is INVALID_ARGUMENT", _refused("INVALID_ARGUMENT", GARBAGE)),
    (
        "MUST",
        "a request that is cut off is INVALID_ARGUMENT",
        _refused("INVALID_ARGUMENT", SENT["traces"][:-2]),
    ),
    ("MUST", "too large once unpacked: RESOURCE_EXHAUSTED, no hint to come back", _never_again),
    ("MAY", "a span without ids is rejected alone, and partial_success says why", _partly_took),
    (
        "usual",
        "an unknown method is UNIMPLEMENTED",
        _refused("UNIMPLEMENTED", b"", method=METHODS["traces"].replace("Export", "Import")),
    ),
]
