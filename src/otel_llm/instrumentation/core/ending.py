"""How an operation ended, handed from what watched it to what writes it down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from otel_llm.genai import Response

from .patch import Message


@dataclass(init=False)
class Ending:
    """How an operation ended and what is known of it by then."""

    response: Response
    error_type: str | None = None
    output: Callable[[], Sequence[Message]] | None = None
    """Gives the answer's messages; asked only when content is captured."""
    outcome: str | None = None
    """Of a stream: completed, closed_early, cancelled, failed or abandoned."""
    first_chunk_s: float | None = None
    chunk_gaps_s: Sequence[float] = ()

    def __init__(
        self,
        response: Response | None = None,
        error_type: str | None = None,
        outcome: str | None = None,
    ) -> None:
        self.response = Response() if response is None else response
        self.error_type = error_type
        if outcome is not None:
            self.outcome = outcome
