"""A received trace export request. Bytes in, bytes out.

Most spans of a mixed stream are no GenAI spans, and those go on as the bytes they came as. A span
that is written to gets its new attributes appended to its bytes (protobuf concatenation); only
replacing or removing an attribute rebuilds that span. Lengths above it are rewritten once per
batch, and a batch that nothing changed is the payload that came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ..errors import Malformed
from ..wire.slim import NotProtobuf, parse_request
from ..wire.splice import Change, Pieces, messages, splice
from ..wire.values import field
from .scope import Scope
from .span_view import SpanView

__all__ = ["Batch", "SpanView"]

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

_WHOLE = ("com.anthropic.claude_code.tr", "livekit-agents", "openlit.instrumentation.")
"""How scopes begin all of whose spans are GenAI spans, though their names tell nothing."""
_WHOLE_NEEDLES = tuple(scope.encode() for scope in _WHOLE)
_HEAD = 64
"""Bytes of a scope's own name and of what stands before it."""

_GROUPS, _RESOURCE, _SCOPES = 1, 1, 2
"""Field numbers of the nested messages, from the request down."""


class Batch:
    """One trace export request. Not thread-safe: whoever processes it owns it."""

    # Views refer to their scope, never the other way round: without a cycle, memory is freed when
    # the batch is done and not when the garbage collector comes by.
    __slots__ = ("_foreign", "_genai", "_payload", "_resources", "_scopes", "_views", "dropped")

    def __init__(self, payload: bytes, scopes: list[Scope], foreign: bool) -> None:
        self._payload = payload
        self._foreign = foreign
        self._scopes = scopes
        self._views: dict[Scope, list[SpanView]] = {}
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
                Scope(group, (nth_group, nth), encoded)
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

    def rewrite_scopes(self, change: Callable[[bytes], bytes]) -> None:
        """Replace what is said of each scope with GenAI spans, encoded, by what ``change`` makes of
        it."""
        for scope in self._views:
            scope.rewrite(change)

    def genai(self) -> Sequence[SpanView]:
        """Return the spans with GenAI attributes, of the current conventions or an older or foreign
        dialect: the same objects at every call. Cheap when there are none."""
        if self._genai is None:
            scopes = [scope for scope in self._scopes if self._may_have_genai(scope)]
            views = [view for view in self._open(scopes) if _is_genai(view)]
            self._genai = [view for view in views if not view.dropped] if self.dropped else views
        return self._genai

    def _may_have_genai(self, scope: Scope) -> bool:
        if scope.has_needle:
            return True
        encoded = scope.encoded
        return self._foreign and (
            any(needle in encoded for needle in _FOREIGN_NEEDLES)
            or any(needle in encoded[:_HEAD] for needle in _WHOLE_NEEDLES)
        )

    def spans(self) -> Iterator[SpanView]:
        """Yield every span that can be read. Slower than ``genai``; the same objects."""
        spans = self._open(self._scopes)
        return (span for span in spans if not span.dropped) if self.dropped else spans

    def _open(self, scopes: Iterable[Scope]) -> Iterator[SpanView]:
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


def _is_genai(view: SpanView) -> bool:
    return view.layout.is_genai or (view.scope_name or "").startswith(_WHOLE)


def _with_resource(group: bytes, resource: bytes) -> Pieces:
    gone = dict.fromkeys(range(len(messages(memoryview(group), _RESOURCE))), Change(None))
    return [field(b"\x0a", resource), *splice(group, _RESOURCE, gone)]
