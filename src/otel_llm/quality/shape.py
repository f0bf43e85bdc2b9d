"""What a leak looks like, and what proves that it is one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .words import Pattern


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of leak: where it may be, and what proves it.

    A pattern may name the part that leaks ``(?P<number>...)`` where words around it tell the kind.
    """

    kind: str
    pattern: Pattern
    proves: Callable[[str], bool]
    rough: Pattern | None = None
    """What is in every text that holds one and is quicker to look for: lengths multiply the states
    of an automaton, most of all where a match may begin within another, as in addresses."""

    @property
    def sign(self) -> Pattern:
        """What to look for first."""
        return self.rough or self.pattern


@dataclass(frozen=True, slots=True)
class Leak:
    """One leak in a text: ``text[start:end]``. Never holds the leaked text itself."""

    kind: str
    start: int
    end: int


def leaking(found: re.Match[str]) -> tuple[int, int]:
    """Return start and end of the part of a match that leaks."""
    return found.span(found.re.groupindex.get("number", 0))
