"""Sampling parameters by the names that nearly everybody has for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .values import integer, number


def sampling(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a ``Request``; what is not given, or of an odd type, is ``None``."""
    return {
        "top_p": number(chosen.get("top_p")),
        "top_k": integer(chosen.get("top_k")),
        "seed": integer(chosen.get("seed")),
        "frequency_penalty": number(chosen.get("frequency_penalty")),
        "presence_penalty": number(chosen.get("presence_penalty")),
    }
