"""What the fake providers say: a fixed sentence, and how much they were asked."""

from __future__ import annotations

import json
from typing import Any

TEXT = "The answer is four."


def words(text: str) -> list[str]:
    """Return ``text`` in pieces that join to it again, as a stream sends them."""
    return [word + " " for word in text.split(" ")[:-1]] + text.split(" ")[-1:]


def say(asked: Any) -> str:
    """Return an answer that differs with what was asked."""
    return f"{TEXT} You wrote {count(asked)} words."


def count(value: Any) -> int:
    """Return the number of words in ``value``: what the fake providers call tokens."""
    return len((value if isinstance(value, str) else json.dumps(value or "")).split())
