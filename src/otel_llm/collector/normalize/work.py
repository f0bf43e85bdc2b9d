"""One span in the making: what its sender already said in current words is never overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm import semconv

from .json_values import dumped, listed
from .messages import Message
from .spelling import reasons_in

if TYPE_CHECKING:
    from ..data import SpanView
    from ..wire.values import Value


class Work:
    """A span that is being rewritten. ``keep`` leaves understood names where they are."""

    def __init__(self, span: SpanView, *, keep: bool) -> None:
        self.span = span
        self.keep = keep
        self._answers: list[Message] = []

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
            self.put(semconv.RESPONSE_FINISH_REASONS, reasons_in(messages) or None)
            self._answers = self._answers if self.span.has(name) else messages
        return self.put(name, dumped(messages)) or self._says(name, messages)

    def _says(self, name: str, messages: list[Message]) -> bool:
        """Whether ``name`` says ``messages``, all but how they ended, which may be known later."""
        said = listed(self.span.value(name)) or []
        return list(map(_open, said)) == list(map(_open, messages))

    def finish(self) -> None:
        """Say of the answers that were written how they ended, once all is known."""
        reasons = self.span.texts(semconv.RESPONSE_FINISH_REASONS) or ()
        if len(reasons) == len(self._answers) and any(map(_unended, self._answers)):
            ended = zip(self._answers, reasons, strict=True)
            said = [{**answer, "finish_reason": reason} for answer, reason in ended]
            self.span.set(semconv.OUTPUT_MESSAGES, dumped(said))

    def done(self, old: str) -> None:
        """Take an understood name away."""
        if not self.keep:
            self.span.remove(old)


def _open(message: Message) -> Message:
    return {key: value for key, value in message.items() if key != "finish_reason"}


def _unended(answer: Message) -> bool:
    return "finish_reason" not in answer
