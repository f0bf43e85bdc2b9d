"""The spans of one instrumentation scope in a request, opened when somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from ..wire.slim import (
    GroupMessage,
    NotProtobuf,
    Repeated,
    SpanMessage,
    parse_resource,
    parse_scope,
    parse_scope_view,
    parse_span,
)
from ..wire.splice import Pieces
from ..wire.values import as_text, decode
from .layout import layout_of
from .layout import read as read_layout
from .remembered import remembered
from .span_view import SpanView

_NEEDLE = b"gen_ai."
"""What the bytes of a scope with GenAI spans hold: the conventions' prefix."""


class Scope:
    """What came under one scope, and its place in the request."""

    __slots__ = (
        "_infos",
        "_items",
        "_resource",
        "_resource_values",
        "_spans",
        "encoded",
        "has_needle",
        "name",
        "place",
        "size",
        "touched",
        "unread",
    )

    def __init__(self, group: GroupMessage, place: tuple[int, int], encoded: bytes) -> None:
        """Raises ``NotProtobuf`` when the frame is broken."""
        self._resource: Repeated | bytes = group.resource
        self._resource_values: Mapping[str, object] | None = None
        self._infos: list[bytes] | None = None
        self._items: Repeated | None = None
        self._spans: Sequence[SpanMessage] | None = None
        self.name: str | None = None
        self.place = place
        self.encoded = encoded
        self.touched = False
        self.unread: frozenset[int] = frozenset()
        """Spans to be taken out unread."""
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
        """Return a string attribute of the resource."""
        value = self.resource_value(name)
        return value if isinstance(value, str) else None

    def resource_value(self, name: str) -> object | None:
        """Return any attribute of the resource."""
        if self._resource_values is None:
            self._resource_values = _known_values(self.resource)
        return self._resource_values.get(name)

    @property
    def resource(self) -> bytes:
        """Encoded."""
        if not isinstance(self._resource, bytes):
            self._resource = b"".join(self._resource)
        return self._resource

    @resource.setter
    def resource(self, encoded: bytes) -> None:
        self._resource, self._resource_values = encoded, None

    def views(self) -> list[SpanView]:
        """Return the spans that can be read."""
        spans = self._readable()
        if spans is None:
            return list(self._one_by_one())
        scope = self.name or ""
        return [
            SpanView(self, index, span, *found)
            if (found := read_layout(scope, span.attributes))
            else self._view(index, self.items()[index])
            for index, span in enumerate(spans)
        ]

    def _one_by_one(self) -> Iterator[SpanView]:
        """Leave out the spans that are broken inside: they must not cost their neighbours."""
        for index, encoded in enumerate(self.items()):
            with suppress(NotProtobuf):
                yield self._view(index, encoded)

    def _view(self, index: int, encoded: bytes) -> SpanView:
        span = parse_span(encoded)
        layout = layout_of(span.attributes)
        return SpanView(self, index, span, layout, layout.read(span.attributes))

    def rewrite(self, change: Callable[[bytes], bytes]) -> None:
        """Replace what is said of the scope itself by what ``change`` makes of it."""
        came = list(parse_scope(self.encoded).scope)
        infos = [change(info) for info in came]
        if infos != came:
            self._infos, self.touched = infos, True

    def rebuilt(self, views: Iterable[SpanView]) -> Pieces | None:
        """Return the scope with its spans as they now are; ``None`` when none is left."""
        scope = parse_scope(self.encoded)
        gone = set(self.unread)
        for view in views:
            if view.dropped:
                gone.add(view.index)
            elif view.touched:
                scope.items[view.index] = view.encoded(scope.items[view.index])
        for index in sorted(gone, reverse=True):
            del scope.items[index]
        if self._infos is not None:
            del scope.scope[:]
            scope.scope.extend(self._infos)
        return None if gone and not scope.items else [scope.SerializeToString()]


def _values(encoded: bytes) -> Mapping[str, object]:
    """Return the attributes of a resource."""
    try:
        attributes = parse_resource(encoded).attributes
    except NotProtobuf:
        return {}
    return {name: decode(attributes[name]) for name in attributes if isinstance(name, str)}


_known_values = remembered(_values, most=256)
"""Few resources send many batches."""
