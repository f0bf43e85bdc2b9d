"""Items of the Responses API in the JSON of the conventions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.patch import Message
from .parts import (
    Part,
    answered,
    blob_part,
    file_part,
    generic_part,
    media_part,
    plain_fields,
    reasoning_part,
    refusal_part,
    server_call_part,
    server_response_part,
    text_part,
    texts_of,
    tool_call_part,
    tool_response_part,
)
from .values import field, items, known, text


def input_messages(given: Any) -> list[Message]:
    """Return what was sent: a string, or a list of items; nothing of anything else."""
    if isinstance(given, str):
        return [{"role": "user", "parts": text_part(given)}]
    return [_input_message(item) for item in items(given)]


def _input_message(item: Any) -> Message:
    kind = text(field(item, "type")) or "message"
    role = text(field(item, "role")) or _role(kind)
    return {"role": role, "parts": output_parts(item)}


def _role(kind: str) -> str:
    if kind.endswith("_output"):
        return "tool"
    return "user" if kind == "message" else "assistant"


def output_messages(answer: Any) -> list[Message]:
    """Return the answer: one message with the parts of all its items."""
    output = items(field(answer, "output"))
    parts = [part for item in output for part in output_parts(item)]
    return answered(parts, _finish(answer, parts))


def _finish(answer: Any, parts: list[Part]) -> str | None:
    status = text(field(answer, "status"))
    if status == "incomplete":
        reason = text(field(field(answer, "incomplete_details"), "reason"))
        return "length" if reason == "max_output_tokens" else reason or status
    if status in ("failed", "cancelled"):
        return "error"
    kinds = {part["type"] for part in parts}
    if "compaction" in kinds:
        return "compaction"
    return "tool_call" if "tool_call" in kinds else ("stop" if status == "completed" else status)


def output_parts(item: Any) -> list[Part]:
    """Return the parts of one item, of an answer or of an earlier turn."""
    kind = text(field(item, "type")) or "message"
    reader = _ITEMS.get(kind)
    return reader(item) if reader else _server_tool(kind, item)


def _message(item: Any) -> list[Part]:
    content = field(item, "content")
    if isinstance(content, str):
        return text_part(content)
    return [part for piece in items(content) for part in _content_part(piece)]


def _content_part(piece: Any) -> list[Part]:
    reader = _CONTENT.get(text(field(piece, "type")) or "")
    return reader(piece) if reader else generic_part(piece)


def _image(piece: Any) -> list[Part]:
    if url := text(field(piece, "image_url")):
        return [media_part("image", url)]
    return [file_part("image", field(piece, "file_id"))]


def _file(piece: Any) -> list[Part]:
    if url := text(field(piece, "file_url")):
        return [media_part("document", url)]
    if data := text(field(piece, "file_data")):
        is_url = data.startswith("data:")
        return [media_part("document", data) if is_url else blob_part("document", data)]
    return [file_part("document", field(piece, "file_id"))]


def _spoken(piece: Any) -> list[Part]:
    return text_part(field(piece, "transcript"))


def _audio(piece: Any) -> list[Part]:
    """Read what was heard: its transcript, if there is one (Realtime), or the sound."""
    if said := _spoken(piece):
        return said
    if (sound := text(field(piece, "audio"))) is not None:
        return [blob_part("audio", sound)]
    audio = field(piece, "input_audio")
    kind = text(field(audio, "format"))
    return [blob_part("audio", field(audio, "data"), f"audio/{kind}" if kind else None)]


_CONTENT: dict[str, Callable[[Any], list[Part]]] = {
    "input_text": lambda piece: text_part(field(piece, "text")),
    "output_text": lambda piece: text_part(field(piece, "text")),
    "text": lambda piece: text_part(field(piece, "text")),
    "refusal": lambda piece: refusal_part(field(piece, "refusal")),
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
    "output_audio": _spoken,
    "audio": _spoken,
}


def _function_call(item: Any) -> list[Part]:
    arguments = field(item, "arguments")
    arguments = field(item, "input") if arguments is None else arguments
    return [tool_call_part(field(item, "name"), arguments, field(item, "call_id"))]


def _function_output(item: Any) -> list[Part]:
    said = field(item, "output")
    told = [part for piece in items(said) for part in _content_part(piece)]
    return [tool_response_part(told or said, field(item, "call_id"))]


def _reasoning(item: Any) -> list[Part]:
    """Read the summary and the text; encrypted reasoning says nothing."""
    said = texts_of(field(item, "summary"), "summary_text")
    said += texts_of(field(item, "content"), "reasoning_text")
    return [part for thought in said for part in reasoning_part(thought)]


def _compaction(item: Any) -> list[Part]:
    """Name the compaction; its content is encrypted."""
    return [{"type": "compaction", **known(id=text(field(item, "id")))}]


def _drawing(item: Any) -> list[Part]:
    """Return the call of the tool that draws, and what it drew as media."""
    told, drawn = plain_fields(item), text(field(item, "result"))
    called = _server_tool("image_generation_call", told | {"result": None})
    format = text(told.get("output_format"))
    mime = f"image/{format}" if format else None
    return [*called, blob_part("image", drawn, mime)] if drawn else called


def _screenshot(item: Any) -> list[Part]:
    """Return the answer of a computer, and what was on its screen as media."""
    told, shown = plain_fields(item), field(item, "output")
    if field(shown, "image_url") is None and field(shown, "file_id") is None:
        return _server_tool("computer_call_output", told)
    return [*_server_tool("computer_call_output", told | {"output": None}), *_image(shown)]


def _server_tool(kind: str, item: Any) -> list[Part]:
    """Return a tool that runs at the provider; ``..._output`` items are its answers."""
    id = text(field(item, "call_id")) or text(field(item, "id"))
    told = {**plain_fields(item), "type": kind}
    if kind.endswith("_output"):
        return [server_response_part(told, id)]
    if kind.endswith("_call"):
        return [server_call_part(kind.removesuffix("_call"), told, id)]
    return [told]


_ITEMS: dict[str, Callable[[Any], list[Part]]] = {
    "message": _message,
    "function_call": _function_call,
    "custom_tool_call": _function_call,
    "function_call_output": _function_output,
    "custom_tool_call_output": _function_output,
    "reasoning": _reasoning,
    "compaction": _compaction,
    "computer_call_output": _screenshot,
    "image_generation_call": _drawing,
}
