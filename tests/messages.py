"""Check message JSON against the schemas of the GenAI conventions (``data/``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SCHEMAS = json.loads((Path(__file__).parent / "data/genai-registry.json").read_text())[
    "message_schemas"
]
_PARTS: dict[str, Any] = _SCHEMAS["parts"]


def content_problems(name: str, value: Any) -> Iterator[str]:
    """Yield what is wrong with the decoded value of one content attribute."""
    if not isinstance(value, list) or not value:
        yield f"{name}: {value!r} is no list with something in it"
        return
    for item in value:
        yield from _CHECKS[name](item)
    if _has_null(value):
        yield f"{name}: holds a null, where a field should be left out"


def _message(message: Any) -> Iterator[str]:
    if not isinstance(message.get("role"), str) or not isinstance(message.get("parts"), list):
        yield f"{message} has no role or no parts"
    if not isinstance(message.get("name", ""), str):
        yield f"{message} has a name that is no string"
    for part in message.get("parts", ()):
        yield from _part(part)


def _output_message(message: Any) -> Iterator[str]:
    yield from _message(message)
    if not isinstance(message.get("finish_reason"), str):
        yield f"{message} has no finish_reason"


def _part(part: Any) -> Iterator[str]:
    kind = part.get("type")
    if not isinstance(kind, str):
        yield f"{part} has no type"
        return
    facts = _PARTS.get(kind, {})
    for name, form in facts.get("required", {}).items():
        if name not in part or not _fits(part[name], form):
            yield f"{part}: {name} is no {form}"
    for name, form in facts.get("optional", {}).items():
        if name in part and not _fits(part[name], form):
            yield f"{part}: {name} is no {form}"


def _fits(value: Any, form: str) -> bool:
    if form == "any":
        return True
    if form.startswith("object with"):
        return isinstance(value, dict) and isinstance(value.get("type"), str)
    return isinstance(value, str) and not ("no data: URL" in form and value.startswith("data:"))


def _definition(tool: Any) -> Iterator[str]:
    for name in ("type", "name"):
        if not isinstance(tool.get(name), str):
            yield f"{tool} has no {name}"
    if not isinstance(tool.get("description", ""), str):
        yield f"{tool} has a description that is no string"
    if not isinstance(tool.get("parameters", {}), dict):
        yield f"{tool} has parameters that are no object"


_CHECKS = {
    "gen_ai.input.messages": _message,
    "gen_ai.output.messages": _output_message,
    "gen_ai.system_instructions": _part,
    "gen_ai.tool.definitions": _definition,
}


def _has_null(value: Any) -> bool:
    """Return whether a field of ours is null; what a tool was given or said is its own."""
    if isinstance(value, dict):
        ours = {k: v for k, v in value.items() if k not in _FOREIGN}
        return any(v is None or _has_null(v) for v in ours.values())
    return isinstance(value, list) and any(map(_has_null, value))


_FOREIGN = (
    "arguments",
    "response",
    "parameters",
    "server_tool_call",
    "server_tool_call_response",
)
