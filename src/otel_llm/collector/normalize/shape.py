"""Messages that have their current name and another shape: those of Chat Completions or of Gemini,
or plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_llm import semconv

from .messages import Json, as_messages, dumped, parsed

if TYPE_CHECKING:
    from ..data import SpanView

_TEXT: Final = 0x0A
"""First byte of an encoded text."""
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
        return
    said = span.text(name) or ""
    shaped: Json = as_messages(said, _ROLES[name])
    if instructs:
        shaped = [part for message in shaped for part in message["parts"]]
    if shaped and shaped != parsed(said):
        span.set(name, dumped(shaped))
