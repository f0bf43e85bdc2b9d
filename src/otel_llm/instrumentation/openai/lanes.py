"""Responses over a websocket (``client.responses.connect``, also beta): one inference for each.

It starts when the response is asked for, or begins by itself where the provider goes on with what
was steered, and ends as the program reads its end. Only some events name their response: the rest
say their lane (``stream_id``, none for most programs), in which one response comes after the other.

Not covered: what is received as bytes and parsed by nobody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..core import Patch
from ..core.live import Asked
from ..shapes import responses as shape
from ..shapes.values import field, fields, integer, text
from .responses import RESPONSES
from .sockets import Talk, given, hooks

_IMPLIED = {"stream": True}


class _Talk(Talk):
    """Also which response is given in which lane."""

    __slots__ = ("_given",)
    patch = Patch(__name__, "response", replace(RESPONSES, served=None))

    def __init__(self, socket: Any) -> None:
        super().__init__(socket)
        self._given: dict[str | None, str] = {}

    def sent(self, event: Any) -> Asked | None:
        if field(event, "type") != "response.create":
            return None
        arguments = {"model": self._model, **given(event), **_IMPLIED}
        return self.live.ask(arguments, lane=_lane(event))

    def heard(self, event: Any) -> None:
        kind, lane = text(field(event, "type")) or "", _lane(event)
        if kind in shape.CARRIERS:
            self._carried(kind, lane, event, field(event, "response"))
        elif kind == "error":
            self._failed(lane, event)
        elif kind.startswith("response.") and not kind.startswith("response.steer."):
            self.live.take(self._given.get(lane), event)

    def _carried(self, kind: str, lane: str | None, event: Any, answer: Any) -> None:
        if (id := text(field(answer, "id"))) is None:
            return
        # Without having been asked for it goes on as the one before, and says how that is.
        self.live.begin(id, {**fields(answer), "service_tier": None, **_IMPLIED}, lane)
        if kind in shape.ENDS:
            self._given.pop(lane, None)
            self.live.end(id, event, "completed")
        else:
            self._given[lane] = id
            self.live.take(id, event)

    def _failed(self, lane: str | None, event: Any) -> None:
        """What was said in the course of a response has a number, what refuses one has none."""
        if integer(field(event, "sequence_number")) is not None and lane in self._given:
            self.live.end(self._given.pop(lane), event, "failed")
        else:
            self.live.refuse(None, shape.reason_of(event) or "error", lane)


def _lane(event: Any) -> str | None:
    return text(field(event, "stream_id"))


HOOKS = tuple(
    hook
    for module in ("", "beta.")
    for hook in hooks(f"openai.resources.{module}responses.responses", "ResponsesConnection", _Talk)
)
