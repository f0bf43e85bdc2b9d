"""The bundled price book, loaded once, and times to price at."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from otel_llm.pricing import PriceBook


@cache
def book() -> PriceBook:
    return PriceBook()


def at(text: str) -> int:
    """Unix nanoseconds of an ISO time, UTC when it names no zone."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 10**9


NOV = at("2026-11-20T12:00")
