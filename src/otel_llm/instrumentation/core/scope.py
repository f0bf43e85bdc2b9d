"""A decorator and a context manager in one, for anything that runs: also coroutines, generators."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from functools import wraps
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar, cast

from opentelemetry.context import Context

from .activation import activate, release
from .guard import swallowed


class Run(Protocol):
    """One run of what a scope is around."""

    @property
    def context(self) -> Context:
        """What it makes current."""
        ...

    def end(self, error: BaseException | None = None) -> None:
        """End it, as an error if there is one; the first call wins."""
        ...


R = TypeVar("R", bound=Run)
F = TypeVar("F", bound=Callable[..., Any])


class Scope(Generic[R]):
    """Opens a run for every ``with`` block and every call of the function it decorates.

    The run's context is current while the code inside runs: not while a generator is suspended.
    """

    def __init__(self, open: Callable[[], R]) -> None:
        self._open = open
        self._entered: list[tuple[R, Any]] = []

    def __enter__(self) -> R:
        run = self._open()
        self._entered.append((run, activate(run.context)))
        return run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        run, token = self._entered.pop()
        release(token)
        run.end(error)

    async def __aenter__(self) -> R:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: F) -> F:
        """Return ``function`` with a run around each of its calls, of the same sort as it was."""
        for is_of_kind, around in _KINDS:
            if is_of_kind(function):
                return cast(F, wraps(function)(around(self._open, function)))
        return cast(F, wraps(function)(_around_call(self._open, function)))


def _around_call(open: Callable[[], Run], function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with Scope(open) as run:
            return _noted(run, function, args, kwargs, function(*args, **kwargs))

    return call


def _around_coroutine(open: Callable[[], Run], function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with Scope(open) as run:
            result = await function(*args, **kwargs)
            return _noted(run, function, args, kwargs, result)

    return call


def _around_generator(open: Callable[[], Run], function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        run, generator = open(), function(*args, **kwargs)
        step, sent = generator.send, None
        try:
            while True:
                item = _in(run, step, sent)
                try:
                    step, sent = generator.send, (yield item)
                except GeneratorExit:
                    generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in by the caller, passed on
                    step, sent = generator.throw, error
        except StopIteration as stop:
            run.end()
            return stop.value
        except GeneratorExit:
            run.end()
            raise
        except BaseException as error:
            run.end(error)
            raise

    return call


def _around_async_generator(
    open: Callable[[], Run], function: Callable[..., Any]
) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        run, generator = open(), function(*args, **kwargs)
        step, sent = generator.asend, None
        try:
            while True:
                item = await _in_async(run, step, sent)
                try:
                    step, sent = generator.asend, (yield item)
                except GeneratorExit:
                    await generator.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in by the caller, passed on
                    step, sent = generator.athrow, error
        except (StopAsyncIteration, GeneratorExit) as stop:
            run.end()
            if isinstance(stop, GeneratorExit):
                raise
        except BaseException as error:
            run.end(error)
            raise

    return call


def _in(run: Run, step: Callable[[Any], Any], value: Any) -> Any:
    token = activate(run.context)
    try:
        return step(value)
    finally:
        release(token)


async def _in_async(run: Run, step: Callable[[Any], Any], value: Any) -> Any:
    token = activate(run.context)
    try:
        return await step(value)
    finally:
        release(token)


def _noted(
    run: Run,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    result: Any,
) -> Any:
    note = getattr(run, "note", None)
    if note is not None:
        try:
            note(function, args, kwargs, result)
        except Exception as error:  # noqa: BLE001 - ours, in the middle of the user's function
            swallowed("noting what a function was called with", error)
    return result


_KINDS = (
    (inspect.iscoroutinefunction, _around_coroutine),
    (inspect.isgeneratorfunction, _around_generator),
    (inspect.isasyncgenfunction, _around_async_generator),
)
