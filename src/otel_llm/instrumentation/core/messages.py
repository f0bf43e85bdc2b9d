"""What a program says of its own messages, in the shape of the conventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..shapes.chat_messages import input_messages
from .patch import Message


def sent(said: Any) -> list[Message]:
    """Return what a user sent: texts, messages of chat completions, or those of the conventions."""
    return [_message(one, "user") for one in _each(said)]


def answered(said: Any, finish_reasons: Sequence[str] = ()) -> list[Message]:
    """Return what came back likewise; older schemas demand a finish reason of each."""
    reasons = [*finish_reasons, *("unknown" for _ in _each(said))]
    found = zip(_each(said), reasons, strict=False)
    return [{"finish_reason": reason, **_message(one, "assistant")} for one, reason in found]


def _each(said: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", said if isinstance(said, list | tuple) else (said,))


def _message(said: Any, role: str) -> Message:
    if isinstance(said, str):
        return {"role": role, "parts": [_text(said)]}
    if not isinstance(said, Mapping):
        raise TypeError("a message is a text or a mapping")
    message = {"role": role, **cast("Message", said)}
    if "parts" in message:
        return message
    (told,) = input_messages([message])
    reason = message.get("finish_reason")
    return {**told, "finish_reason": reason} if isinstance(reason, str) else told


def _text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}
