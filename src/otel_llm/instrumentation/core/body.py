"""The bytes of an HTTP answer, read along with a caller who reads them as they come.

Server-sent events become what an SDK would have made chunks of, as soon as they are whole; any
other body is kept until its end. What cannot be understood says nothing and costs nothing.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

MAX_BODY_BYTES = 16 * 1024 * 1024
"""A body, or one event, longer than this is passed on without being read."""


_MEDIA = ("audio/", "image/", "video/")
"""Kinds of content that are never read, nor kept."""


class Along:
    """Reads one body along, piece by piece as it came over the wire."""

    __slots__ = ("_decode", "_kept", "_line", "_line_size", "_size", "streamed")

    def __init__(self, headers: Mapping[str, str]) -> None:
        kind = headers.get("content-type", "")
        heard = kind.startswith(_MEDIA)
        self._decode = None if heard else _decoder(headers.get("content-encoding", ""))
        self.streamed = "event-stream" in kind
        """Whether it is a stream of events."""
        self._kept: list[bytes] = []
        self._line: list[bytes] = []
        """The pieces of one that has not ended."""
        self._line_size = self._size = 0

    def take(self, piece: bytes) -> Iterator[Any]:
        """Take a piece and give every event that is whole with it, as JSON says it."""
        if self._decode is None:
            return
        decoded = self._decode(piece)
        self._size += len(decoded)
        if self.streamed:
            yield from self._events(decoded)
        elif self._size <= MAX_BODY_BYTES:
            self._kept.append(decoded)

    def whole(self) -> bytes | None:
        """Return the whole body, at its end; ``None`` for events and for what was not kept."""
        kept = not self.streamed and self._decode is not None and self._size <= MAX_BODY_BYTES
        return b"".join(self._kept) if kept else None

    def _events(self, decoded: bytes) -> Iterator[Any]:
        """One line of data is one event with every provider; others say nothing to us."""
        first, *more = decoded.split(b"\n")
        self._line.append(first)
        self._line_size += len(first)
        lines = list[bytes]()
        if more:
            lines, self._line = [b"".join(self._line), *more[:-1]], [more[-1]]
            self._line_size = len(more[-1])
        if self._line_size > MAX_BODY_BYTES:
            self._decode, self._line = None, []
        for line in lines:
            if line.startswith(b"data:"):
                event = _parsed(line[5:])
                if isinstance(event, dict):
                    yield event  # pyright: ignore[reportUnknownVariableType] - any JSON


def events_in(body: bytes) -> Iterator[Any]:
    """Give the events of a body that was read whole."""
    return Along({"content-type": "text/event-stream"}).take(body + b"\n")


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):  # "[DONE]"
        return None


def _decoder(encoding: str) -> Callable[[bytes], bytes] | None:
    match encoding.strip().lower():
        case "" | "identity":
            return bytes
        case "gzip" | "deflate":
            inflate = zlib.decompressobj(47)  # either head
            return lambda piece: inflate.decompress(piece, MAX_BODY_BYTES)
        case _:
            return None
