"""Cohere's first API: one message at a time, and the legacy ``generate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm.genai import Response

from ..core.patch import Content, Endpoint, Message
from .cohere_v2 import FINISH, failure, request, unwrapped, usage
from .parts import Part, assistant, text_part, tool_call_part, tool_response_part
from .values import field, items, text


def response(answer: Any) -> Response:
    """Read a whole answer of ``chat``."""
    answer = unwrapped(answer)
    reason = text(field(answer, "finish_reason"))
    return Response(
        id=text(field(answer, "response_id")) or text(field(answer, "generation_id")),
        finish_reasons=[reason] if reason else [],
        usage=usage(field(answer, "meta")),
        error_type=failure(reason),
    )


def generated(answer: Any) -> Response:
    """Read a whole answer of ``generate``."""
    answer = unwrapped(answer)
    reasons = [text(field(one, "finish_reason")) for one in items(field(answer, "generations"))]
    return Response(
        id=text(field(answer, "id")),
        finish_reasons=[reason for reason in reasons if reason],
        usage=usage(field(answer, "meta")),
    )


_ROLES = {"CHATBOT": "assistant", "SYSTEM": "system", "TOOL": "tool"}


def input_messages(arguments: Mapping[str, Any]) -> list[Message]:
    """Return the history and the message that was sent."""
    history = [_turn(turn) for turn in items(arguments.get("chat_history"))]
    results = _results(arguments.get("tool_results"))
    asked = text_part(arguments.get("message"))
    return [
        *history,
        *([{"role": "tool", "parts": results}] if results else []),
        *([{"role": "user", "parts": asked}] if asked else []),
    ]


def _turn(turn: Any) -> Message:
    role = _ROLES.get(text(field(turn, "role")) or "", "user")
    parts = [*text_part(field(turn, "message")), *_calls(turn)]
    return {"role": role, "parts": [*parts, *_results(field(turn, "tool_results"))]}


def _calls(turn: Any) -> list[Part]:
    return [
        tool_call_part(field(call, "name"), field(call, "parameters"))
        for call in items(field(turn, "tool_calls"))
    ]


def _results(results: Any) -> list[Part]:
    return [tool_response_part(field(result, "outputs")) for result in items(results)]


def output_messages(answer: Any) -> list[Message]:
    """Return the answer's message, or one per generation."""
    answer = unwrapped(answer)
    said = items(field(answer, "generations")) or (answer,)
    return [_said([*text_part(field(one, "text")), *_calls(one)], one) for one in said]


def _said(parts: list[Part], answer: Any) -> Message:
    reason = text(field(answer, "finish_reason"))
    return assistant(parts, FINISH.get(reason or "", reason))


class ChatStream:
    """Collects the events of one answer; the last one has it whole."""

    __slots__ = ("_content", "_pieces", "_response", "_whole")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._response = Response()
        self._pieces: list[str] = []
        self._whole: Sequence[Message] = ()

    def feed(self, chunk: Any) -> None:
        """Take one event of ``chat_stream`` or ``generate_stream``."""
        kind = field(chunk, "event_type")
        if kind == "stream-start":
            self._response.id = text(field(chunk, "generation_id"))
        elif kind == "stream-end":
            self._end(chunk, field(chunk, "response"))
        elif self._content and kind == "text-generation":
            self._pieces.append(text(field(chunk, "text")) or "")

    def _end(self, chunk: Any, answer: Any) -> None:
        known = self._response.id
        many = field(answer, "generations") is not None
        self._response = generated(answer) if many else response(answer)
        self._response.id = self._response.id or known
        reason = text(field(chunk, "finish_reason"))
        if reason and not self._response.finish_reasons:
            self._response.finish_reasons = [reason]
        self._response.error_type = failure(reason)
        if self._content and answer is not None:
            self._whole = output_messages(answer)

    def response(self) -> Response:
        """Return what has arrived so far."""
        return self._response

    def output_messages(self) -> Sequence[Message]:
        """Return the answer put together."""
        parts = text_part("".join(self._pieces))
        return self._whole or ([_said(parts, None)] if parts else [])


CONTENT = Content(
    input_messages,
    output_messages,
    system_instructions=lambda arguments: text_part(arguments.get("preamble")) or None,
)
PROMPTED = Content(
    lambda arguments: [{"role": "user", "parts": text_part(arguments.get("prompt"))}],
    output_messages,
)

CHAT = Endpoint("chat", request, response, ChatStream, CONTENT)
"""Chat of the first version."""
GENERATE = Endpoint("text_completion", request, generated, ChatStream, PROMPTED)
"""The continuation of a prompt."""
