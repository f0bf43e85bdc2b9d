"""What the checks may look at: one call, as far as the span tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from .messages import Message, quick_length, read
from .schema import Schema

MAX_CHARS = 65_536
"""What is longer is judged by its start: a huge answer must not cost more than a large one."""


class Content:
    """Captured messages: their bytes to scan, and themselves once somebody asks."""

    def __init__(self, raw: bytes, decode: Callable[[], object] | None = None) -> None:
        """Take encoded messages; ``decode`` makes JSON text or Python values of them when they
        are not JSON text themselves."""
        self.raw = raw
        self._decode = decode or (lambda: raw.decode(errors="replace"))

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """The messages, decoded once."""
        return read(self._decode())

    @cached_property
    def text(self) -> str:
        """All text of all messages."""
        return "\n".join(message.text for message in self.messages)

    @property
    def opening(self) -> str:
        """As much of the text as is searched for phrases and shapes."""
        return self.text[:MAX_CHARS]

    @property
    def length(self) -> int | None:
        """Characters of all text; ``None`` without a message that can be read."""
        quick = quick_length(self.raw)
        if quick is None and self.messages:
            return len(self.text)
        return quick

    @property
    def question(self) -> str:
        """Text of the last message of a user; empty without one."""
        asked = [message for message in self.messages if message.role == "user"]
        return asked[-1].text[:MAX_CHARS] if asked else ""

    @cached_property
    def news(self) -> tuple[Message, ...]:
        """What came after the model's last turn, without the application's own instructions."""
        roles = [message.role for message in self.messages]
        last = len(roles) - roles[::-1].index("assistant") if "assistant" in roles else 0
        return tuple(m for m in self.messages[last:] if m.role not in ("system", "developer"))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on a check fires."""

    repeats: int = 4
    """Times that the same piece must come again and again at the end of an answer."""
    hedges: int = 2
    """Soft hedges (``I think``) in one answer; of the plain ones a single one is enough."""
    tool_errors: int = 3
    """Errors that one tool gave in a row."""


@dataclass(slots=True)
class Evidence:
    """One call. ``None`` means that the span does not tell."""

    finish_reasons: tuple[str, ...] = ()
    output_tokens: int | None = None
    output_type: str | None = None
    """What was asked for: ``json``, ``text``, …"""
    output: Content | None = None
    input: Content | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    schema: Schema | None = None
    """What JSON was asked for, where that is known."""
