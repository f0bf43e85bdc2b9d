"""The file by which applications on this machine learn who is to stop spending.

Replaced as a whole, so that a reader never sees half of it; written when something changed, and
again before it would expire. See ``otel_llm.stats.denial`` for what is in it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from otel_llm.stats.denial import Denial, read, written

VALID_S = 120.0
"""What a collector said holds so long; a collector that is gone forbids nobody anything."""
_READABLE = 0o644


class SpendingFile:
    """One file of denials. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Make the directory. Raises ``OSError`` when that cannot be."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._said: tuple[Denial, ...] | None = None
        self._until = 0.0

    def said(self, now: float) -> tuple[Denial, ...]:
        """Return what the file says that holds at ``now``."""
        try:
            until, denials = read(self._path.read_bytes())
        except (OSError, ValueError):
            return ()
        return denials if now < until else ()

    def say(self, denials: Sequence[Denial], now: float) -> None:
        """Write ``denials`` if they are news, expire soon, or would hold for longer than they are
        meant to since a clock was set back. Raises ``OSError``."""
        said = tuple(denials)
        if said == self._said and VALID_S / 2 < self._until - now <= VALID_S:
            return
        _replace(self._path, written(said, now + VALID_S))
        self._said, self._until = said, now + VALID_S


def _replace(path: Path, content: bytes) -> None:
    """Write a file beside it, of a name that nobody can have prepared a link under, and rename it.
    Everybody may read it: the applications that ask run as other users."""
    descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(descriptor, _READABLE)
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise
