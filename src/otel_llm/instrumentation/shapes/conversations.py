"""Mistral's conversations: entries in, entries out, kept by the provider under an id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .chat_messages import content_parts, tool_definitions
from .parts import (
    Part,
    answered,
    generic_part,
    plain_fields,
    text_part,
    tool_call_part,
    tool_response_part,
)
from .values import count, field, fields, integer, items, number, text, texts


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``start``, ``append`` and ``restart``."""
    get = fields(arguments.get("completion_args")).get
    return Request(
        model=text(arguments.get("model")),
        temperature=number(get("temperature")),
        top_p=number(get("top_p")),
        max_tokens=integer(get("max_tokens")),
        frequency_penalty=number(get("frequency_penalty")),
        presence_penalty=number(get("presence_penalty")),
        stop_sequences=texts(get("stop")),
        seed=integer(get("random_seed")),
        conversation_id=text(arguments.get("conversation_id")),
    )


def response(answer: Any) -> Response:
    """Read a whole answer. It has no id and no finish reason; its entries name the model."""
    models = [text(field(entry, "model")) for entry in items(field(answer, "outputs"))]
    return Response(
        model=next(filter(None, models), None),
        usage=usage(field(answer, "usage")),
        conversation_id=text(field(answer, "conversation_id")),
    )


def usage(said: Any) -> Usage:
    """Read what was really said; tokens of connectors are billed as input of their own."""
    given = getattr(said, "model_fields_set", None)
    told = fields(said)
    known = {name: count(told.get(name)) for name in (told if given is None else given)}
    asked, connectors = known.get("prompt_tokens"), known.get("connector_tokens")
    return Usage(
        input_tokens=asked if asked is None else asked + (connectors or 0),
        output_tokens=known.get("completion_tokens"),
    )


def input_messages(arguments: Mapping[str, Any]) -> list[Message]:
    """Return what was sent: a string, or entries."""
    inputs = arguments.get("inputs")
    if isinstance(inputs, str):
        return [{"role": "user", "parts": text_part(inputs)}]
    return [_entry_message(entry) for entry in items(inputs)]


def _entry_message(entry: Any) -> Message:
    kind = text(field(entry, "type"))
    role = text(field(entry, "role")) or ("tool" if kind == "function.result" else "assistant")
    return {"role": role, "parts": entry_parts(entry)}


def output_messages(answer: Any) -> list[Message]:
    """Return the entries of an answer as one message."""
    parts = [part for entry in items(field(answer, "outputs")) for part in entry_parts(entry)]
    return _message(parts)


def _message(parts: list[Part]) -> list[Message]:
    called = any(part["type"] == "tool_call" for part in parts)
    return answered(parts, "tool_call" if called else "stop")


def entry_parts(entry: Any) -> list[Part]:
    """Return the parts of one entry of a conversation."""
    kind = text(field(entry, "type")) or "message.input"
    if kind.startswith("message."):
        return content_parts(field(entry, "content"))
    id = field(entry, "tool_call_id")
    if kind == "function.call":
        return [tool_call_part(field(entry, "name"), field(entry, "arguments"), id)]
    if kind == "function.result":
        return [tool_response_part(field(entry, "result"), id)]
    return generic_part(entry)


class ConversationStream:
    """Collects the events of one answer."""

    __slots__ = ("_content", "_entries", "_response")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._response = Response()
        self._entries: dict[int, _Entry] = {}

    def feed(self, chunk: Any) -> None:
        """Take one event; what it says is under ``data``."""
        data = field(chunk, "data")
        kind = field(data, "type") or field(chunk, "event")
        self._response.model = self._response.model or text(field(data, "model"))
        if id := text(field(data, "conversation_id")):
            self._response.conversation_id = id
        if kind == "conversation.response.done":
            self._response.usage = usage(field(data, "usage"))
        elif kind == "conversation.response.error":
            self._response.error_type = str(field(data, "code") or "error")
        elif self._content and kind in _ENTRIES:
            index = integer(field(data, "output_index")) or 0
            self._entries.setdefault(index, _Entry(_ENTRIES[kind])).add(data)

    def response(self) -> Response:
        """Return what has arrived so far."""
        return self._response

    def output_messages(self) -> Sequence[Message]:
        """Return the answer put together."""
        return _message([part for _, one in sorted(self._entries.items()) for part in one.parts()])


_ENTRIES = {
    "message.output.delta": "message.output",
    "function.call.delta": "function.call",
    **dict.fromkeys(
        ("tool.execution.started", "tool.execution.delta", "tool.execution.done"), "tool.execution"
    ),
}
"""Events that bring a piece of an entry, to the type of the entry."""


class _Entry:
    """One entry of a stream, growing: words, or arguments, come in pieces."""

    __slots__ = ("_arguments", "_fields", "_said", "_type")

    def __init__(self, kind: str) -> None:
        self._type = kind
        self._fields: dict[str, Any] = {}
        self._arguments: list[str] = []
        self._said: list[Part] = []

    def add(self, event: Any) -> None:
        """Take one piece."""
        told = {k: v for k, v in plain_fields(event).items() if k != "output_index"}
        self._arguments.append(text(told.pop("arguments", None)) or "")
        if self._type == "message.output":
            said = field(event, "content")
            self._said += content_parts([said] if field(said, "type") else said)
        self._fields.update(told)

    def parts(self) -> list[Part]:
        """Return the parts of what came so far."""
        if self._said:
            return _joined(self._said)
        return entry_parts(
            {**self._fields, "arguments": "".join(self._arguments), "type": self._type}
        )


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Join pieces of text that follow each other."""
    whole: list[Part] = []
    for part in parts:
        last = whole[-1] if whole else None
        if last and last["type"] == part["type"] and part["type"] in ("text", "reasoning"):
            whole[-1] = {**last, "content": last["content"] + part["content"]}
        else:
            whole.append(part)
    return whole


CONTENT = Content(
    input_messages,
    output_messages,
    system_instructions=lambda arguments: text_part(arguments.get("instructions")) or None,
    tool_definitions=lambda arguments: tool_definitions(arguments.get("tools")),
)

CONVERSATION = Endpoint("chat", request, response, ConversationStream, CONTENT)
"""A turn of a conversation."""
