"""SQLite files that outlive the release that wrote them."""

from __future__ import annotations

import sqlite3


def stamp(db: sqlite3.Connection, where: object, version: int) -> None:
    """Note in the file that it is of ``version``; one without any is the first. Raises ``OSError``
    for one of a newer release and leaves it as it is."""
    (found,) = db.execute("pragma user_version").fetchone()
    if found > version:
        raise OSError(
            f"{where} was written by a newer release (its version is {found}, ours is {version}):"
            " use that release, or another file"
        )
    if found < version:
        db.execute(f"pragma user_version = {version}")
