"""Datadog's span around a call of ours, where it goes the same way as ours.

With ``OTEL_TRACES_EXPORTER=otlp`` its tracer sends spans by OTLP, in traces of their own, of which
those of streams have estimates for tokens. So they are told which span of ours is the call, and
the collector counts that one.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import format_span_id, get_current_span

from otel_llm.semconv import own

from .guard import guarded

TRACER: Final = "ddtrace.trace"
"""The module with its tracer."""


def tell(instrumentor: Any, context: Context) -> None:
    """Let Datadog's span of the call whose span is current in ``context``, if it is the innermost
    that is open, say which call it repeats."""
    if os.environ.get("OTEL_TRACES_EXPORTER", "").lower() != "otlp":
        return
    with guarded("telling Datadog's span of ours"):
        around, ours = sys.modules[TRACER].tracer.current_span(), get_current_span(context)
        sdk = type(instrumentor).__module__.rpartition(".")[2]
        if around is None or around.name != f"{sdk}.request":
            return
        if (called := ours.get_span_context()).trace_flags.sampled:
            around.set_tag(own.DUPLICATE_OF, format_span_id(called.span_id))
