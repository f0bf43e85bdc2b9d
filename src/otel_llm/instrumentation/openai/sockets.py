"""What is said over a websocket of the SDK: hooks on its connections, which keep what is known.

What a program sends and what it then reads is looked at, as an event: what is received as bytes and
parsed by nobody is not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, cast

from ..core import Hook, Origin, Patch, guarded
from ..core.live import Asked, Live
from ..core.operation import Operation
from ..core.reclass import STATE
from ..core.start import begin
from ..core.telemetry import Telemetry
from ..core.unawaited import Unawaited
from ..shapes.hosts import called
from ..shapes.values import fields


class Sockets:
    """Whatever is said over websockets: a ``Source``, of which the instance is the ``Origin``."""

    telemetry: Telemetry | None = None
    provider: ClassVar[str] = "openai"

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Return whom the websocket speaks to."""
        return instance


SOCKETS = Sockets()


class Talk(ABC):
    """One connection: what is being answered over it."""

    __slots__ = ("_model", "live")

    patch: ClassVar[Patch]
    """Of one answer; its instance is the ``Origin``."""

    def __init__(self, socket: Any) -> None:
        origin, self._model = called(socket)
        self.live = Live(partial(_begin, self.patch, origin))

    @abstractmethod
    def sent(self, event: Any) -> Asked | None:
        """Look at what the program sends; return the answer that it asks for."""

    @abstractmethod
    def heard(self, event: Any) -> None:
        """Look at what the provider sends."""


def _begin(patch: Patch, origin: Origin, arguments: Mapping[str, Any]) -> Operation | None:
    return begin(SOCKETS, patch, origin, (), dict(arguments))


def given(thing: Any) -> dict[str, Any]:
    """Return what an event says, without what it leaves open."""
    return {name: value for name, value in fields(thing).items() if value is not None}


_Wrapped = Callable[..., Any]
_Args = tuple[Any, ...]
_Kwargs = dict[str, Any]


class _Watch:
    """Hooks on the methods of connections, of each of which a ``Talk`` is kept."""

    __slots__ = ("_kind",)

    def __init__(self, kind: type[Talk]) -> None:
        self._kind = kind

    def send(self, wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
        asked = self._asked(connection, args, kwargs)
        try:
            return wrapped(*args, **kwargs)
        except BaseException as error:
            self._unsent(connection, asked, error)
            raise

    def send_async(self, wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
        async def sending(pending: Unawaited) -> Any:
            asked = self._asked(connection, args, kwargs)
            try:
                return await pending.coroutine
            except BaseException as error:
                self._unsent(connection, asked, error)
                raise

        return sending(Unawaited(wrapped(*args, **kwargs)))

    def receive(self, wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
        try:
            return wrapped(*args, **kwargs)
        except BaseException as error:
            self._lost(connection, error)
            raise

    def receive_async(
        self, wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs
    ) -> Any:
        async def receiving(pending: Unawaited) -> Any:
            try:
                return await pending.coroutine
            except BaseException as error:
                self._lost(connection, error)
                raise

        return receiving(Unawaited(wrapped(*args, **kwargs)))

    def parse(self, wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
        event = wrapped(*args, **kwargs)
        with guarded("looking at what came over a websocket"):
            self._talk(connection).heard(event)
        return event

    def close(self, wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
        with guarded("noting that a websocket is closed"):
            self._talk(connection).live.closed()
        return wrapped(*args, **kwargs)

    def _talk(self, connection: Any) -> Talk:
        """Return what is known of a connection, which keeps it."""
        kept = cast("dict[str, Any]", vars(connection))
        return kept.get(STATE) or kept.setdefault(STATE, self._kind(connection._connection))

    def _asked(self, connection: Any, args: _Args, kwargs: _Kwargs) -> Asked | None:
        with guarded("looking at what is sent over a websocket"):
            return self._talk(connection).sent(args[0] if args else kwargs.get("event"))
        return None

    def _unsent(self, connection: Any, asked: Asked | None, error: BaseException) -> None:
        if asked is not None:
            with guarded("noting what was not sent"):
                self._talk(connection).live.unsent(asked, error)

    def _lost(self, connection: Any, error: BaseException) -> None:
        """Only a connection that is gone is: who is cancelled, or waits too long, misses none."""
        if any(kind.__name__ == "ConnectionClosed" for kind in type(error).__mro__):
            with guarded("noting that a websocket is gone"):
                self._talk(connection).live.lost(error)


def hooks(module: str, name: str, kind: type[Talk]) -> tuple[Hook, ...]:
    """Return what watches connections called ``name``, sync and async, with a ``kind`` for each."""
    watch = _Watch(kind)
    ways = (
        (name, {"send": watch.send, "recv_bytes": watch.receive}),
        (f"Async{name}", {"send": watch.send_async, "recv_bytes": watch.receive_async}),
    )
    return tuple(
        Hook(module, f"{connection}.{method}", hook, optional=True)
        for connection, own in ways
        for method, hook in {**own, "parse_event": watch.parse, "close": watch.close}.items()
    )
