"""The DuckDB file of the store: opened, brought up to date, kept for its owner."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import duckdb

from . import schema
from .config import StoreConfig
from .duck_sums import add_up
from .rollups import ROLLUPS
from .store import StoreError

_log = logging.getLogger(__name__)

ROW_GROUP: Final = 20_480
"""Calls that lie together. So many in one statement go straight to their place in the file; fewer
are written twice, first to its log."""
NAME: Final = "store"
"""What the database is called beside the engine's own."""


def connect(config: StoreConfig) -> duckdb.DuckDBPyConnection:
    """Open or make the file. Raises ``StoreError`` when that is impossible."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",  # never fetches anything
        "autoload_known_extensions": "false",
        # What is in the log, and in memory until then, is written a second time: less often for
        # many, so that the part of the file that is not full yet is not written over and over.
        # Without a file this packs it to a third, which costs less than to keep it as it came.
        "checkpoint_threshold": "32MB" if config.path else "16MB",
        # What it has done with goes back to the system soon: a busy collector takes 20 to 40 MiB
        # less, for no more of the processor than can be told from noise.
        "allocator_flush_threshold": "1MB",
        "allocator_bulk_deallocation_flush_threshold": "1MB",
        "allocator_background_threads": "true",
        # Nothing on disk without a file, also when it is tight. No limit for the engine then: where
        # it cannot make room for a checkpoint it gives up the whole database. ``retain`` keeps it
        # small.
        "temp_directory": f"{config.path}.tmp" if config.path else "",
    }
    if config.path:
        if Path(config.path).exists() and not Path(config.path).is_file():
            raise StoreError(f"cannot open {config.path}: it is no file")  # a pipe holds for ever
        settings["memory_limit"] = f"{config.memory_limit}B"
        Path(config.path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = duckdb.connect(config=settings)
    try:
        file = quoted(config.path or ":memory:")
        # Only what is attached can have row groups of another size than the engine's.
        how = f"ROW_GROUP_SIZE {ROW_GROUP}{'' if config.path else ', COMPRESS'}"
        db.execute(f"ATTACH '{file}' AS {NAME} ({how})").fetchall()
    except duckdb.Error as error:
        db.close()
        hint = (
            "" if "lock" in str(error) else "; if it is damaged, move it away: a new one is begun"
        )
        raise StoreError(f"cannot open {config.path}: {error}{hint}") from error
    return db


def cursor(db: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A connection of its own for one job."""
    found = db.cursor()
    found.execute(f"USE {NAME}").fetchall()
    return found


@contextmanager
def whole(connection: duckdb.DuckDBPyConnection) -> Generator[None]:
    """A transaction: all of it or nothing."""
    connection.execute("BEGIN").fetchall()
    try:
        yield
        connection.execute("COMMIT").fetchall()
    except duckdb.Error:
        with suppress(duckdb.Error):  # some errors end it themselves
            connection.execute("ROLLBACK").fetchall()
        raise


def quoted(file: str | Path) -> str:
    """A path for between single quotes."""
    return str(file).replace("'", "''")


def prepare(db: duckdb.DuckDBPyConnection) -> None:
    """Create the tables, or bring those of an older version up to date, all or nothing."""
    db.execute("BEGIN")
    version = _version(db)
    if version > schema.VERSION:
        raise StoreError(
            f"the store was written by a newer release (its schema is {version}, ours is"
            f" {schema.VERSION}): use that release, or another file"
        )
    if 0 < version < schema.VERSION:  # of millions of calls it takes minutes
        _log.info("the store is brought up to date, from schema %d to %d", version, schema.VERSION)
    for statement in _statements_from(version):
        db.execute(statement).fetchall()
    for rollup in ROLLUPS if 0 < version < schema.SUMMED else ():
        add_up(db, rollup)
    db.execute(f"SELECT {schema.NAMES} FROM calls LIMIT 0").fetchall()  # they are all there
    db.execute("COMMIT").fetchall()


def _statements_from(version: int) -> Sequence[str]:
    if version == 0:
        return schema.create_statements()
    steps = [s for old in range(version, schema.VERSION) for s in schema.MIGRATIONS[old]]
    return [*steps, f"UPDATE schema_version SET version = {schema.VERSION}"] if steps else []


def _version(db: duckdb.DuckDBPyConnection) -> int:
    tables = db.execute("SELECT table_name FROM information_schema.tables").fetchall()
    if ("schema_version",) not in tables:
        return 0
    return db.execute("SELECT max(version) FROM schema_version").fetchall()[0][0]


def keep_private(path: str | None) -> None:
    """Only the owner reads what was asked of which model by whom."""
    if not path:
        return
    for file in (path, path + ".wal"):
        with suppress(FileNotFoundError):
            os.chmod(file, 0o600)
