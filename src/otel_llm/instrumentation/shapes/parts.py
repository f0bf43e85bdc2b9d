"""Parts of messages in the JSON of the conventions (``gen_ai.input.messages`` and others)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.patch import Message
from .values import field, items, known, parsed, text

Part = dict[str, Any]

FINISH = {"tool_calls": "tool_call", "function_call": "tool_call"}
"""Spellings of OpenAI to the enumeration of ``finish_reason`` in messages."""


def finish(reason: str | None) -> str:
    """Return a message's finish reason; older schemas demand one, so unknown is said so."""
    return FINISH.get(reason, reason) if reason else "unknown"


def assistant(parts: Sequence[Part], reason: str | None) -> Message:
    """Return an answer's message."""
    return {"role": "assistant", "parts": list(parts), "finish_reason": finish(reason)}


def answered(parts: Sequence[Part], reason: str | None) -> list[Message]:
    """Return an answer's message, or none for an answer that says nothing."""
    return [assistant(parts, reason)] if parts else []


def speaker(parts: Sequence[Part], role: str) -> str:
    """Return the role of a message: ``tool`` where it has nothing but what tools answered."""
    only_answers = all(part["type"] == "tool_call_response" for part in parts)
    return "tool" if parts and only_answers else role


def text_part(content: Any) -> list[Part]:
    """Return a text part, or none for what is no text."""
    return [{"type": "text", "content": content}] if isinstance(content, str) and content else []


def reasoning_part(content: Any) -> list[Part]:
    """Return a part with what the model thought, or none."""
    said = text(content)
    return [{"type": "reasoning", "content": said}] if said else []


def refusal_part(content: Any) -> list[Part]:
    """Return a generic part ``refusal``; the conventions have no part of their own for it."""
    said = text(content)
    return [{"type": "refusal", "content": said}] if said else []


def tool_call_part(name: Any, arguments: Any, id: Any = None) -> Part:
    """Return a tool call; ``arguments`` as an object where they are JSON."""
    call = {"type": "tool_call", "name": text(name) or ""}
    return {**call, **known(id=text(id), arguments=parsed(arguments))}


def tool_response_part(response: Any, id: Any = None) -> Part:
    """Return the answer of a tool."""
    return {"type": "tool_call_response", "response": plain(response), **known(id=text(id))}


def server_call_part(name: str | None, told: dict[str, Any], id: Any = None) -> Part:
    """Return a call of a tool that runs at the provider; ``told`` has its ``type``."""
    call = {"type": "server_tool_call", **known(name=name), "server_tool_call": told}
    return {**call, **known(id=text(id))}


def server_response_part(told: dict[str, Any], id: Any = None) -> Part:
    """Return what such a tool answered."""
    said = {"type": "server_tool_call_response", "server_tool_call_response": told}
    return {**said, **known(id=text(id))}


def media_part(modality: str, url: Any) -> Part:
    """Return a ``uri`` part, or for a ``data:`` URL the ``blob`` that it holds."""
    address = text(url) or ""
    if not address.startswith("data:"):
        return {"type": "uri", "modality": modality, "uri": address}
    mime, _, content = address[5:].partition(",")
    return blob_part(modality, content, mime.partition(";")[0] or None)


def blob_part(modality: str, content: Any, mime_type: str | None = None) -> Part:
    """Return embedded media; ``content`` is base64."""
    body = content if isinstance(content, str) else ""
    return {"type": "blob", "modality": modality, "content": body, **known(mime_type=mime_type)}


def file_part(modality: str, file_id: Any) -> Part:
    """Return media that was uploaded before."""
    return {"type": "file", "modality": modality, "file_id": text(file_id) or ""}


def generic_part(thing: Any) -> list[Part]:
    """Return a part we have no reader for with its type and its plain fields; ``[]`` if untyped."""
    kind = text(field(thing, "type"))
    return [{**plain_fields(thing), "type": kind}] if kind else []


def plain_fields(thing: Any) -> dict[str, Any]:
    """Return the set fields of a mapping or model as plain JSON, deeply."""
    found = _without_null(plain(thing))
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType] - any JSON


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_null(v) for k, v in value.items() if v is not None}  # pyright: ignore[reportUnknownVariableType] - any JSON
    return [_without_null(v) for v in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType] - any JSON


def plain(thing: Any) -> Any:
    """Return models as dicts, deeply; what is not JSON becomes its type's name, never its text."""
    if thing is None or isinstance(thing, str | int | float | bool):
        return thing
    if isinstance(thing, list | tuple):
        return [plain(item) for item in thing]  # pyright: ignore[reportUnknownVariableType] - any list
    if isinstance(thing, dict):
        return {str(k): plain(v) for k, v in thing.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - any dict
    dump = getattr(thing, "model_dump", None) or getattr(thing, "dict", None)
    return plain(dump(exclude_unset=True)) if callable(dump) else f"<{type(thing).__name__}>"


def texts_of(content: Any, kind: str = "text") -> list[str]:
    """Return the texts of a list of parts of one type."""
    return [
        said
        for part in items(content)
        if field(part, "type") == kind and (said := text(field(part, "text")))
    ]
