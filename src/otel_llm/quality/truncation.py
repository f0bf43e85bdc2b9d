"""``truncation``: the model stopped because it ran out of room, not because it was done.

A finish reason says so, of the call or of the message. Where there is none, as when a stream was
given up, the answer's end tells: a code block or a bracket left open, a comma, a word that nothing
ends with. A text that stops between two words that make sense cannot be told from a whole one.
"""

from __future__ import annotations

import re

from .check import Check
from .evidence import Content, Evidence
from .finish import TRUNCATED, plain
from .messages import Message
from .words import listed

_TAIL = 200
_MIN_WORDS = 8
"""Shorter texts are titles, names and headings, which end with anything."""
_OPEN_ENDS = listed("""
    a an and are as because between but de der des die du ein eine el et from had has if into is its
    la las le les los my nor of or our such than the their und une unless was were when whereas
    which while whose y your
    con dans dem den einem einen einer eines en für mit para pour que vom von zum zur
""")  # English, German, French, Spanish
_BEGUN = re.compile(r'\{\s*"|\[\s*[{"\[]')
_OPEN = re.compile(r"[(\[{]$|\s(?:[=+/<>&]|&&|\|\||==|!=|[<>]=)$")
_FACE = re.compile(r"[:;=8][-']?[(\[]$")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")


def cut_off(text: str) -> bool:
    """Return whether ``text`` ends in the middle of something."""
    text = text.rstrip()
    if text.count("```") % 2 or ("<html" in text and "</html>" not in text):
        return True
    if _BEGUN.match(text.lstrip()):
        return text[-1] not in "}]" and _depth(text) > 0
    tail = text[-_TAIL:]
    if _leaves_open(text, tail):
        return True
    words = _WORD.findall(tail)
    if len(words) < _MIN_WORDS or not tail.endswith((words[-1], ",")):
        return False
    return tail.endswith(",") or words[-1].lower() in _OPEN_ENDS


def _leaves_open(text: str, tail: str) -> bool:
    """Return whether a bracket, a quotation or a row of a table is left open at the end."""
    if _FACE.search(tail):
        return False
    return (
        bool(_OPEN.search(tail))
        or _cut_row(text)
        or any(text.count(start) > text.count(end) for start, end in ("「」", "『』"))
    )


def _cut_row(text: str) -> bool:
    """Return whether the rows of a table end with a bar, but for the last."""
    *_, before, last = ("", "", *text.splitlines())
    row = before.lstrip().startswith("|") and before.rstrip().endswith("|")
    return row and last.lstrip().startswith("|") and not last.endswith("|")


def _depth(text: str) -> int:
    """Return how many brackets are left open."""
    return sum(map(text.count, "{[")) - sum(map(text.count, "}]"))


def _suspect(seen: Evidence, _: bytes) -> bool:
    return not seen.finish_reasons


def _truncated(_: Evidence, output: Content) -> bool:
    return any(map(_stops_short, output.messages))


def _stops_short(message: Message) -> bool:
    if message.finish_reason:
        return plain(message.finish_reason) in TRUNCATED
    return not message.tool_calls and cut_off(message.text)


TRUNCATION = Check(
    name="truncation",
    about="The answer was cut off, by a token limit or in the middle of something.",
    finish_reasons=TRUNCATED,
    suspect=_suspect,
    judge=_truncated,
)
