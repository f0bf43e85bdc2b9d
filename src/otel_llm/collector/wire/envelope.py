"""How much one export request holds, and how to divide it. The same for all three signals."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from ..component import Signal
from ..errors import Malformed
from .slim import FrameMessage, NotProtobuf, parse_frame, parse_metrics_scope, parse_request


def count(signal: Signal, payload: bytes) -> int:
    """Return the spans, data points or log records in one export request; 0 when unreadable."""
    try:
        return checked_count(signal, payload)
    except Malformed:
        return 0


def checked_count(signal: Signal, payload: bytes) -> int:
    """As ``count``, but raises ``Malformed`` when the frame down to the items is broken."""
    try:
        if signal == "metrics":
            return _data_points(payload)
        frame = parse_frame(payload)
        return sum([len(scope.items) for group in frame.groups for scope in group.scopes])
    except NotProtobuf:
        raise Malformed(f"the body is no OTLP {signal} request") from None


def halve(payload: bytes) -> tuple[bytes, bytes] | None:
    """Divide one export request into two of about the same size that say the same together.

    ``None`` when it holds a single item, or none. Raises ``Malformed`` on a broken frame.
    """
    try:
        left, right = parse_frame(payload), parse_frame(payload)
    except NotProtobuf as error:
        raise Malformed("not an export request") from error
    if _divide_frame(left, right):
        return left.SerializeToString(), right.SerializeToString()
    return None


def _divide_frame(left: FrameMessage, right: FrameMessage) -> bool:
    if len(left.groups) != 1:
        return _divide(left.groups, right.groups)
    left_scopes, right_scopes = left.groups[0].scopes, right.groups[0].scopes
    if len(left_scopes) != 1:
        return _divide(left_scopes, right_scopes)
    return _divide(left_scopes[0].items, right_scopes[0].items)


def _divide(left: Any, right: Any) -> bool:
    """Leave the first half in one of two equal repeated fields and the second in the other."""
    if len(left) < 2:
        return False
    sizes = [len(part) if isinstance(part, bytes) else part.ByteSize() for part in left]
    middle = _middle(sizes)
    del left[middle:]
    del right[:middle]
    return True


def _middle(sizes: list[int]) -> int:
    """Return how many parts make up the first half: at least one, and not all."""
    half = sum(sizes) / 2
    upto = next(index for index, seen in enumerate(accumulate(sizes), start=1) if seen >= half)
    return min(upto, len(sizes) - 1)


def _data_points(payload: bytes) -> int:
    scopes = [scope for group in parse_request(payload).groups for scope in group.scopes]
    metrics = [metric for scope in scopes for metric in parse_metrics_scope(scope).metrics]
    kinds = ((metric, metric.WhichOneof("data")) for metric in metrics)
    return sum([len(getattr(metric, kind).points) for metric, kind in kinds if kind])
