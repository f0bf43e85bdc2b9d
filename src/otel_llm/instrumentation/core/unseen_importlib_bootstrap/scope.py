"""A decorator and a context manager in one, for anything that runs: also coroutines, generators."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from functools import partial, wraps
from types import TracebackType
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

from opentelemetry.context import Context, create_key, get_value, set_value

from ..activation import activate, release
from ..collected import let_go
from ..guard import guarded
from ..unawaited import Unawaited
from .alike import Alike, named_after
from .following import Following, Steps
from .generators import is_generator, stand_in


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
Args: TypeAlias = tuple[Any, ...]
Kwargs: TypeAlias = dict[str, Any]
_log = logging.getLogger(__name__)
_OPEN = create_key("otel-llm-scopes")
"""The ``_Entered`` around here, innermost first."""


@dataclass(slots=True, eq=False)
class _Entered(Generic[R]):
    """One ``with`` block that is running."""

    run: R
    token: Any = None


class Scope(Generic[R]):
    """Opens a run for every ``with`` block and every call of the function it decorates.

    The run's context is current while the code inside runs: not while a generator is suspended.
    Threads and tasks may share one scope: each has runs of its own.
    """

    def __init__(self, open: Callable[[], R]) -> None:
        self._open = open
        self._entered: list[_Entered[R]] = []

    def __enter__(self) -> R:
        entered = _Entered(self._open())
        inside = set_value(_OPEN, (entered, *_opened()), entered.run.context)
        entered.token = activate(inside)
        self._entered.append(entered)
        return entered.run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        entered = next((one for one in _opened() if one in self._entered), self._entered[-1])
        self._entered.remove(entered)
        release(entered.token)
        # A generator that is closed in the middle of the block did not fail.
        if isinstance(error, GeneratorExit):
            let_go(entered.run.end)
        else:
            entered.run.end(error)

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
        kind = cast(Any, type(function))
        if kind in (classmethod, staticmethod):
            return cast(F, kind(self(cast(Any, function).__func__)))
        if inspect.isclass(function):
            _log.warning("otel-llm: %s is a class and has no runs; not traced", function.__name__)
            return cast(F, function)
        around = next((way for is_kind, way in _KINDS if is_kind(_code(function))), _around_call)
        return cast(F, _in_place(function, around(self._open, function)))


def _in_place(function: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return what runs ``call`` and is of the same sort as ``function``."""
    late = any(is_kind(_code(function)) for is_kind, _ in _KINDS)
    if late and _is_function(function):
        return Alike(function, call)
    if not inspect.iscoroutinefunction(_code(function)):
        return wraps(function)(call)

    async def call_later(*args: Any, **kwargs: Any) -> Any:
        return await call(*args, **kwargs)

    return wraps(function)(call_later)


def _opened() -> tuple[_Entered[Any], ...]:
    return cast("tuple[_Entered[Any], ...]", get_value(_OPEN) or ())


def _is_function(function: Any) -> bool:
    return inspect.isroutine(function) or cast(Any, type(function)) is partial


def _code(function: Any) -> Any:
    """Return what runs when it is called: of an object, the method that makes it callable."""
    return function if _is_function(function) else cast(Any, type(function)).__call__


def _around_call(open: Callable[[], Run], function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        run = open()
        token = activate(run.context)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            release(token)
            run.end(error)
            raise
        release(token)
        if inspect.iscoroutine(result):  # of a function that hides it
            return _awaited(run, function, args, kwargs, result)
        return _returned(run, function, args, kwargs, result)

    return call


def _around_coroutine(open: Callable[[], Run], function: Callable[..., Any]) -> Callable[..., Any]:
    async def run(args: Args, kwargs: Kwargs, pending: Unawaited) -> Any:
        return await _awaited(open(), function, args, kwargs, pending.coroutine)

    def call(*args: Any, **kwargs: Any) -> Any:
        pending = function(*args, **kwargs)
        return named_after(run(args, kwargs, Unawaited(pending)), pending)

    return call


async def _awaited(
    run: Run, function: Callable[..., Any], args: Args, kwargs: Kwargs, pending: Awaitable[Any]
) -> Any:
    token = activate(run.context)
    try:
        result = await pending
    except BaseException as error:
        release(token)
        run.end(error)
        raise
    release(token)
    return _returned(run, function, args, kwargs, result)


def _returned(
    run: Run, function: Callable[..., Any], args: Args, kwargs: Kwargs, result: Any
) -> Any:
    """Return ``result``, with which the run ends; with the end of it, if it is a generator."""
    _note(run, function, args, kwargs, result)
    if is_generator(result):
        return stand_in(result, Following(run))
    run.end()
    return result


def _generating(function: Callable[..., Any], run: Callable[..., Any]) -> Callable[..., Any]:
    """Return what looks at its arguments at once, as ``function`` does, and runs later."""

    def call(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        return named_after(run(args, kwargs, generator), generator)

    return call


def _around_generator(open: Callable[[], Run], function: Callable[..., Any]) -> Callable[..., Any]:
    def run(args: Args, kwargs: Kwargs, generator: Any) -> Generator[Any, Any, Any]:
        steps, step, sent = Steps(open()), generator.send, None
        _note(steps.run, function, args, kwargs, generator)
        try:
            while True:
                item = steps.take(step, sent)
                try:
                    step, sent = generator.send, (yield item)
                except BaseException as error:  # noqa: BLE001 - thrown in by the caller, passed on
                    step, sent = generator.throw, error
        except StopIteration as stop:
            steps.run.end()
            return stop.value
        except GeneratorExit:
            let_go(steps.run.end)
            raise
        except BaseException as error:
            steps.run.end(error)
            raise

    return _generating(function, run)


def _around_async_generator(
    open: Callable[[], Run], function: Callable[..., Any]
) -> Callable[..., Any]:
    async def run(args: Args, kwargs: Kwargs, generator: Any) -> AsyncGenerator[Any, Any]:
        steps, step, sent = Steps(open()), generator.asend, None
        _note(steps.run, function, args, kwargs, generator)
        try:
            while True:
                item = await steps.take_async(step, sent)
                try:
                    step, sent = generator.asend, (yield item)
                except BaseException as error:  # noqa: BLE001 - thrown in by the caller, passed on
                    step, sent = generator.athrow, error
        except StopAsyncIteration:
            steps.run.end()
        except GeneratorExit:
            let_go(steps.run.end)
            raise
        except BaseException as error:
            steps.run.end(error)
            raise

    return _generating(function, run)


def _note(run: Run, function: Callable[..., Any], args: Args, kwargs: Kwargs, result: Any) -> None:
    note = getattr(run, "note", None)
    if note is not None:
        with guarded("noting what a function was called with"):
            note(function, args, kwargs, result)


_KINDS = (
    (inspect.iscoroutinefunction, _around_coroutine),
    (inspect.isgeneratorfunction, _around_generator),
    (inspect.isasyncgenfunction, _around_async_generator),
)
