"""A received trace export request, and a view of one span in it. Bytes in, bytes out.

Most spans of a mixed stream are no GenAI spans, and those go on as the bytes they came as. A span
that is written to gets its new attributes appended to its bytes (protobuf concatenation); only
replacing or removing an attribute rebuilds that span. Lengths above it are rewritten once per
batch, and a batch that nothing changed is the payload that came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from functools import lru_cache
from typing import cast

from .errors import Malformed
from .splice import Change, messages, splice
from .values import Decoded, Value, as_integer, as_number, as_text, decode, encode, span_attributes
from .wire import (
    Attributes,
    GroupMessage,
    KeyValueMessage,
    NotProtobuf,
    Repeated,
    SpanMessage,
    parse_edited_span,
    parse_request,
    parse_resource,
    parse_scope,
    parse_scope_view,
    parse_span,
)

_NEEDLE = b"gen_ai."
"""What the bytes of a scope with GenAI spans hold: the conventions' prefix."""
_FOREIGN_NEEDLES = (
    b"openinference.span.kind",
    b"langfuse.observation.",
    b"traceloop.span.kind",
    b"ai.operationId",
    b"llm.request.",
)
"""Attributes that each span of an older or foreign dialect carries. The longer, the quicker to look
for."""

_PREFIXES = ("gen_ai.", "llm.", "traceloop.", "openinference.", "langfuse.", "ai.operationId")
_OPERATION = "gen_ai.operation.name"
_STATUS_ERROR = 2
_GROUPS, _SCOPES, _SPANS, _ATTRIBUTES = 1, 2, 2, 9
"""Field numbers of the nested messages, from the request down."""
_SCALARS = frozenset((str, bool, int, float))


class Batch:
    """One trace export request. Not thread-safe: whoever processes it owns it."""

    # Views refer to their scope, never the other way round: without a cycle, memory is freed when
    # the batch is done and not when the garbage collector comes by.
    __slots__ = ("_foreign", "_genai", "_payload", "_scopes", "_views")

    def __init__(self, payload: bytes, scopes: list[_Scope], foreign: bool) -> None:
        self._payload = payload
        self._foreign = foreign
        self._scopes = scopes
        self._views: dict[_Scope, list[SpanView]] = {}
        self._genai: list[SpanView] | None = None

    @classmethod
    def open(cls, payload: bytes, *, foreign: bool = True) -> Batch:
        """Split a request into its spans. Raises ``Malformed`` when the framing down to the spans
        is broken: such a payload would spoil every other it is sent on with.

        ``foreign``: whether spans that speak only another dialect count as GenAI spans; looking
        for them is half the price of a plain span.
        """
        try:
            request = parse_request(payload)
            scopes = [
                _Scope(group, (nth_group, nth), encoded)
                for nth_group, group in enumerate(request.groups)
                for nth, encoded in enumerate(group.scopes)
            ]
        except NotProtobuf:
            raise Malformed("the body is no OTLP traces request") from None
        return cls(payload, scopes, foreign)

    def __len__(self) -> int:
        """How many spans came in."""
        return sum([scope.size for scope in self._scopes])

    @property
    def unreadable(self) -> int:
        """How many spans of GenAI scopes could not be read and are passed on as they came."""
        return sum(scope.size - len(views) for scope, views in self._views.items())

    def genai(self) -> Sequence[SpanView]:
        """Return the spans with GenAI attributes, of the current conventions or an older or foreign
        dialect: the same objects at every call. Cheap when there are none."""
        if self._genai is None:
            scopes = [scope for scope in self._scopes if self._may_have_genai(scope)]
            self._genai = [
                view
                for view in self._open(scopes)
                if _OPERATION in view.attributes or _is_genai(view.attributes)
            ]
        return self._genai

    def _may_have_genai(self, scope: _Scope) -> bool:
        if scope.has_needle:
            return True
        return self._foreign and any(needle in scope.encoded for needle in _FOREIGN_NEEDLES)

    def spans(self) -> Iterator[SpanView]:
        """Yield every span that can be read. Slower than ``genai``; the same objects."""
        return self._open(self._scopes)

    def _open(self, scopes: Iterable[_Scope]) -> Iterator[SpanView]:
        for scope in scopes:
            views = self._views.get(scope)
            if views is None:
                views = self._views[scope] = scope.views()
            yield from views

    def to_bytes(self) -> bytes:
        """Return the request as it now is. Untouched spans are byte-identical; the payload itself
        when nothing changed."""
        changes: dict[int, dict[int, Change]] = {}
        for scope in self._scopes:
            if scope.touched:
                nth_group, nth = scope.place
                changes.setdefault(nth_group, {})[nth] = scope.change(self._views[scope])
        return self._spliced(changes) if changes else self._payload

    def _spliced(self, changes: Mapping[int, Mapping[int, Change]]) -> bytes:
        payload = memoryview(self._payload)
        groups = messages(payload, _GROUPS)
        changed = {nth: Change(splice(groups[nth], _SCOPES, of)) for nth, of in changes.items()}
        return b"".join(splice(payload, _GROUPS, changed))


def _is_genai(attributes: Attributes) -> bool:
    return any(as_text(name).startswith(_PREFIXES) for name in attributes)


class _Scope:
    """The spans of one instrumentation scope, and the place in the request they came from."""

    __slots__ = (
        "_group",
        "_items",
        "_resource",
        "_spans",
        "encoded",
        "has_needle",
        "name",
        "place",
        "size",
        "touched",
    )

    def __init__(self, group: GroupMessage, place: tuple[int, int], encoded: bytes) -> None:
        """Raises ``NotProtobuf`` when the frame is broken."""
        self._group = group
        self._resource: Mapping[str, str] | None = None
        self._items: Repeated | None = None
        self._spans: Sequence[SpanMessage] | None = None
        self.name: str | None = None
        self.place = place
        self.encoded = encoded
        self.touched = False
        self.has_needle = _NEEDLE in encoded
        # Spans that will be read are parsed once, to their attributes; the others to their frame.
        self.size = len((self.has_needle and self._readable()) or self.items())

    def items(self) -> Repeated:
        """The encoded spans."""
        if self._items is None:
            self._items = parse_scope(self.encoded).items
        return self._items

    def _readable(self) -> Sequence[SpanMessage] | None:
        if self._spans is None:
            with suppress(NotProtobuf):
                view = parse_scope_view(self.encoded)
                self.name = as_text(view.scope.name) or None
                self._spans = view.spans
        return self._spans

    def resource_text(self, name: str) -> str | None:
        if self._resource is None:
            self._resource = _resource(b"".join(self._group.resource))
        return self._resource.get(name)

    def views(self) -> list[SpanView]:
        spans = self._readable()
        if spans is None:
            return list(self._one_by_one())
        return [SpanView(self, index, span) for index, span in enumerate(spans)]

    def _one_by_one(self) -> Iterator[SpanView]:
        """Leave out the spans that are broken inside: they must not cost their neighbours."""
        for index, encoded in enumerate(self.items()):
            with suppress(NotProtobuf):
                yield SpanView(self, index, parse_span(encoded))

    def change(self, views: Iterable[SpanView]) -> Change:
        changes = {view.index: view.change() for view in views if view.touched}
        return Change(splice(self.encoded, _SPANS, changes))


@lru_cache(maxsize=256)
def _resource(encoded: bytes) -> Mapping[str, str]:
    """Return the string attributes of a resource: few resources send many batches."""
    try:
        attributes = parse_resource(encoded).attributes
    except NotProtobuf:
        return {}
    decoded = {as_text(name): decode(attributes[name]) for name in attributes}
    return {name: value for name, value in decoded.items() if isinstance(value, str)}


class SpanView:
    """One span: attributes by name, decoded when asked for. A reader returns ``None`` when the
    attribute is absent or of another type. Of an attribute sent twice the last one counts."""

    __slots__ = ("_changes", "_rewritten", "_scope", "_span", "attributes", "index")

    def __init__(self, scope: _Scope, index: int, span: SpanMessage) -> None:
        self._scope = scope
        self._span = span
        self.attributes: Attributes = span.attributes
        """As they came, encoded."""
        self._changes: dict[str, Value | None] = {}
        self._rewritten: bytes | None = None
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
    def touched(self) -> bool:
        """Whether anything was written to the span."""
        return bool(self._changes) or self._rewritten is not None

    @property
    def scope_name(self) -> str | None:
        """Name of the instrumentation scope."""
        return self._scope.name

    def has(self, name: str) -> bool:
        """Whether the span has the attribute, whatever its type."""
        if name in self._changes:
            return self._changes[name] is not None
        return name in self.attributes

    def _read(self, name: str) -> Decoded | Value:
        if name in self._changes:
            return self._changes[name]
        attributes = self.attributes
        return decode(attributes[name]) if name in attributes else None

    def read_all(self, names: Sequence[str]) -> list[Decoded | Value]:
        """Return many attributes at once, each as Python or ``None``, at half the price."""
        attributes, changes = self.attributes, self._changes
        if not changes:
            return [decode(attributes[name]) if name in attributes else None for name in names]
        return [
            changes[name]
            if name in changes
            else (decode(attributes[name]) if name in attributes else None)
            for name in names
        ]

    def text(self, name: str) -> str | None:
        """Return a string attribute."""
        value = self._read(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | float | None:
        """Return an int or double, or a string that spells one, as some senders do. A value that
        is not finite is unknown."""
        return as_number(self._read(name))

    def integer(self, name: str) -> int | None:
        """Return a whole number, also when it was sent as a double or a string."""
        value = self._read(name)
        return value if type(value) is int else as_integer(value)

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
        if name not in self._changes:
            return self.attributes.get(name)
        value = self._changes[name]
        return None if value is None else encode(value)

    def names(self) -> Iterable[str]:
        """Return the names of all attributes."""
        changes = self._changes
        sent = [as_text(name) for name in self.attributes if name not in changes]
        return sent + [name for name, value in changes.items() if value is not None]

    def resource_text(self, name: str) -> str | None:
        """Return a string attribute of the resource that sent the span."""
        return self._scope.resource_text(name)

    def set(self, name: str, value: Value) -> None:
        """Add an attribute, or replace all that have its name. Seen by later reads.

        Raises ``TypeError`` for a value that OTLP has no type for.
        """
        self._change(name, value if type(value) in _SCALARS else _plain(value))

    def set_all(self, values: Mapping[str, Value]) -> None:
        """Set many attributes at once, at a third of the price. Plain values only: an enum or a
        number of another library goes through ``set``."""
        self._scope.touched = True
        self._changes.update(values)

    def remove(self, name: str) -> None:
        """Take an attribute away; nothing happens when there is none."""
        if self.has(name):
            self._change(name, None)

    def _change(self, name: str, value: Value | None) -> None:
        self._scope.touched = True
        self._changes[name] = value

    def rewrite_events(self, change: Callable[[object], object]) -> None:
        """Replace the values of the events' attributes, and the status message, by what ``change``
        makes of them."""
        if not self._span.events and not self._span.status.message:
            return
        span = parse_edited_span(self._before())
        rewritten = [_rewrite(pair, change) for event in span.events for pair in event.attributes]
        said = as_text(span.status.message)
        kept = str(change(said))
        if kept != said:
            span.status.message = kept.encode(errors="replace")
        if kept != said or any(rewritten):
            self._rewritten = span.SerializeToString()
            self._scope.touched = True

    def _before(self) -> bytes:
        return self._rewritten or self._scope.items()[self.index]

    def change(self) -> Change:
        """Return what becomes of the encoded span."""
        changes, attributes = self._changes, self.attributes
        added = span_attributes(changes)
        stale = {name for name in changes if name in attributes}
        if stale:
            return Change([_without(self._before(), stale), added])
        if self._rewritten:
            return Change([self._rewritten, added])
        return Change([added], keep=True)


def _rewrite(pair: KeyValueMessage, change: Callable[[object], object]) -> bool:
    value = decode(pair.value)
    kept = change(value)
    if kept == value:
        return False
    pair.value = encode(cast("Value", kept))
    return True


def _without(encoded: bytes, names: Set[str]) -> bytes:
    attributes = parse_edited_span(encoded).attributes
    gone = {nth: Change(None) for nth, sent in enumerate(attributes) if sent.key in names}
    return b"".join(splice(encoded, _ATTRIBUTES, gone))


def _plain(value: object) -> Value:
    """Return what an enum, a number of another library or a list stands for."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    kind = type(value).__qualname__
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        given = cast("Sequence[object]", value)
        texts = [str.__str__(item) for item in given if isinstance(item, str)]
        if len(texts) == len(given):
            return tuple(texts)
    raise TypeError(f"no attribute can hold a {kind}")
