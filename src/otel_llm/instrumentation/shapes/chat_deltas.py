"""The deltas of a streamed chat completion, put together; only when content is captured."""

from __future__ import annotations

from typing import Any

from ..core.patch import Message
from .chat_messages import assistant_message, content_parts
from .parts import plain, plain_fields
from .values import field, integer, items, text


class Choice:
    """One choice of a stream, growing."""

    __slots__ = ("audio", "fields", "finish", "function", "ran", "role", "tools")

    def __init__(self) -> None:
        self.finish: str | None = None
        self.role: str | None = None
        self.fields: dict[str, list[str]] = {}
        self.function: _Tool | None = None
        self.tools: dict[int, list[_Tool]] = {}
        self.audio: dict[str, list[str]] = {}
        self.ran: dict[int, dict[str, Any]] = {}

    def add(self, delta: Any) -> None:
        """Take what one chunk adds."""
        self.role = self.role or text(field(delta, "role"))
        for name in _TEXTS:
            self._say(name, field(delta, name))
        for name in ("data", "transcript"):
            _append(self.audio, name, field(field(delta, "audio"), name))
        for tool in items(field(delta, "executed_tools")):
            index = integer(field(tool, "index")) or 0
            self.ran.setdefault(index, {}).update(plain_fields(tool))
        for call in items(field(delta, "tool_calls")):
            self._tool(call).add(call)
        if (function := field(delta, "function_call")) is not None:
            self.function = self.function or _Tool()
            self.function.add({"function": function})

    def _tool(self, call: Any) -> _Tool:
        """Return the call that a delta goes on with.

        Some hosts (Gemini's) give every call the index 0: its id and name tell it from the last.
        """
        begun = self.tools.setdefault(integer(field(call, "index")) or 0, [])
        if not begun or begun[-1].is_other(call):
            begun.append(_Tool())
        return begun[-1]

    def _say(self, name: str, said: Any) -> None:
        """Take a piece of text; Mistral sends thoughts and words as typed parts of the content."""
        for part in content_parts(items(said)):
            _append(self.fields, _KINDS.get(part["type"], ""), part.get("content"))
        _append(self.fields, name, said)

    def message(self) -> Message:
        """Return the message in the conventions' JSON."""
        whole: dict[str, Any] = {name: "".join(said) for name, said in self.fields.items()}
        if self.role:
            whole["role"] = self.role
        if self.ran:
            whole["executed_tools"] = [tool for _, tool in sorted(self.ran.items())]
        if self.audio:
            whole["audio"] = {name: "".join(said) for name, said in self.audio.items()}
        tools = [tool for _, begun in sorted(self.tools.items()) for tool in begun]
        whole["tool_calls"] = [
            tool.call() for tool in [*tools, *([self.function] if self.function else [])]
        ]
        return assistant_message(whole, self.finish)


_KINDS = {"reasoning": "reasoning", "text": "content"}
_TEXTS = ("reasoning_content", "reasoning", "content", "refusal")


class _Tool:
    """One tool call of a stream; its name comes first, its arguments in pieces or never."""

    __slots__ = ("_arguments", "_id", "_name", "_whole")

    def __init__(self) -> None:
        self._id: str | None = None
        self._name: str | None = None
        self._arguments: list[str] = []
        self._whole: Any = None

    def is_other(self, delta: Any) -> bool:
        """Return whether a delta begins another call, and does not go on with this one."""
        id, function = text(field(delta, "id")), field(delta, "function") or field(delta, "custom")
        known = id is None or self._id is None or id == self._id
        return not known and text(field(function, "name")) is not None

    def add(self, delta: Any) -> None:
        function = field(delta, "function") or field(delta, "custom")
        self._id = self._id or text(field(delta, "id"))
        self._name = self._name or text(field(function, "name"))
        said = field(function, "arguments") or field(function, "input")
        if isinstance(said, str):
            self._arguments.append(said)
        elif said is not None:  # Mistral's may be an object
            self._whole = plain(said)

    def call(self) -> dict[str, Any]:
        arguments = "".join(self._arguments) or self._whole
        return {"id": self._id, "function": {"name": self._name, "arguments": arguments}}


def _append(pieces: dict[str, list[str]], name: str, piece: Any) -> None:
    if name and isinstance(piece, str) and piece:
        pieces.setdefault(name, []).append(piece)
