"""One span in the making: what its sender already said in current words is never overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm import semconv

from .messages import Message, dumped

if TYPE_CHECKING:
    from ..data import SpanView
    from ..values import Value


class Work:
    """A span that is being rewritten. ``keep`` leaves understood names where they are."""

    def __init__(self, span: SpanView, *, keep: bool) -> None:
        self.span = span
        self.keep = keep

    def put(self, name: str, value: Value | None) -> bool:
        """Write an attribute unless the sender did; return whether it now says ``value``."""
        if value is None:
            return False
        if self.span.has(name):
            return self.span.value(name) == value
        self.span.set(name, value)
        return True

    def put_messages(self, name: str, messages: list[Message]) -> bool:
        """Write messages as the JSON text the conventions ask for; as ``put``."""
        if not messages:
            return False
        if name == semconv.OUTPUT_MESSAGES:
            reasons = [str(m["finish_reason"]) for m in messages if "finish_reason" in m]
            self.put(semconv.RESPONSE_FINISH_REASONS, reasons or None)
        return self.put(name, dumped(messages))

    def done(self, old: str) -> None:
        """Take an understood name away."""
        if not self.keep:
            self.span.remove(old)
