"""Context managers that send their request when they are entered."""

from __future__ import annotations

from typing import Any

from ..operation import Operation
from ..reclass import STATE, Override, reclass
from ..start import Start
from .running import run, run_async


def follow_manager(manager: Any, start: Start) -> Any:
    """Return ``manager``, whose operation will start when it is entered."""
    reclass(manager, _MANAGER, start)
    return manager


def _started(manager: Any) -> Operation | None:
    start: Start | None = getattr(manager, STATE, None)  # contextlib's make others of their class
    return start() if start is not None else None


def _enter(base: Any) -> Any:
    def __enter__(self: Any) -> Any:
        operation = _started(self)
        return base(self) if operation is None else run(operation, base, (self,))

    return __enter__


def _aenter(base: Any) -> Any:
    async def __aenter__(self: Any) -> Any:
        operation = _started(self)
        if operation is None:
            return await base(self)
        return await run_async(operation, base(self))

    return __aenter__


_MANAGER: dict[str, Override] = {"__enter__": _enter, "__aenter__": _aenter}
