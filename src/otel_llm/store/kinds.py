"""Calls between which a price list makes no difference, counted together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from otel_llm.genai import Usage
from otel_llm.pricing.tokens import MOST

COLUMNS: Final = (
    "provider, request_model, response_model, server_address,"
    " min(usage_input_tokens), min(usage_output_tokens),"
    " count(*), sum(coalesce(tokens, 0)), min(start_ns), max(start_ns)"
)
KEYS: Final = (
    "provider, request_model, response_model, server_address,"
    f" usage_input_tokens BETWEEN 0 AND {MOST},"
    f" usage_output_tokens BETWEEN 0 AND {MOST}, usage_output_tokens = 0"
)
"""With the day, for prices change by the day."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Calls of one day to the same model, of which the same counts are known."""

    provider: str | None
    request_model: str | None
    response_model: str | None
    server_address: str | None
    usage: Usage
    """For all of them: whether there are counts, whether they can be true, whether there was an
    answer."""
    calls: int
    tokens: int
    """Known tokens, input and output."""
    first_ns: int
    last_ns: int
    """Start of the first and of the last call, Unix nanoseconds."""

    @property
    def model(self) -> str | None:
        """The model that served, or else the one that was asked for."""
        return self.response_model or self.request_model
