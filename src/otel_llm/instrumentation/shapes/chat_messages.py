"""Messages and tools of the ``/chat/completions`` shape in the JSON of the conventions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..core.json_text import to_json
from ..core.patch import Message
from .parts import (
    Part,
    blob_part,
    file_part,
    finish,
    generic_part,
    media_part,
    plain,
    reasoning_part,
    refusal_part,
    server_call_part,
    server_response_part,
    text_part,
    tool_call_part,
    tool_response_part,
)
from .values import field, fields, items, known, parsed, text

_Get: TypeAlias = Callable[[str], Any]
"""Gives a field of a message."""


def input_messages(messages: Any) -> list[Message]:
    """Return the conversation that was sent; nothing of what is no list (a generator)."""
    return [_input_message(message) for message in items(messages)]


def _input_message(message: Any) -> Message:
    get = fields(message).get
    role = text(get("role")) or "user"
    parts = _tool_answer(get) if role in ("tool", "function") else _parts(get)
    name = text(get("name"))
    return (
        {"role": role, "parts": parts}
        if name is None
        else {"role": role, "parts": parts, "name": name}
    )


def _tool_answer(get: _Get) -> list[Part]:
    return [tool_response_part(get("content"), get("tool_call_id"))]


def assistant_message(message: Any, reason: str | None) -> Message:
    """Return one choice of an answer."""
    get = fields(message).get
    return {
        "role": text(get("role")) or "assistant",
        "parts": _parts(get),
        "finish_reason": finish(reason),
    }


def _parts(get: _Get) -> list[Part]:
    found = content_parts(get("content"))
    if (ran := get("executed_tools")) is not None:
        found = [part for tool in items(ran) for part in _ran(tool)] + found
    if thought := get("reasoning_content") or get("reasoning"):
        found = reasoning_part(thought) + found
    if (refused := get("refusal")) is not None:
        found += refusal_part(refused)
    if (audio := get("audio")) is not None:
        found += _audio_parts(audio)
    return found + _call_parts(get)


def content_parts(content: Any) -> list[Part]:
    """Return the parts of a message's content: a string, or a list of typed parts."""
    if isinstance(content, str):
        return text_part(content)
    if isinstance(content, dict):  # Cloudflare decodes the answer of its JSON mode
        return text_part(to_json(content))
    return [part for item in items(content) for part in _content_part(item)]


def _content_part(item: Any) -> list[Part]:
    if isinstance(item, str):
        return text_part(item)
    kind = text(field(item, "type")) or ""
    if (reader := _READERS.get(kind)) is None:
        return generic_part(item)
    inner = field(item, kind)
    return reader(item if inner is None else inner)  # Mistral's files lie flat


def _image(image: Any) -> list[Part]:
    return [media_part("image", image if isinstance(image, str) else field(image, "url"))]


def _input_audio(audio: Any) -> list[Part]:
    if isinstance(audio, str):  # Mistral's: an address, or the sound itself
        return [media_part("audio", audio) if ":" in audio else blob_part("audio", audio)]
    kind = text(field(audio, "format"))
    return [blob_part("audio", field(audio, "data"), f"audio/{kind}" if kind else None)]


def _file(file: Any) -> list[Part]:
    if data := text(field(file, "file_data")):
        is_url = data.startswith("data:")
        return [media_part("document", data) if is_url else blob_part("document", data)]
    return [file_part("document", field(file, "file_id"))]


def _document(url: Any) -> list[Part]:
    return [media_part("document", url)]


def _thinking(thought: Any) -> list[Part]:
    """Mistral's ``thinking``: text, or a list of text parts."""
    said = thought if isinstance(thought, str) else _joined(thought)
    return reasoning_part(said)


def _joined(parts: Any) -> str:
    return "".join(text(field(part, "text")) or "" for part in items(parts))


_READERS = {
    "text": text_part,
    "refusal": refusal_part,
    "image_url": _image,
    "input_audio": _input_audio,
    "file": _file,
    "document_url": _document,
    "thinking": _thinking,
}


def _audio_parts(audio: Any) -> list[Part]:
    """Read an answer's audio, or the reference to it when the answer is sent back."""
    if data := text(field(audio, "data")):
        return [blob_part("audio", data), *text_part(field(audio, "transcript"))]
    said = text_part(field(audio, "transcript"))
    return said or ([file_part("audio", id)] if (id := text(field(audio, "id"))) else [])


def _ran(tool: Any) -> list[Part]:
    """Read a tool that ran at the provider (Groq's compound systems): its call, and its answer."""
    name, output = text(field(tool, "type")) or "", text(field(tool, "output"))
    call = {"type": name, **known(input=parsed(field(tool, "arguments")))}
    found = [server_call_part(name, call)]
    if output is not None:
        found.append(server_response_part({"type": name, "content": output}))
    return found


def _call_parts(get: _Get) -> list[Part]:
    calls = [_call_part(call) for call in items(get("tool_calls"))]
    if (old := get("function_call")) is not None:
        calls.append(tool_call_part(field(old, "name"), field(old, "arguments")))
    return calls


def _call_part(call: Any) -> Part:
    function = field(call, "function") or field(call, "custom")
    arguments = field(function, "arguments")
    arguments = field(function, "input") if arguments is None else arguments
    return tool_call_part(field(function, "name"), arguments, field(call, "id"))


def tool_definitions(tools: Any) -> list[Part] | None:
    """Return what the model may call; a provider's own tool is named by its type."""
    return [tool_definition(tool) for tool in items(tools)] or None


def tool_definition(tool: Any) -> Part:
    """Return one tool; its fields may be nested (chat) or flat (responses)."""
    kind = text(field(tool, "type")) or "function"
    inner = field(tool, kind)
    told = tool if inner is None or isinstance(inner, str) else inner
    definition = {"type": kind, "name": text(field(told, "name")) or kind}
    parameters = field(told, "parameters")
    return {
        **definition,
        **known(
            description=text(field(told, "description")),
            parameters=None if parameters is None else plain(parameters),
        ),
    }
