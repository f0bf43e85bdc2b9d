"""SDK stream objects and plain generators, followed while the caller reads them.

A stream object keeps its identity: its class becomes a subclass of itself (``reclass``). A plain
generator cannot, so a slim proxy stands in for it.
"""

from __future__ import annotations

from typing import Any

from .reading import Reading
from .reclass import ITSELF, STATE, Override, reclass, reclassed
from .unseen_importlib_bootstrap.generators import is_generator, stand_in


def is_stream(result: Any) -> bool:
    """Return whether ``result`` is still to be read, chunk by chunk."""
    return hasattr(result, "__next__") or hasattr(result, "__anext__")


def follow(stream: Any, reading: Reading) -> Any:
    """Return what to give to the caller in place of ``stream``: the same object if possible."""
    proxy = type(stream) is not stream.__class__  # another vendor's: it holds the iterator below
    if is_generator(stream) or not reclass(stream, _STREAM, reading, proxy=proxy):
        return stand_in(stream, reading)
    follow_close(getattr(stream, "response", None), reading)
    return stream


def follow_close(response: Any, reading: Reading) -> None:
    """Hear of the end of an HTTP response: SDK helpers close that, and not the stream above it."""
    http = type(response).__module__.partition(".")[0] in ("httpx", "httpx2")
    if http and not reclassed(response):
        reclass(response, BODY, reading)


class Reads:
    """The iterator of a stream that makes a new one for every loop."""

    __slots__ = ("_feed", "_iterator", "_reading")

    def __init__(self, iterator: Any, reading: Reading, *, feed: bool = True) -> None:
        self._feed = feed
        self._iterator = iterator
        self._reading = reading

    def __iter__(self) -> Reads:
        return self

    def __next__(self) -> Any:
        return self._reading.read(next, self._iterator, self._feed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)


class AsyncReads:
    """The asynchronous iterator of a stream that makes a new one for every loop."""

    __slots__ = ("_feed", "_iterator", "_reading")

    def __init__(self, iterator: Any, reading: Reading, *, feed: bool = True) -> None:
        self._feed = feed
        self._iterator = iterator
        self._reading = reading

    def __aiter__(self) -> AsyncReads:
        return self

    def __anext__(self) -> Any:
        return self._reading.read_async(anext, self._iterator, self._feed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)


def _next(base: Any) -> Any:
    def __next__(self: Any) -> Any:
        return self._otel_llm.read(base, self)

    return __next__


def _anext(base: Any) -> Any:
    def __anext__(self: Any) -> Any:
        return self._otel_llm.read_async(base, self)

    return __anext__


def _iter(base: Any) -> Any:
    def __iter__(self: Any) -> Any:
        iterator = base(self)
        return self if iterator is self else Reads(iterator, self._otel_llm)

    return __iter__


def _aiter(base: Any) -> Any:
    def __aiter__(self: Any) -> Any:
        iterator = base(self)
        return self if iterator is self else AsyncReads(iterator, self._otel_llm)

    return __aiter__


def _close(base: Any) -> Any:
    def close(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._otel_llm.closed()
        return base(self, *args, **kwargs)

    return close


def _del(base: Any) -> Any:
    def __del__(self: Any) -> None:
        if getattr(self, ITSELF, None) == id(self):  # none: a copy that was never finished
            self._otel_llm.abandoned()
        if base is not None:
            base(self)

    return __del__


def _reduce(base: Any) -> Any:
    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        _, (kind, *_), state, *_ = base(self, protocol)
        kept = {name: value for name, value in state.items() if name not in (STATE, ITSELF)}
        return object.__new__, (kind.__mro__[1],), kept

    return __reduce_ex__


_STREAM: dict[str, Override] = {
    "__next__": _next,
    "__anext__": _anext,
    "__iter__": _iter,
    "__aiter__": _aiter,
    "close": _close,
    "aclose": _close,
    "__exit__": _close,
    "__aexit__": _close,
    "__del__": _del,
}
EVENTS: dict[str, Override] = {
    "__iter__": _iter,
    "__aiter__": _aiter,
    "close": _close,
    "aclose": _close,
    "__del__": _del,
}
"""For streams that can only be iterated over (botocore), one step of whose iterator is a chunk."""
BODY: dict[str, Override] = {
    "close": _close,
    "aclose": _close,
    "__del__": _del,
    "__reduce_ex__": _reduce,
}
"""For HTTP responses, which can be pickled: nothing of ours is in what comes out."""
