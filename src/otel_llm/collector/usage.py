"""Token counts of one call, read from a span's attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm.genai import Usage

from .facts import CACHE_CREATION, USAGE

if TYPE_CHECKING:
    from .facts import Facts


def read_usage(facts: Facts) -> Usage:
    """Return the counts of a span; what is not there, or is no number, is ``None``."""
    usage = Usage(*facts[USAGE])
    if usage.cache_write is None:
        usage.cache_write = facts[CACHE_CREATION]
    return usage
