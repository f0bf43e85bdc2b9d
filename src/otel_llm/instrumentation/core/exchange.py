"""One message of a protocol between programs, sent or received: how long, how it ended.

It is measured always. Its span is one of ours, or the one that the SDK makes for it, or that of a
framework which runs the same tool.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
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

    __slots__ = (
        "_attributes",
        "_ending",
        "_metric",
        "_shown",
        "_span",
        "_telemetry",
        "_ticks",
        "context",
    )

    def __init__(self, telemetry: Telemetry, metric: Metric, attributes: Mapping[str, Any]) -> None:
        self._telemetry = telemetry
        self._metric = metric
        self._attributes = dict(attributes)
        self._span: Span | None = None
        self._ending: ExitStack | None = None
        """Ends the span; without it, that is somebody else's to do."""
        self._shown: dict[str, Any] = {}
        """What belongs on the span, until there is one."""
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
        self._ending = ExitStack()
        self._ending.callback(self._span.end)
        self.context = set_span_in_context(self._span, parent)

    @property
    def has_span(self) -> bool:
        """Whether it has one, ended or not."""
        return self._span is not None

    @contextmanager
    def adopt_span(self, manager: AbstractContextManager[Any]) -> Generator[Any]:
        """Enter what makes a span of the SDK, and leave it when the exchange ends.

        The SDK would end it before it looks at the answer. An exception leaves it at once.
        """
        with ExitStack() as stack:
            span = stack.enter_context(manager)
            self._span = span
            with guarded("adopting a span of an SDK"):
                span.set_attributes(self._shown)
            yield span
            self._ending = stack.pop_all()

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
        """Whether content is wanted on its span, if it gets one that nobody else describes."""
        joined = self._span is not None and self._ending is None
        return self._telemetry.content_on_span and not joined

    def put_content(self, name: str, value: Any) -> None:
        """Set what was sent or answered, if spans carry content."""
        if value is None or not self.captures:
            return
        with guarded("capturing content of a message"):
            kept = self._telemetry.privacy.kept_value(value)
            self.show({name: kept})

    def show(self, attributes: Mapping[str, Any]) -> None:
        """Set what only its span says, on that or, before there is one, as soon as there is."""
        if self._span is None:
            self._shown.update(attributes)
        else:
            self._span.set_attributes(dict(attributes))

    def carry(self, carrier: dict[str, Any]) -> None:
        """Write the trace, and baggage, into what is sent."""
        inject(carrier, self.context)

    def end(self, attributes: Mapping[str, Any]) -> None:
        """End it with what is known by now; ``error.type`` among it makes it an error."""
        seconds = (perf_counter_ns() - self._ticks) / 1e9
        self._attributes.update(attributes)
        self._telemetry.histogram(self._metric).record(seconds, self._attributes, self.context)
        if self._span is None or self._ending is None:
            return
        self._span.set_attributes(dict(attributes))
        if semconv.ERROR_TYPE in self._attributes:
            self._span.set_status(StatusCode.ERROR)
        self._ending.close()


def _within(context: Context) -> SpanContext:
    return get_current_span(context).get_span_context()
