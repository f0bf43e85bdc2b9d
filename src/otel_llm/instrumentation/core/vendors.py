"""The marks by which other vendors' instrumentations know a call of theirs, and leave it out.

Ours are set beside our own: an instrumentation of theirs below ours makes no second span then.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.context import Context

_OFFICIAL: Final = {
    layer: f"opentelemetry.genai.client.{layer}.context"
    for layer in ("inference", "embedding", "retrieval", "fetch_response")
}
"""Set by opentelemetry-util-genai 1.3b0 while one of its own operations runs, to a data object in
which those inside leave what they know."""
_DATA: Final = {
    "inference": ("_inference_invocation", "InferenceData"),
    "embedding": ("_embedding_invocation", "EmbeddingData"),
    "retrieval": ("_retrieval_invocation", "RetrievalData"),
    "fetch_response": ("_fetch_response_invocation", "FetchResponseData"),
}
"""Where the types of those objects are, below ``opentelemetry.util.genai``; others do not count."""
_OPENLLMETRY: Final = "suppress_language_model_instrumentation"
"""Set to ``True`` by OpenLLMetry's framework instrumentations around the provider's SDK. Whatever
is true there silences those of the SDKs."""
_BELOW: Final = "otel-llm"

ALL: Final = (*_OFFICIAL.values(), _OPENLLMETRY)


def theirs(context: Context, layer: str) -> bool:
    """Return whether a call of this kind, made in ``context``, is traced by another vendor."""
    if (data := context.get(_OFFICIAL[layer])) is not None:
        return not hasattr(data, _BELOW_OURS)
    return layer == "inference" and context.get(_OPENLLMETRY) is True


def beside(layer: str) -> Mapping[str, Any]:
    """Return the marks of others to set while a call of ours runs."""
    if "opentelemetry.util.genai" not in sys.modules:
        return _OPENLLMETRYS
    return {_OPENLLMETRY: _BELOW, **_officials(layer)}


_BELOW_OURS: Final = "_otel_llm"
_OPENLLMETRYS: Final = {_OPENLLMETRY: _BELOW}


def _officials(layer: str) -> Mapping[str, Any]:
    """Return the official mark, an object of our own for every call: those inside write into it."""
    module, kind = _DATA[layer]
    loaded = sys.modules.get(f"opentelemetry.util.genai.{module}")
    made = getattr(loaded, kind, None)
    if made is None:
        return {}
    data = made()
    setattr(data, _BELOW_OURS, True)
    return {_OFFICIAL[layer]: data}
