"""Contents, parts and tools of Google's models in the JSON of the conventions.

A caller may write contents in many ways: a string, a part, a content, a list of any of those, each
as an object or a dict; all are read, and what is not understood is left out.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, cast

from ..core.patch import Message
from .parts import (
    Part,
    assistant,
    blob_part,
    plain,
    reasoning_part,
    server_call_part,
    server_response_part,
    speaker,
    text_part,
    tool_call_part,
    tool_response_part,
)
from .values import field, fields, items, known, text, word

_FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(
        (
            "SAFETY",
            "RECITATION",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
            "MODEL_ARMOR",
            "LANGUAGE",
            "ESCALATION",
            "PUP_LIMITED_DISABLED",
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            "MALFORMED_FUNCTION_CALL",
            "MALFORMED_RESPONSE",
            "UNEXPECTED_TOOL_CALL",
            "TOO_MANY_TOOL_CALLS",
            "MISSING_THOUGHT_SIGNATURE",
        ),
        "error",
    ),
}
"""Finish reasons to the enumeration of ``finish_reason`` in messages."""
_ROLES = {"model": "assistant"}


def option(thing: Any, name: str) -> Any:
    """Return a field of an object or a dict, whose keys may be in camel case."""
    found = field(thing, name)
    if found is not None or not isinstance(thing, Mapping):
        return found
    first, *rest = name.split("_")
    return field(thing, first + "".join(map(str.capitalize, rest)))


def given(config: Any) -> Mapping[str, Any]:
    """Return what was set of a config: a dict as it is, of a model's many fields those few."""
    if isinstance(config, dict):
        return config  # pyright: ignore[reportUnknownVariableType] - any dict
    names: set[str] | None = getattr(config, "__pydantic_fields_set__", None)
    told = fields(config)
    return told if names is None else {name: told[name] for name in names if name in told}


def output_message(parts: Sequence[Part], reason: str | None) -> Message:
    """Return one candidate of an answer."""
    return assistant(parts, _FINISH.get(reason or "", reason))


def contents(said: Any) -> list[Message]:
    """Return what was sent; parts that stand alone make one message of the user."""
    if isinstance(said, str):
        return [_user(text_part(said))] if said else []
    messages: list[Message] = []
    loose: list[Part] = []
    for one in [said] if not items(said) else items(said):
        if option(one, "parts") is not None:
            messages += [_user(loose)] if loose else []
            loose = []
            messages.append(_content(one))
        else:
            loose += _part(one)
    return [*messages, *([_user(loose)] if loose else [])]


def _user(parts: list[Part]) -> Message:
    return {"role": "user", "parts": parts}


def parts_of(content: Any) -> list[Part]:
    """Return the parts of one content."""
    return [part for one in items(option(content, "parts")) for part in _part(one)]


def _content(content: Any) -> Message:
    parts = parts_of(content)
    role = text(option(content, "role")) or "user"
    return {"role": speaker(parts, _ROLES.get(role, role)), "parts": parts}


def system_parts(instruction: Any) -> list[Part] | None:
    """Return the texts of a system instruction."""
    parts = [part for message in contents(instruction) for part in message["parts"]]
    return [part for part in parts if part["type"] == "text"] or None


def merged(parts: Sequence[Part]) -> list[Part]:
    """Join neighbouring parts of text, as a stream brings them in pieces."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last is not None and part["type"] == last["type"] and part["type"] in _TEXTS:
            joined[-1] = {**last, "content": last["content"] + part["content"]}
        else:
            joined.append(part)
    return joined


_TEXTS = ("text", "reasoning")


def _part(part: Any) -> list[Part]:
    if isinstance(part, str):
        return text_part(part)
    for name, value in given(part).items():
        if value is not None and (reader := _READERS.get(name)) is not None:
            return reader(value, part)
    return _file(part, part) if option(part, "uri") is not None else []


def _text(value: Any, part: Any) -> list[Part]:
    return reasoning_part(value) if option(part, "thought") is True else text_part(value)


def _inline(blob: Any, _: Any) -> list[Part]:
    data, mime = option(blob, "data"), text(option(blob, "mime_type"))
    encoded = base64.b64encode(data).decode() if isinstance(data, bytes) else text(data)
    return [blob_part(_modality(mime), encoded, mime)]


def _file(file: Any, _: Any) -> list[Part]:
    mime = text(option(file, "mime_type"))
    uri = text(option(file, "file_uri")) or text(option(file, "uri")) or ""
    return [{"type": "uri", "modality": _modality(mime), "uri": uri, **known(mime_type=mime)}]


def _modality(mime: str | None) -> str:
    kind = (mime or "").partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "document"


def _call(call: Any, _: Any) -> list[Part]:
    return [tool_call_part(option(call, "name"), plain(option(call, "args")), option(call, "id"))]


def _answer(answer: Any, _: Any) -> list[Part]:
    return [tool_response_part(option(answer, "response"), option(answer, "id"))]


def _server_call(call: Any, _: Any) -> list[Part]:
    name = _tool(call)
    told = {"type": name, **known(input=plain(option(call, "args")))}
    return [server_call_part(name, told, option(call, "id"))]


def _server_answer(answer: Any, _: Any) -> list[Part]:
    told = {"type": _tool(answer), **known(content=plain(option(answer, "response")))}
    return [server_response_part(told, option(answer, "id"))]


def _tool(used: Any) -> str:
    """Return which of Google's own tools it was."""
    return word(option(used, "tool_type")) or "server_tool"


def _code(code: Any, _: Any) -> list[Part]:
    return [{"type": "executable_code", **known(code=text(option(code, "code")))}]


def _code_result(result: Any, _: Any) -> list[Part]:
    return [{"type": "code_execution_result", **known(output=text(option(result, "output")))}]


_READERS: dict[str, Callable[[Any, Any], list[Part]]] = {
    "text": _text,
    **dict.fromkeys(("inline_data", "inlineData"), _inline),
    **dict.fromkeys(("file_data", "fileData"), _file),
    **dict.fromkeys(("function_call", "functionCall"), _call),
    **dict.fromkeys(("function_response", "functionResponse"), _answer),
    **dict.fromkeys(("tool_call", "toolCall"), _server_call),
    **dict.fromkeys(("tool_response", "toolResponse"), _server_answer),
    **dict.fromkeys(("executable_code", "executableCode"), _code),
    **dict.fromkeys(("code_execution_result", "codeExecutionResult"), _code_result),
}


def tool_definitions(tools: Any) -> list[Part] | None:
    """Return what the model may call; a provider's own tool is named by its field."""
    return [one for tool in items(tools) for one in _definitions(tool)] or None


def _definitions(tool: Any) -> list[Part]:
    if callable(tool):
        described = text(getattr(tool, "__doc__", None))
        name = text(getattr(tool, "__name__", None)) or type(tool).__name__
        return [{"type": "function", "name": name, **known(description=described)}]
    declared = [_declared(one) for one in items(option(tool, "function_declarations"))]
    return declared + [{"type": name, "name": name} for name in _own_tools(tool)]


def _declared(function: Any) -> Part:
    schema = option(function, "parameters")
    schema = option(function, "parameters_json_schema") if schema is None else schema
    return {
        "type": "function",
        "name": text(option(function, "name")) or "",
        **known(
            description=text(option(function, "description")),
            parameters=None if schema is None else _schema(plain(schema)),
        ),
    }


def _schema(value: Any) -> Any:
    """Return a schema with the words of its enumerations, as the SDK's type is one."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {k: _schema(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType] - any JSON
    return [_schema(v) for v in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType] - any JSON


def _own_tools(tool: Any) -> list[str]:
    fields = cast(Mapping[str, Any], tool if isinstance(tool, Mapping) else vars(tool))
    return [k for k, v in fields.items() if v is not None and k not in _DECLARATIONS]


_DECLARATIONS = ("function_declarations", "functionDeclarations")
