"""The legacy ``/completions`` shape: a prompt in, its continuation out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from otel_llm.genai import Request

from ..core.patch import Content, Endpoint, Message
from . import chat_completions as chat
from .parts import assistant, text_part
from .values import field, integer, items, text


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``create``."""
    return replace(chat.request(arguments), output_type=None)


def input_messages(arguments: Mapping[str, Any]) -> list[Message]:
    """Return one message per prompt; prompts of token numbers say nothing readable."""
    prompt = arguments.get("prompt")
    prompts = [prompt] if isinstance(prompt, str) else items(prompt)
    return [{"role": "user", "parts": text_part(said)} for said in prompts if text(said)]


def output_messages(completion: Any) -> list[Message]:
    """Return one message per choice."""
    return [
        _message(text(field(choice, "text")), text(field(choice, "finish_reason")))
        for choice in items(field(completion, "choices"))
    ]


def _message(said: str | None, reason: str | None) -> Message:
    return assistant(text_part(said), reason)


class CompletionStream(chat.ChatStream):
    """Collects the chunks of one answer: choices with ``text`` where chat has a delta."""

    __slots__ = ("_said",)

    def __init__(self, content: bool = False) -> None:
        super().__init__(content)
        self._said: dict[int, list[str]] = {}

    def _take(self, choice: Any) -> bool:
        if self._content and (said := text(field(choice, "text"))):
            self._said.setdefault(integer(field(choice, "index")) or 0, []).append(said)
        return super()._take(choice)

    def output_messages(self) -> Sequence[Message]:
        """Return one message per choice."""
        return [
            _message("".join(self._said.get(index, ())), choice.finish)
            for index, choice in sorted(self._choices.items())
        ]


CONTENT = Content(input_messages, output_messages)

COMPLETIONS = Endpoint("text_completion", request, chat.response, CompletionStream, CONTENT)
"""Legacy completions as any compatible host speaks them."""
