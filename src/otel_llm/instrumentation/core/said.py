"""Who and what a call is for, as the program says: kept in the context, in baggage over borders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from opentelemetry import baggage
from opentelemetry.context import Context, create_key, set_value

from otel_llm import semconv

from .attributes import Attributes, Value, plain
from .suppression import LAYERS

_KEY: Final = create_key("otel-llm-said")
_INFERENCE: Final = frozenset(name for name, layer in LAYERS.items() if layer == "inference")
_ONLY_ON: Final = {
    semconv.CONVERSATION_ID: _INFERENCE | {"invoke_agent", "invoke_workflow", "execute_tool"},
    semconv.PROMPT_NAME: _INFERENCE,
    semconv.PROMPT_VERSION: _INFERENCE,
}
"""Where the conventions want it; what is not listed here goes on every span of ours."""
_VARIABLE: Final = f"{semconv.PROMPT_VARIABLE}."


def saying(context: Context, attributes: Mapping[str, Any], carried: Iterable[str]) -> Context:
    """Return ``context`` with ``attributes`` for the calls in it.

    Those named in ``carried`` also become baggage, which propagators send to other processes.
    """
    cleaned = {name: plain(value) for name, value in attributes.items()}
    said = {name: value for name, value in cleaned.items() if value is not None}
    kept: dict[str, Value] = {**_kept(context), **said}
    context = set_value(_KEY, kept, context)
    for name in set(carried).intersection(said):
        context = baggage.set_baggage(name, _to_text(said[name]), context)
    return context


def saying_later(context: Context) -> tuple[Context, Callable[[Attributes], None]]:
    """Return ``context`` and what says more in it, about the calls that start after that."""
    kept = {**_kept(context)}
    return set_value(_KEY, kept, context), kept.update


def said(context: Context, operation: str, carried: Iterable[str]) -> Attributes:
    """Return what was said here, and what came as baggage, that belongs on this operation."""
    if not context:
        return {}
    found = {**_carried(context, carried), **_kept(context)}
    return {name: value for name, value in found.items() if _belongs(name, operation)}


def _belongs(name: str, operation: str) -> bool:
    wanted = _INFERENCE if name.startswith(_VARIABLE) else _ONLY_ON.get(name)
    return wanted is None or operation in wanted


def _kept(context: Context) -> Mapping[str, Value]:
    kept = context.get(_KEY)
    return kept if isinstance(kept, dict) else {}  # pyright: ignore[reportUnknownVariableType] - ours


def _carried(context: Context, carried: Iterable[str]) -> Attributes:
    came = {name: baggage.get_baggage(name, context) for name in carried}
    return {name: _from_text(name, text) for name, text in came.items() if isinstance(text, str)}


def _to_text(value: Value) -> str:
    return json.dumps(value) if isinstance(value, tuple) else str(value)


def _from_text(name: str, text: str) -> Value:
    if name != semconv.own.TAGS:
        return text
    try:
        return tuple(str(tag) for tag in json.loads(text))
    except (ValueError, TypeError):  # from outside: anything may stand there
        return (text,)
