"""When a call ended, by its own clock as far as that can be right."""

from __future__ import annotations

from typing import Final

from otel_llm.genai import Call

from .tally import NANO

_NO_MODELS_NS: Final = 20 * 365 * 86_400 * NANO
"""So long ago nobody called a model. A clock that was never set counts from 1970."""


def earliest_ns(now_ns: int) -> int:
    """What claims to have ended then, or before, does not know when it ended (Unix)."""
    return max(0, now_ns - _NO_MODELS_NS)


def ended(call: Call, now: float) -> float:
    """Return Unix seconds: ``now`` for a call that does not know, or claims to end after it."""
    known = call.end_ns > earliest_ns(int(now * NANO))
    return min(call.end_ns / NANO, now) if known else now
