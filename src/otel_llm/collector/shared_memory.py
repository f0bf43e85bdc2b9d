"""Memory that several processes have together: a file that lies on no disk, and whose turn it is.

The kernel's lock keeps one process from looking while another one notes; it ends with the process
that holds it.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock


def shared_file(size: int) -> int:
    """Return a file of zeros that exists in memory alone. The caller's to close."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("otel-llm")
    else:  # macOS
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    os.ftruncate(file, size)
    return file


class Turns:
    """Lets one thread of one process at a time have a file. Thread-safe."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._lock = Lock()

    @contextmanager
    def turn(self) -> Generator[None]:
        """Nobody else looks or notes in the meantime."""
        # The kernel's lock is a process's: among threads another one is needed.
        with self._lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
