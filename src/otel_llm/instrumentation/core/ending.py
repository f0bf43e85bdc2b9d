"""How an operation ended, handed from what watched it to what writes it down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from otel_llm.genai import Response

from .patch import Message


@dataclass(slots=True)
class Ending:
    """How an operation ended and what is known of it by then."""

    response: Response = field(default_factory=Response)
    error_type: str | None = None
    outcome: str | None = None
    """Of a stream: completed, closed_early, cancelled, failed or abandoned."""
    output: Callable[[], Sequence[Message]] | None = None
    """Gives the answer's messages; asked only when content is captured."""
    first_chunk_s: float | None = None
    chunk_gaps_s: Sequence[float] = ()
