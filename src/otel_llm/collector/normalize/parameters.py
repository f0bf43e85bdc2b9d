"""Parameters of a request, which every sender spells a little differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from otel_llm import semconv

from .counts import whole_number
from .work import Work

PARAMETERS: Final = {
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "maxTokens": semconv.REQUEST_MAX_TOKENS,
    "maxOutputTokens": semconv.REQUEST_MAX_TOKENS,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "topP": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "topK": semconv.REQUEST_TOP_K,
    "stop": semconv.REQUEST_STOP_SEQUENCES,
    "stop_sequences": semconv.REQUEST_STOP_SEQUENCES,
    "stopSequences": semconv.REQUEST_STOP_SEQUENCES,
    "seed": semconv.REQUEST_SEED,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "frequencyPenalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "presencePenalty": semconv.REQUEST_PRESENCE_PENALTY,
}
_WHOLE: Final = frozenset(
    {semconv.REQUEST_TOP_K, semconv.REQUEST_MAX_TOKENS, semconv.RETRIEVAL_TOP_K}
)


def typed(new: str, value: Any) -> Any:
    """Return a value in the type that the conventions have for it."""
    if new.startswith("gen_ai.usage.") or new in _WHOLE:
        return whole_number(value)
    if new.endswith((".version", ".id")) and not isinstance(value, str):
        return str(value)
    return value


def put_typed(work: Work, new: str, value: Any) -> bool:
    """Write what OTLP has a type for."""
    if isinstance(value, list):
        texts = [item for item in cast("list[object]", value) if isinstance(item, str)]
        return len(texts) == len(cast("list[object]", value)) and work.put(new, texts)
    return isinstance(value, str | bool | int | float) and work.put(new, value)


def put_parameters(work: Work, given: Mapping[str, Any]) -> frozenset[str]:
    """Write those that are known; return the names of what is said now."""
    return frozenset([name for name, value in given.items() if _parameter(work, name, value)])


def _parameter(work: Work, name: str, value: Any) -> bool:
    if name == "model":
        return isinstance(value, str) and work.put(semconv.REQUEST_MODEL, value)
    known = PARAMETERS.get(name)
    if known == semconv.REQUEST_STOP_SEQUENCES and isinstance(value, str):
        value = [value]
    if known is None or value is None:
        return value is None
    return put_typed(work, known, typed(known, value))
