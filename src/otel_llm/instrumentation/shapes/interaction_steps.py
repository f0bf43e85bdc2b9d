"""Steps and blocks of Google's interactions in the JSON of the conventions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

from ..core.patch import Message
from .parts import (
    Part,
    blob_part,
    generic_part,
    plain_fields,
    reasoning_part,
    server_call_part,
    server_response_part,
    text_part,
    tool_call_part,
    tool_response_part,
)
from .values import field, items, known, text

_ROLES = {
    "model": "assistant",
    "model_output": "assistant",
    "thought": "assistant",
    "function_call": "assistant",
    "function_result": "tool",
}


def input_messages(said: Any) -> list[Message]:
    """Return what was sent: words, blocks, or the steps of earlier turns; neighbours as one."""
    if said is None:
        return []
    messages = groupby(items(said) or [said], _role)
    found = [{"role": role, "parts": parts(list(steps))} for role, steps in messages]
    return [message for message in found if message["parts"]]


def _role(step: Any) -> str:
    kind = text(field(step, "type")) or text(field(step, "role")) or ""
    own = kind.endswith(("_call", "_result"))  # a tool of the provider's
    return _ROLES.get(kind, "assistant" if own else "user")


def parts(steps: Any) -> list[Part]:
    """Return the parts of steps, or of the blocks in one."""
    if isinstance(steps, str):
        return text_part(steps)
    return [part for step in items(steps) for part in _parts(step)]


def _parts(step: Any) -> list[Part]:
    if isinstance(step, str):
        return text_part(step)
    kind = text(field(step, "type")) or ""
    if (reader := _READERS.get(kind)) is not None:
        return reader(step)
    if kind.endswith(("_call", "_result")):
        return [_server_tool(kind, step)]
    content = field(step, "content")
    return generic_part(step) if content is None else parts(content)


def _text(block: Any) -> list[Part]:
    return text_part(field(block, "text"))


def _thought(step: Any) -> list[Part]:
    said = "".join(text(field(block, "text")) or "" for block in items(field(step, "summary")))
    return reasoning_part(said)


def _call(step: Any) -> list[Part]:
    return [tool_call_part(field(step, "name"), field(step, "arguments"), field(step, "id"))]


def _result(step: Any) -> list[Part]:
    return [tool_response_part(field(step, "result"), field(step, "call_id"))]


def _server_tool(kind: str, step: Any) -> Part:
    name, _, end = kind.rpartition("_")
    told = {**plain_fields(step), "type": kind if end == "call" else name}
    if end == "call":
        return server_call_part(name, told, field(step, "id"))
    return server_response_part(told, field(step, "call_id"))


def _media(block: Any) -> list[Part]:
    kind, mime = text(field(block, "type")) or "", text(field(block, "mime_type"))
    if uri := text(field(block, "uri")):
        return [{"type": "uri", "modality": kind, "uri": uri, **known(mime_type=mime)}]
    return [blob_part(kind, field(block, "data"), mime)]


_READERS: dict[str, Callable[[Any], list[Part]]] = {
    "text": _text,
    "thought": _thought,
    "function_call": _call,
    "function_result": _result,
    **dict.fromkeys(("image", "audio", "video", "document"), _media),
}


class Steps:
    """The steps of a stream, growing. Their indexes begin anew with every hop."""

    __slots__ = ("_all", "_open")

    def __init__(self) -> None:
        self._all: list[_Step] = []
        self._open: dict[Any, _Step] = {}

    def start(self, event: Any) -> None:
        """Take a ``step.start``."""
        self._open[field(event, "index")] = step = _Step(field(event, "step"))
        self._all.append(step)

    def grow(self, event: Any) -> None:
        """Take a ``step.delta``, also of a step whose start did not come."""
        if field(event, "index") not in self._open:
            self.start({"index": field(event, "index")})
        self._open[field(event, "index")].add(field(event, "delta"))

    def parts(self) -> list[Part]:
        """Return what came so far."""
        return [part for step in self._all for part in step.parts()]


class _Step:
    """One step; its words or arguments come in pieces, a provider's own tool as a whole."""

    __slots__ = ("_more", "_pieces", "_step")

    def __init__(self, step: Any) -> None:
        self._step = step
        self._pieces: list[str] = []
        self._more: list[Part] = []

    def add(self, delta: Any) -> None:
        found = (
            field(delta, "text"),
            field(delta, "arguments"),
            field(field(delta, "content"), "text"),  # of a summary of thoughts
        )
        if isinstance(piece := next((one for one in found if one is not None), None), str):
            self._pieces.append(piece)
        elif text(field(delta, "type")) not in _UNREADABLE:
            self._more += _parts(delta)

    def parts(self) -> list[Part]:
        said, step = "".join(self._pieces), self._step
        kind = field(step, "type")
        if not said:
            return _parts(step) if step is not None and not self._more else self._more
        if kind == "function_call":
            return [tool_call_part(field(step, "name"), said, field(step, "id"))]
        return [*(reasoning_part(said) if kind == "thought" else text_part(said)), *self._more]


_UNREADABLE = frozenset({"text", "thought_signature", "text_annotation_delta", "arguments_delta"})
