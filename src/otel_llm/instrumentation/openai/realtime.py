"""Realtime (``client.realtime.connect``, also beta): one inference for each response.

It starts when the response is asked for, or begins by itself once the provider has heard the user,
and ends with ``response.done`` as the program reads it. An answer belongs where it was asked for,
or else where it was read. The conversation so far is remembered only where content is captured.

Not covered: what is received as bytes and parsed by nobody, transcription of what the user says
(of another model, with usage of its own), and calls that are not over a websocket.
"""

from __future__ import annotations

from collections import deque
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
from ..shapes import realtime as shape
from ..shapes.values import field, fields, items, text

_REMEMBERED = 100
"""Items of a conversation that are kept for capturing."""


class Sockets:
    """Whatever is said over websockets: a ``Source``, of which the instance is the ``Origin``."""

    telemetry: Telemetry | None = None
    provider: ClassVar[str] = "openai"

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Return whom the websocket speaks to."""
        return instance


SOCKETS = Sockets()
_RESPONSE = Patch(__name__, "response", shape.REALTIME)
_BUSY = "conversation_already_has_active_response"


class _Talk:
    """One connection: what was agreed on, what was said, and what is being answered."""

    __slots__ = ("_items", "_model", "_origin", "_session", "live")

    def __init__(self, socket: Any) -> None:
        self._origin, self._model = shape.called(socket)
        self._session: dict[str, Any] = {}
        self._items: deque[Any] = deque(maxlen=_REMEMBERED)
        self.live = Live(partial(_begin, self._origin))

    def sent(self, event: Any) -> Asked | None:
        """Look at what the program sends; return the answer that it asks for."""
        kind = field(event, "type")
        if kind == "response.create":
            arguments = self._arguments(_given(field(event, "response")))
            return self.live.ask(arguments, text(field(event, "event_id")))
        if kind == "session.update":
            self._session.update(_given(field(event, "session")))
        elif kind == "conversation.item.create":
            self._remember(field(event, "item"))
        return None

    def heard(self, event: Any) -> None:
        """Look at what the provider sends."""
        kind = text(field(event, "type")) or ""
        if kind in (shape.CREATED, shape.DONE):
            self._answered(kind, event, field(event, "response"))
        elif kind.startswith("response."):
            self.live.take(text(field(event, "response_id")), event)
        elif kind in ("session.created", "session.updated"):
            self._session.update(_given(field(event, "session")))
        elif kind == "conversation.item.input_audio_transcription.completed":
            self._remember(shape.heard(field(event, "transcript")))
        elif kind == "error":
            self._refused(field(event, "error"))

    def _answered(self, kind: str, event: Any, answer: Any) -> None:
        if (id := text(field(answer, "id"))) is None:
            return
        self.live.begin(id, self._arguments({}))
        if kind == shape.CREATED:
            self.live.take(id, event)
            return
        self.live.end(id, event, shape.outcome(answer))
        for item in items(field(answer, "output")):
            self._remember(item)

    def _refused(self, error: Any) -> None:
        """Without a name it may be about anything that was sent."""
        name, why = text(field(error, "event_id")), text(field(error, "code"))
        about = text(field(error, "param")) or ""
        if name is not None or why == _BUSY or about.startswith("response."):
            self.live.refuse(name, why or text(field(error, "type")) or "error")

    def _arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        model = self._model or text(self._session.get("model"))
        said = items(given.get("input")) or list(self._items)
        return {**self._session, **given, "model": model, "items": said}

    def _remember(self, item: Any) -> None:
        if SOCKETS.telemetry is not None and SOCKETS.telemetry.reads_content:
            self._items.append(item)


def _begin(origin: Origin, arguments: Mapping[str, Any]) -> Operation | None:
    return begin(SOCKETS, _RESPONSE, origin, (), dict(arguments))


def _given(thing: Any) -> dict[str, Any]:
    return {name: value for name, value in fields(thing).items() if value is not None}


def _talk(connection: Any) -> _Talk:
    """Return what is known of a connection, which keeps it."""
    kept = cast("dict[str, Any]", vars(connection))
    return kept.get(STATE) or kept.setdefault(STATE, _Talk(connection._connection))


def _asked(connection: Any, event: Any) -> Asked | None:
    with guarded("looking at what is sent over a websocket"):
        return _talk(connection).sent(event)
    return None


def _unsent(connection: Any, asked: Asked | None, error: BaseException) -> None:
    if asked is not None:
        with guarded("noting what was not sent"):
            _talk(connection).live.unsent(asked, error)


def _lost(connection: Any, error: BaseException) -> None:
    """Only a connection that is gone is: to be cancelled, or to wait too long, costs no event."""
    if any(kind.__name__ == "ConnectionClosed" for kind in type(error).__mro__):
        with guarded("noting that a websocket is gone"):
            _talk(connection).live.lost(error)


_Wrapped = Callable[..., Any]
_Args = tuple[Any, ...]
_Kwargs = dict[str, Any]


def _event(args: _Args, kwargs: _Kwargs) -> Any:
    return args[0] if args else kwargs.get("event")


def _send(wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
    asked = _asked(connection, _event(args, kwargs))
    try:
        return wrapped(*args, **kwargs)
    except BaseException as error:
        _unsent(connection, asked, error)
        raise


def _send_async(wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
    async def sending(pending: Unawaited) -> Any:
        asked = _asked(connection, _event(args, kwargs))
        try:
            return await pending.coroutine
        except BaseException as error:
            _unsent(connection, asked, error)
            raise

    return sending(Unawaited(wrapped(*args, **kwargs)))


def _receive(wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
    try:
        return wrapped(*args, **kwargs)
    except BaseException as error:
        _lost(connection, error)
        raise


def _receive_async(wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
    async def receiving(pending: Unawaited) -> Any:
        try:
            return await pending.coroutine
        except BaseException as error:
            _lost(connection, error)
            raise

    return receiving(Unawaited(wrapped(*args, **kwargs)))


def _parse(wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
    event = wrapped(*args, **kwargs)
    with guarded("looking at what came over a websocket"):
        _talk(connection).heard(event)
    return event


def _close(wrapped: _Wrapped, connection: Any, args: _Args, kwargs: _Kwargs) -> Any:
    with guarded("noting that a websocket is closed"):
        _talk(connection).live.closed()
    return wrapped(*args, **kwargs)


_WAYS = (
    ("RealtimeConnection", {"send": _send, "recv_bytes": _receive}),
    ("AsyncRealtimeConnection", {"send": _send_async, "recv_bytes": _receive_async}),
)
HOOKS = tuple(
    Hook(f"openai.resources.{module}realtime.realtime", f"{kind}.{name}", hook, optional=True)
    for module in ("", "beta.")
    for kind, own in _WAYS
    for name, hook in {**own, "parse_event": _parse, "close": _close}.items()
)
