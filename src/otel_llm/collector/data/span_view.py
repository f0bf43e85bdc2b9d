"""A view of one span: its attributes by name, and what was written to them since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from struct import Struct
from typing import Protocol, cast

from otel_llm.genai import Usage

from ..wire.slim import NotProtobuf, Repeated, SpanMessage, parse_edited_span, parse_event
from ..wire.values import (
    Decoded,
    Value,
    as_integer,
    as_number,
    as_text,
    boolean_of,
    decode,
    encode,
    span_attributes,
    text_of,
    texts_of,
)
from . import facts
from .facts import Facts
from .layout import Layout, Values
from .rewriting import hides, rest_rewritten, without
from .template import Template

_STATUS_ERROR = 2
_AS_IT_CAME = object()
_SCALARS = frozenset((str, bool, int, float))


class Scope(Protocol):
    """What is needed of the scope that a span came under: see ``scope``."""

    name: str | None
    touched: bool
    """Whether any of its spans changed."""

    def items(self) -> Repeated:
        """The encoded spans, as they came."""
        ...

    def resource_text(self, name: str) -> str | None:
        """Return a string attribute of the resource."""
        ...

    def resource_value(self, name: str) -> object | None:
        """Return any attribute of the resource."""
        ...


class SpanView:
    """One span: attributes by name, decoded when asked for. A reader returns ``None`` when the
    attribute is absent or of another type. Of an attribute sent twice the last one counts."""

    __slots__ = ("_changes", "_facts", "_filled", "_rewritten", "_scope", "_span", "_values",
                 "dropped", "index", "layout")  # fmt: skip

    def __init__(
        self, scope: Scope, index: int, span: SpanMessage, layout: Layout, values: Values
    ) -> None:
        self._scope = scope
        self._span = span
        self._values = values
        self._changes: dict[str, Value | None] = {}
        self._filled: list[tuple[Template, Sequence[float]]] = []
        self._rewritten: bytes | None = None
        self._facts: Facts | None = None
        self.layout = layout
        """Of the attributes as they came."""
        self.dropped = False
        """Whether it was taken out."""
        self.index = index
        """Position among the spans of its scope."""

    @property
    def attributes(self) -> Mapping[str, object]:
        """The names that came; their values are the views' own affair."""
        return self.layout.at

    @property
    def facts(self) -> Facts:
        """What is wanted of every GenAI span (see ``facts``), as it now is. To be read only."""
        if self._facts is None:
            self._facts = self.layout.facts(self._values)
            for name in self._changes:
                self._renew(self._facts, name)
            for template, numbers in self._filled:
                template.note(self._facts, numbers)
        return self._facts

    def _renew(self, known: Facts, name: str) -> None:
        """Bring ``known`` up to what was written or taken away under ``name``."""
        if name in facts.AT:
            place = facts.AT[name]
            known[place] = facts.READ[place](self._changes[name])
            known[facts.PROFILE] = None
        elif name in facts.COUNTED:
            count = facts.COUNTED[name]
            said = [self.integer(other) for other in facts.SPELLED[count] if self.has(other)]
            newest = said[-1] if said else None
            known[facts.USAGE] = Usage.of({**vars(known[facts.USAGE]), count: newest})

    @property
    def place(self) -> tuple[str, str, str | None, str, int, int]:
        """Trace, span and parent id, name, start and end."""
        trace, span, parent, name, start, end = _place(self._span)
        return trace.hex(), span.hex(), parent.hex() or None, as_text(name), start, end

    @property
    def ids(self) -> tuple[bytes, bytes, bytes]:
        """Ids of the trace, the span and its parent, as they came."""
        return _ids(self._span)

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
    def status_code(self) -> int:
        """As OTLP numbers it: 0 unset, 1 ok, 2 error."""
        return self._span.status.code

    @property
    def touched(self) -> bool:
        """Whether anything was written to the span."""
        return bool(self._filled or self._changes or self._rewritten)

    @property
    def scope_name(self) -> str | None:
        """Name of the instrumentation scope."""
        return self._scope.name

    def has(self, name: str) -> bool:
        """Whether the span has the attribute, whatever its type."""
        value = self._written(name)
        return name in self.layout.at if value is _AS_IT_CAME else value is not None

    def _read(self, name: str) -> Decoded | Value:
        if self._filled or self._changes:
            value = self._written(name)
            if value is not _AS_IT_CAME:
                return cast("Value | None", value)
        at = self.layout.at.get(name)
        return None if at is None else decode(self._values[at])

    def _written(self, name: str) -> object:
        for template, numbers in self._filled:
            if name in template.names:
                return template.values(numbers)[name]
        return self._changes.get(name, _AS_IT_CAME) if self._changes else _AS_IT_CAME

    def _all_written(self) -> dict[str, Value | None]:
        """Return all changes by name, to be changed again: nothing is encoded until the end."""
        for template, numbers in self._filled:
            self._changes.update(template.values(numbers))
        self._filled = []
        return self._changes

    def read_all(self, names: Sequence[str]) -> list[Decoded | Value]:
        """Return many attributes at once, each as Python or ``None``."""
        return [self._read(name) for name in names]

    def text(self, name: str) -> str | None:
        """Return a string attribute."""
        return text_of(self._read(name))

    def number(self, name: str) -> int | float | None:
        """Return an int or double, or a string that spells one, as some senders do. A value that
        is not finite is unknown."""
        return as_number(self._read(name))

    def integer(self, name: str) -> int | None:
        """Return a whole number, also when it was sent as a double or a string."""
        return as_integer(self._read(name))

    def boolean(self, name: str) -> bool | None:
        """Return a bool."""
        return boolean_of(self._read(name))

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return a string[]; a single string becomes one element, elements of other types are
        left out."""
        return texts_of(self._read(name))

    def value(self, name: str) -> object | None:
        """Return any attribute as Python: arrays as ``list``, maps as ``dict``."""
        value = self._read(name)
        return list(value) if isinstance(value, tuple) else value

    def raw(self, name: str) -> bytes | None:
        """Return the encoded ``AnyValue``, to be scanned without decoding it."""
        if self._filled or self._changes:
            value = self._written(name)
            if value is not _AS_IT_CAME:
                return None if value is None else encode(cast("Value", value))
        at = self.layout.at.get(name)
        return None if at is None else self._values[at]

    def names(self) -> Iterable[str]:
        """Return the names of all attributes."""
        changes = self._all_written()
        sent = [name for name in self.layout.names if name not in changes]
        return sent + [name for name, value in changes.items() if value is not None]

    def resource_text(self, name: str) -> str | None:
        """Return a string attribute of the resource that sent the span."""
        return self._scope.resource_text(name)

    def resource_value(self, name: str) -> object | None:
        """Return any attribute of the resource that sent the span, as ``value``."""
        return self._scope.resource_value(name)

    def set(self, name: str, value: Value) -> None:
        """Add an attribute, or replace all that have its name. Seen by later reads.

        Raises ``TypeError`` for a value that OTLP has no type for.
        """
        self._change(name, value if type(value) in _SCALARS else _plain(value))

    def set_all(self, values: Mapping[str, Value]) -> None:
        """Set many attributes at once, at a third of the price. Plain values only: an enum or a
        number of another library goes through ``set``."""
        self._scope.touched = True
        self._all_written().update(values)
        if self._facts is not None:
            for name in values:
                self._renew(self._facts, name)

    def fill(self, template: Template, numbers: Sequence[float] = ()) -> None:
        """Set all attributes of a template, at a small part of the price."""
        overlaps = self._filled and self._overlaps(template)
        if self._changes or overlaps or not self.layout.lacks(template):
            self.set_all(template.values(numbers))
            return
        self._scope.touched = True
        self._filled.append((template, numbers))
        if self._facts is not None:
            template.note(self._facts, numbers)

    def _overlaps(self, template: Template) -> bool:
        return any([not template.names.isdisjoint(other.names) for other, _ in self._filled])

    def remove(self, name: str) -> None:
        """Take an attribute away; nothing happens when there is none."""
        if self.has(name):
            self._change(name, None)

    def _change(self, name: str, value: Value | None) -> None:
        self._scope.touched = True
        self._all_written()[name] = value
        if self._facts is not None:
            self._renew(self._facts, name)

    def lost(self) -> Collection[str]:
        """Name the attributes that say more than ``value`` shows: those sent several times, those
        that cannot be read, and maps with a key twice. Raises ``NotProtobuf`` for a span that is
        broken inside, or has an attribute without a readable name. Slow."""
        if not self.layout.is_whole:
            raise NotProtobuf("the name of an attribute is no text")
        sent = [as_text(pair.key) for pair in parse_edited_span(self._before()).attributes]
        names = self.layout.names
        repeated = sent if len(sent) != len(names) else []
        hidden = {n for n in names if hides(self.value(n), self.raw(n) or b"")}
        return hidden | {name for name, times in Counter(repeated).items() if times > 1}

    def events(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Yield the name and the attributes of each event, as they came; one that is broken is left
        out."""
        for encoded in self._span.events:
            with suppress(NotProtobuf):
                event = parse_event(encoded)
                pairs = {as_text(pair.key): decode(pair.value) for pair in event.attributes}
                yield as_text(event.name), pairs

    @property
    def has_events(self) -> bool:
        """Whether there are events."""
        return len(self._span.events) > 0

    def rewrite_rest(self, change: Callable[[str, object], object | None]) -> None:
        """Replace what is said beside the attributes by what ``change`` makes of a name and a
        value: the attributes of events and links, the names of events (``event.name``), the status
        message (``status.message``) and the name (``name``). ``None`` takes it out; a name becomes
        empty. Raises ``NotProtobuf`` for a span that is broken inside."""
        sent = self._span
        others = sent.events or sent.links or sent.status.message
        if not others and change("name", self.name) == self.name:
            return
        self._replace(rest_rewritten(self._before(), change))

    def start_at(self, start_ns: int) -> None:
        """Say that it started at another time."""
        self._span.start = start_ns
        self._replace(self._before() + _START.pack(_START_TAG, start_ns))

    def _replace(self, encoded: bytes | None) -> None:
        if encoded is not None:
            self._rewritten = encoded
            self._scope.touched = True

    def leave(self) -> None:
        """Be taken out; see ``Batch.drop``."""
        self.dropped = self._scope.touched = True

    def _before(self) -> bytes:
        return self._rewritten or self._scope.items()[self.index]

    def encoded(self, came: bytes) -> bytes:
        """Return what becomes of the span that ``came``."""
        before = self._rewritten or came
        if self._filled:
            return b"".join([before, *[t.encode(numbers) for t, numbers in self._filled]])
        stale = {name for name in self._changes if name in self.layout.at}
        kept = without(before, stale) if stale else before
        return kept + span_attributes(self._changes)


_START = Struct("<BQ")
_START_TAG = 7 << 3 | 1
"""Field 7, fixed64: of a field that comes twice the last one counts."""
_ids = attrgetter("trace_id", "span_id", "parent_span_id")
_place = attrgetter("trace_id", "span_id", "parent_span_id", "name", "start", "end")


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
