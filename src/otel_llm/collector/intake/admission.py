"""Which part of a request is taken: all of it, all but some spans, or nothing.

What a hostile request would make large is counted before protobuf makes objects of it. Ids are
those of ``trace.proto``: 16 and 8 bytes, not all zero.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..component import Signal
from ..errors import Malformed, TooLarge
from ..protocol import ITEMS
from ..wire.slim import FrameMessage, FrameScope, NotProtobuf, parse_frame, parse_span
from .answers import Rejected
from .config import LimitsConfig
from .fields import fields
from .nesting import DEEP_BYTES, MAX_DEPTH, is_deep

_LARGE = 4 * 2**20
"""Bytes from which the items are counted one by one before they are parsed: below it, protobuf's
sixteen bytes for each of two do no harm, and they are counted when they are parsed."""
_FRAME: Final = ((1,), (2,))
_PATHS: Final[Mapping[Signal, Sequence[tuple[int, ...]]]] = {
    "traces": (*_FRAME, (2,)),
    "logs": (*_FRAME, (2,)),
    "metrics": (*_FRAME, (2,), (5, 7, 9, 10, 11), (1,)),
}
"""Field numbers from the request down to what it holds."""
_PARTS: Final[Mapping[Signal, tuple[int, ...]]] = {"traces": (9, 11, 13), "logs": (6,)}
"""Fields of one item that may be many: attributes, events, links."""
_SOUND = re.compile(rb"\n\x10(?!\0{16}).{16}\x12\x08(?!\0{8})", re.DOTALL).match
"""How nearly every encoded span begins: with its ids."""
_FULL: Final[Mapping[Signal, type[Message]]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}

_DEEP: Final = f"with values nested more than {MAX_DEPTH} messages deep"

Fault = Callable[[bytes], str | None]
_Places = dict[int, str]
"""Why the items at these places of a scope are not taken."""


class Admission:
    """Judges requests by ``LimitsConfig``."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits
        # The fewest bytes in which too many attributes, or too deep ones, find room.
        self._large_item = min(2 * limits.max_attributes, DEEP_BYTES)
        self._many = f"with more than {limits.max_attributes} attributes, events and links"

    def admit(self, signal: Signal, payload: bytes) -> tuple[bytes, Rejected | None]:
        """Return what is taken of a request, and what is not. Raises ``TooLarge``, ``Malformed``.

        The payload itself comes back when all of it is taken.
        """
        self._measure(signal, payload)
        try:
            if self._limits.strict:
                _FULL[signal].FromString(payload)
            frame = parse_frame(payload)
            scopes = [scope for group in frame.groups for scope in group.scopes]
            if sum([len(scope.items) for scope in scopes]) > self._limits.max_items:
                raise self._too_many(signal)
            if signal == "metrics":
                return payload, None
            return self._without_faults(signal, payload, frame, scopes)
        except NotProtobuf:
            raise Malformed(f"the body is no OTLP {signal} request") from None

    def _measure(self, signal: Signal, payload: bytes) -> None:
        path = _PATHS[signal] if len(payload) > _LARGE else _FRAME
        if _visited(memoryview(payload), path, self._limits.max_items) > self._limits.max_items:
            raise self._too_many(signal)

    def _too_many(self, signal: Signal) -> TooLarge:
        return TooLarge(f"more than {self._limits.max_items} {ITEMS[signal]}")

    def _without_faults(
        self, signal: Signal, payload: bytes, frame: FrameMessage, scopes: Sequence[FrameScope]
    ) -> tuple[bytes, Rejected | None]:
        may_be_large = len(payload) > self._large_item
        faults = Counter[str]()
        places: list[_Places] = []
        for scope in scopes:
            items = list(scope.items)
            if signal == "traces" and not all(map(_SOUND, items)):
                found = _take_out(scope, items, self._span_fault)
            elif may_be_large and max(map(len, items), default=0) > self._large_item:
                found = _take_out(scope, items, lambda item: self._excess(signal, item))
            else:
                found = {}
            places.append(found)
            faults.update(found.values())
        if not faults:
            return payload, None
        rejected = _rejected(signal, faults, _alone(payload, places))
        return frame.SerializeToString(), rejected

    def _span_fault(self, encoded: bytes) -> str | None:
        if excess := self._excess("traces", encoded):
            return excess
        try:
            span = parse_span(encoded)
        except NotProtobuf:
            return "broken inside"
        if not _is_id(span.trace_id, 16):
            return "without a valid trace id"
        return None if _is_id(span.span_id, 8) else "without a valid span id"

    def _excess(self, signal: Signal, encoded: bytes) -> str | None:
        crowd = self._crowd(signal, encoded)
        deep = crowd is None and len(encoded) > DEEP_BYTES and is_deep(signal, encoded)
        return _DEEP if deep else crowd

    def _crowd(self, signal: Signal, encoded: bytes) -> str | None:
        limit = self._limits.max_attributes
        if len(encoded) <= 2 * limit:
            return None
        try:
            parts = _visited(memoryview(encoded), (_PARTS[signal],), limit)
        except Malformed:
            return "broken inside"
        return self._many if parts > limit else None


def _is_id(given: bytes, size: int) -> bool:
    return len(given) == size and any(given)


def _take_out(scope: FrameScope, items: Sequence[bytes], fault: Fault) -> _Places:
    """Remove the items that have a fault; return which had which."""
    found = {index: reason for index, item in enumerate(items) if (reason := fault(item))}
    for index in reversed(found):
        del scope.items[index]
    return found


def _alone(payload: bytes, places: Sequence[_Places]) -> bytes:
    """Return a request of the items at ``places`` alone, by scope."""
    frame = parse_frame(payload)
    scopes = [scope for group in frame.groups for scope in group.scopes]
    for scope, found in zip(scopes, places, strict=True):
        kept = [scope.items[index] for index in found]
        del scope.items[:]
        scope.items.extend(kept)
    return frame.SerializeToString()


def _rejected(signal: Signal, faults: Counter[str], payload: bytes) -> Rejected:
    things = ITEMS[signal].replace("_", " ")
    said = "; ".join(f"{count} {things} {reason}" for reason, count in faults.most_common())
    return Rejected(faults.total(), said, payload)


def _visited(data: memoryview, path: Sequence[tuple[int, ...]], limit: int) -> int:
    """Return how many fields there are down ``path``; beyond ``limit`` some number above it.

    Raises ``Malformed`` where a length leads out of its message.
    """
    seen = 0
    for field in fields(data):
        seen += 1
        if field is not None and field[0] in path[0] and len(path) > 1:
            seen += _visited(field[1], path[1:], limit - seen)
        if seen > limit:
            break
    return seen
