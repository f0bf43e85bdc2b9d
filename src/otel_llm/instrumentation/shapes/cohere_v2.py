"""Cohere's v2 chat: OpenAI's messages going in, content blocks and billed units coming out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .arguments import asked
from .chat_completions import output_type
from .chat_messages import assistant_message, input_messages, tool_definitions
from .values import count, field, fields, integer, items, text

FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_call",
    "ERROR": "error",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
}
"""Cohere's spellings to the enumeration of ``finish_reason`` in messages."""


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``chat`` and ``chat_stream``, of either version."""
    found = asked(arguments, _PARAMETERS)
    if (format := arguments.get("response_format", ...)) is not ...:
        found.output_type = output_type(format)
    if "conversation_id" in arguments:
        found.conversation_id = text(arguments["conversation_id"])
    return found


_PARAMETERS: Mapping[str, str] = {
    "temperature": "temperature",
    "p": "top_p",
    "k": "top_k",
    "max_tokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "stop_sequences": "stop_sequences",
    "seed": "seed",
}


def response(answer: Any) -> Response:
    """Read a whole answer, or the HTTP response around it. It names no model."""
    get = fields(unwrapped(answer)).get
    reason = text(get("finish_reason"))
    return Response(
        text(get("id")),
        None,
        [reason] if reason else [],
        usage(get("usage")),
        failure(reason),
    )


def measured(answer: Any) -> Response:
    """Read of a whole answer what metrics carry, which clean it themselves."""
    get = fields(unwrapped(answer)).get
    return Response(None, None, (), _counted(fields(get("usage"))), failure(get("finish_reason")))


def unwrapped(answer: Any) -> Any:
    """Return what ``with_raw_response`` wraps; anything else as it is."""
    return answer.data if type(answer).__name__.endswith("HttpResponse") else answer


def failure(reason: str | None) -> str | None:
    """Return an ``error.type`` for an answer that ended by a failure of the provider's."""
    return "_OTHER" if reason in ("ERROR", "TIMEOUT") else None


def usage(said: Any) -> Usage:
    """Read ``usage`` (v2) or ``meta`` (v1): billed units, else tokens; both are floats."""
    if said is None:
        return Usage()
    told = fields(said)
    found = _counted(told)
    cached, asked = count(told.get("cached_tokens")), found.input_tokens
    # Cached tokens are of all tokens, billed ones may be fewer: no part is more than its whole.
    if cached is not None and asked is not None and cached <= asked:
        found.cache_read = cached
    return found


def _counted(told: Mapping[str, Any]) -> Usage:
    """Return what went in and came out."""
    billed = fields(told.get("billed_units"))
    asked, wrote = count(billed.get("input_tokens")), count(billed.get("output_tokens"))
    if asked is None or wrote is None:
        tokens = fields(told.get("tokens"))
        asked = count(tokens.get("input_tokens")) if asked is None else asked
        wrote = count(tokens.get("output_tokens")) if wrote is None else wrote
    return Usage(asked, wrote)


def output_messages(answer: Any) -> list[Message]:
    """Return the answer's message."""
    answer = unwrapped(answer)
    message = field(answer, "message")
    return _said(message, field(message, "tool_plan"), text(field(answer, "finish_reason")))


def _said(message: Any, plan: Any, reason: str | None) -> list[Message]:
    said = assistant_message(message, FINISH.get(reason or "", reason))
    planned = [{"type": "reasoning", "content": plan}] if text(plan) else []
    return [{**said, "parts": [*planned, *said["parts"]]}]


class ChatStream:
    """Collects the events of one answer."""

    __slots__ = ("_blocks", "_calls", "_content", "_plan", "_response")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._response = Response()
        self._blocks: dict[int, dict[str, str]] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._plan: list[str] = []

    def feed(self, chunk: Any) -> None:
        """Take one event."""
        kind = field(chunk, "type")
        if kind == "message-start":
            self._response.id = text(field(chunk, "id"))
        elif kind == "message-end":
            self._end(field(chunk, "delta"))
        elif self._content:
            self._take(integer(field(chunk, "index")) or 0, field(field(chunk, "delta"), "message"))

    def _end(self, delta: Any) -> None:
        reason = text(field(delta, "finish_reason"))
        self._response.finish_reasons = [reason] if reason else []
        self._response.usage = usage(field(delta, "usage"))
        failed = text(field(delta, "error")) and "_OTHER"
        self._response.error_type = failed or failure(reason)

    def _take(self, index: int, message: Any) -> None:
        content, call = field(message, "content"), field(message, "tool_calls")
        for name in ("text", "thinking"):
            if piece := text(field(content, name)):
                block = self._blocks.setdefault(index, {"type": name, name: ""})
                block[name] = block.get(name, "") + piece
        if call is not None:
            self._call(self._calls.setdefault(index, {}), call)
        self._plan.append(text(field(message, "tool_plan")) or "")

    def _call(self, kept: dict[str, Any], call: Any) -> None:
        function = field(call, "function")
        kept["id"] = kept.get("id") or text(field(call, "id"))
        told = kept.setdefault("function", {"name": None, "arguments": ""})
        told["name"] = told["name"] or text(field(function, "name"))
        told["arguments"] += text(field(function, "arguments")) or ""

    def response(self) -> Response:
        """Return what has arrived so far."""
        return self._response

    def output_messages(self) -> Sequence[Message]:
        """Return the answer put together."""
        blocks = [block for _, block in sorted(self._blocks.items())]
        calls = [call for _, call in sorted(self._calls.items())]
        message = {"role": "assistant", "content": blocks, "tool_calls": calls}
        reasons = self._response.finish_reasons
        if not (blocks or calls or reasons or any(self._plan)):
            return []
        return _said(message, "".join(self._plan), reasons[0] if reasons else None)


CONTENT = Content(
    input_messages=lambda arguments: input_messages(arguments.get("messages")),
    output_messages=output_messages,
    tool_definitions=lambda arguments: tool_definitions(items(arguments.get("tools"))),
)

CHAT = Endpoint("chat", request, response, ChatStream, CONTENT, model="model", measured=measured)
"""Chat of the second version."""
