"""Messages of every dialect in the shape of the conventions: role, parts, finish reason.

Odd input is kept as text rather than lost; unknown parts stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from .table import FINISH_REASONS

Json: TypeAlias = Any
Message: TypeAlias = dict[str, Any]
_INSIDE = ("messages", "contents", "input", "choices", "message", "completion")
"""Where a map keeps its messages."""


def parsed(given: Json) -> Json:
    """Return what JSON text stands for; any other text as it is."""
    if isinstance(given, str) and given[:1] in ("[", "{", '"'):
        try:
            return json.loads(_whole(given))
        except (ValueError, RecursionError):
            return given
    return given


_HALVES = re.compile(
    r"(?<!\\)((?:\\\\)*)(?:(\\u[dD][89abAB]..\\u[dD][c-fC-F]..)|\\u[dD][89a-fA-F]..)"
)
"""Surrogates in JSON text: a pair, or half of one, as where an emoji was cut."""


def _whole(given: str) -> str:
    """Replace halves of pairs: no text can hold them, and who writes texts fails on them."""
    if "\\ud" not in given and "\\uD" not in given:
        return given
    return _HALVES.sub(lambda found: found[0] if found[2] else f"{found[1]}\\ufffd", given)


def as_messages(given: Json, role: str) -> list[Message]:
    """Return messages; those that name no role get ``role``."""
    given = parsed(given)
    if isinstance(given, Mapping):
        return _of_map(cast("Mapping[str, Json]", given), role)
    if isinstance(given, Sequence) and not isinstance(given, str):
        items = cast("Sequence[Json]", given)
        if items and all(_is_message(item) for item in items):
            return [_message(item, role) for item in items]
        return [{"role": role, "parts": _parts(items)}]
    return [{"role": role, "parts": _parts(given)}]


def _is_message(given: Json) -> bool:
    return isinstance(given, Mapping) and bool({"role", "parts", "message"} & given.keys())


def _of_map(given: Mapping[str, Json], role: str) -> list[Message]:
    system = as_messages(given["system"], "system") if given.get("system") else []
    if "role" in given or "parts" in given or ("content" in given and "messages" not in given):
        return [*system, _message(given, role)]
    for key in _INSIDE:
        if isinstance(given.get(key), list | dict):
            return system + as_messages(given[key], role)
    text = _first(given, "prompt", "text", "combined_chunk_content")
    return [*system, {"role": role, "parts": _parts(given if text is None else text)}]


def _message(given: Mapping[str, Json], role: str) -> Message:
    inner = given.get("message")
    if isinstance(inner, Mapping):
        given = {**given, **cast("Mapping[str, Json]", inner)}
    message: Message = {"role": _role(given.get("role"), role)}
    if given.get("name"):
        message["name"] = given["name"]
    message["parts"] = _parts_of(given)
    finish = given.get("finish_reason", given.get("finishReason"))
    if isinstance(finish, str):
        message["finish_reason"] = FINISH_REASONS.get(finish, finish)
    return message


def _role(given: Json, otherwise: str) -> str:
    roles = {"human": "user", "ai": "assistant", "model": "assistant", "function": "tool"}
    return roles.get(given, given) if isinstance(given, str) else otherwise


def _parts_of(given: Mapping[str, Json]) -> list[Json]:
    content = next((given[k] for k in ("parts", "content", "contents") if given.get(k)), None)
    if given.get("tool_call_id") and not isinstance(content, list):
        return [tool_result(given["tool_call_id"], content)]
    return _parts(content) + tool_calls(given.get("tool_calls"))


def _parts(content: Json) -> list[Json]:
    content = parsed(content) if isinstance(content, str) and content[:1] == "[" else content
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [text(content)]
    if isinstance(content, list):
        return [_part(item) for item in cast("list[Json]", content)]
    return [_part(content)]


def text(content: Json) -> Json:
    """Return a text part."""
    return {"type": "text", "content": content if isinstance(content, str) else dumped(content)}


def dumped(value: Json) -> str:
    """Return a value as JSON text; text as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _part(given: Json) -> Json:
    if not isinstance(given, Mapping):
        return text(given)
    part = cast("Mapping[str, Json]", given)
    part = part.get("message_content", part)
    kind = str(part.get("type", "text" if "text" in part else ""))
    make = _PARTS.get(kind.replace("-", "_"))
    return make(part) if make else dict(part) if kind else text(part)


def _text_part(part: Mapping[str, Json]) -> Json:
    return text(part.get("text", part.get("content", "")))


def _reasoning(part: Mapping[str, Json]) -> Json:
    words = (part.get(key) for key in ("thinking", "reasoning", "text", "content"))
    return {"type": "reasoning", "content": dumped(next(filter(None, words), ""))}


def _image(part: Mapping[str, Json]) -> Json:
    found: Json = part.get("image_url", part.get("image", part.get("url")))
    while isinstance(found, Mapping):
        inner = cast("Mapping[str, Json]", found)
        found = inner.get("url", inner.get("image"))
    return _medium("image", found, _kind(part)) or _file(part)


def _file(part: Mapping[str, Json]) -> Json:
    """Images, sounds and documents, as OpenAI, Anthropic and the AI SDK have them."""
    if "modality" in part:  # in the words of the conventions
        return dict(part)
    inner = as_map(_first(part, "source", "input_audio", "file"))
    if inner.get("type") == "text":
        return text(inner.get("data"))
    given = {**part, **inner}
    kind = _kind(given)
    modality = kind.partition("/")[0] if kind.startswith(_MODALITIES) else "document"
    if part.get("type") == "image":
        modality = "image"
    if isinstance(id_ := given.get("file_id"), str):
        return {"type": "file", "modality": modality, "file_id": id_}
    return _medium(modality, _first(given, "data", "url", "file_data"), kind) or dict(part)


_MODALITIES = ("image/", "audio/", "video/")


def _kind(given: Mapping[str, Json]) -> str:
    kind = _first(given, "media_type", "mediaType", "mime_type", "mimeType")
    if kind is None and "input_audio" in given:
        kind = f"audio/{given.get('format', 'wav')}"
    return kind if isinstance(kind, str) else ""


def _medium(modality: str, said: Json, kind: str) -> Json | None:
    """Return a part for an address, or for the content itself in base64; ``None`` for neither."""
    if not isinstance(said, str):
        return None
    is_data = said.startswith("data:")
    if "://" in said[:20] or not (is_data or kind):
        return {"type": "uri", "modality": modality, "uri": said}
    if is_data:
        head, _, said = said.removeprefix("data:").partition(",")
        kind = head.partition(";")[0]
    part = {"type": "blob", "modality": modality, "content": said}
    return {**part, "mime_type": kind} if kind else part


def _tool_call(part: Mapping[str, Json]) -> Json:
    return tool_calls([part])[0]


def _tool_response(part: Mapping[str, Json]) -> Json:
    id_ = _first(part, "tool_use_id", "toolCallId", "tool_call_id", "id")
    response = _first(part, "response", "output", "result", "content")
    wrapped = as_map(response)  # by the AI SDK, from version 5 on
    return tool_result(id_, wrapped["value"] if wrapped.keys() == {"type", "value"} else response)


_PARTS: dict[str, Callable[[Mapping[str, Json]], Json]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "refusal_text"), _text_part),
    **dict.fromkeys(("reasoning", "thinking"), _reasoning),
    **dict.fromkeys(("image_url", "image", "input_image"), _image),
    **dict.fromkeys(("file", "document", "input_audio"), _file),
    **dict.fromkeys(("tool_use", "tool_call", "function_call", "function"), _tool_call),
    **dict.fromkeys(("tool_result", "tool_call_response", "function_call_output"), _tool_response),
}


def tool_calls(given: Json) -> list[Json]:
    """Return tool call parts, whichever of the usual shapes they come in."""
    calls = parsed(given)
    if not isinstance(calls, Iterable) or isinstance(calls, str | Mapping):
        return []
    return [_call(call) for call in maps(cast("Iterable[Json]", calls))]


def _call(given: Mapping[str, Json]) -> Json:
    call = {**given, **as_map(given.get("tool_call"))}
    call |= {k: v for k, v in as_map(call.get("function")).items() if v is not None}
    part: dict[str, Json] = {"type": "tool_call"}
    id_ = _first(call, "id", "toolCallId", "call_id", "tool_call_id")
    if id_ is not None:
        part["id"] = id_
    part["name"] = _first(call, "name", "toolName") or ""
    arguments = _first(call, "arguments", "args", "input")
    if arguments is not None:
        part["arguments"] = parsed(arguments)
    return part


def tool_definition(given: Json) -> Json:
    """Return what a tool is, whichever of the usual shapes it comes in."""
    tool: dict[str, Json] = {
        "type": "function",
        **{name: parsed(value) for name, value in as_map(given).items()},
    }
    tool |= as_map(tool.pop("function", None))
    for name in ("input_schema", "inputSchema"):
        if name in tool and tool["type"] == "function":
            tool.setdefault("parameters", tool.pop(name))
    return tool


def tool_result(id_: Json, response: Json) -> Json:
    """Return what a tool gave back, as a part."""
    part = {"type": "tool_call_response", "response": parsed(response)}
    return {**part, "id": id_} if id_ is not None else part


def as_map(given: Json) -> dict[str, Json]:
    """Return a map; an empty one for anything else."""
    return cast("dict[str, Json]", given) if isinstance(given, dict) else {}


def maps(items: Iterable[Json]) -> list[dict[str, Json]]:
    """Return those of ``items`` that are maps."""
    return [cast("dict[str, Json]", item) for item in items if isinstance(item, dict)]


def listed(value: Json) -> list[dict[str, Json]] | None:
    """Return a list of maps, given as JSON text or as values; ``None`` for anything else."""
    given = parsed(value)
    if not isinstance(given, list):
        return None
    items = maps(cast("list[Json]", given))
    return items if len(items) == len(cast("list[Json]", given)) else None


def _first(given: Mapping[str, Json], *names: str) -> Json:
    return next((given[name] for name in names if given.get(name) is not None), None)
