"""Failures that only the status of a span tells, and an exception on it, as many senders do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm import semconv

from ..data import facts

if TYPE_CHECKING:
    from ..data import SpanView


def name_failure(span: SpanView) -> None:
    """Say on a span that failed by what it failed, by an exception's class and never its words."""
    if span.facts[facts.ERROR_TYPE] is None and span.is_error:
        span.set(semconv.ERROR_TYPE, _raised(span) or facts.UNNAMED_FAILURE)


def _raised(span: SpanView) -> str | None:
    """Return the last exception's class: the one that left the span."""
    kinds = [said.get(semconv.EXCEPTION_TYPE) for name, said in span.events() if name == _EVENT]
    return next((kind for kind in reversed(kinds) if isinstance(kind, str) and kind), None)


_EVENT = "exception"
