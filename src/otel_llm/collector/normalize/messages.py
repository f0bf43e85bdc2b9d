"""Messages of every dialect in the shape of the conventions: role, parts, finish reason.

Odd input is kept as text rather than lost; unknown parts stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from .table import FINISH_REASONS

Json: TypeAlias = Any
Message: TypeAlias = dict[str, Any]
_INSIDE = ("messages", "contents", "input", "choices", "candidates", "generations", "message",
           "output", "completion", "content")  # fmt: skip
"""Where a map keeps its messages."""
_KINDS = {"function_call": "assistant", "reasoning": "assistant", "function_call_output": "tool"}
"""What is a message of its own in the Responses API, and whose."""


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
        if any(_is_message(item) for item in items):
            return [message for item in items for message in _of_item(item, role)]
        return [{"role": role, "parts": _parts(items)}] if items else []
    return [] if given is None or given == "" else [{"role": role, "parts": _parts(given)}]


def _is_message(given: Json) -> bool:
    if isinstance(given, list):  # of a batch of one, as LangChain sends it
        return all(_is_message(item) for item in cast("list[Json]", given))
    told = as_map(given)
    inside = as_map(told.get("content")).keys()
    return bool({"role", "parts"} & (told.keys() | inside)) or "message" in told or _is_dumped(told)


def _of_item(given: Json, role: str) -> list[Message]:
    if isinstance(given, Mapping) and _is_message(given):
        return [_message(cast("Mapping[str, Json]", given), role)]
    kind = as_map(given).get("type")
    return as_messages(given if isinstance(given, list) else [given], _KINDS.get(str(kind), role))


def _of_map(given: Mapping[str, Json], role: str) -> list[Message]:
    if not given:
        return []
    asks = _first(given, "system", "instructions", "systemInstruction")
    asks = _first(as_map(given.get("config")), "system_instruction") if asks is None else asks
    system = as_messages(asks, "system") if asks else []
    inside = next((key for key in _INSIDE if isinstance(given.get(key), list | dict)), None)
    if _is_message(given) and inside in (None, "content", "contents", "message"):
        return [*system, _message(given, role)]
    if inside and (inside != "content" or as_map(given["content"])):
        return system + as_messages(given[inside], role)
    if "content" in given:
        return [*system, _message(given, role)]
    text = _first(given, *_TEXTS)
    return [*system, *as_messages([given] if text is None else text, role)]


_TEXTS = ("prompt", "text", "combined_chunk_content", "input", "output", "question", "query")


def says_no_more(given: Json, understood: Collection[str] = ()) -> bool:
    """Whether messages, and what else was ``understood`` of a map, say all that ``given`` does."""
    known = as_map(parsed(given))
    left = {key for key, value in known.items() if value not in (None, {}, [])} - set(understood)
    return left <= _SAID or (len(known) == 1 and not understood)


_SAID = frozenset({"role", "name", "content", "parts", "tool_calls", "tool_call_id", "type",
                   "finish_reason", "finishReason", "messages", "contents", "system"})  # fmt: skip


def _is_dumped(given: Json) -> bool:
    """Whether it is a message as LangChain writes one down."""
    return as_map(given).get("lc") == 1 and "kwargs" in as_map(given)


def _undumped(given: Mapping[str, Json]) -> Mapping[str, Json]:
    kwargs = as_map(given["kwargs"])
    classes = [str(name) for name in cast("list[Json]", given.get("id") or [""])]
    kind = str(kwargs.get("type") or classes[-1])
    kind = kind.removesuffix("Chunk").removesuffix("Message").lower()
    return {**kwargs, "role": kwargs.get("role", kind)}


def _message(given: Mapping[str, Json], role: str) -> Message:
    for key in ("message", "content"):
        inner = given.get(key)
        if isinstance(inner, Mapping) and (key == "message" or {"role", "parts"} & inner.keys()):
            given = {**given, **cast("Mapping[str, Json]", inner)}
    if _is_dumped(given):
        given = {**given, **_undumped(given)}
    message: Message = {"role": _role(given.get("role"), role)}
    if given.get("name"):
        message["name"] = given["name"]
    message["parts"] = _parts_of(given)
    details = as_map(_first(given, "generation_info", "response_metadata"))
    finish = _first(given, "finish_reason", "finishReason", "stop_reason")
    finish = _first(details, "finish_reason", "stop_reason") if finish is None else finish
    if isinstance(finish, str):
        message["finish_reason"] = FINISH_REASONS.get(finish, finish)
    return message


def _role(given: Json, otherwise: str) -> str:
    roles = {"human": "user", "ai": "assistant", "model": "assistant", "function": "tool",
             "developer": "system"}  # fmt: skip
    return roles.get(given, given) if isinstance(given, str) else otherwise


def _parts_of(given: Mapping[str, Json]) -> list[Json]:
    content = next((given[k] for k in ("parts", "content", "contents") if given.get(k)), None)
    if given.get("tool_call_id") and not isinstance(content, list):
        return [tool_result(given["tool_call_id"], content)]
    thought = _first(given, "reasoning_content", "reasoning")
    before = [_reasoning({"text": thought})] if isinstance(thought, str) and thought else []
    refused = given.get("refusal")
    after = [text(refused)] if isinstance(refused, str) and refused else []
    calls = tool_calls(given.get("tool_calls")) + tool_calls([given.get("function_call")])
    said = _parts(content)
    known = [part.get("id") for part in maps(said) if part.get("type") == "tool_call"]
    return [*before, *said, *after, *(c for c in calls if c.get("id") not in known)]


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
    kind = str(part.get("type", ""))
    make = _PARTS.get(kind.replace("-", "_")) if kind else _told_by_key(part)
    return make(part) if make else dict(part) if kind else text(part)


def _told_by_key(part: Mapping[str, Json]) -> Callable[[Mapping[str, Json]], Json] | None:
    """Bedrock, Gemini and Genkit say what a part is by the name of what is in it."""
    return next((make for key, make in _KEYS.items() if part.get(key) is not None), None)


def _thought(part: Mapping[str, Json]) -> Json:
    return _reasoning(part) if part.get("thought") is True else _text_part(part)


def _bedrock_thought(part: Mapping[str, Json]) -> Json:
    return _reasoning(as_map(as_map(part["reasoningContent"]).get("reasoningText")))


def _gemini_file(part: Mapping[str, Json]) -> Json:
    inner = as_map(_first(part, "inlineData", "inline_data", "fileData", "file_data", "media"))
    kind = _first(inner, "mimeType", "mime_type", "contentType")
    found = _first(inner, "data", "fileUri", "file_uri", "url")
    return _file({"type": "file", "mime_type": kind, "data": found}) if found else dict(part)


def _text_part(part: Mapping[str, Json]) -> Json:
    return text(part.get("text", part.get("content", "")))


def _reasoning(part: Mapping[str, Json]) -> Json:
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
    id_ = _first(part, "tool_use_id", "toolCallId", "tool_call_id", "call_id", "toolUseId", "id",
                 "ref")  # fmt: skip
    response = _first(part, "response", "output", "result", "content")
    wrapped = as_map(response)  # by the AI SDK, from version 5 on
    return tool_result(id_, wrapped["value"] if wrapped.keys() == {"type", "value"} else response)


_PARTS: dict[str, Callable[[Mapping[str, Json]], Json]] = {
    **dict.fromkeys(
        ("text", "input_text", "output_text", "refusal_text", "summary_text"), _text_part
    ),
    **dict.fromkeys(("reasoning", "thinking"), _reasoning),
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
    "reasoning": _reasoning,
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
    id_ = _first(call, "call_id", "id", "toolCallId", "tool_call_id", "toolUseId", "ref")
    if id_ is not None:
        part["id"] = id_
    part["name"] = _first(call, "name", "toolName") or ""
    arguments = _first(call, "arguments", "args", "input", "parameters")
    if arguments is not None:
        part["arguments"] = parsed(arguments)
    return part


def tool_definitions(given: Json) -> str | None:
    """Return tools as JSON text; ``None`` when they are no list. Gemini has lists in its list."""
    if not isinstance(given, list):
        return None
    tools = [tool for item in map(parsed, cast("list[Json]", given)) for tool in _declared(item)]
    return dumped([tool_definition(tool) for tool in tools])


def _declared(given: Json) -> list[Json]:
    tool = as_map(given)
    declared = _first(tool, "functionDeclarations", "function_declarations")
    return cast("list[Json]", declared) if isinstance(declared, list) else [given]


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
