"""Answers over a connection that stays open: several in turn, or at once, in events of their own.

An answer is asked for, begins, says something in events among those of others, and is done. It may
begin without having been asked for, be refused, or never be done because the connection is gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .guard import guarded
from .operation import Operation
from .reading import Reading

_LATELY = 256
"""How many answers that are done are remembered: an event may be looked at twice."""


class Arriving(Reading):
    """One answer. Nothing of it is ever current: what else the program does is not part of it."""

    __slots__ = ()

    def take(self, event: Any) -> None:
        """Take one of its events."""
        if not self.ended:
            self._arrived(event)

    def done(self, outcome: str = "completed", error_type: str | None = None) -> None:
        """End it, see ``Reading`` for how."""
        self._end(outcome, error_type)

    def lost(self, error: BaseException) -> None:
        """End it by what became of the connection."""
        self._stopped(error)


@dataclass(slots=True, eq=False)
class Asked:
    """An answer that was asked for and has not begun."""

    name: str | None
    """What a refusal calls it by."""
    answer: Arriving | None
    """``None``: it is not to be traced, and yet somebody waits for it."""
    lane: str | None = None
    """Where it will be given; in one lane, one comes after the other."""


class Live:
    """The answers of one connection. Whatever keeps the connection keeps this; safe in threads.

    ``start`` starts the operation of one, from the arguments it is asked for with.
    """

    __slots__ = ("_asked", "_done", "_start", "_under_way")

    def __init__(self, start: Callable[[Mapping[str, Any]], Operation | None]) -> None:
        self._start = start
        self._asked: deque[Asked] = deque()
        self._under_way: dict[str, Arriving | None] = {}
        self._done: deque[str] = deque(maxlen=_LATELY)

    def ask(
        self, arguments: Mapping[str, Any], name: str | None = None, lane: str | None = None
    ) -> Asked:
        """Note that an answer is being asked for."""
        asked = Asked(name, self._arriving(arguments), lane)
        self._asked.append(asked)
        return asked

    def unsent(self, asked: Asked, error: BaseException) -> None:
        """Note that asking for it failed."""
        if asked in self._asked:
            self._asked.remove(asked)
        if asked.answer is not None:
            asked.answer.lost(error)

    def begin(self, id: str, arguments: Mapping[str, Any], lane: str | None = None) -> None:
        """Note that an answer begins: what was asked for first, or else by itself."""
        if id in self._under_way or id in self._done:
            return
        asked = self._next(lambda one: one.lane == lane)
        self._under_way[id] = self._arriving(arguments) if asked is None else asked.answer

    def take(self, id: str | None, event: Any) -> None:
        """Note what one of them says."""
        answer = self._under_way.get(id or "")
        if answer is not None:
            answer.take(event)

    def end(self, id: str, event: Any, outcome: str) -> None:
        """Note that one of them is done."""
        answer = self._under_way.pop(id, None)
        self._done.append(id)
        if answer is not None:
            answer.take(event)
            answer.done(outcome)

    def refuse(self, name: str | None, error_type: str, lane: str | None = None) -> None:
        """Note that there will be none, of those asked for under ``name``."""
        asked = self._next(lambda one: one.lane == lane and one.name == name)
        if asked is not None and asked.answer is not None:
            asked.answer.done("failed", error_type)

    def lost(self, error: BaseException) -> None:
        """Note that the connection broke: nothing more comes of any of them."""
        for answer in self._rest():
            answer.lost(error)

    def closed(self) -> None:
        """Note that the caller closes it."""
        for answer in self._rest():
            answer.closed()

    def __del__(self) -> None:
        with guarded("letting go of a connection"):
            for answer in self._rest():
                answer.abandoned()

    def _arriving(self, arguments: Mapping[str, Any]) -> Arriving | None:
        operation = self._start(arguments)
        if operation is None or operation.endpoint.stream is None:
            return None
        return Arriving(operation, operation.endpoint.stream(operation.captured is not None))

    def _next(self, meant: Callable[[Asked], bool]) -> Asked | None:
        """Return the first of those asked for that is ``meant``, and forget it."""
        asked = next(filter(meant, list(self._asked)), None)
        if asked is not None:
            self._asked.remove(asked)
        return asked

    def _rest(self) -> list[Arriving]:
        """Return what is neither done nor refused, and forget it."""
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        begun = [self._under_way.pop(id, None) for id in list(self._under_way)]
        return [one for one in (*(one.answer for one in asked), *begun) if one is not None]
