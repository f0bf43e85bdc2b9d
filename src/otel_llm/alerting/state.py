"""What the alerts must not forget over a restart: a small SQLite file of named JSON values.

One transaction per ``save``; what ``save`` has returned from survives kill -9. Without a path it
is kept in memory. The file is readable by its owner alone.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from otel_llm.sqlite import stamp

_VERSION: Final = 1
"""Of the values too: one that older releases cannot read needs another."""
_SCHEMA = """
create table if not exists state (
  kind text not null, name text not null, value text not null, primary key (kind, name)
) without rowid
"""


def _opened(where: str) -> sqlite3.Connection:
    db = sqlite3.connect(where, check_same_thread=False, isolation_level=None)
    try:
        stamp(db, where, _VERSION)
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=full")
        db.execute(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


class StateFile:
    """Values by kind and name. Thread-safe."""

    def __init__(self, path: Path | None) -> None:
        """Open or create the file. Raises ``OSError`` for one that cannot be used."""
        self._lock = threading.Lock()
        self._closed = False
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            self._db = _opened(":memory:" if path is None else str(path))
        except sqlite3.Error as error:
            hint = "if it is damaged, move it away: a new one is begun"
            raise OSError(f"{path}: {error}; {hint}") from error
        weakref.finalize(self, self._db.close)  # one that is only dropped holds no file

    def save(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Write ``values``, by kind and name; ``None`` removes one. All of them or nothing.

        After ``close`` nothing is written: a target that answers that late is told again.
        """
        with self._lock:
            if not self._closed:
                with self._db:
                    self._write_all(values)

    def _write_all(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        self._db.execute("begin immediate")
        for kind, named in values.items():
            for name, value in named.items():
                self._write(kind, name, value)

    def _write(self, kind: str, name: str, value: Any) -> None:
        if value is None:
            self._db.execute("delete from state where kind = ? and name = ?", (kind, name))
        else:
            row = (kind, name, json.dumps(value, separators=(",", ":")))
            self._db.execute("insert or replace into state values (?, ?, ?)", row)

    def load(self, kind: str) -> dict[str, Any]:
        """Return every value of ``kind`` by name."""
        with self._lock:
            rows = self._db.execute("select name, value from state where kind = ?", (kind,))
            return {name: json.loads(value) for name, value in rows}

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._closed = True
            self._db.close()
