"""The configuration that holds, for processes that are started while its file is being edited.

The process that read it keeps its text in a file in memory; the others read that, and never one
that nobody has checked, nor one that can be read only once.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager

from otel_llm.collector.shared_memory import shared_file

from .settings import Settings, settings_of


class Snapshot:
    """The text, and the file that other processes inherit."""

    def __init__(self, settings: Settings) -> None:
        """``settings`` as they were read. Raises ``OSError``."""
        self.file = shared_file(0)
        """Its descriptor."""
        self.take(settings)

    def take(self, settings: Settings) -> None:
        """Let ``settings`` be what holds. Raises ``OSError``."""
        with _locked(self.file, fcntl.LOCK_EX):
            os.ftruncate(self.file, 0)
            os.pwrite(self.file, settings.text.encode(), 0)

    def close(self) -> None:
        """Forget it. Others keep what they inherited."""
        os.close(self.file)


def read_snapshot(file: int) -> Settings:
    """Return what another process's snapshot says. Raises ``ConfigError`` as ``check`` does."""
    with _locked(file, fcntl.LOCK_SH):
        text = os.pread(file, os.fstat(file).st_size, 0)
    return settings_of(text.decode())


@contextmanager
def _locked(file: int, how: int) -> Generator[None]:
    fcntl.lockf(file, how)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)
