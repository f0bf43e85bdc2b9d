"""The configuration that holds, for processes that are started while its file is being edited.

The process that read it keeps its text in a file in memory; the others read that, and never one
that nobody has checked.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from otel_llm.collector.normalize.known_calls import shared_file
from otel_llm.config import load

from .settings import Settings, check, default_text


class Snapshot:
    """The text, and the file that other processes inherit."""

    def __init__(self, source: Path | None) -> None:
        """Raises ``OSError`` when ``source`` cannot be read; ``None`` is the built-in default."""
        self._source = source
        self.file = shared_file(0)
        """Its descriptor."""
        self.take()

    def take(self) -> None:
        """Let what the source says now be what holds. Raises ``OSError``."""
        text = self._source.read_bytes() if self._source else default_text().encode()
        with _locked(self.file, fcntl.LOCK_EX):
            os.ftruncate(self.file, 0)
            os.pwrite(self.file, text, 0)

    def close(self) -> None:
        """Forget it. Others keep what they inherited."""
        os.close(self.file)


def settings_of(file: int) -> Settings:
    """Return what another process's snapshot says. Raises ``ConfigError`` as ``check`` does."""
    with _locked(file, fcntl.LOCK_SH):
        text = os.pread(file, os.fstat(file).st_size, 0)
    return check(load(text.decode()))


@contextmanager
def _locked(file: int, how: int) -> Generator[None]:
    fcntl.lockf(file, how)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)
