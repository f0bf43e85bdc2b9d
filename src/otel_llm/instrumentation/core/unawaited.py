"""Coroutines that are made for their arguments to be looked at, and may never be awaited."""

from __future__ import annotations

from types import CoroutineType
from typing import Any


class Unawaited:
    """Keeps a coroutine for one of ours that awaits it.

    Ours may be closed before its first step, as that of a task that is cancelled at once. This one
    then goes with it, without a warning that nobody would get without us.
    """

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Any) -> None:
        self.coroutine = coroutine
        """Any awaitable; it is left alone if it is no coroutine."""

    def __del__(self) -> None:
        if isinstance(self.coroutine, CoroutineType):
            self.coroutine.close()  # pyright: ignore[reportUnknownMemberType] - of anything
