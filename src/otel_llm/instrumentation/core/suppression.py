"""One call, one span: when a patched call is another layer's view of a call already traced.

A framework calls an SDK, an SDK's helper calls its own ``create``: the inner call is the same
call. The mark for it lives in the context beside the span and dies with the operation, so a
background task that inherited the context is not silenced for ever. A tool run by an agent is no
such layer: ``unmarked`` makes room for the model calls of its own.

Other vendors keep marks of the same kind. Ours stands under the official key: a lock, locked when
the operation has ended. So theirs are respected, and theirs below ours make no second span either.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

from opentelemetry.context import Context, set_value
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import INVALID_SPAN, Span, set_span_in_context

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

_OFFICIAL: Final = {
    layer: f"opentelemetry.genai.client.{layer}.context" for layer in set(LAYERS.values())
}
"""Set by opentelemetry-util-genai 1.3b0 while one of its own operations runs, and by us."""
_OPENLLMETRY: Final = "suppress_language_model_instrumentation"
"""Set to ``True`` by OpenLLMetry's framework instrumentations around the provider's SDK. What is
true silences those of the SDKs, so we set it too, to something else."""
_BELOW: Final = "otel-llm"


(_SPAN,) = set_span_in_context(INVALID_SPAN, Context())
"""The key that the current span is kept under."""


def suppressed(context: Context, operation: str) -> bool:
    """Return whether a call of this kind, made in ``context``, is somebody else's already."""
    if not context:
        return False
    layer = LAYERS.get(operation)
    if layer is not None:
        mark = context.get(_OFFICIAL[layer])
        if mark and not (isinstance(mark, _LOCK) and mark.locked()):
            return True
    if layer is _INFERENCE and context.get(_OPENLLMETRY) is True:
        return True
    return not is_instrumentation_enabled()


def marked(context: Context, span: Span, layer: str | None, ended: Lock) -> Context:
    """Return ``context`` with ``span`` current and, while ``ended`` is unlocked, its mark.

    ``layer``: of the operation, see ``LAYERS``.
    """
    if layer is None:
        return set_span_in_context(span, context)
    # One copy in place of several.
    return Context({**context, _SPAN: span, _OFFICIAL[layer]: ended, _OPENLLMETRY: _BELOW})


def unmarked(context: Context, span: Span) -> Context:
    """Return ``context`` with ``span`` current and no mark: calls inside are calls of their own."""
    inside = set_span_in_context(span, context)
    for key in _ALL:
        if inside.get(key) is not None:
            inside = set_value(key, None, inside)
    return inside


_ALL: Final = (*_OFFICIAL.values(), _OPENLLMETRY)
_LOCK: Final = type(Lock())
