"""A received trace export request, and a view of one span in it. Bytes in, bytes out.

Most spans of a mixed stream are no GenAI spans, and those go on as the bytes they came as. A span
that is written to gets its new attributes appended to its bytes (protobuf concatenation); only
replacing or removing an attribute rebuilds that span. Lengths above it are rewritten once per
batch, and a batch that nothing changed is the payload that came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from math import isfinite
from typing import cast

from .errors import Malformed
from .values import Decoded, Value, as_text, decode, encode, span_attribute
from .wire import (
    Attributes,
    GroupMessage,
    NotProtobuf,
    RequestMessage,
    ScopeMessage,
    SpanMessage,
    parse_edited_span,
    parse_request,
    parse_resource,
    parse_scope,
    parse_scope_view,
    parse_span,
)

_NEEDLES = (
    b"gen_ai.",
    b"openinference.span.kind",
    b"langfuse.observation.",
    b"traceloop.span.kind",
    b"ai.operationId",
    b"llm.request.",
)
"""What the bytes of a scope with GenAI spans hold: the conventions' prefix, or the attribute that
each span of an older or foreign dialect carries. The longer, the quicker to look for."""

_PREFIXES = ("gen_ai.", "llm.", "traceloop.", "openinference.", "langfuse.", "ai.operationId")
_OPERATION = "gen_ai.operation.name"
_STATUS_ERROR = 2
_SCALARS = frozenset((str, bool, int, float))


class Batch:
    """One trace export request. Not thread-safe: whoever processes it owns it."""

    __slots__ = ("_genai", "_payload", "_request", "_scopes")

    def __init__(self, payload: bytes, request: RequestMessage, scopes: list[_Scope]) -> None:
        self._payload = payload
        self._request = request
        self._scopes = scopes
        self._genai: list[SpanView] | None = None

    @classmethod
    def open(cls, payload: bytes) -> Batch:
        """Split a request into its spans. Raises ``Malformed`` when the framing down to the spans
        is broken: such a payload would spoil every other it is sent on with."""
        try:
            request = parse_request(payload)
            scopes = [
                _Scope(group, index, encoded)
                for group in request.groups
                for index, encoded in enumerate(group.scopes)
            ]
        except NotProtobuf:
            raise Malformed("the body is no OTLP trace request") from None
        return cls(payload, request, scopes)

    def __len__(self) -> int:
        """How many spans came in."""
        return sum(len(scope.message.items) for scope in self._scopes)

    @property
    def unreadable(self) -> int:
        """How many spans of GenAI scopes could not be read and are passed on as they came."""
        return sum(scope.unreadable for scope in self._scopes)

    def genai(self) -> Sequence[SpanView]:
        """Return the spans with GenAI attributes, of the current conventions or an older or foreign
        dialect: the same objects at every call. Cheap when there are none."""
        if self._genai is None:
            scopes = [scope for scope in self._scopes if _has_needle(scope.encoded)]
            views = chain.from_iterable(scope.views() for scope in scopes)
            self._genai = [view for view in views if _is_genai(view)]
        return self._genai

    def spans(self) -> Iterator[SpanView]:
        """Yield every span that can be read. Slower than ``genai``; the same objects."""
        return chain.from_iterable(scope.views() for scope in self._scopes)

    def to_bytes(self) -> bytes:
        """Return the request as it now is. Untouched spans are byte-identical; the payload itself
        when nothing changed."""
        touched = [scope for scope in self._scopes if scope.touched]
        for scope in touched:
            scope.write()
        return self._request.SerializeToString() if touched else self._payload


def _has_needle(encoded: bytes) -> bool:
    return any(needle in encoded for needle in _NEEDLES)


def _is_genai(view: SpanView) -> bool:
    return view.has(_OPERATION) or any(name.startswith(_PREFIXES) for name in view.names())


class _Scope:
    """The spans of one instrumentation scope, and the place in the request they came from."""

    __slots__ = (
        "_group",
        "_index",
        "_name",
        "_views",
        "encoded",
        "message",
        "touched",
        "unreadable",
    )

    def __init__(self, group: GroupMessage, index: int, encoded: bytes) -> None:
        self._group = group
        self._index = index
        self._views: list[SpanView] | None = None
        self._name: str | None = None
        self.encoded = encoded
        self.message: ScopeMessage = parse_scope(encoded)
        self.touched: list[SpanView] = []
        self.unreadable = 0

    @property
    def name(self) -> str | None:
        return self._name or None

    def resource(self) -> Attributes:
        return _resource(b"".join(self._group.resource))

    def views(self) -> list[SpanView]:
        if self._views is None:
            self._views = self._open()
        return self._views

    def _open(self) -> list[SpanView]:
        try:
            view = parse_scope_view(self.encoded)
        except NotProtobuf:
            return self._open_one_by_one()
        self._name = as_text(view.scope.name)
        return [SpanView(self, index, span) for index, span in enumerate(view.spans)]

    def _open_one_by_one(self) -> list[SpanView]:
        """Leave out the spans that are broken inside: they must not cost their neighbours."""
        views: list[SpanView] = []
        for index, encoded in enumerate(self.message.items):
            try:
                views.append(SpanView(self, index, parse_span(encoded)))
            except NotProtobuf:
                self.unreadable += 1
        return views

    def write(self) -> None:
        for view in self.touched:
            self.message.items[view.index] = view.to_bytes()
        self._group.scopes[self._index] = self.message.SerializeToString()


@lru_cache(maxsize=1024)
def _resource(encoded: bytes) -> Attributes:
    try:
        return parse_resource(encoded).attributes
    except NotProtobuf:
        return parse_resource(b"").attributes


class SpanView:
    """One span: attributes by name, decoded when asked for. A reader returns ``None`` when the
    attribute is absent or of another type. Of an attribute sent twice the last one counts."""

    __slots__ = ("_attributes", "_changes", "_original", "_scope", "_span", "index")

    def __init__(self, scope: _Scope, index: int, span: SpanMessage) -> None:
        self._scope = scope
        self._span = span
        self._attributes: Attributes = span.attributes
        self._changes: dict[str, Value | None] | None = None
        self._original: bytes | None = None
        self.index = index
        """Position among the spans of its scope."""

    @property
    def trace_id(self) -> str:
        """Lower-case hex."""
        return self._span.trace_id.hex()

    @property
    def span_id(self) -> str:
        """Lower-case hex."""
        return self._span.span_id.hex()

    @property
    def parent_id(self) -> str | None:
        """Lower-case hex; ``None`` for a root span."""
        return self._span.parent_span_id.hex() or None

    @property
    def name(self) -> str:
        """The span's name."""
        return as_text(self._span.name)

    @property
    def start_ns(self) -> int:
        """Unix nanoseconds."""
        return self._span.start

    @property
    def end_ns(self) -> int:
        """Unix nanoseconds."""
        return self._span.end

    @property
    def kind(self) -> int:
        """``SpanKind`` as OTLP numbers it: 1 internal, 2 server, 3 client, 4 producer, 5 consumer;
        0 when unspecified."""
        return self._span.kind

    @property
    def is_error(self) -> bool:
        """Whether the span's status is ERROR."""
        return self._span.status.code == _STATUS_ERROR

    @property
    def scope_name(self) -> str | None:
        """Name of the instrumentation scope."""
        return self._scope.name

    def has(self, name: str) -> bool:
        """Whether the span has the attribute, whatever its type."""
        changes = self._changes
        if changes is not None and name in changes:
            return changes[name] is not None
        return name in self._attributes

    def _read(self, name: str) -> Decoded | Value:
        changes = self._changes
        if changes is not None and name in changes:
            return changes[name]
        attributes = self._attributes
        return decode(attributes[name]) if name in attributes else None

    def text(self, name: str) -> str | None:
        """Return a string attribute."""
        value = self._read(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | float | None:
        """Return an int or double, or a string that spells one, as some senders do. A value that
        is not finite is unknown."""
        return _number(self._read(name))

    def integer(self, name: str) -> int | None:
        """Return a whole number, also when it was sent as a double or a string."""
        value = self._read(name)
        if type(value) is int:
            return value
        number = _number(value)
        return int(number) if number is not None and number == int(number) else None

    def boolean(self, name: str) -> bool | None:
        """Return a bool."""
        value = self._read(name)
        return value if isinstance(value, bool) else None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return a string[]; a single string becomes one element, elements of other types are
        left out."""
        value = self._read(name)
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list | tuple):
            return tuple([item for item in value if isinstance(item, str)])
        return None

    def value(self, name: str) -> object | None:
        """Return any attribute as Python: arrays as ``list``, maps as ``dict``."""
        value = self._read(name)
        return list(value) if isinstance(value, tuple) else value

    def raw(self, name: str) -> bytes | None:
        """Return the encoded ``AnyValue``, to be scanned without decoding it."""
        changes = self._changes
        if changes is not None and name in changes:
            value = changes[name]
            return None if value is None else encode(value)
        return self._attributes.get(name)

    def names(self) -> Iterable[str]:
        """Return the names of all attributes."""
        sent = [as_text(name) for name in self._attributes]
        if self._changes is None:
            return sent
        kept = [name for name in sent if name not in self._changes]
        return kept + [name for name, value in self._changes.items() if value is not None]

    def resource_text(self, name: str) -> str | None:
        """Return a string attribute of the resource that sent the span."""
        resource = self._scope.resource()
        value = decode(resource[name]) if name in resource else None
        return value if isinstance(value, str) else None

    def set(self, name: str, value: Value) -> None:
        """Add an attribute, or replace all that have its name. Seen by later reads.

        Raises ``TypeError`` for a value that OTLP has no type for.
        """
        self._change(name, value if type(value) in _SCALARS else _plain(value))

    def remove(self, name: str) -> None:
        """Take an attribute away; nothing happens when there is none."""
        if self.has(name):
            self._change(name, None)

    def _change(self, name: str, value: Value | None) -> None:
        if self._changes is None:
            self._changes = {}
            self._scope.touched.append(self)
        self._changes[name] = value

    def to_bytes(self) -> bytes:
        """Return the encoded span as it now is."""
        if self._original is None:
            self._original = self._scope.message.items[self.index]
        if not self._changes:
            return self._original
        stale = [name for name in self._changes if name in self._attributes]
        kept = _without(self._original, stale) if stale else self._original
        added = (span_attribute(n, v) for n, v in self._changes.items() if v is not None)
        return kept + b"".join(added)


def _without(encoded: bytes, names: Sequence[str]) -> bytes:
    span = parse_edited_span(encoded)
    for index in reversed(range(len(span.attributes))):
        if span.attributes[index].key in names:
            del span.attributes[index]
    return span.SerializeToString()


def _number(value: object) -> int | float | None:
    if isinstance(value, str):
        value = _spelled(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return value


def _spelled(text: str) -> int | float | None:
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return None


def _plain(value: object) -> Value:
    """Return what an enum, a number of another library or a list stands for."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        items = [item for item in cast("Sequence[object]", value) if isinstance(item, str)]
        if len(items) == len(cast("Sequence[object]", value)):
            return tuple(map(str.__str__, items))
    raise TypeError(f"no attribute can hold a {type(value).__qualname__}")
