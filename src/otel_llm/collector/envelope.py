"""How much one export request holds, and how to divide it. The same for all three signals."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from .component import Signal
from .errors import Malformed
from .wire import (
    MetricsScopeMessage,
    NotProtobuf,
    RequestMessage,
    parse_metrics_scope,
    parse_request,
    parse_scope,
)

_POINTS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


def count(signal: Signal, payload: bytes) -> int:
    """Return the spans, data points or log records in one export request; 0 when unreadable."""
    try:
        return checked_count(signal, payload)
    except Malformed:
        return 0


def checked_count(signal: Signal, payload: bytes) -> int:
    """As ``count``, but raises ``Malformed`` when the frame down to the items is broken."""
    try:
        scopes = [scope for group in parse_request(payload).groups for scope in group.scopes]
        if signal == "metrics":
            return sum(_points(parse_metrics_scope(scope)) for scope in scopes)
        return sum([len(parse_scope(scope).items) for scope in scopes])
    except NotProtobuf:
        raise Malformed(f"the body is no OTLP {signal} request") from None


def halve(payload: bytes) -> tuple[bytes, bytes] | None:
    """Divide one export request into two of about the same size that say the same together.

    ``None`` when it holds a single item, or none. Raises ``Malformed`` on a broken frame.
    """
    try:
        left, right = parse_request(payload), parse_request(payload)
        if _divide(left.groups, right.groups) or _divide_group(left, right):
            return left.SerializeToString(), right.SerializeToString()
    except NotProtobuf as error:
        raise Malformed("not an export request") from error
    return None


def _divide_group(left: RequestMessage, right: RequestMessage) -> bool:
    if not left.groups or not left.groups[0].scopes:
        return False
    left_scopes, right_scopes = left.groups[0].scopes, right.groups[0].scopes
    if _divide(left_scopes, right_scopes):
        return True
    left_scope, right_scope = parse_scope(left_scopes[0]), parse_scope(right_scopes[0])
    divided = _divide(left_scope.items, right_scope.items)
    left_scopes[0], right_scopes[0] = (
        left_scope.SerializeToString(),
        right_scope.SerializeToString(),
    )
    return divided


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


def _points(scope: MetricsScopeMessage) -> int:
    return sum(len(getattr(m, kind).points) for m in scope.metrics for kind in _POINTS)
