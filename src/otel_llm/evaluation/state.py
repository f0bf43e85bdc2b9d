"""The small SQLite file in which evaluation keeps what must outlive a restart."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from otel_llm.sqlite import stamp

_VERSION: Final = 1


def opened(path: Path | None, schema: str) -> sqlite3.Connection:
    """Return a connection for several threads, readable by its owner alone; in memory without a
    ``path``. Raises ``OSError`` for a file that cannot be used."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        return _made(path, schema)
    except sqlite3.Error as error:
        raise OSError(f"{path}: {error}") from error


def _made(path: Path | None, schema: str) -> sqlite3.Connection:
    db = sqlite3.connect(
        path or ":memory:", timeout=30, check_same_thread=False, isolation_level=None
    )
    try:
        stamp(db, path, _VERSION)
        db.execute("pragma synchronous=full")
        db.executescript(schema)
    except BaseException:
        db.close()
        raise
    return db
