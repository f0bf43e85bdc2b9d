"""Stand-ins for plain generators, whose class cannot be changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Protocol, cast

import wrapt


class Follower(Protocol):
    """What follows a generator: a ``Reading``, or a ``LateReading`` that starts one."""

    def read(self, advance: Callable[[Any], Any], source: Any) -> Any:
        """Return ``advance(source)``."""
        ...

    def read_async(self, advance: Callable[[Any], Awaitable[Any]], source: Any) -> Any:
        """Return an awaitable of ``await advance(source)``."""
        ...

    def closed(self) -> None:
        """Hear that the caller closes it: what is read next is its ``close`` or ``aclose``."""
        ...

    def abandoned(self) -> None:
        """Hear that the garbage collector took it."""
        ...


_Proxy: Any = cast(Any, wrapt.ObjectProxy)  # keeps isinstance true; generic only in its stubs


def is_generator(stream: object) -> bool:
    """Return whether ``stream`` is a plain generator, synchronous or not."""
    return isinstance(stream, GeneratorType | AsyncGeneratorType)


def stand_in(stream: Any, reading: Follower) -> Any:
    """Return what reads ``stream`` for the caller and is followed while it does.

    Another vendor's wrapper of a generator (OpenInference's) may be iterable and no iterator: then
    what it gives to a loop is followed.
    """
    if hasattr(stream, "__anext__"):
        step, begin, kind = "__anext__", aiter, FollowedAsyncGenerator
    else:
        step, begin, kind = "__next__", iter, FollowedGenerator
    return kind(stream if hasattr(cast(object, type(stream)), step) else begin(stream), reading)


class _Missing:
    """Lets nobody find what a proxy has and a generator has not: ``itertools.tee`` would use it."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        raise AttributeError


class _Followed(_Proxy):
    __copy__ = _Missing()
    __deepcopy__ = _Missing()

    def __init__(self, stream: Any, reading: Follower) -> None:
        _Proxy.__init__(self, stream)
        self._self_reading = reading

    def __del__(self) -> None:
        self._self_reading.abandoned()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)


class FollowedGenerator(_Followed):
    """A generator whose every step is followed."""

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self._self_reading.read(next, self.__wrapped__)

    def send(self, value: Any) -> Any:
        """Resume the generator with ``value``."""
        return self._self_reading.read(lambda stream: stream.send(value), self.__wrapped__)

    def throw(self, *error: Any) -> Any:
        """Raise ``error`` inside the generator."""
        return self._self_reading.read(lambda stream: stream.throw(*error), self.__wrapped__)

    def close(self) -> Any:
        """End the operation and close the generator."""
        self._self_reading.closed()
        return self._self_reading.read(lambda stream: stream.close(), self.__wrapped__)


class FollowedAsyncGenerator(_Followed):
    """An asynchronous generator whose every step is followed."""

    def __aiter__(self) -> Any:
        return self

    def __anext__(self) -> Any:
        return self._self_reading.read_async(anext, self.__wrapped__)

    def asend(self, value: Any) -> Any:
        """Resume the generator with ``value``."""
        return self._self_reading.read_async(lambda stream: stream.asend(value), self.__wrapped__)

    def athrow(self, *error: Any) -> Any:
        """Raise ``error`` inside the generator."""
        return self._self_reading.read_async(lambda stream: stream.athrow(*error), self.__wrapped__)

    def aclose(self) -> Any:
        """End the operation and close the generator."""
        self._self_reading.closed()
        return self._self_reading.read_async(lambda stream: stream.aclose(), self.__wrapped__)
