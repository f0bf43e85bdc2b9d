"""A run that goes on in tasks of its own: agents that take turns within a workflow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context, attach, detach

from .activity import AGENT, Activity
from .guard import guarded
from .telemetry import Telemetry


class Turns:
    """One run, from its start to its result, with the agent whose turn it is.

    A run of a single agent has no turns: it is the agent's activity itself.
    """

    __slots__ = ("_activity", "_agent", "_name", "_telemetry", "context")

    def __init__(self, telemetry: Telemetry, activity: Activity) -> None:
        self._telemetry = telemetry
        self._activity = activity
        self._agent: Activity | None = None
        self._name: str | None = None
        self.context: Context = activity.context
        """What is current in the run, outside of all turns."""

    @property
    def now(self) -> Context:
        """What is current in the turn that it is."""
        return self.context if self._agent is None else self._agent.context

    def of(self, name: str, about: Mapping[str, Any]) -> Context:
        """Return what is current in the turn of an agent; ends the turn of another one."""
        if self._agent is None or self._name != name:
            self._end_turn(None)
            token = attach(self.context)
            try:
                self._agent = Activity(self._telemetry, AGENT, about)
            finally:
                detach(token)
            self._name = name
        return self._agent.context

    def end(self, error: BaseException | None = None) -> None:
        """End the turn that it is, and the run."""
        self._end_turn(error)
        self._activity.end(error)

    def end_with(self, result: asyncio.Future[Any]) -> None:
        """End the run when its result is there."""
        result.add_done_callback(self._done)

    def _done(self, result: asyncio.Future[Any]) -> None:
        with guarded("ending a workflow"):
            if result.cancelled():
                self.end(asyncio.CancelledError())
            else:
                # ``exception()`` would tell asyncio that somebody has seen it.
                self.end(getattr(result, "_exception", None))

    def _end_turn(self, error: BaseException | None) -> None:
        if self._agent is not None:
            self._agent.end(error)
            self._agent = None
