"""Messages that were sent as events of the span, before they had attributes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

from otel_llm import semconv

from ..wire.slim import NotProtobuf
from .json_values import as_map, dumped, parsed
from .messages import Message, as_messages
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
_OF_TOOL: Final = {
    "gen_ai.tool.message": ("content", semconv.TOOL_CALL_ARGUMENTS),
    _CHOICE: ("message", semconv.TOOL_CALL_RESULT),
}
"""Event on the span of a tool -> its attribute, and what that is (Strands)."""
_DETAILS: Final = "gen_ai.client.inference.operation.details"
_ON_SPANS: Final = (
    semconv.SYSTEM_INSTRUCTIONS,
    semconv.INPUT_MESSAGES,
    semconv.OUTPUT_MESSAGES,
    semconv.TOOL_DEFINITIONS,
)
_CONTENT: Final = "gen_ai.event.content"
_SAID: Final = frozenset(
    {"content", "message", "tool_calls", "gen_ai.prompt", "gen_ai.completion", _CONTENT}
)


def told(work: Work) -> bool:
    """Put the messages of a span's events where messages are now; return whether there were any."""
    sides = _Side(semconv.INPUT_MESSAGES), _Side(semconv.OUTPUT_MESSAGES)
    done: set[tuple[str, str]] = set()
    is_tool = work.span.text(semconv.OPERATION_NAME) == "execute_tool"
    for name, attributes in work.span.events():
        if is_tool and name in _OF_TOOL:
            done |= _moved(work, attributes, *_OF_TOOL[name])
        elif name == _DETAILS:
            done |= _whole(work, attributes)
        elif messages := said_by(name, attributes):
            sides[name in (_CHOICE, "gen_ai.content.completion")].add(messages, attributes)
    for side in sides:
        if side.messages and work.put_messages(side.place, side.messages):
            done |= side.said
    if done and not work.keep:
        with suppress(NotProtobuf):  # broken inside: it goes on as it came
            work.span.rewrite_rest(lambda n, v: None if (n, repr(v)) in done else v)
    work.finish()
    return bool(done)


class _Side:
    """What was asked, or what was answered."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.messages: list[Message] = []
        self.said: set[tuple[str, str]] = set()
        """Names and values of the events that the messages are from."""

    def add(self, messages: list[Message], attributes: Mapping[str, Any]) -> None:
        self.messages += messages
        self.said |= {(n, repr(_sent(v))) for n, v in attributes.items() if n in _SAID}


def _whole(work: Work, attributes: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Put what is said in current words, but in an event, on the span; return what is there now."""
    said = [(name, _sent(attributes[name])) for name in _ON_SPANS if name in attributes]
    return {(name, repr(value)) for name, value in said if work.put(name, dumped(value))}


def _moved(
    work: Work, attributes: Mapping[str, Any], said: str, place: str
) -> set[tuple[str, str]]:
    """Put what went into a tool, or came out of it, on the span; return what is there now."""
    value = attributes.get(said)
    return {(said, repr(_sent(value)))} if value and work.put(place, dumped(value)) else set()


def _sent(value: object) -> object:
    """Return a value as ``rewrite_rest`` hands it out."""
    return [*cast("tuple[object, ...]", value)] if isinstance(value, tuple) else value


def said_by(name: str, attributes: Mapping[str, Any]) -> list[Message]:
    """Return the messages of an event by its name; none when it is no such event."""
    if name in _WHOLE:
        place, role = _WHOLE[name]
        return as_messages(attributes[place], role) if place in attributes else []
    if name not in _ROLES and name != _CHOICE:
        return []
    given = {**attributes, **as_map(parsed(attributes.get(_CONTENT)))}
    message = parsed(given.pop("message", None))
    given |= {"content": message} if isinstance(message, str | list) else as_map(message)
    if name == "gen_ai.tool.message" and "id" in given:
        given["tool_call_id"] = given["id"]
    role = _ROLES.get(name, "assistant")
    return as_messages({"role": role, **given}, role)
