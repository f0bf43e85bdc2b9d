"""One page of a long list of calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from otel_llm.genai import Call

from .columns import INT64_MAX

_SEPARATOR: Final = "-"


@dataclass(frozen=True, slots=True)
class CallPage:
    """Calls, newest first."""

    calls: Sequence[Call]
    next: str | None
    """Cursor of the page after this one; ``None`` on the last."""


def cursor_after(call: Call) -> str:
    """A cursor that continues behind ``call``. Later arrivals do not shift the pages."""
    return _SEPARATOR.join((str(call.start_ns), call.trace_id, call.span_id))


def read_cursor(cursor: str) -> tuple[int, str, str]:
    """Start time and ids of the last call seen. Raises ``ValueError`` on anything else."""
    start, trace_id, span_id = cursor.split(_SEPARATOR)
    if not 0 <= int(start) <= INT64_MAX:
        raise ValueError("no time")
    return int(start), trace_id, span_id
