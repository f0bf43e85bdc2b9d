"""A received trace export request, and a view of one span in it. Bytes in, bytes out.

Most spans of a mixed stream are no GenAI spans, and those go on as the bytes they came as. A span
that is written to gets its new attributes appended to its bytes (protobuf concatenation); only
replacing or removing an attribute rebuilds that span. Lengths above it are rewritten once per
batch, and a batch that nothing changed is the payload that came in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from functools import lru_cache
from operator import attrgetter
from typing import cast

from otel_llm.genai import Usage

from . import facts
from .errors import Malformed
from .facts import Facts
from .layout import Layout, Values, layout_of
from .layout import read as read_layout
from .records import any_value
from .splice import Change, Pieces, messages, splice
from .template import Template
from .values import (
    Decoded,
    Value,
    as_integer,
    as_number,
    as_text,
    boolean_of,
    decode,
    encode,
    field,
    span_attributes,
    text_of,
    texts_of,
)
from .wire import (
    EditedAttributes,
    EditedSpan,
    GroupMessage,
    KeyValueMessage,
    NotProtobuf,
    Repeated,
    SpanMessage,
    StatusMessage,
    parse_attributed,
    parse_edited_span,
    parse_event,
    parse_key,
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
    b"mlflow.span",
    b"genkit:",
)
"""Attributes that each span of an older or foreign dialect carries. The longer, the quicker to look
for."""

_STATUS_ERROR = 2
_GROUPS, _RESOURCE, _SCOPES = 1, 1, 2
"""Field numbers of the nested messages, from the request down."""
_LONGEST_KNOWN = 16 * 2**10
"""Bytes of a resource that is remembered."""
_FEW = 8
"""So many names are looked for in an attribute's bytes before its own name is read."""
_AS_IT_CAME = object()
_SCALARS = frozenset((str, bool, int, float))


class Batch:
    """One trace export request. Not thread-safe: whoever processes it owns it."""

    # Views refer to their scope, never the other way round: without a cycle, memory is freed when
    # the batch is done and not when the garbage collector comes by.
    __slots__ = ("_foreign", "_genai", "_payload", "_resources", "_scopes", "_views", "dropped")

    def __init__(self, payload: bytes, scopes: list[_Scope], foreign: bool) -> None:
        self._payload = payload
        self._foreign = foreign
        self._scopes = scopes
        self._views: dict[_Scope, list[SpanView]] = {}
        self._genai: list[SpanView] | None = None
        self._resources: dict[int, bytes] = {}
        self.dropped = 0
        """How many spans were taken out."""

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

    def drop(self, spans: Iterable[SpanView]) -> None:
        """Take spans out: nobody sees them any more."""
        for span in list(spans):
            self.dropped += not span.dropped
            span.leave()
        if self._genai is not None:
            self._genai = [span for span in self._genai if not span.dropped]

    def drop_unreadable(self) -> None:
        """Take out the spans of GenAI scopes that nobody could look into."""
        for scope, views in self._views.items():
            if len(views) < scope.size and not scope.unread:
                scope.unread = frozenset(range(scope.size)) - {view.index for view in views}
                scope.touched = True
                self.dropped += len(scope.unread)

    def rewrite_resources(self, change: Callable[[bytes], bytes]) -> None:
        """Replace each resource, encoded, by what ``change`` makes of it."""
        for scope in self._scopes:
            after = change(scope.resource)
            if after != scope.resource:
                scope.resource = after
                self._resources[scope.place[0]] = after

    def genai(self) -> Sequence[SpanView]:
        """Return the spans with GenAI attributes, of the current conventions or an older or foreign
        dialect: the same objects at every call. Cheap when there are none."""
        if self._genai is None:
            scopes = [scope for scope in self._scopes if self._may_have_genai(scope)]
            views = [view for view in self._open(scopes) if view.layout.is_genai]
            self._genai = [view for view in views if not view.dropped] if self.dropped else views
        return self._genai

    def _may_have_genai(self, scope: _Scope) -> bool:
        if scope.has_needle:
            return True
        return self._foreign and any(needle in scope.encoded for needle in _FOREIGN_NEEDLES)

    def spans(self) -> Iterator[SpanView]:
        """Yield every span that can be read. Slower than ``genai``; the same objects."""
        spans = self._open(self._scopes)
        return (span for span in spans if not span.dropped) if self.dropped else spans

    def _open(self, scopes: Iterable[_Scope]) -> Iterator[SpanView]:
        for scope in scopes:
            views = self._views.get(scope)
            if views is None:
                views = self._views[scope] = scope.views()
            yield from views

    def to_bytes(self) -> bytes:
        """Return the request as it now is. Untouched spans are byte-identical; the payload itself
        when nothing changed."""
        changes: dict[int, dict[int, Change]] = {nth: {} for nth in self._resources}
        for scope in self._scopes:
            if scope.touched:
                nth_group, nth = scope.place
                changed = Change(scope.rebuilt(self._views[scope]))
                changes.setdefault(nth_group, {})[nth] = changed
        return self._spliced(changes) if changes else self._payload

    def _spliced(self, changes: Mapping[int, Mapping[int, Change]]) -> bytes:
        payload = memoryview(self._payload)
        groups = messages(payload, _GROUPS)
        changed = {nth: self._group(nth, groups[nth], of) for nth, of in changes.items()}
        return b"".join(splice(payload, _GROUPS, changed))

    def _group(self, nth: int, encoded: memoryview, changes: Mapping[int, Change]) -> Change:
        """Return what becomes of one group; one whose scopes are all gone goes with them."""
        scopes = sum([scope.place[0] == nth for scope in self._scopes])
        if len(changes) == scopes and all([change.pieces is None for change in changes.values()]):
            return Change(None)
        pieces = splice(encoded, _SCOPES, changes)
        if nth not in self._resources:
            return Change(pieces)
        return Change(_with_resource(b"".join(pieces), self._resources[nth]))


def _with_resource(group: bytes, resource: bytes) -> Pieces:
    gone = dict.fromkeys(range(len(messages(memoryview(group), _RESOURCE))), Change(None))
    return [field(b"\x0a", resource), *splice(group, _RESOURCE, gone)]


class _Scope:
    """The spans of one instrumentation scope, and the place in the request they came from."""

    __slots__ = (
        "_items",
        "_resource",
        "_resource_texts",
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
        self._resource_texts: Mapping[str, str] | None = None
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
        if self._resource_texts is None:
            known = len(self.resource) <= _LONGEST_KNOWN
            self._resource_texts = (_resource if known else _resource.__wrapped__)(self.resource)
        return self._resource_texts.get(name)

    @property
    def resource(self) -> bytes:
        """Encoded."""
        if not isinstance(self._resource, bytes):
            self._resource = b"".join(self._resource)
        return self._resource

    @resource.setter
    def resource(self, encoded: bytes) -> None:
        self._resource, self._resource_texts = encoded, None

    def views(self) -> list[SpanView]:
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
        return None if gone and not scope.items else [scope.SerializeToString()]


@lru_cache(maxsize=256)
def _resource(encoded: bytes) -> Mapping[str, str]:
    """Return the string attributes of a resource: few resources send many batches."""
    try:
        attributes = parse_resource(encoded).attributes
    except NotProtobuf:
        return {}
    decoded = {name: decode(attributes[name]) for name in attributes if isinstance(name, str)}
    return {name: value for name, value in decoded.items() if isinstance(value, str)}


class SpanView:
    """One span: attributes by name, decoded when asked for. A reader returns ``None`` when the
    attribute is absent or of another type. Of an attribute sent twice the last one counts."""

    __slots__ = ("_changes", "_facts", "_filled", "_rewritten", "_scope", "_span", "_values",
                 "dropped", "index", "layout")  # fmt: skip

    def __init__(
        self, scope: _Scope, index: int, span: SpanMessage, layout: Layout, values: Values
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

    def lost(self) -> Collection[str]:
        """Name the attributes that say more than ``value`` shows: those sent several times, those
        that cannot be read, and maps with a key twice. Raises ``NotProtobuf`` for a span that is
        broken inside, or has an attribute without a readable name. Slow."""
        if not self.layout.is_whole:
            raise NotProtobuf("the name of an attribute is no text")
        sent = [as_text(pair.key) for pair in parse_edited_span(self._before()).attributes]
        names = self.layout.names
        repeated = sent if len(sent) != len(names) else []
        hidden = {n for n in names if _hides(self.value(n), self.raw(n) or b"")}
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
        value: the attributes of events and links, the status message (``status.message``) and the
        name (``name``). ``None`` takes it out; a name becomes empty. Raises ``NotProtobuf`` for a
        span that is broken inside."""
        sent = self._span
        others = sent.events or sent.links or sent.status.message
        if not others and change("name", self.name) == self.name:
            return
        span = parse_edited_span(self._before())
        parts = [*span.events, *span.links]
        done = [_rewritten_attributes(part.attributes, change) for part in parts]
        done.append(_rewritten(span.status, "message", "status.message", change))
        done.append(_rewritten(span, "name", "name", change))
        if any(done):
            self._rewritten = span.SerializeToString()
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
        kept = _without(before, stale) if stale else before
        return kept + span_attributes(self._changes)


_ids = attrgetter("trace_id", "span_id", "parent_span_id")
_place = attrgetter("trace_id", "span_id", "parent_span_id", "name", "start", "end")


def _rewrite(pair: KeyValueMessage, change: Callable[[object], object]) -> bool:
    value = decode(pair.value)
    kept = change(value)
    if kept == value:
        return False
    pair.value = encode(cast("Value", kept))
    return True


def _rewritten_attributes(
    pairs: EditedAttributes, change: Callable[[str, object], object | None]
) -> bool:
    done = False
    for nth in range(len(pairs) - 1, -1, -1):
        raw = pairs[nth].value
        value = _whole(raw)
        kept = change(as_text(pairs[nth].key), value)
        if kept is None and value is not None:
            del pairs[nth]
        elif kept != value or _hides(value, raw):
            pairs[nth].value = any_value(kept).SerializeToString()
        else:
            continue
        done = True
    return done


def _whole(raw: bytes) -> object | None:
    """Return a value as Python; one that cannot be read as the bytes that it is."""
    value = decode(raw)
    if value is None:
        return raw or None
    return list(value) if isinstance(value, tuple) else value


def _hides(value: object, raw: bytes) -> bool:
    """Whether ``raw`` says more than ``value``: a map with a key twice, or what cannot be read."""
    if value is None or isinstance(value, bytes):
        return bool(raw) and value is None
    return isinstance(value, list | dict) and any_value(value).ByteSize() != len(raw)


def _rewritten(
    of: StatusMessage | EditedSpan,
    part: str,
    name: str,
    change: Callable[[str, object], object | None],
) -> bool:
    said = as_text(getattr(of, part))
    kept = change(name, said) if said else said
    if kept == said:
        return False
    setattr(of, part, str(kept or "").encode(errors="replace"))
    return True


def _without(encoded: bytes, names: Set[str]) -> bytes:
    span = parse_attributed(encoded)
    few = len(names) <= _FEW and sum(map(len, names)) <= _LONGEST_KNOWN
    mentions = _mentions(frozenset(names)) if few else bool
    kept = [
        pair for pair in span.attributes if not mentions(pair) or parse_key(pair).key not in names
    ]
    del span.attributes[:]
    span.attributes.extend(kept)
    return span.SerializeToString()


@lru_cache(maxsize=256)
def _mentions(names: frozenset[str]) -> Callable[[bytes], object]:
    """Return what tells quickly that bytes hold none of ``names``."""
    return re.compile(b"|".join([re.escape(name.encode()) for name in names])).search


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
