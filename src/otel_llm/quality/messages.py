"""GenAI messages as the checks read them, from the conventions' JSON and its older shapes.

Local models write their reasoning into the text, between tags: it is left out like the reasoning
that comes in parts of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

_SHAPE = frozenset({"role", "parts", "content"})
"""A map with none of these keys is no message."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back to the model."""

    id: str | None
    response: object


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``texts`` are its text parts in order, reasoning left out."""

    role: str
    texts: tuple[str, ...] = ()
    refused: bool = False
    """Whether it holds a part of type ``refusal``: the provider's own word for it."""
    tool_calls: tuple[tuple[str | None, str], ...] = ()
    """Id and name of each tool call."""
    tool_results: tuple[ToolResult, ...] = ()
    other: bool = False
    """Whether it holds anything else that answers: an image, audio, a server's tool."""
    finish_reason: str | None = None

    @property
    def text(self) -> str:
        """All text, one part per line."""
        return "\n".join(self.texts)

    @property
    def says_nothing(self) -> bool:
        """Whether nothing in it is an answer."""
        return not (self.refused or self.tool_calls or self.other) and is_blank(self.text)


def read(content: object) -> tuple[Message, ...]:
    """Return the messages in an attribute's value: JSON text, or decoded lists and maps.

    Text that is no JSON is one message. What has no known shape is left out; raises nothing.
    """
    if isinstance(content, str):
        return _from_text(content)
    if isinstance(content, Mapping):
        content = [cast("object", content)]
    if not isinstance(content, Sequence) or isinstance(content, bytes):
        return ()
    items = cast("Sequence[object]", content)
    return tuple(
        _message(cast("Mapping[str, object]", item))
        for item in items
        if isinstance(item, Mapping) and not _SHAPE.isdisjoint(cast("Mapping[str, object]", item))
    )


def _from_text(content: str) -> tuple[Message, ...]:
    try:
        parsed: object = json.loads(content)
    except (ValueError, RecursionError):
        parsed = content
    return (Message("", (content,)),) if isinstance(parsed, str) else read(parsed)


def _message(given: Mapping[str, object]) -> Message:
    texts: list[str] = []
    calls: list[tuple[str | None, str]] = []
    results: list[ToolResult] = []
    refused, other = bool(given.get("refusal")), False
    for part in _parts(given):
        match part.get("type"):
            case "text":
                text = part.get("content", part.get("text"))
                if isinstance(text, str):
                    texts.append(without_reasoning(whole(text)))
                continue
            case "reasoning" | "compaction":
                continue
            case "tool_call":
                calls.append((_string(part.get("id")), str(part.get("name"))))
            case "tool_call_response":
                gave = part.get("response", part.get("result"))
                results.append(ToolResult(_string(part.get("id")), gave))
            case "refusal":
                refused = True
            case _:
                pass
        other = True
    return Message(
        str(given.get("role") or ""),
        tuple(texts),
        refused,
        tuple(calls),
        tuple(results),
        other,
        _string(given.get("finish_reason")),
    )


def _parts(given: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """Return parts; older messages have ``content`` as text or as a list in place of ``parts``."""
    parts = given.get("parts", given.get("content"))
    if isinstance(parts, str):
        return ({"type": "text", "content": parts},)
    if not isinstance(parts, Sequence):
        return ()
    return [
        cast("Mapping[str, object]", part)
        for part in cast("Sequence[object]", parts)
        if isinstance(part, Mapping)
    ]


_BLANK = re.compile(r"(?:[\s\u200b-\u200d\u2060\ufeff]|```\w*\s*```)*")
"""White space, characters without width, a block of code without code."""
_REASONING = re.compile(r"\s*<(think|thinking|thought|reasoning)>.*?</\1>\s*", re.S)
_REASONED = re.compile(r"^</think>\s*", re.M)
"""Where the reasoning ends that a template of the prompt began."""


def is_blank(text: str) -> bool:
    """Return whether a reader sees nothing of ``text``."""
    return _BLANK.fullmatch(text) is not None


def without_reasoning(text: str) -> str:
    """Return ``text`` without the reasoning before the answer. Reasoning without an end is all
    that there is, and stays."""
    if "</" not in text:
        return text
    begun = _REASONING.match(text) or _REASONED.search(text)
    return text[begun.end() :] if begun else text


def whole(text: str) -> str:
    """Return text without halves of surrogate pairs, as JSON spells an emoji that was cut: neither
    an engine of regular expressions nor an encoder takes them."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


_TEXT_PART = re.compile(rb'"type": ?"text", ?"content": ?"')
_REASONS = (b"/think", b"/thought", b"/reasoning")
"""How the end of reasoning is written, its brackets aside, which some writers escape."""
_MANY_QUOTES = 100
_BACKSLASH = ord("\\")


def quick_length(raw: bytes) -> int | None:
    """Return the characters of the text in encoded messages without decoding them, ``None`` when
    that takes a parser: more than one part of text, reasoning in it, a backslash, or pairs of
    escapes that are one character."""
    part = _TEXT_PART.search(raw)
    if part is None or raw.find(b'"text"', 0, part.start()) >= 0:
        return None
    start = part.end()
    end = _closing_quote(raw, start)
    if end < 0 or raw.find(b'"text"', end) >= 0:
        return None
    text = raw[start:end]
    return None if any(tag in text for tag in _REASONS) else _characters(text)


def _characters(written: bytes) -> int | None:
    """Return how many characters a JSON string is of, from between its quotes."""
    _, *escapes = written.split(b"\\")
    codes = [escape for escape in escapes if escape[:1] == b"u"]
    if b"" in escapes or any(code[1:2] in (b"d", b"D") for code in codes):
        return None
    size = len(written) if written.isascii() else len(written.decode(errors="replace"))
    return size - len(escapes) - 4 * len(codes)


def _closing_quote(raw: bytes, start: int) -> int:
    """Return where the JSON string ends; -1 when it does not, or holds many quotes."""
    end = raw.find(b'"', start)
    for _ in range(_MANY_QUOTES):
        if end < 0 or raw[end - 1] != _BACKSLASH:
            return end
        end = raw.find(b'"', end + 1)
    return -1
