"""One export request as OTLP JSON and back: ids in hex, enums as numbers, no white space.

For files that people read and other tools replay; the receivers have a faster way.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, cast

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ..component import Signal
from ..errors import Malformed

REQUESTS: dict[Signal, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
KEYS: tuple[tuple[str, Signal], ...] = (
    ("resourceSpans", "traces"),
    ("resourceMetrics", "metrics"),
    ("resourceLogs", "logs"),
)
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})


def to_json(signal: Signal, payload: bytes) -> str | None:
    """Return one line of OTLP JSON, or ``None`` when JSON cannot say all that ``payload`` says:
    broken bytes, text that is no UTF-8, fields newer than our definitions.
    """
    try:
        request = REQUESTS[signal].FromString(payload)
        size = request.ByteSize()
        request.DiscardUnknownFields()
        whole = request.ByteSize() == size
        return _dump(_written(request)) if whole else None
    except (DecodeError, ValueError):
        return None


def from_json(line: str | bytes) -> tuple[Signal, bytes]:
    """Read one line of OTLP JSON. Raises ``Malformed`` when it is none."""
    try:
        given: Any = json.loads(line)
        signal: Signal = next(signal for key, signal in KEYS if key in given)
        request = ParseDict(_ids(given, _to_base64), REQUESTS[signal](), ignore_unknown_fields=True)
    except (ValueError, TypeError, ParseError, StopIteration, RecursionError) as error:
        raise Malformed("not a line of OTLP JSON") from error
    return signal, request.SerializeToString()


def _written(request: Message) -> Any:
    return _ids(MessageToDict(request, use_integers_for_enums=True), _to_hex)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _ids(node: Any, change: Callable[[str], str]) -> Any:
    """Rewrite the ids: the only places where OTLP differs from protobuf's own JSON."""
    if isinstance(node, dict):
        fields = cast("dict[str, Any]", node)
        return {
            key: change(value) if key in _IDS and isinstance(value, str) else _ids(value, change)
            for key, value in fields.items()
        }
    if isinstance(node, list):
        return [_ids(item, change) for item in cast("list[Any]", node)]
    return node


def _to_hex(encoded: str) -> str:
    return base64.b64decode(encoded).hex()


def _to_base64(written: str) -> str:
    return base64.b64encode(bytes.fromhex(written)).decode()
