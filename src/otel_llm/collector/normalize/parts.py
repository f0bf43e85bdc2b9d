"""Parts of messages of every dialect in the shape of the conventions: text, files, tools.

Odd input is kept as text rather than lost; unknown parts stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from .json_values import Json, as_map, dumped, first, maps, parsed


def parts(content: Json) -> list[Json]:
    """Return the parts of a message's content, whatever that is."""
    content = parsed(content) if isinstance(content, str) and content[:1] == "[" else content
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [text(content)]
    if isinstance(content, list):
        return [_part(item) for item in cast("list[Json]", content)]
    return [_part(content)]


def _part(given: Json) -> Json:
    if not isinstance(given, Mapping):
        return text(given)
    part = cast("Mapping[str, Json]", given)
    if "message_content" in part:  # OpenInference: a tool call stands beside its content's type
        part = {**part, **as_map(part["message_content"])}
        del part["message_content"]
    kind = str(part.get("type", ""))
    make = _PARTS.get(kind.replace("-", "_")) if kind else _told_by_key(part)
    return make(part) if make else dict(part) if kind else text(part)


def _told_by_key(part: Mapping[str, Json]) -> Callable[[Mapping[str, Json]], Json] | None:
    """Bedrock, Gemini and Genkit say what a part is by the name of what is in it."""
    return next((make for key, make in _KEYS.items() if part.get(key) is not None), None)


def text(content: Json) -> Json:
    """Return a text part."""
    return {"type": "text", "content": content if isinstance(content, str) else dumped(content)}


def _text_part(part: Mapping[str, Json]) -> Json:
    return text(part.get("text", part.get("content", "")))


def _thought(part: Mapping[str, Json]) -> Json:
    return reasoning(part) if part.get("thought") is True else _text_part(part)


def _bedrock_thought(part: Mapping[str, Json]) -> Json:
    return reasoning(as_map(as_map(part["reasoningContent"]).get("reasoningText")))


def reasoning(part: Mapping[str, Json]) -> Json:
    """Return what a model thought, as a part."""
    words = (part.get(key) for key in ("thinking", "reasoning", "text", "content", "summary"))
    found: Json = next(filter(None, words), "")
    if isinstance(found, list):
        told = [item.get("text") for item in maps(cast("list[Json]", found))]
        found = "\n".join(word for word in told if isinstance(word, str)) or cast("Json", found)
    return {"type": "reasoning", "content": dumped(found)}


def _image(part: Mapping[str, Json]) -> Json:
    found: Json = part.get("image_url", part.get("image", part.get("url")))
    while isinstance(found, Mapping):
        inner = cast("Mapping[str, Json]", found)
        found = inner.get("url", inner.get("image"))
    return _medium("image", found, _kind(part)) or _file(part)


def _gemini_file(part: Mapping[str, Json]) -> Json:
    inner = as_map(first(part, "inlineData", "inline_data", "fileData", "file_data", "media"))
    kind = first(inner, "mimeType", "mime_type", "contentType")
    found = first(inner, "data", "fileUri", "file_uri", "url")
    return _file({"type": "file", "mime_type": kind, "data": found}) if found else dict(part)


def _file(part: Mapping[str, Json]) -> Json:
    """Images, sounds and documents, as OpenAI, Anthropic and the AI SDK have them."""
    if "modality" in part:  # in the words of the conventions
        return dict(part)
    inner = as_map(first(part, "source", "input_audio", "file"))
    if inner.get("type") == "text":
        return text(inner.get("data"))
    given = {**part, **inner}
    kind = _kind(given)
    modality = kind.partition("/")[0] if kind.startswith(_MODALITIES) else "document"
    if part.get("type") == "image":
        modality = "image"
    if isinstance(id_ := given.get("file_id"), str):
        return {"type": "file", "modality": modality, "file_id": id_}
    return _medium(modality, first(given, "data", "url", "file_data"), kind) or dict(part)


_MODALITIES = ("image/", "audio/", "video/")


def _kind(given: Mapping[str, Json]) -> str:
    kind = first(given, "media_type", "mediaType", "mime_type", "mimeType")
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
    id_ = first(part, "tool_use_id", "toolCallId", "tool_call_id", "call_id", "toolUseId", "id",
                 "ref")  # fmt: skip
    response = first(part, "response", "output", "result", "content")
    wrapped = as_map(response)  # by the AI SDK, from version 5 on
    return tool_result(id_, wrapped["value"] if wrapped.keys() == {"type", "value"} else response)


_PARTS: dict[str, Callable[[Mapping[str, Json]], Json]] = {
    **dict.fromkeys(
        ("text", "input_text", "output_text", "refusal_text", "summary_text"), _text_part
    ),
    **dict.fromkeys(("reasoning", "thinking"), reasoning),
    **dict.fromkeys(("image_url", "image", "input_image"), _image),
    **dict.fromkeys(("file", "document", "input_audio"), _file),
    **dict.fromkeys(("tool_use", "tool_call", "function_call", "function"), _tool_call),
    **dict.fromkeys(("tool_result", "tool_call_response", "function_call_output"), _tool_response),
}
_KEYS: dict[str, Callable[[Mapping[str, Json]], Json]] = {
    "text": _thought,
    "toolUse": lambda part: _tool_call(as_map(part["toolUse"])),
    "toolResult": lambda part: _tool_response(as_map(part["toolResult"])),
    "reasoningContent": _bedrock_thought,
    "functionCall": lambda part: _tool_call(as_map(part["functionCall"])),
    "function_call": lambda part: _tool_call(as_map(part["function_call"])),
    "functionResponse": lambda part: _tool_response(as_map(part["functionResponse"])),
    "function_response": lambda part: _tool_response(as_map(part["function_response"])),
    "toolRequest": lambda part: _tool_call(as_map(part["toolRequest"])),
    "toolResponse": lambda part: _tool_response(as_map(part["toolResponse"])),
    **dict.fromkeys(("inlineData", "inline_data", "fileData", "file_data", "media"), _gemini_file),
    "reasoning": reasoning,
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
    id_ = first(call, "call_id", "id", "toolCallId", "tool_call_id", "toolUseId", "ref")
    if id_ is not None:
        part["id"] = id_
    part["name"] = first(call, "name", "toolName") or ""
    arguments = first(call, "arguments", "args", "input", "parameters")
    if arguments is not None:
        part["arguments"] = parsed(arguments)
    return part


def tool_result(id_: Json, response: Json) -> Json:
    """Return what a tool gave back, as a part."""
    part = {"type": "tool_call_response", "response": parsed(response)}
    return {**part, "id": id_} if id_ is not None else part


def tool_definitions(given: Json) -> str | None:
    """Return tools as JSON text; ``None`` when they are no list. Gemini has lists in its list."""
    if not isinstance(given, list):
        return None
    tools = [tool for item in map(parsed, cast("list[Json]", given)) for tool in _declared(item)]
    return dumped([tool_definition(tool) for tool in tools])


def _declared(given: Json) -> list[Json]:
    tool = as_map(given)
    declared = first(tool, "functionDeclarations", "function_declarations")
    return cast("list[Json]", declared) if isinstance(declared, list) else [given]


def tool_definition(given: Json) -> Json:
    """Return what a tool is, whichever of the usual shapes it comes in."""
    tool: dict[str, Json] = {
        "type": "function",
        **{name: parsed(value) for name, value in as_map(given).items()},
    }
    tool |= as_map(tool.pop("function", None)) or as_map(tool.pop("toolSpec", None))
    for name in ("input_schema", "inputSchema"):
        if name in tool and tool["type"] == "function":
            schema = tool.pop(name)
            tool.setdefault("parameters", as_map(schema).get("json", schema))
    return tool
