"""``empty``: the call came back without an answer."""

from __future__ import annotations

from .check import Check
from .evidence import Content, Evidence
from .words import Pattern

_SHORT = 200
"""Bytes; encoded messages that say nothing are hardly longer, unless the model only reasoned."""


def _suspect(_: Evidence, raw: bytes) -> bool:
    return len(raw) < _SHORT or b"text" not in raw


def says_nothing(_: Evidence, output: Content) -> bool:
    """Return whether no message holds text, a tool call or anything else that answers.

    Content of a shape that nobody knows is not called empty.
    """
    known = output.messages or output.raw.endswith(b"[]")
    return bool(known) and all(message.says_nothing for message in output.messages)


EMPTY = Check(
    name="empty",
    family="voice",
    about="The call came back without text, tool call or other content.",
    patterns=(
        Pattern(r'"content": ?""', (b'"content":""', b'"content": ""')),
        Pattern(r'"parts": ?\[\]', (b'"parts":[]', b'"parts": []')),
        Pattern(r'</(?:think|thinking|thought|reasoning)>(?:\s|\\n)*"', (b"</",)),
        Pattern("content\x12\x02\n\\x00", (b"content\x12\x02\n",)),
    ),
    suspect=_suspect,
    judge=says_nothing,
    of_tokens=lambda output_tokens: output_tokens == 0,
)
