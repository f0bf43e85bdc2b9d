"""Messages that were sent as events of the span, before they had attributes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from otel_llm import semconv

from ..wire import NotProtobuf
from .messages import Message, as_map, as_messages, parsed
from .work import Work

_ROLES: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE: Final = "gen_ai.choice"
ASKS: Final = frozenset(_ROLES)
"""Events of one message that was sent to a model."""
ANSWERS: Final = frozenset({_CHOICE})
"""Events of one answer."""
_WHOLE: Final = {
    "gen_ai.content.prompt": ("gen_ai.prompt", "user"),
    "gen_ai.content.completion": ("gen_ai.completion", "assistant"),
}
"""Event -> the attribute that holds all messages, and whose they are unless they say."""
_CONTENT: Final = "gen_ai.event.content"
_SAID: Final = frozenset(
    {"content", "message", "tool_calls", "gen_ai.prompt", "gen_ai.completion", _CONTENT}
)


def told(work: Work) -> None:
    """Put the messages of a span's events where messages are now."""
    asked: list[Message] = []
    answered: list[Message] = []
    for name, attributes in work.span.events():
        answers = name in (_CHOICE, "gen_ai.content.completion")
        (answered if answers else asked).extend(said_by(name, attributes))
    done = [
        work.put_messages(place, messages)
        for place, messages in (
            (semconv.INPUT_MESSAGES, asked),
            (semconv.OUTPUT_MESSAGES, answered),
        )
        if messages
    ]
    if done and all(done) and not work.keep:
        with suppress(NotProtobuf):  # broken inside: it goes on as it came
            work.span.rewrite_rest(lambda name, value: None if name in _SAID else value)


def said_by(name: str, attributes: Mapping[str, Any]) -> list[Message]:
    """Return the messages of an event by its name; none when it is no such event."""
    if name in _WHOLE:
        place, role = _WHOLE[name]
        return as_messages(attributes[place], role) if place in attributes else []
    if name not in _ROLES and name != _CHOICE:
        return []
    given = {**attributes, **as_map(parsed(attributes.get(_CONTENT)))}
    message = parsed(given.pop("message", None))
    given |= {"content": message} if isinstance(message, str) else as_map(message)
    if name == "gen_ai.tool.message" and "id" in given:
        given["tool_call_id"] = given["id"]
    role = _ROLES.get(name, "assistant")
    return as_messages({"role": role, **given}, role)
