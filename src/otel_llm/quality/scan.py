"""Many patterns over encoded content in one pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from .words import Pattern, re2

Scan = Callable[[bytes], Iterable[int]]
"""Returns the indices of the groups of which a pattern is in the bytes, some more than once."""

_Compiled = Sequence[tuple[tuple[bytes, ...], re.Pattern[bytes]]]

_AUTOMATON_BYTES = 64 * 2**20
"""Room for RE2's states. When it runs out, RE2 finds nothing: too much is better."""


def scanner(groups: Sequence[Sequence[Pattern]]) -> Scan:
    """Return the fastest scan there is: one RE2 automaton, else literals and then ``re``."""
    return _with_re2(groups) or _with_literals(groups)


def _with_re2(groups: Sequence[Sequence[Pattern]]) -> Scan | None:
    if (engine := re2()) is None:
        return None
    options = engine.Options()
    options.max_mem = _AUTOMATON_BYTES
    automaton = engine.Set.SearchSet(options)
    for patterns in groups:
        automaton.Add("|".join(f"(?:{pattern.regex})" for pattern in patterns))
    automaton.Compile()
    match: Callable[[bytes], list[int] | None] = automaton.Match
    return lambda raw: match(raw) or ()


def _with_literals(groups: Sequence[Sequence[Pattern]]) -> Scan:
    compiled = [
        [(pattern.stems, re.compile(pattern.regex.encode())) for pattern in patterns]
        for patterns in groups
    ]

    def scan(raw: bytes) -> list[int]:
        lowered = raw.lower()
        return [at for at, found in enumerate(compiled) if _any(found, raw, lowered)]

    return scan


def _any(found: _Compiled, raw: bytes, lowered: bytes) -> bool:
    for stems, pattern in found:
        for stem in stems:
            if stem in lowered:
                if pattern.search(raw):
                    return True
                break
    return False
