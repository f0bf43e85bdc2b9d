"""What is printed commands no terminal: names of models and users came over the wire."""

from __future__ import annotations

import re
from typing import Any, Final, TextIO, cast

_COMMANDS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


class Plain:
    """A stream that shows as an escape, as JSON spells it, what would move the cursor, change a
    window's title or turn the direction of reading. Lines and tabs stay; all else is the stream
    itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write ``text`` without commands."""
        return self._stream.write(_COMMANDS.sub(_spelled, text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def plain(stream: TextIO | None) -> TextIO:
    """Return ``stream`` with ``Plain`` around it; none stays none, where it was closed before."""
    return cast("TextIO", Plain(stream) if stream else stream)


def on_one_line(text: str) -> str:
    """Return ``text`` with the ends of its lines spelled out: a name begins no line of ours."""
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _spelled(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
