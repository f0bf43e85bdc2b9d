"""One message of a protocol between programs, sent or received: how long, how it ended.

It is measured always; it has a span where the SDK makes none itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter_ns
from typing import Any

from opentelemetry.context import Context, get_current
from opentelemetry.propagate import extract, inject
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from otel_llm import semconv
from otel_llm.semconv.metrics import Metric

from .guard import guarded
from .telemetry import Telemetry


class Exchange:
    """A message that is under way. Attributes are shared by its metric and its span."""

    __slots__ = ("_attributes", "_metric", "_own", "_span", "_telemetry", "_ticks", "context")

    def __init__(self, telemetry: Telemetry, metric: Metric, attributes: Mapping[str, Any]) -> None:
        self._telemetry = telemetry
        self._metric = metric
        self._attributes = dict(attributes)
        self._span: Span | None = None
        self._own = False
        self._ticks = perf_counter_ns()
        self.context: Context = get_current()
        """What is current while it is under way."""

    def start_span(
        self, name: str, kind: SpanKind, details: Mapping[str, Any], carrier: Any = None
    ) -> None:
        """Give it a span, in the trace that ``carrier`` brought if there is one.

        The span that was current here then becomes a link (MCP conventions, context propagation).
        """
        outer = self.context
        parent = outer if carrier is None else extract(carrier, outer)
        near, far = _within(outer), _within(parent)
        apart = near.is_valid and near.span_id != far.span_id
        self._span = self._telemetry.tracer.start_span(
            name,
            context=parent,
            kind=kind,
            attributes={**self._attributes, **details},
            links=[Link(near)] if apart else None,
        )
        self._own = True
        self.context = set_span_in_context(self._span, parent)

    def join_span(self, details: Mapping[str, Any]) -> bool:
        """Take the current span for its own if it is that of the same tool, run by a framework."""
        span = get_current_span()
        about: Mapping[str, Any] = getattr(span, "attributes", None) or {}
        shared = (semconv.OPERATION_NAME, semconv.TOOL_NAME)
        if any(
            self._attributes.get(n) is None or about.get(n) != self._attributes[n] for n in shared
        ):
            return False
        self._span = span
        span.set_attributes({**self._attributes, **details})
        return True

    @property
    def captures(self) -> bool:
        """Whether content is wanted on its span."""
        return self._own and self._telemetry.content_on_span

    def put_content(self, name: str, value: Any) -> None:
        """Set what was sent or answered, if spans carry content."""
        if value is not None and self._span is not None and self.captures:
            with guarded("capturing content of a message"):
                self._span.set_attribute(name, self._telemetry.privacy.kept_value(value))

    def carry(self, carrier: dict[str, Any]) -> None:
        """Write the trace, and baggage, into what is sent."""
        inject(carrier, self.context)

    def end(self, attributes: Mapping[str, Any]) -> None:
        """End it with what is known by now; ``error.type`` among it makes it an error."""
        seconds = (perf_counter_ns() - self._ticks) / 1e9
        self._attributes.update(attributes)
        self._telemetry.histogram(self._metric).record(seconds, self._attributes, self.context)
        if self._span is None or not self._own:
            return
        self._span.set_attributes(dict(attributes))
        if semconv.ERROR_TYPE in self._attributes:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _within(context: Context) -> SpanContext:
    return get_current_span(context).get_span_context()
