"""Reading a generator whose request is sent by its first step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .reading import Reading
from .start import Start


class LateReading:
    """A ``Reading`` that starts its operation with the first read."""

    __slots__ = ("_reading", "_start")

    def __init__(self, start: Start) -> None:
        self._start: Start | None = start
        self._reading: Reading | None = None

    def read(self, advance: Callable[[Any], Any], source: Any) -> Any:
        """Return ``advance(source)``, one chunk, noting when and what it was."""
        reading = self._begun()
        return reading.read(advance, source) if reading else advance(source)

    async def read_async(self, advance: Callable[[Any], Awaitable[Any]], source: Any) -> Any:
        """Return ``await advance(source)``, one chunk, noting when and what it was."""
        reading = self._begun()
        return await (reading.read_async(advance, source) if reading else advance(source))

    def closed(self) -> None:
        """End the operation, because the caller lets go of the generator; never start one."""
        self._start = None
        if self._reading:
            self._reading.closed()

    def abandoned(self) -> None:
        """End the operation, if there is one, from the garbage collector."""
        if self._reading:
            self._reading.abandoned()

    def _begun(self) -> Reading | None:
        start, self._start = self._start, None
        operation = start() if start else None
        if operation is not None:
            make = operation.endpoint.stream
            self._reading = Reading(
                operation, make(operation.captured is not None) if make else None
            )
        return self._reading
