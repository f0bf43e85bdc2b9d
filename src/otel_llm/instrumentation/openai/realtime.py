"""Realtime (``client.realtime.connect``, also beta): one inference for each response.

It starts when the response is asked for, or begins by itself once the provider has heard the user,
and ends with ``response.done`` as the program reads it. An answer belongs where it was asked for,
or else where it was read. The conversation so far is remembered only where content is captured.

Not covered: what is received as bytes and parsed by nobody, transcription of what the user says
(of another model, with usage of its own), and calls that are not over a websocket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from ..core import Patch
from ..core.live import Asked
from ..shapes import realtime as shape
from ..shapes.values import field, items, text
from .sockets import SOCKETS, Talk, given, hooks

_REMEMBERED = 100
"""Items of a conversation that are kept for capturing."""

_BUSY = "conversation_already_has_active_response"


class _Talk(Talk):
    """Also what was agreed on, and what was said."""

    __slots__ = ("_items", "_session")
    patch = Patch(__name__, "response", shape.REALTIME)

    def __init__(self, socket: Any) -> None:
        super().__init__(socket)
        self._session: dict[str, Any] = {}
        self._items: deque[Any] = deque(maxlen=_REMEMBERED)

    def sent(self, event: Any) -> Asked | None:
        kind = field(event, "type")
        if kind == "response.create":
            arguments = self._arguments(given(field(event, "response")))
            return self.live.ask(arguments, text(field(event, "event_id")))
        if kind == "session.update":
            self._session.update(given(field(event, "session")))
        elif kind == "conversation.item.create":
            self._remember(field(event, "item"))
        return None

    def heard(self, event: Any) -> None:
        kind = text(field(event, "type")) or ""
        if kind in (shape.CREATED, shape.DONE):
            self._answered(kind, event, field(event, "response"))
        elif kind.startswith("response."):
            self.live.take(text(field(event, "response_id")), event)
        elif kind in ("session.created", "session.updated"):
            self._session.update(given(field(event, "session")))
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


HOOKS = tuple(
    hook
    for module in ("", "beta.")
    for hook in hooks(f"openai.resources.{module}realtime.realtime", "RealtimeConnection", _Talk)
)
