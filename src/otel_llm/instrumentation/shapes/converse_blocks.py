"""Content blocks and tools of Bedrock's Converse in the JSON of the conventions."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from ..core.patch import Message
from .parts import (
    Part,
    assistant,
    blob_part,
    plain,
    plain_fields,
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
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
"""Stop reasons to the enumeration of ``finish_reason`` in messages."""


def output_message(parts: Sequence[Part], reason: str | None) -> Message:
    """Return an answer."""
    return assistant(parts, _FINISH.get(reason or "", reason))


def input_messages(messages: Any) -> list[Message]:
    """Return the conversation that was sent."""
    return [_input_message(message) for message in items(messages)]


def _input_message(message: Any) -> Message:
    parts = blocks(field(message, "content"))
    return {"role": speaker(parts, text(field(message, "role")) or "user"), "parts": parts}


def blocks(content: Any) -> list[Part]:
    """Return the parts of a message's content; a cache point is none."""
    return [part for block in items(content) for part in _block(block)]


def _block(block: Any) -> list[Part]:
    for name, reader in _READERS.items():
        if (value := field(block, name)) is not None:
            return reader(value)
    return []


def _reasoning(said: Any) -> list[Part]:
    return reasoning_part(field(field(said, "reasoningText"), "text"))


def _tool_use(call: Any) -> list[Part]:
    input = parsed(field(call, "input"))
    if field(call, "type") == "server_tool_use":  # one of Amazon's own
        name = text(field(call, "name"))
        told = {"type": name or "server_tool_use", "input": plain(input)}
        return [server_call_part(name, told, field(call, "toolUseId"))]
    return [tool_call_part(field(call, "name"), plain(input), field(call, "toolUseId"))]


def _tool_result(result: Any) -> list[Part]:
    told = [_result(block) for block in items(field(result, "content"))]
    said = told[0] if len(told) == 1 else told
    if (kind := field(result, "type")) is not None:  # of one of Amazon's own
        told = {"type": text(kind), "content": said}
        return [server_response_part(told, field(result, "toolUseId"))]
    return [tool_response_part(said, field(result, "toolUseId"))]


def _result(block: Any) -> Any:
    if (told := field(block, "json")) is not None:
        return plain(told)
    said = text(field(block, "text"))
    return said if said is not None else _block(block)


def _guarded(content: Any) -> list[Part]:
    if (image := field(content, "image")) is not None:
        return _image(image)
    return text_part(field(field(content, "text"), "text"))


def _found(result: Any) -> list[Part]:
    """Return what was searched for before the call."""
    return [{**plain_fields(result), "type": "search_result"}]


def _cited(content: Any) -> list[Part]:
    return blocks(field(content, "content"))


def _media(modality: str, mime: str) -> Callable[[Any], list[Part]]:
    def read(media: Any) -> list[Part]:
        format, source = text(field(media, "format")), field(media, "source")
        uri, data = text(field(field(source, "s3Location"), "uri")), field(source, "bytes")
        kind = f"{mime}/{format}" if format else None
        if uri:
            head = {"type": "uri", "modality": modality, "uri": uri}
            return [{**head, **known(mime_type=kind)}]
        if data is None:  # a document of words, or an image that failed
            return blocks(field(source, "content")) or text_part(field(source, "text"))
        encoded = base64.b64encode(data).decode() if isinstance(data, bytes) else text(data)
        return [blob_part(modality, encoded, kind)]

    return read


_image = _media("image", "image")

_READERS: dict[str, Callable[[Any], list[Part]]] = {
    "text": text_part,
    "reasoningContent": _reasoning,
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "guardContent": _guarded,
    "citationsContent": _cited,
    "searchResult": _found,
    "image": _image,
    "document": _media("document", "application"),
    "video": _media("video", "video"),
    "audio": _media("audio", "audio"),
}


def tool_definitions(config: Any) -> list[Part] | None:
    """Return what the model may call."""
    return [d for tool in items(field(config, "tools")) for d in _definition(tool)] or None


def _definition(tool: Any) -> list[Part]:
    if (spec := field(tool, "toolSpec")) is None:
        name = text(field(field(tool, "systemTool"), "name"))
        return [{"type": "system", "name": name}] if name else []
    schema = field(field(spec, "inputSchema"), "json")
    return [
        {
            "type": "function",
            "name": text(field(spec, "name")) or "",
            **known(
                description=text(field(spec, "description")),
                parameters=None if schema is None else plain(schema),
            ),
        }
    ]
