"""``truncation``: the model stopped because it ran out of room, not because it was done."""

from __future__ import annotations

from .check import Check
from .finish import TRUNCATED

TRUNCATION = Check(
    name="truncation",
    about="The answer was cut off by a token limit.",
    finish_reasons=TRUNCATED,
)
