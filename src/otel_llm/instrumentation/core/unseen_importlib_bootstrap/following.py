"""A generator that a function returned: its run goes on until the generator ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol

from opentelemetry.context import Context, get_current

from ..activation import activate, release
from ..collected import let_go


class Ended(Protocol):
    """A run of whatever returned the generator."""

    @property
    def context(self) -> Context:
        """What is current while the generator runs."""
        ...

    def end(self, error: BaseException | None = None) -> None:
        """End it; the first call wins."""
        ...


class Steps:
    """The steps of a generator: each goes on in the context in which the one before it stopped."""

    __slots__ = ("_context", "run")

    def __init__(self, run: Ended) -> None:
        self.run = run
        self._context = run.context

    def take(self, step: Callable[[Any], Any], value: Any) -> Any:
        """Return ``step(value)``."""
        token = activate(self._context)
        try:
            return step(value)
        finally:
            self._context = get_current()
            release(token)

    async def take_async(self, step: Callable[[Any], Awaitable[Any]], value: Any) -> Any:
        """Return ``await step(value)``."""
        token = activate(self._context)
        try:
            return await step(value)
        finally:
            self._context = get_current()
            release(token)


class Following:
    """Follows a generator step by step, and ends the run with it.

    What the caller does to the generator is done to it and nothing else: it is never closed here.
    """

    __slots__ = ("_closing", "_run", "_steps")

    def __init__(self, run: Ended) -> None:
        self._run = run
        self._steps = Steps(run)
        self._closing = False

    def read(self, advance: Callable[[Any], Any], source: Any) -> Any:
        """Return ``advance(source)``."""
        with self._ending():
            return self._steps.take(advance, source)

    async def read_async(self, advance: Callable[[Any], Awaitable[Any]], source: Any) -> Any:
        """Return ``await advance(source)``."""
        with self._ending():
            return await self._steps.take_async(advance, source)

    @contextmanager
    def _ending(self) -> Generator[None]:
        try:
            yield
        except (StopIteration, StopAsyncIteration):
            self._run.end()
            raise
        except GeneratorExit:
            let_go(self._run.end)
            raise
        except BaseException as error:
            self._run.end(error)
            raise
        if self._closing:
            self._run.end()

    def closed(self) -> None:
        """Take the next step for the last: what the generator cleans up belongs to the run."""
        self._closing = True

    def abandoned(self) -> None:
        """End it because nobody has the generator any more."""
        let_go(self._run.end)
