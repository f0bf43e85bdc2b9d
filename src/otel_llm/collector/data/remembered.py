"""What is made of things that come again and again from outside, remembered within bounds."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

Given = TypeVar("Given", str, bytes)
Made = TypeVar("Made")


def remembered(
    make: Callable[[Given], Made], most: int = 1024, longest: int = 16 * 2**10
) -> Callable[[Given], Made]:
    """Return ``make`` with its last ``most`` answers remembered, but for what is longer than
    ``longest`` letters or bytes."""
    known = lru_cache(most)(make)
    return lambda given: (known if len(given) <= longest else make)(given)
