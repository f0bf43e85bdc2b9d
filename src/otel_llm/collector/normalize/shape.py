"""What has its current name and another shape: messages of Chat Completions or of Gemini, or plain
text; numbers and lists written as text, as Spring AI writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, cast

from otel_llm import semconv

from ..data.facts import COUNTED
from ..wire.values import as_integer, as_number
from .json_values import Json, dumped, listed, parsed
from .messages import as_messages
from .spelling import finish_reason

if TYPE_CHECKING:
    from ..data import SpanView
    from ..wire.values import Value

_TEXT: Final = 0x0A
"""First byte of an encoded text."""
_ENUM: Final = b'"FinishReason.'
_ROLES: Final = {
    semconv.SYSTEM_INSTRUCTIONS: "system",
    semconv.INPUT_MESSAGES: "user",
    semconv.OUTPUT_MESSAGES: "assistant",
}


def reshape(span: SpanView, name: str) -> None:
    """Give what is said under ``name`` the shape of the conventions. Looks at the bytes alone where
    it has it already, as nearly all have."""
    raw = span.raw(name)
    if not raw or raw[0] != _TEXT:
        return
    instructs = name == semconv.SYSTEM_INSTRUCTIONS
    if b'"type"' in raw and (b'"parts"' in raw) != instructs:
        if _ENUM in raw and name == semconv.OUTPUT_MESSAGES:
            _spell_reasons(span, name)
        return
    said = span.text(name) or ""
    shaped: Json = as_messages(said, _ROLES[name])
    if instructs:
        shaped = [part for message in shaped for part in message["parts"]]
    if shaped and shaped != parsed(said):
        span.set(name, dumped(shaped))


def _spell_reasons(span: SpanView, name: str) -> None:
    """OpenLIT writes Python's name of Google's reasons into its messages."""
    said = listed(span.value(name)) or []
    spelled = [
        {**message, "finish_reason": finish_reason(reason)}
        if isinstance(reason := message.get("finish_reason"), str)
        else message
        for message in said
    ]
    if spelled != said:
        span.set(name, dumped(spelled))


_WHOLE: Final = frozenset(
    {
        *COUNTED,
        semconv.REQUEST_MAX_TOKENS,
        semconv.REQUEST_TOP_K,
        semconv.REQUEST_SEED,
        semconv.REQUEST_CHOICE_COUNT,
    }
)
_NUMBERS: Final = frozenset(
    {
        semconv.REQUEST_TEMPERATURE,
        semconv.REQUEST_TOP_P,
        semconv.REQUEST_FREQUENCY_PENALTY,
        semconv.REQUEST_PRESENCE_PENALTY,
        semconv.RESPONSE_TIME_TO_FIRST_CHUNK,
    }
)
_LISTS: Final = frozenset({semconv.REQUEST_STOP_SEQUENCES})
TYPED: Final = _WHOLE | _NUMBERS | _LISTS
"""Names of what is no text."""


def retype(span: SpanView, names: Iterable[str]) -> None:
    """Give what is written as text the type of the conventions."""
    for name in names:
        said = span.text(name)
        typed = None if said is None else _typed(name, said)
        if typed is not None:
            span.set(name, typed)


def _typed(name: str, said: str) -> Value | None:
    if name in _WHOLE:
        return as_integer(said)
    if name in _NUMBERS:
        return as_number(said)
    given = parsed(said)
    return [str(item) for item in cast("list[Json]", given)] if isinstance(given, list) else [said]
