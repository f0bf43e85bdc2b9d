"""Content blocks and tools of Anthropic's messages in the JSON of the conventions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.patch import Message
from .parts import (
    Part,
    assistant,
    blob_part,
    file_part,
    generic_part,
    plain,
    reasoning_part,
    server_call_part,
    server_response_part,
    speaker,
    text_part,
    tool_call_part,
    tool_response_part,
)
from .values import field, items, known, parsed, text

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
    "compaction": "compaction",
}
"""Stop reasons to the enumeration of ``finish_reason`` in messages."""


def output_message(parts: Sequence[Part], reason: str | None) -> Message:
    """Return an answer."""
    return assistant(parts, _FINISH.get(reason or "", reason))


def input_messages(messages: Any) -> list[Message]:
    """Return the conversation that was sent; nothing of what is no list (a generator)."""
    return [_input_message(message) for message in items(messages)]


def _input_message(message: Any) -> Message:
    parts = blocks(field(message, "content"))
    return {"role": speaker(parts, text(field(message, "role")) or "user"), "parts": parts}


def blocks(content: Any) -> list[Part]:
    """Return the parts of a message's content: a string, or a list of typed blocks."""
    if isinstance(content, str):
        return text_part(content)
    return [part for block in items(content) for part in _block(block)]


def _block(block: Any) -> list[Part]:
    kind = text(field(block, "type")) or ""
    if (reader := _READERS.get(kind)) is not None:
        return reader(block)
    # Each of the provider's own tools has a type of result of its own, and there are ever more.
    return _server_result(block) if kind.endswith("_tool_result") else generic_part(block)


def _text(block: Any) -> list[Part]:
    return text_part(field(block, "text"))


def _thinking(block: Any) -> list[Part]:
    return reasoning_part(field(block, "thinking"))


def _unreadable(_: Any) -> list[Part]:
    """``redacted_thinking`` is encrypted: there is nothing to say."""
    return []


def _tool_use(block: Any) -> list[Part]:
    input = parsed(field(block, "input"))
    return [tool_call_part(field(block, "name"), plain(input), field(block, "id"))]


def _tool_result(block: Any) -> list[Part]:
    return [tool_response_part(_result(field(block, "content")), field(block, "tool_use_id"))]


def _result(content: Any) -> Any:
    if not items(content):
        return plain(content)
    parts = blocks(content)
    only_text = all(part["type"] == "text" for part in parts)
    return "".join(part["content"] for part in parts) if only_text else parts


def _server_call(block: Any) -> list[Part]:
    name = text(field(block, "name")) or ""
    call = {"type": name, "input": plain(parsed(field(block, "input")))}
    return [server_call_part(name, call, field(block, "id"))]


def _server_result(block: Any) -> list[Part]:
    kind = text(field(block, "type")) or ""
    result = {"type": kind.removesuffix("_tool_result"), "content": plain(field(block, "content"))}
    return [server_response_part(result, field(block, "tool_use_id"))]


def _compaction(block: Any) -> list[Part]:
    return [{"type": "compaction", **known(content=text(field(block, "content")))}]


def _media(modality: str) -> Callable[[Any], list[Part]]:
    def read(block: Any) -> list[Part]:
        return _source(modality, field(block, "source"))

    return read


def _source(modality: str, source: Any) -> list[Part]:
    kind, mime = field(source, "type"), text(field(source, "media_type"))
    if kind == "base64":
        return [blob_part(modality, field(source, "data"), mime)]
    if kind == "url":
        return [{"type": "uri", "modality": modality, "uri": text(field(source, "url")) or ""}]
    if kind == "file":
        return [file_part(modality, field(source, "file_id"))]
    return blocks(field(source, "content")) or text_part(field(source, "data"))


_READERS: dict[str, Callable[[Any], list[Part]]] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _unreadable,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "server_tool_use": _server_call,
    "mcp_tool_use": _server_call,
    "compaction": _compaction,
    "image": _media("image"),
    "document": _media("document"),
}


def tool_definitions(tools: Any) -> list[Part] | None:
    """Return what the model may call; a tool of the provider's own is named by its type."""
    return [_definition(tool) for tool in items(tools)] or None


def _definition(tool: Any) -> Part:
    kind = text(field(tool, "type"))
    if kind is None or kind == "custom":
        kind = "function"
    schema = field(tool, "input_schema")
    return {
        "type": kind,
        "name": text(field(tool, "name")) or kind,
        **known(
            description=text(field(tool, "description")),
            parameters=None if schema is None else plain(schema),
        ),
    }
