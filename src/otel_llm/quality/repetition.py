"""``repetition``: the answer ran into a loop and says the same thing again and again."""

from __future__ import annotations

from collections import Counter

from .check import Check
from .evidence import Content, Evidence

_PROBE = 20
_NEAR_END = 120
"""Bytes from the end: before what follows the text in the encoded message."""
_TAIL = 2000
"""Characters at the end of an answer that are searched for a loop: loops seldom end."""
_MIN_LOOP = 60
"""Characters that a loop must fill, so that "ha ha ha ha" and a ruler line are none."""
_MIN_LINE = 20
_SHARE = 0.4


def _suspect(seen: Evidence, raw: bytes) -> bool:
    """Look whether a piece from the middle or the end comes several times."""
    size = len(raw)
    if size < _MIN_LOOP:
        return False
    times = seen.thresholds.repeats // 2  # pieces shorter than the probe are counted half
    half, late = size // 2, max(size - _NEAR_END, 0)
    return (
        raw.count(raw[half : half + _PROBE], half) >= times
        or raw.count(raw[late : late + _PROBE], max(late - 2 * _TAIL, 0)) >= times
    )


def repeats(text: str, times: int = 4) -> bool:
    """Return whether ``text`` ends in a loop, or most of its lines are the same one."""
    return _loops(text.rstrip()[-_TAIL:], times) or _same_lines(text, times)


def _loops(tail: str, times: int) -> bool:
    """Find a suffix that is one piece ``times`` over, by the prefix function of the reverse."""
    turned = tail[::-1]
    borders = [0] * len(turned)
    length = 0
    for at in range(1, len(turned)):
        while length and turned[at] != turned[length]:
            length = borders[length - 1]
        length += turned[at] == turned[length]
        borders[at] = length
        covered, period = at + 1, at + 1 - length
        if covered >= _MIN_LOOP and covered + 2 >= times * period and _has_words(turned[:period]):
            return True
    return False


def _has_words(piece: str) -> bool:
    shown = "".join(piece.split())
    return bool(shown) and sum(char.isalnum() for char in shown) * 3 >= len(shown)


def _same_lines(text: str, times: int) -> bool:
    lines = [line.strip() for line in text.splitlines() if len(line.strip()) >= _MIN_LINE]
    if len(lines) < times:
        return False
    line, count = Counter(lines).most_common(1)[0]
    return count >= times and count >= _SHARE * len(lines) and _has_words(line)


def _repeated(seen: Evidence, output: Content) -> bool:
    return any(repeats(m.text, seen.thresholds.repeats) for m in output.messages)


REPETITION = Check(
    name="repetition",
    about="The answer repeats itself in a loop.",
    suspect=_suspect,
    judge=_repeated,
)
