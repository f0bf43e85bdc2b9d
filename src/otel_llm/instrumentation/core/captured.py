"""What was said, if the user asked for it: read once, encoded once, kept apart per signal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from otel_llm import semconv

from .attributes import Attributes
from .ending import Ending
from .guard import guarded, swallowed
from .patch import Content, Message
from .privacy import Privacy

_Read: TypeAlias = Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]] | None]


class Captured:
    """Content on its way to the span, the event, or both, and what is made of it."""

    __slots__ = (
        *("_asked", "_on_event", "_on_span", "_privacy", "_retrieves"),
        *("derived", "event", "span"),
    )

    def __init__(self, privacy: Privacy, *, on_span: bool, on_event: bool) -> None:
        self._privacy = privacy
        self._on_span = on_span
        self._on_event = on_event
        self._asked: Sequence[Mapping[str, Any]] = ()
        self._retrieves = False
        self.span: dict[str, str] = {}
        """JSON text by attribute name."""
        self.event: dict[str, Any] = {}
        """Plain structured values by attribute name."""
        self.derived: Attributes = {}
        """What is made of content, by attribute name."""

    def put(self, name: str, value: Sequence[Mapping[str, Any]] | None) -> None:
        """Take a snapshot of ``value``; the caller may change its messages right after."""
        if not value or not (self._on_span or self._on_event):
            return
        _, encoded = self._privacy.kept(value)
        if self._on_span:
            self.span[name] = encoded
        if self._on_event:
            self.event[name] = json.loads(encoded)

    def put_input(self, content: Content, arguments: Mapping[str, Any]) -> None:
        """Read what the caller sent."""
        if content.query is not None:
            self._retrieves = True
            with guarded("capturing a query"):
                self._look_for(content.query(arguments))
            return
        self._take(semconv.INPUT_MESSAGES, content.input_messages, arguments)
        if content.system_instructions is not None:
            self._take(semconv.SYSTEM_INSTRUCTIONS, content.system_instructions, arguments)
        if content.tool_definitions is not None:
            self._take(semconv.TOOL_DEFINITIONS, content.tool_definitions, arguments)

    def put_output(self, messages: Callable[[], Sequence[Message]], ending: Ending) -> None:
        """Read what the model answered."""
        with guarded("capturing output messages"):
            said = messages()
            if self._retrieves:
                self.put(semconv.RETRIEVAL_DOCUMENTS, said)
                return
            if not any(map(_says, said)):
                said = ()  # an empty answer, or none of the provider's
            self.put(semconv.OUTPUT_MESSAGES, said)
            if self._privacy.derives:
                self.derived.update(self._privacy.of_output(said, self._asked, ending))

    def _look_for(self, query: str | None) -> None:
        if query and self._on_span:
            self.span[semconv.RETRIEVAL_QUERY_TEXT] = self._privacy.kept_value(query)

    def _take(self, name: str, read: _Read, arguments: Mapping[str, Any]) -> None:
        try:
            value = read(arguments) or ()
            self.put(name, value)
            if value and self._privacy.derives:
                self.derived.update(self._privacy.of_input(name, value))
            if name == semconv.INPUT_MESSAGES:
                self._asked = value
        except Exception as error:  # noqa: BLE001 - a reader's mistake is not the caller's
            swallowed(f"capturing {name}", error)


def _says(message: Message) -> bool:
    return bool(message.get("parts")) or message.get("finish_reason") != _UNKNOWN


_UNKNOWN = "unknown"
"""What ``finish_reason`` says where the provider said nothing of it."""
