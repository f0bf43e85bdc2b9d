"""A generator that a function returned: its run goes on until the generator ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol

from opentelemetry.context import Context, get_current

from .activation import activate, release
from .collected import let_go


class Ended(Protocol):
    """A run of whatever returned the generator."""

    @property
    def context(self) -> Context:
        """What is current while the generator runs."""
        ...

    def end(self, error: BaseException | None = None) -> None:
        """End it; the first call wins."""
        ...


class Following:
    """Follows a generator: each step goes on in the context in which the one before it stopped.

    What the caller does to the generator is done to it and nothing else: it is never closed here.
    """

    __slots__ = ("_context", "_run")

    def __init__(self, run: Ended) -> None:
        self._run = run
        self._context = run.context

    def read(self, advance: Callable[[Any], Any], source: Any) -> Any:
        """Return ``advance(source)``."""
        with self._step():
            return advance(source)

    async def read_async(self, advance: Callable[[Any], Awaitable[Any]], source: Any) -> Any:
        """Return ``await advance(source)``."""
        with self._step():
            return await advance(source)

    @contextmanager
    def _step(self) -> Generator[None]:
        token = activate(self._context)
        try:
            yield
        except (StopIteration, StopAsyncIteration, GeneratorExit):
            self._run.end()
            raise
        except BaseException as error:
            self._run.end(error)
            raise
        finally:
            self._context = get_current()
            release(token)

    def closed(self) -> None:
        """End the run because the caller closes the generator."""
        self._run.end()

    def abandoned(self) -> None:
        """End it because nobody has the generator any more."""
        let_go(self._run.end)
