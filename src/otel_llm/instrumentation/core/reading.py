"""A streamed answer being read: what has come, when it came, and how it ended."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from time import perf_counter_ns
from typing import Any

from .activation import activate, release
from .collected import let_go
from .ending import Ending
from .guard import guarded, swallowed
from .operation import Operation
from .patch import StreamReader


class Reading:
    """Follows one stream and ends its operation exactly once, with the tokens known by then.

    ============  =========================================================  ======
    completed     the SDK's iterator was exhausted                           UNSET
    closed_early  the caller closed it, or left its ``with`` block, even by  UNSET
                  an exception of the caller's own: the call did not fail
    cancelled     the task that was reading was cancelled                    ERROR
    failed        the SDK raised, or the provider reported a failure         ERROR
    abandoned     nobody finished it and the garbage collector took it       UNSET
    ============  =========================================================  ======

    The span is current only while a read runs, never in between.
    """

    __slots__ = ("_arrivals", "_operation", "_over", "_reader", "busy")

    def __init__(self, operation: Operation, reader: StreamReader | None) -> None:
        self._operation = operation
        self._over = operation.over
        self._reader = reader
        self._arrivals: list[int] = []
        self.busy = False
        """A read runs: what the SDK closes now is its own affair."""

    @property
    def ended(self) -> bool:
        """Whether the operation is over; reads and closes pass straight through then."""
        return self._operation.ended

    def read(self, advance: Callable[[Any], Any], source: Any, feed: bool = True) -> Any:
        """Return ``advance(source)``, one chunk, noting when and what it was.

        ``feed=False``: bytes and no chunk, of which only the end is of interest.
        """
        if self.busy or self._over():
            return advance(source)
        self.busy = True
        token = activate(self._operation.context)
        try:
            chunk = advance(source)
        except BaseException as error:
            release(token)
            self._stopped(error)
            raise
        release(token)
        self.busy = False
        if feed:
            self._arrived(chunk)
        return chunk

    async def read_async(
        self, advance: Callable[[Any], Awaitable[Any]], source: Any, feed: bool = True
    ) -> Any:
        """Return ``await advance(source)``, one chunk, noting when and what it was."""
        if self.busy or self._over():
            return await advance(source)
        self.busy = True
        token = activate(self._operation.context)
        try:
            chunk = await advance(source)
        except BaseException as error:
            release(token)
            self._stopped(error)
            raise
        release(token)
        self.busy = False
        if feed:
            self._arrived(chunk)
        return chunk

    def closed(self) -> None:
        """End it because the caller lets go of it, maybe on account of an exception."""
        if self.busy or self.ended or sys.is_finalizing():  # nobody takes what ends by then
            return
        error = sys.exc_info()[1]  # that of the ``with`` block or the handler we are called from
        if error is not None and _is_cancellation(error):
            self._operation.raised(error)
            self._end("cancelled", self._operation.error_type(error))
        else:
            self._end("closed_early")

    def abandoned(self) -> None:
        """End it from the garbage collector."""
        # While a read runs, what dies is a copy that the SDK iterates over (anthropic 2).
        if not self.busy and not self.ended:
            let_go(self._end, "abandoned")

    def _arrived(self, chunk: Any) -> None:
        self._arrivals.append(perf_counter_ns())
        if self._reader is not None:
            try:
                if self._reader.feed(chunk) is False:
                    self._arrivals.pop()
            except Exception as error:  # noqa: BLE001 - a reader's mistake is not the caller's
                swallowed("reading a stream chunk", error)

    def _stopped(self, error: BaseException) -> None:
        self.busy = False
        if isinstance(error, StopIteration | StopAsyncIteration):
            self._end("completed")
        elif isinstance(error, GeneratorExit):
            self.abandoned()
        else:
            outcome = "cancelled" if _is_cancellation(error) else "failed"
            if not self.ended:
                self._operation.raised(error)
            self._end(outcome, self._operation.error_type(error))

    def _end(self, outcome: str, error_type: str | None = None) -> None:
        ending = Ending(error_type=error_type, outcome=outcome)
        with guarded("reading a finished stream"):
            self._fill(ending)
        self._operation.end(ending)

    def _fill(self, ending: Ending) -> None:
        if self._arrivals:
            ending.first_chunk_s = self._operation.seconds_since_start(self._arrivals[0])
            ending.chunk_gaps_s = _gaps(self._arrivals)
        if self._reader is None:
            return
        ending.response = self._reader.response()
        if ending.response.error_type is not None and ending.error_type is None:
            ending.outcome = "failed"
        if self._operation.captured is not None:
            ending.output = self._reader.output_messages


def _gaps(arrivals: Sequence[int]) -> list[float]:
    return [(later - sooner) / 1e9 for sooner, later in pairwise(arrivals)]


def _is_cancellation(error: BaseException) -> bool:
    """Return whether this is asyncio's or trio's, by name: importing either costs start-up."""
    return any(kind.__name__ in ("CancelledError", "Cancelled") for kind in type(error).__mro__)
