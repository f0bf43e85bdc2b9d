"""Answers of which a part is still on the wire: an event stream, a body of bytes, or a generator.

botocore answers so, and aiobotocore, with a dict; Cohere's raw responses hold a generator. The part
keeps its identity and is never read early: an event stream is followed event by event, a body until
the caller has read it to its end, in whatever pieces. A body that is closed or dropped before
leaves what the headers said.
"""

from __future__ import annotations

import inspect
from typing import Any

from .answers import finish
from .operation import Operation
from .patch import Endpoint
from .reading import Reading
from .reclass import Override, reclass
from .streams import EVENTS, follow, follow_close

MAX_BODY_BYTES = 16 * 1024 * 1024
"""A body longer than this is passed on without being kept: its usage is then what headers say."""


def follow_part(operation: Operation, endpoint: Endpoint, answer: Any) -> None:
    """Follow the part of ``answer`` that is to come; end the operation now if there is none."""
    if not isinstance(answer, dict):
        _follow_held(operation, endpoint, answer)
        return
    part = answer.get(endpoint.pending)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any dict
    if endpoint.stream is not None:
        reading = Reading(operation, endpoint.stream(operation.captured is not None))
        followed = reclass(part, EVENTS, reading)
    else:
        body = Body(operation, endpoint, answer, part)
        followed = reclass(part, _BODY, body, proxy=True)
    if not followed:
        finish(operation, endpoint, {**answer, endpoint.pending: None})


def _follow_held(operation: Operation, endpoint: Endpoint, answer: Any) -> None:
    """Follow the generator that ``answer`` holds, or the closing of the response it comes from."""
    if endpoint.pending is None or endpoint.stream is None:
        finish(operation, endpoint, answer)
        return
    reading = Reading(operation, endpoint.stream(operation.captured is not None))
    setattr(answer, endpoint.pending, follow(getattr(answer, endpoint.pending), reading))
    follow_close(getattr(answer, "_response", None), reading)


class Body(Reading):
    """Follows a body of bytes that the caller reads when and how it likes."""

    __slots__ = ("_answer", "_endpoint", "_length", "_pieces", "_size")

    def __init__(self, operation: Operation, endpoint: Endpoint, answer: Any, part: Any) -> None:
        super().__init__(operation, None)
        self._endpoint = endpoint
        self._answer = {name: value for name, value in answer.items() if value is not part}
        length = str(getattr(part, "_content_length", None))
        self._length = int(length) if length.isdecimal() else None
        self._pieces: list[bytes] = []
        self._size = 0

    def took(self, piece: bytes, *, last: bool) -> None:
        """Take a piece that the caller has got; ``last``: there is no more."""
        if self.busy or self.ended:
            return
        self._size += len(piece)
        if self._size <= MAX_BODY_BYTES:
            self._pieces.append(piece)
        if last or self._size == self._length:
            self._end("completed")

    def _end(self, outcome: str, error_type: str | None = None) -> None:
        whole = outcome == "completed" and self._size <= MAX_BODY_BYTES
        body = b"".join(self._pieces) if whole else None
        self._pieces = []
        answer = {**self._answer, self._endpoint.pending: body}
        finish(self._operation, self._endpoint, answer, error_type)


def _read(base: Any) -> Any:
    if inspect.iscoroutinefunction(base):
        return _read_async(base)

    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        reading: Body = self._otel_llm
        piece = reading.read(lambda body: base(body, *args, **kwargs), self, False)
        reading.took(piece, last=_is_last(piece, *args, **kwargs))
        return piece

    return read


def _read_async(base: Any) -> Any:
    async def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        reading: Body = self._otel_llm
        piece = await reading.read_async(lambda body: base(body, *args, **kwargs), self, False)
        reading.took(piece, last=_is_last(piece, *args, **kwargs))
        return piece

    return read


def _is_last(piece: bytes, amt: int | None = None, *_: Any, **__: Any) -> bool:
    """Return whether nothing follows: everything was asked for, or something and none came."""
    return amt is None or amt < 0 or (amt > 0 and not piece)


def _readinto(base: Any) -> Any:
    if inspect.iscoroutinefunction(base):
        return _readinto_async(base)

    def readinto(self: Any, buffer: Any) -> Any:
        reading: Body = self._otel_llm
        size = reading.read(lambda body: base(body, buffer), self, False)
        reading.took(bytes(buffer[:size]), last=not size and len(buffer) > 0)
        return size

    return readinto


def _readinto_async(base: Any) -> Any:
    async def readinto(self: Any, buffer: Any) -> Any:
        reading: Body = self._otel_llm
        size = await reading.read_async(lambda body: base(body, buffer), self, False)
        reading.took(bytes(buffer[:size]), last=not size and len(buffer) > 0)
        return size

    return readinto


def _readlines(base: Any) -> Any:
    if inspect.iscoroutinefunction(base):
        return base  # made of ``read``

    def readlines(self: Any, *args: Any) -> Any:
        reading: Body = self._otel_llm
        lines = reading.read(lambda body: base(body, *args), self, False)
        reading.took(b"".join(lines), last=True)
        return lines

    return readlines


def _enter(base: Any) -> Any:
    def __enter__(self: Any) -> Any:
        inside = base(self)  # botocore hands out the stream below
        if inside is not self:
            reclass(inside, _BODY, self._otel_llm)
        return inside

    return __enter__


def _aenter(base: Any) -> Any:
    async def __aenter__(self: Any) -> Any:
        inside = await base(self)  # aiobotocore 2 hands out the response below
        if inside is not self:
            reclass(inside, _BODY, self._otel_llm)
        return inside

    return __aenter__


_BODY: dict[str, Override] = {
    "read": _read,
    "readinto": _readinto,
    "readlines": _readlines,
    "__enter__": _enter,
    "__aenter__": _aenter,
    **{name: EVENTS[name] for name in ("close", "aclose", "__del__")},
    "__exit__": EVENTS["close"],
    "__aexit__": EVENTS["close"],
}
