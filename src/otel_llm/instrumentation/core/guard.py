"""Keep our mistakes out of the user's program."""

from __future__ import annotations

import logging
from types import TracebackType

_log = logging.getLogger(__name__)
_reported: set[str] = set()

strict = False
"""Re-raise instead of logging. The test suite turns this on, so no guard hides a bug there."""


class guarded:
    """Run telemetry code; an error in it is logged once per ``doing`` and dropped.

    Never put a call into the user's SDK, or the user's iterator, inside this block: their
    exceptions are theirs to see. ``KeyboardInterrupt`` and its like pass through.
    """

    __slots__ = ("_doing",)

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        return isinstance(error, Exception) and not strict and _report(self._doing, error)


def swallowed(doing: str, error: Exception) -> None:
    """Do what ``guarded`` does, for an ``except`` block on a path where every nanosecond counts."""
    if strict:
        raise error
    _report(doing, error)


def _report(doing: str, error: Exception) -> bool:
    """Log where and of what type, never the message: it may quote a prompt or a key."""
    if doing not in _reported:
        _reported.add(doing)
        _log.warning(
            "otel-llm: %s while %s, at %s; telemetry is incomplete (said once)",
            type(error).__name__,
            doing,
            _place(error.__traceback__),
        )
    return True


def _place(trace: TracebackType | None) -> str:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown line"
