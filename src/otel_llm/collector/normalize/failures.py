"""Failures that only the status of a span tells, and an exception on it, as many senders do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from otel_llm import semconv

from ..data import facts

if TYPE_CHECKING:
    from ..data import SpanView


def name_failure(span: SpanView) -> None:
    """Say on a span that failed by what it failed, by an exception's class and never its words."""
    said = span.facts[facts.ERROR_TYPE]
    if said is None and span.is_error:
        span.set(semconv.ERROR_TYPE, _raised(span) or facts.UNNAMED_FAILURE)
    elif said and said.startswith(_WRITTEN_OUT):  # Semantic Kernel
        span.set(semconv.ERROR_TYPE, said.removeprefix(_WRITTEN_OUT).removesuffix("'>"))


def _raised(span: SpanView) -> str | None:
    """Return the last exception's class: the one that left the span."""
    raised = [said for name, said in span.events() if name == _EVENT]
    kinds = [_named(span, said) for said in reversed(raised)]
    return next((kind for kind in kinds if isinstance(kind, str) and kind), None)


def _named(span: SpanView, said: Mapping[str, object]) -> object:
    """LangSmith calls each an ``Exception``, and writes it out: ``RateLimitError('…')``."""
    kind = said.get(semconv.EXCEPTION_TYPE)
    if kind != "Exception" or span.scope_name != "langsmith":
        return kind
    found = _CLASS.match(str(said.get(semconv.EXCEPTION_MESSAGE)))
    return found[1] if found else kind


_EVENT = "exception"
_WRITTEN_OUT = "<class '"
_CLASS = re.compile(r"([A-Za-z_]\w{0,99})\(")
