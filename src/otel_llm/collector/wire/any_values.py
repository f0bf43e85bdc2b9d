"""OTLP's ``AnyValue`` to Python and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


def plain(value: AnyValue) -> Any:
    """Return an ``AnyValue`` as Python."""
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
        case kind:
            return getattr(value, kind)


def any_value(value: Any) -> AnyValue:
    """Return Python as an ``AnyValue``; what OTLP has no type for as text."""
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, bytes):
        made.bytes_value = value
    elif isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        made.kvlist_value.values.extend(KeyValue(key=str(k), value=any_value(v)) for k, v in pairs)
        made.kvlist_value.SetInParent()
    elif isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        made.array_value.values.extend(any_value(item) for item in items)
        made.array_value.SetInParent()
    elif value is not None:
        made.string_value = str(value).encode(errors="replace").decode()
    return made
