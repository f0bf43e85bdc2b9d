"""``repetition``: the answer ran into a loop and says the same thing again and again."""

from __future__ import annotations

import re

from .check import Check
from .evidence import Content, Evidence

_PROBE = 16
_APART = 10
"""Bytes between two probes: the items of a list differ in their number, and one misses it."""
_NEAR_END = 120
"""Bytes from the end: before what follows the text in the encoded message."""
_PERIOD = 900
"""Bytes that a piece of a loop has at most, as it is encoded."""
_TAIL = 2000
"""Characters at the end of an answer that are searched for a loop: loops seldom end."""
_MIN_LOOP = 60
"""Characters that a loop must fill, so that "ha ha ha ha" and a ruler line are none."""
_END = 16
"""Characters at the end that a loop must have one period before, too."""
_MIN_LINE = 20
_WORD = 7
"""Characters that come again whatever comes again."""
_RULER = 400
"""Signs in a row that no ruler line has."""
_CLOSING = " \t\r\n`\"')]}"
_MARKER = re.compile(r"^[ \t]*(?:[-*+•]|\(?\d+[.):]|#+)[ \t]+", re.M)
_MARKS = ".!?,;\n。！？，、"  # noqa: RUF001 - Chinese, Japanese
_PIECE = re.compile(rf"[{_MARKS}]\s*")


def _suspect(_: Evidence, raw: bytes) -> bool:
    """Look whether a piece near the end stands there before, too."""
    late = max(len(raw) - _NEAR_END, 0)
    return len(raw) >= _MIN_LOOP and any(
        raw.find(raw[at : at + _PROBE], max(at - _PERIOD, 0), at + _PROBE - 1) >= 0
        for at in (late, late + _APART, late + 2 * _APART, late + _NEAR_END // 2)
    )


def repeats(text: str, times: int = 4) -> bool:
    """Return whether ``text`` ends in a loop: one piece, or a few in turn, again and again."""
    if len(text) - len(text.rstrip()) >= _RULER:
        return True
    tail = text[-_TAIL:].rstrip(_CLOSING)
    return _loops(tail, times) or _turns(tail, times) or _same_lines(text, times)


def _loops(tail: str, times: int) -> bool:
    """Find a suffix that is one piece ``times`` over: its end stands one period before, too."""
    size, end = len(tail), tail[-_END:]
    at = size - len(end)
    while (at := tail.rfind(end, 0, at + len(end) - 1)) >= 0:
        period = size - len(end) - at
        covered = max(_MIN_LOOP, times * period - 2)
        if covered > size:
            return False
        if tail[size - covered + period :] == tail[size - covered : size - period]:
            return _is_speech(tail[-period:]) or _no_ruler(tail, period)
    return False


def _is_speech(piece: str) -> bool:
    shown = "".join(piece.split())
    return bool(shown) and sum(char.isalnum() for char in shown) * 3 >= len(shown)


def _no_ruler(tail: str, period: int) -> bool:
    """Return whether signs go on for longer than any line that is drawn with them."""
    return tail[-_RULER:] == tail[-_RULER - period : -period] or not tail[-period:].isascii()


def _turns(tail: str, times: int) -> bool:
    """Return whether the last items, lines or sentences are a few that take turns, whatever number
    stands before each."""
    plain = tail.rstrip(_MARKS)
    if plain.count(plain[-_WORD:]) < times:
        return False
    said = _PIECE.split(_MARKER.sub("", plain))[-2 * times :]
    few = len(said) == 2 * times and len({*said}) <= 2
    return few and sum(map(len, said)) >= _MIN_LOOP and _is_speech("".join(said))


def _same_lines(text: str, times: int) -> bool:
    """Return whether most lines are the same one."""
    line = text.rstrip().rpartition("\n")[2].strip()
    if len(line) < _MIN_LINE or text.count(line) < times:
        return False
    lines = [one.strip() for one in text.splitlines() if len(one.strip()) >= _MIN_LINE]
    count = lines.count(line)
    return count >= times and 2 * count > len(lines) and _is_speech(line)


_ASKED = re.compile(
    r"\b(?:write|repeat|say|print|type|copy|output|schreib\w*|sag\w*|wiederhol\w*|écri\w+|répèt\w+"
    r"|escrib\w+|repit\w+)\b[^\n]{0,120}?\b(?:\d{1,4}|five|ten|twenty|fifty|a hundred|zehn|hundert"
    r"|dix|cent|diez|cien)[ -](?:times|mal|fois|veces|x)\b",
    re.I,
)
"""Who asks for a sentence ten times gets no loop."""


def _repeated(seen: Evidence, output: Content) -> bool:
    if not any(repeats(m.text, seen.thresholds.repeats) for m in output.messages):
        return False
    question = seen.input.question if seen.input else ""
    return not _ASKED.search(question)


REPETITION = Check(
    name="repetition",
    about="The answer repeats itself in a loop.",
    suspect=_suspect,
    judge=_repeated,
)
