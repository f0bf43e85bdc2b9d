"""Directories whose entries a power cut leaves: that a file was synced says nothing of its name."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def make_directory(directory: Path) -> None:
    """Make it, for its owner alone, and what is missing above it. Raises ``OSError``."""
    missing = [one for one in (directory, *directory.parents) if not one.exists()]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for made in missing:
        sync_directory(made.parent)


def sync_directory(directory: Path) -> None:
    """Bring what was made, renamed or removed in it to the disk. Raises ``OSError``, but not where
    the file system does not know the question (CIFS, and some that are shared with a guest)."""
    file = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF):
            raise
    finally:
        os.close(file)
