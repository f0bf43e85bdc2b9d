"""``truncation``: the model stopped because it ran out of room, not because it was done.

A finish reason says so, of the call or of the message. Where there is none, as when a stream was
given up, the answer's end tells (``endings``).
"""

from __future__ import annotations

from .check import Check
from .endings import cut_off
from .evidence import Content, Evidence
from .finish import TRUNCATED, plain
from .messages import Message


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
