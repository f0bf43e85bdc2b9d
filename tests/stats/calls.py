"""Calls for the tests of windows and alerts."""

from __future__ import annotations

import itertools
from typing import Any

from otel_llm.genai import Call, Cost, Usage

_ids = itertools.count(1)


def call(
    ended_s: float = 100.0,
    *,
    took_s: float = 1.0,
    tokens: tuple[int, int] | None = (10, 5),
    cost: float | None = 0.01,
    **more: Any,
) -> Call:
    """Return a chat call to gpt-4o that ended at ``ended_s``; ``more`` are fields of ``Call``."""
    number = next(_ids)
    return Call(
        **{
            "trace_id": f"{number:032x}",
            "span_id": f"{number:016x}",
            "parent_id": None,
            "name": "chat gpt-4o",
            "start_ns": round((ended_s - took_s) * 1e9),
            "end_ns": round(ended_s * 1e9),
            "operation": "chat",
            "request_model": "gpt-4o",
            "usage": Usage(*tokens) if tokens else Usage(),
            "cost": None if cost is None else Cost(cost),
            **more,
        }
    )
