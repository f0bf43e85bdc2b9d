"""OTLP's wire form, as far as the data path needs it: slim protobuf types.

The types are wire-compatible with ``opentelemetry.proto`` but declare only what is read; all else
stays in unknown fields, which protobuf keeps. A nested message that is passed on is ``bytes``, so
parsing one level makes no objects below it. They live in a descriptor pool of their own and use
proto2 rules, under which invalid UTF-8 is no error.

``repeated KeyValue`` has the wire form of ``map<string, bytes>``: protobuf then builds the hash
table itself, and only attributes that are asked for become Python objects. Such a map is for
reading alone (order and duplicates are lost).

Traces, metrics and logs share one frame: request, groups (one per resource), scopes, items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_BYTES, _TEXT = _Field.TYPE_BYTES, _Field.TYPE_STRING
_PACKAGE = "otel_llm.wire"

NotProtobuf = message.DecodeError
"""Raised by every ``FromString`` here on bytes that are no protobuf."""


class Repeated(Protocol):
    """A ``repeated bytes`` field."""

    def __iter__(self) -> Iterator[bytes]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> bytes: ...
    def __setitem__(self, index: int, value: bytes) -> None: ...
    def __delitem__(self, index: int | slice) -> None: ...
    def append(self, value: bytes) -> None:
        """Add one at the end."""
        ...

    def extend(self, values: Iterable[bytes]) -> None:
        """Add many at the end."""
        ...


class Attributes(Protocol):
    """Encoded ``AnyValue`` by attribute name. ``[]`` on a missing name would insert it: ask
    ``in`` first. A name that is no UTF-8 comes out as ``bytes``."""

    def __contains__(self, name: str) -> bool: ...
    def __getitem__(self, name: str | bytes) -> bytes: ...
    def __iter__(self) -> Iterator[str | bytes]: ...
    def get(self, name: str) -> bytes | None:
        """Return a value; slower than ``in`` and ``[]``."""
        ...

    def __len__(self) -> int: ...


class Message(Protocol):
    """What every slim message can do."""

    def SerializeToString(self) -> bytes:
        """Encode, unknown fields included."""
        ...


class RequestMessage(Message, Protocol):
    """Any export request."""

    groups: Sequence[GroupMessage]


class GroupMessage(Message, Protocol):
    """``ResourceSpans`` and its siblings."""

    resource: Repeated
    scopes: Repeated


class ScopeMessage(Message, Protocol):
    """``ScopeSpans`` and its siblings, items (spans, metrics, log records) as bytes."""

    scope: Repeated
    items: Repeated


class StatusMessage(Protocol):
    """A span's status."""

    code: int
    message: bytes


class FrameScope(Message, Protocol):
    """As ``ScopeMessage``, but for its place."""

    items: Repeated


class FrameGroup(Message, Protocol):
    """As ``GroupMessage``, scopes opened."""

    scopes: Sequence[FrameScope]


class FrameMessage(Message, Protocol):
    """Any export request, opened down to its items in one go: a tenth of what level by level
    costs, when the bytes of a level are not wanted."""

    groups: Sequence[FrameGroup]


class SpanMessage(Protocol):
    """A span to read from."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: bytes
    kind: int
    start: int
    end: int
    attributes: Attributes
    events: Repeated
    links: Repeated
    status: StatusMessage


class ScopeInfo(Protocol):
    """The instrumentation scope."""

    name: bytes


class ScopeViewMessage(Protocol):
    """``ScopeSpans`` with its spans open for reading."""

    scope: ScopeInfo
    spans: Sequence[SpanMessage]


class ResourceMessage(Protocol):
    """A resource to read from."""

    attributes: Attributes


class KeyMessage(Protocol):
    """An attribute of which only the name is looked at."""

    key: str | bytes


class EditedAttributes(Protocol):
    """Attributes that can be changed and taken out one by one."""

    def __getitem__(self, index: int) -> KeyValueMessage: ...
    def __iter__(self) -> Iterator[KeyValueMessage]: ...
    def __len__(self) -> int: ...
    def __delitem__(self, index: int) -> None: ...


class EventMessage(Protocol):
    """An event, or a link, which has no name."""

    name: bytes
    attributes: EditedAttributes


class EditedSpan(Message, Protocol):
    """A span whose attributes can be taken out one by one, and all else that says something
    reworded; the rest is unknown fields."""

    name: bytes
    attributes: list[KeyMessage]
    events: Sequence[EventMessage]
    links: Sequence[EventMessage]
    status: StatusMessage


class AttributedSpan(Message, Protocol):
    """A span whose attributes can be taken out as bytes; the rest is unknown fields."""

    attributes: Repeated


class KeyValueMessage(Protocol):
    """One attribute, its value still encoded."""

    key: str | bytes
    value: bytes


class KeyValuesMessage(Protocol):
    """``KeyValueList``."""

    values: Sequence[KeyValueMessage]


class ArrayMessage(Protocol):
    """``ArrayValue``, its elements still encoded."""

    values: Repeated


class AnyMessage(Protocol):
    """``AnyValue``; arrays and maps stay encoded, so depth costs nothing until it is asked for."""

    string_value: str | bytes
    bool_value: bool
    int_value: int
    double_value: float
    array_value: bytes
    kvlist_value: bytes
    bytes_value: bytes

    def WhichOneof(self, group: str) -> str | None:
        """Name the field that is set."""
        ...


class MetricMessage(Protocol):
    """A metric of which only the data points are counted, those of its one kind."""

    def WhichOneof(self, group: str) -> str | None:
        """Name the field that is set."""
        ...


class MetricsScopeMessage(Protocol):
    """``ScopeMetrics`` down to its metrics."""

    metrics: Sequence[MetricMessage]


def _types() -> descriptor_pb2.FileDescriptorProto:
    """Describe the slim types: ``name=(number, type)``, repeated where the number is negative."""
    file = descriptor_pb2.FileDescriptorProto(
        name="otel_llm/wire.proto", package=_PACKAGE, syntax="proto2"
    )

    def define(type_name: str, **fields: tuple[int, int | str]) -> descriptor_pb2.DescriptorProto:
        made = file.message_type.add(name=type_name)
        for name, (number, kind) in fields.items():
            label = _Field.LABEL_REPEATED if number < 0 else _Field.LABEL_OPTIONAL
            _set_type(made.field.add(name=name, number=abs(number), label=label), kind)
        return made

    def with_map(made: descriptor_pb2.DescriptorProto, number: int) -> None:
        entry = made.nested_type.add(name="AttributesEntry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL, type=_TEXT)
        entry.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL, type=_BYTES)
        field = made.field.add(name="attributes", number=number, label=_Field.LABEL_REPEATED)
        _set_type(field, f"{made.name}.AttributesEntry")

    # ``resource`` and ``scope`` are repeated though OTLP has one: a repeated field keeps the
    # presence of an empty message and every part of one that was sent in pieces.
    define("Request", groups=(-1, "Group"))
    define("Group", resource=(-1, _BYTES), scopes=(-2, _BYTES))
    define("Scope", scope=(-1, _BYTES), items=(-2, _BYTES))
    define("FrameScope", items=(-2, _BYTES))
    define("FrameGroup", scopes=(-2, "FrameScope"))
    define("Frame", groups=(-1, "FrameGroup"))
    define("Status", message=(2, _BYTES), code=(3, _Field.TYPE_INT32))
    define("ScopeInfo", name=(1, _BYTES))
    span = define(
        "Span",
        trace_id=(1, _BYTES),
        span_id=(2, _BYTES),
        parent_span_id=(4, _BYTES),
        name=(5, _BYTES),
        kind=(6, _Field.TYPE_INT32),
        start=(7, _Field.TYPE_FIXED64),
        end=(8, _Field.TYPE_FIXED64),
        events=(-11, _BYTES),
        links=(-13, _BYTES),
        status=(15, "Status"),
    )
    with_map(span, 9)
    define("ScopeView", scope=(1, "ScopeInfo"), spans=(-2, "Span"))
    with_map(define("Resource"), 1)
    define("Key", key=(1, _TEXT))
    define("Event", name=(2, _BYTES), attributes=(-3, "KeyValue"))
    define("Link", attributes=(-4, "KeyValue"))
    define(
        "EditedSpan",
        name=(5, _BYTES),
        attributes=(-9, "Key"),
        events=(-11, "Event"),
        links=(-13, "Link"),
        status=(15, "Status"),
    )
    define("Attributed", attributes=(-9, _BYTES))
    define("KeyValue", key=(1, _TEXT), value=(2, _BYTES))
    define("KeyValues", values=(-1, "KeyValue"))
    define("Array", values=(-1, _BYTES))
    any_value = define(
        "Any",
        string_value=(1, _TEXT),
        bool_value=(2, _Field.TYPE_BOOL),
        int_value=(3, _Field.TYPE_INT64),
        double_value=(4, _Field.TYPE_DOUBLE),
        array_value=(5, _BYTES),
        kvlist_value=(6, _BYTES),
        bytes_value=(7, _BYTES),
    )
    any_value.oneof_decl.add(name="value")
    for field in any_value.field:
        field.oneof_index = 0
    define("DataPoints", points=(-1, _BYTES))
    metric = define(
        "Metric",
        gauge=(5, "DataPoints"),
        sum=(7, "DataPoints"),
        histogram=(9, "DataPoints"),
        exponential_histogram=(10, "DataPoints"),
        summary=(11, "DataPoints"),
    )
    metric.oneof_decl.add(name="data")
    for field in metric.field:
        field.oneof_index = 0
    define("MetricsScope", metrics=(-2, "Metric"))
    return file


def _set_type(field: descriptor_pb2.FieldDescriptorProto, kind: int | str) -> None:
    if isinstance(kind, str):
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{kind}"
    else:
        field.type = cast("Any", kind)


_pool = descriptor_pool.DescriptorPool()
_pool.AddSerializedFile(_types().SerializeToString())

M = TypeVar("M")


def _parser(name: str, _returns: type[M]) -> Callable[[bytes], M]:
    kind = message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
    return cast("Callable[[bytes], M]", kind.FromString)


parse_request = _parser("Request", RequestMessage)
parse_frame = _parser("Frame", FrameMessage)
parse_scope = _parser("Scope", ScopeMessage)
parse_scope_view = _parser("ScopeView", ScopeViewMessage)
parse_span = _parser("Span", SpanMessage)
parse_event = _parser("Event", EventMessage)
parse_attributed = _parser("Attributed", AttributedSpan)
parse_key = _parser("Key", KeyMessage)
parse_edited_span = _parser("EditedSpan", EditedSpan)
parse_resource = _parser("Resource", ResourceMessage)
parse_metrics_scope = _parser("MetricsScope", MetricsScopeMessage)
parse_any = _parser("Any", AnyMessage)
parse_array = _parser("Array", ArrayMessage)
parse_key_values = _parser("KeyValues", KeyValuesMessage)
