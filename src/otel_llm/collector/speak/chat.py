"""Messages of the conventions in the shape that most other dialects share: role and content, as in
the Chat Completions API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..normalize.json_values import dumped, listed, maps

Json = Any
Message = dict[str, Any]


def chat_messages(value: object) -> list[Message] | None:
    """Return messages, given as JSON text or as values; ``None`` when they are none."""
    messages = listed(value)
    if messages is None or not all([isinstance(m.get("parts"), list) for m in messages]):
        return None
    return [_message(message) for message in messages]


def _message(given: Mapping[str, Json]) -> Message:
    parts = maps(given["parts"])
    calls = [part for part in parts if part.get("type") == "tool_call"]
    others = [part for part in parts if part.get("type") != "tool_call"]
    said: Message = {key: given[key] for key in ("role", "name") if key in given}
    if len(parts) == 1 and parts[0].get("type") == "tool_call_response":
        said["tool_call_id"] = parts[0].get("id", "")
        said["content"] = dumped(parts[0].get("response"))
    elif others:
        said["content"] = _content(others)
    if calls:
        said["tool_calls"] = [_call(call) for call in calls]
    if "finish_reason" in given:
        said["finish_reason"] = given["finish_reason"]
    return said


def _content(parts: Sequence[Mapping[str, Json]]) -> Json:
    """Plain text stays text, unless it would be taken for something else."""
    if len(parts) == 1 and parts[0].get("type") == "text":
        text = parts[0].get("content")
        if isinstance(text, str) and text and not text.startswith("["):
            return text
    return [_part(part) for part in parts]


def _part(part: Mapping[str, Json]) -> Json:
    kind = part.get("type")
    if kind == "text":
        return {"type": "text", "text": part.get("content", "")}
    if kind == "uri" and part.get("modality") == "image":
        return {"type": "image_url", "image_url": {"url": part.get("uri", "")}}
    if kind == "blob" and part.get("modality") == "image" and "mime_type" in part:
        url = f"data:{part['mime_type']};base64,{part.get('content', '')}"
        return {"type": "image_url", "image_url": {"url": url}}
    if kind == "tool_call_response":
        result = {"type": "tool_result", "content": part.get("response")}
        return {**result, "tool_use_id": part["id"]} if "id" in part else result
    return dict(part)


def _call(part: Mapping[str, Json]) -> Json:
    function = {"name": part.get("name", "")}
    if "arguments" in part:
        function["arguments"] = dumped(part["arguments"])
    call: dict[str, Json] = {"type": "function", "function": function}
    return {"id": part["id"], **call} if "id" in part else call
