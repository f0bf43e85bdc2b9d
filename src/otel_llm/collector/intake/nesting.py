"""Whether the values of a span or log record are nested deeper than parsers go.

Only large items are looked at: in fewer bytes than ``DEEP_BYTES`` no value is nested so deep that
it would harm who follows it, and looking at every value costs more than all else on the way in.
Beyond ``MOST_FIELDS`` we look no further: it must not cost a sender little and us much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Final

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ..component import Signal
from ..errors import Malformed
from .fields import fields

MAX_DEPTH: Final = 100
"""Of nested messages, as in protobuf's own parsers."""
DEEP_BYTES: Final = 8 * 2**10
_PARSED_BYTES: Final = 256 * 2**10
"""Up to which protobuf may make objects of it: twenty times its bytes at worst."""
MOST_FIELDS: Final = 20_000

_PARSERS: Final[Mapping[Signal, type[Message]]] = {"traces": Span, "logs": LogRecord}
_INSIDE: Final[Mapping[str, Mapping[int, str]]] = {
    "traces": {9: "pair", 11: "event", 13: "link"},
    "logs": {5: "value", 6: "pair"},
    "event": {3: "pair"},
    "link": {4: "pair"},
    "pair": {2: "value"},
    "value": {5: "array", 6: "map"},
    "array": {1: "value"},
    "map": {1: "pair"},
}
"""Field numbers of the messages in each message."""


def is_deep(signal: Signal, encoded: bytes) -> bool:
    """Whether something in a span or log record is nested too deep. What is broken is not deep."""
    if len(encoded) <= _PARSED_BYTES:
        with suppress(DecodeError):  # it is deep, or broken
            _PARSERS[signal].FromString(encoded)
            return False
    return _goes_deep(signal, memoryview(encoded))


def _goes_deep(kind: str, encoded: memoryview) -> bool:
    waiting, looked_at = [(kind, encoded, 0)], 0
    while waiting and looked_at < MOST_FIELDS:
        kind, message, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return True
        found = list(islice(_fields(message), MOST_FIELDS - looked_at))
        inside, looked_at = _INSIDE[kind], looked_at + len(found)
        waiting += [(inside[n], content, depth + 1) for n, content in found if n in inside]
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    with suppress(Malformed):
        yield from filter(None, fields(message))
