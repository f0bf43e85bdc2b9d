"""Lists of messages, tools and documents, spread over numbered names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..normalize.json_values import dumped, listed, maps

Json = Any
Named = Iterator[tuple[str, Json]]


def openllmetry(prefix: str, messages: Sequence[Mapping[str, Json]]) -> Named:
    """``gen_ai.prompt.0.content``."""
    for nth, message in enumerate(messages):
        at = f"{prefix}.{nth}"
        for key in ("role", "content", "tool_call_id", "finish_reason"):
            if key in message:
                yield f"{at}.{key}", dumped(message[key])
        for number, call in enumerate(message.get("tool_calls", ())):
            for key, value in {"id": call.get("id"), **call["function"]}.items():
                if value is not None:
                    yield f"{at}.tool_calls.{number}.{key}", value


def openinference(prefix: str, messages: Sequence[Mapping[str, Json]]) -> Named:
    """``llm.input_messages.0.message.content``."""
    for nth, message in enumerate(messages):
        at = f"{prefix}.{nth}.message"
        for key in ("role", "name", "tool_call_id", "finish_reason"):
            if key in message:
                yield f"{at}.{key}", message[key]
        yield from _contents(at, message.get("content"))
        for number, call in enumerate(message.get("tool_calls", ())):
            inner = f"{at}.tool_calls.{number}.tool_call"
            if "id" in call:
                yield f"{inner}.id", call["id"]
            yield from ((f"{inner}.function.{k}", v) for k, v in call["function"].items())


def _contents(at: str, content: Json) -> Named:
    if isinstance(content, str):
        yield f"{at}.content", content
    elif content:
        for number, part in enumerate(maps(content)):
            yield from _part(f"{at}.contents.{number}.message_content", part)


def _part(at: str, part: Mapping[str, Json]) -> Named:
    if part.get("type") == "image_url":
        yield f"{at}.type", "image"
        yield f"{at}.image.image.url", part["image_url"]["url"]
        return
    for key, value in part.items():
        if value is not None:
            yield f"{at}.{key}", value if isinstance(value, str) else dumped(value)


def tools(value: Json) -> Named:
    """``llm.tools.0.tool.json_schema``."""
    for nth, tool in enumerate(listed(value) or ()):
        yield f"llm.tools.{nth}.tool.json_schema", dumped(tool)


def functions(value: Json) -> Named:
    """``llm.request.functions.0.name``."""
    for nth, tool in enumerate(listed(value) or ()):
        for key, inner in tool.items():
            if key != "type":
                yield f"llm.request.functions.{nth}.{key}", dumped(inner)


def documents(value: Json) -> Named:
    """``retrieval.documents.0.document.content``."""
    for nth, document in enumerate(listed(value) or ()):
        for key, inner in document.items():
            plain = inner if isinstance(inner, str | int | float) else dumped(inner)
            yield f"retrieval.documents.{nth}.document.{key}", plain
