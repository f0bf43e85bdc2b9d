"""Shows the store the spans of traces that are no GenAI spans (``store.spans: traces``), and those
that name no operation: what is between an agent and its calls, or an inference server's side.

What is kept of an attribute is by its name: those that say where a request went and how it ended.
Text that a user, a query or a header may have put in is not among them, nor any GenAI content.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from otel_llm.store import PlainSpan

from ..data import Batch, SpanView
from ..data.facts import OPERATION

KEPT: Final = frozenset(
    {
        *("http.request.method", "http.response.status_code", "http.route", "http.method"),
        *("http.status_code", "url.scheme", "server.address", "server.port", "net.peer.name"),
        *("net.peer.port", "network.protocol.name", "network.protocol.version"),
        *("db.system", "db.system.name", "db.namespace", "db.name", "db.operation"),
        *("db.operation.name", "db.collection.name", "db.response.status_code"),
        *("rpc.system", "rpc.system.name", "rpc.service", "rpc.method", "rpc.grpc.status_code"),
        *("messaging.system", "messaging.operation.name", "messaging.operation.type"),
        *("messaging.destination.name", "faas.trigger", "error.type"),
        *("code.function", "code.function.name", "code.namespace"),
    }
)
MAX_CHARS: Final = 200


class TraceSpans:
    """A ``Processor`` that changes nothing, behind those that do. What a sender sends again is
    shown again: the store knows a span that it has."""

    def __init__(self, observe: Callable[[Sequence[PlainSpan]], object]) -> None:
        """``observe`` returns at once."""
        self._observe = observe

    def process(self, batch: Batch) -> None:
        """See ``Processor``."""
        if spans := plain_spans(batch):
            self._observe(spans)


def plain_spans(batch: Batch) -> list[PlainSpan]:
    """Return what is kept of the spans of ``batch`` that are no calls."""
    told = {span.ids for span in batch.genai() if span.facts[OPERATION] is not None}
    return [_read(span) for span in batch.spans() if span.ids not in told]


def _read(span: SpanView) -> PlainSpan:
    trace_id, span_id, parent_id, name, start_ns, end_ns = span.place
    return PlainSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        name=name[:MAX_CHARS],
        kind=span.kind,
        start_ns=start_ns,
        end_ns=end_ns,
        service=span.resource_text("service.name"),
        is_error=span.is_error,
        attributes=_attributes(span),
    )


def _attributes(span: SpanView) -> dict[str, str | int | float | bool]:
    found: dict[str, str | int | float | bool] = {}
    for name in KEPT.intersection(span.names()):
        value = span.value(name)
        if isinstance(value, str):
            found[name] = value[:MAX_CHARS]
        elif isinstance(value, bool | int | float):
            found[name] = value
    return dict(sorted(found.items()))
