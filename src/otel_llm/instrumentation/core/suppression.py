"""One call, one span: when a patched call is another layer's view of a call already traced.

A framework calls an SDK, an SDK's helper calls its own ``create``: the inner call is the same
call. The mark for it lives in the context beside the span and dies with the operation, so a
background task that inherited the context is not silenced for ever. A tool run by an agent is no
such layer: ``unmarked`` makes room for the model calls of its own.

Other vendors keep marks of the same kind: see ``vendors``.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

from opentelemetry.context import Context, create_key, set_value
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import INVALID_SPAN, Span, set_span_in_context

from . import vendors

_INFERENCE: Final = "inference"
LAYERS: Final = {
    "chat": _INFERENCE,
    "generate_content": _INFERENCE,
    "text_completion": _INFERENCE,
    "embeddings": "embedding",
    "retrieval": "retrieval",
    "fetch_response": "fetch_response",
}
"""Which operations can be the same call: those of one kind."""

_MARKS: Final = {layer: create_key(f"otel-llm-{layer}") for layer in set(LAYERS.values())}
_NOTHING: Final[Mapping[str, Any]] = {}
(_SPAN,) = set_span_in_context(INVALID_SPAN, Context())
"""The key that the current span is kept under."""


def suppressed(context: Context, operation: str) -> bool:
    """Return whether a call of this kind, made in ``context``, is somebody else's already."""
    if not context:
        return False
    layer = LAYERS.get(operation)
    if layer is not None:
        mark = context.get(_MARKS[layer])
        if isinstance(mark, _LOCK) and not mark.locked():
            return True
        if vendors.theirs(context, layer):
            return True
    return not is_instrumentation_enabled()


def marked(
    context: Context, span: Span, layer: str | None, ended: Lock, more: Mapping[str, Any] = _NOTHING
) -> Context:
    """Return ``context`` with ``span`` current and, while ``ended`` is unlocked, its mark.

    ``layer``: of the operation, see ``LAYERS``. ``more``: what else is to be in it.
    """
    if layer is None:
        return set_span_in_context(span, Context({**context, **more}) if more else context)
    # One copy in place of several.
    return Context({**context, _SPAN: span, _MARKS[layer]: ended, **vendors.beside(layer), **more})


def silencing(context: Context, operation: str) -> Context:
    """Return ``context`` with the marks of other vendors alone, for what comes before a call of
    ours: theirs, which begin a span there, leave it out."""
    layer = LAYERS.get(operation)
    return context if layer is None else Context({**context, **vendors.beside(layer)})


def unmarked(context: Context, span: Span) -> Context:
    """Return ``context`` with ``span`` current and no mark: calls inside are calls of their own."""
    inside = set_span_in_context(span, context)
    for key in _ALL:
        if inside.get(key) is not None:
            inside = set_value(key, None, inside)
    return inside


_ALL: Final = (*_MARKS.values(), *vendors.ALL)
_LOCK: Final = type(Lock())
