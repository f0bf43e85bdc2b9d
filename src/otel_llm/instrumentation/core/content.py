"""What was said, if the user asked for it: read once, encoded once, kept apart per signal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from otel_llm import semconv

from .guard import guarded
from .patch import Content, Message


class Captured:
    """Content on its way to the span, the event, or both."""

    __slots__ = ("_on_event", "_on_span", "event", "span")

    def __init__(self, *, on_span: bool, on_event: bool) -> None:
        self._on_span = on_span
        self._on_event = on_event
        self.span: dict[str, str] = {}
        """JSON text by attribute name."""
        self.event: dict[str, Any] = {}
        """Plain structured values by attribute name."""

    def put(self, name: str, value: Sequence[Mapping[str, Any]] | None) -> None:
        """Take a snapshot of ``value``; the caller may change its messages right after."""
        if not value:
            return
        encoded = to_json(value)
        if self._on_span:
            self.span[name] = encoded
        if self._on_event:
            self.event[name] = json.loads(encoded)

    def put_input(self, content: Content, arguments: Mapping[str, Any]) -> None:
        """Read what the caller sent."""
        with guarded("capturing input messages"):
            self.put(semconv.INPUT_MESSAGES, content.input_messages(arguments))
        if content.system_instructions:
            with guarded("capturing system instructions"):
                self.put(semconv.SYSTEM_INSTRUCTIONS, content.system_instructions(arguments))
        if content.tool_definitions:
            with guarded("capturing tool definitions"):
                self.put(semconv.TOOL_DEFINITIONS, content.tool_definitions(arguments))

    def put_output(self, messages: Callable[[], Sequence[Message]]) -> None:
        """Read what the model answered."""
        with guarded("capturing output messages"):
            self.put(semconv.OUTPUT_MESSAGES, messages())


def to_json(value: Any) -> str:
    """Encode ``value`` as compact JSON that UTF-8 can carry; an odd object gives its type's name.

    Uses pydantic's encoder where an SDK has loaded it already: a third of the time for 100 kB.
    """
    core = sys.modules.get("pydantic_core")
    if core is not None:
        try:
            encoded: bytes = core.to_json(
                value, fallback=_described, inf_nan_mode="null", bytes_mode="base64"
            )
            return encoded.decode()
        except ValueError:  # a lone surrogate, which the encoder below escapes
            pass
    return json.dumps(value, default=_described, separators=(",", ":"))


def _described(value: Any) -> str:
    return f"<{type(value).__name__}>"
