"""The store on DuckDB: one process owns the file, one cursor per question.

Traps of DuckDB 2.0 that shape this file: a result that was not fetched to the end blocks the
appender of its connection (so every job takes its own cursor and fetches all), and a second
process cannot open the file, not even to read.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

import duckdb

from otel_llm.genai import Call

from . import schema
from .config import StoreConfig
from .filters import Filter
from .incidents import Incident
from .questions import Questions
from .rows import cleaned, storable, to_row
from .scores import Score
from .store import EVERYTHING, StoreError

_KNOWN: Final = """
SELECT count(*) - count(DISTINCT (trace_id, span_id)) + (
  SELECT count(*) FROM arrivals AS a JOIN calls AS c
    ON c.start_ns = a.start_ns AND c.trace_id = a.trace_id AND c.span_id = a.span_id
  WHERE c.start_ns BETWEEN (SELECT min(start_ns) FROM arrivals)
                       AND (SELECT max(start_ns) FROM arrivals))
FROM arrivals
"""
"""How many arrivals are there already, or came twice. Mostly none, which is told at a tenth of the
price of leaving them out."""

_KEEP_ALL: Final = f"INSERT INTO calls ({schema.NAMES}) SELECT {schema.NAMES} FROM arrivals"
_KEEP_NEW: Final = f"""
INSERT INTO calls ({schema.NAMES})
SELECT DISTINCT ON (trace_id, span_id) {schema.NAMES} FROM arrivals AS a
WHERE NOT EXISTS (
  SELECT 1 FROM calls AS c
  WHERE c.start_ns BETWEEN (SELECT min(start_ns) FROM arrivals)
                       AND (SELECT max(start_ns) FROM arrivals)
    AND c.start_ns = a.start_ns AND c.trace_id = a.trace_id AND c.span_id = a.span_id)
"""
"""At-least-once delivery brings a span twice, with the same start: looking among the calls of
the same times is exact, and skips all other row groups."""

_PRICED: Final = (*(c.name for c in schema.COST_COLUMNS), "cost_usd", "unpriced")
_PUT_COSTS: Final = f"""
UPDATE calls SET {", ".join(f"{name} = a.{name}" for name in _PRICED)} FROM arrivals AS a
WHERE calls.start_ns = a.start_ns AND calls.trace_id = a.trace_id AND calls.span_id = a.span_id
"""

_FILE_SIZE: Final = (
    "SELECT used_blocks * block_size FROM pragma_database_size()"
    " WHERE database_name = current_database()"
)
_MEMORY_SIZE: Final = "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"

_ABOUT_THE_DATA: Final = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError)


class DuckDBStore(Questions):
    """``Store`` on an embedded DuckDB. Opens or creates it; raises ``StoreError`` when the file
    belongs to another process, to a newer version, or is no database."""

    def __init__(self, config: StoreConfig | None = None) -> None:
        self.config = config or StoreConfig()
        self._db = _connect(self.config)
        self._writing = threading.Lock()
        self.rejected = 0
        """Calls that no table could hold, such as one that started after the year 2262."""
        try:
            _prepare(self._db)
            self._writer = self._db.cursor()
            self._writer.execute(
                f"CREATE TEMP TABLE arrivals AS SELECT {schema.NAMES} FROM calls LIMIT 0"
            ).fetchall()
            self._arrivals = self._writer.appender("arrivals")
        except (duckdb.Error, StoreError) as error:
            self._db.close()
            raise StoreError(f"cannot prepare the store: {error}") from error
        _keep_private(self.config.path)

    def close(self) -> None:
        """Write everything out and release the file. Safe to call twice."""
        with self._writing:
            self._db.close()

    # Writing

    def write(self, calls: Sequence[Call]) -> int:
        """See ``Store``. A call that no table could hold is left out and counted."""
        taken = [call for call in calls if storable(call)]
        with self._writing:
            self.rejected += len(calls) - len(taken)
            new = self._keep(taken)
        _keep_private(self.config.path)
        return new

    def _keep(self, calls: Sequence[Call]) -> int:
        try:
            return self._insert(calls)
        except duckdb.Error as error:
            self._start_over()
            if not isinstance(error, _ABOUT_THE_DATA):
                raise StoreError(f"cannot write: {error}") from error
        if len(calls) == 1:
            self.rejected += 1
            return 0
        # One bad call costs only itself: look for it by halves.
        middle = len(calls) // 2
        return self._keep(calls[:middle]) + self._keep(calls[middle:])

    def _insert(self, calls: Sequence[Call]) -> int:
        for call in calls:
            self._append(to_row(call))
        self._arrivals.flush()
        known = self._writer.execute(_KNOWN).fetchall()[0][0]
        keep = _KEEP_NEW if known else _KEEP_ALL
        new = self._writer.execute(keep).fetchall()[0][0]
        self._writer.execute("TRUNCATE arrivals").fetchall()
        return new

    def _append(self, row: tuple[object, ...]) -> None:
        try:
            self._arrivals.append_row(*row)
        except duckdb.Error:
            self._arrivals.append_row(*cleaned(row))

    def _start_over(self) -> None:
        """Forget a half-taken batch, so that the next one is judged on its own."""
        with suppress(duckdb.Error):
            self._arrivals.clear()
            self._writer.execute("TRUNCATE arrivals").fetchall()

    def retain(self, now_ns: int | None = None) -> int:
        """Remove what is too old or too much by the configuration; returns how many calls went.
        ``now_ns`` is Unix time, by default the clock's."""
        now_ns = time.time_ns() if now_ns is None else now_ns
        with self._writing:
            try:
                removed = self._remove_old(now_ns) + self._remove_surplus()
                if removed:
                    with suppress(duckdb.TransactionException):  # somebody reads: next time
                        self._writer.execute("CHECKPOINT").fetchall()
            except duckdb.Error as error:
                raise StoreError(f"cannot remove old calls: {error}") from error
        return removed

    def _remove_old(self, now_ns: int) -> int:
        if not self.config.retain_for:
            return 0
        return self._remove_before(now_ns - int(self.config.retain_for * 1e9))

    def _remove_surplus(self) -> int:
        size, limit = self.size_bytes(), self._max_size()
        if not limit or size <= limit:
            return 0
        # To nine tenths, so that the next batch does not cross the limit again.
        surplus = 1 - 0.9 * limit / size
        oldest = "SELECT quantile_disc(start_ns, ?) FROM calls"
        boundary = self._writer.execute(oldest, [surplus]).fetchall()[0][0]
        return 0 if boundary is None else self._remove_before(boundary + 1)

    def _max_size(self) -> int:
        if self.config.path:
            return self.config.max_size
        return min(self.config.memory_limit, self.config.max_size or self.config.memory_limit)

    def _remove_before(self, start_ns: int) -> int:
        for table in ("scores", "incidents"):
            self._writer.execute(f"DELETE FROM {table} WHERE at_ns < ?", [start_ns]).fetchall()
        delete = "DELETE FROM calls WHERE start_ns < ?"
        return self._writer.execute(delete, [start_ns]).fetchall()[0][0]

    def size_bytes(self) -> int:
        """Size of the data: blocks in use in the file, or the tables' memory without one."""
        row = self.ask(_FILE_SIZE if self.config.path else _MEMORY_SIZE)[0]
        return int(row[0] or 0)

    def put_costs(self, calls: Sequence[Call]) -> None:
        """See ``Store``."""
        with self._writing:
            try:
                for call in calls:
                    self._append(to_row(call))
                self._arrivals.flush()
                self._writer.execute(_PUT_COSTS).fetchall()
                self._writer.execute("TRUNCATE arrivals").fetchall()
            except duckdb.Error as error:
                self._start_over()
                raise StoreError(f"cannot keep costs: {error}") from error

    def put_baseline(self, name: str, value: str | None) -> None:
        """See ``Store``."""
        with self._writing:
            try:
                self._writer.execute("DELETE FROM baselines WHERE name = ?", [name]).fetchall()
                if value is not None:
                    self._writer.execute("INSERT INTO baselines VALUES (?, ?)", [name, value])
            except duckdb.Error as error:
                raise StoreError(f"cannot keep a baseline: {error}") from error

    def add_scores(self, scores: Sequence[Score]) -> None:
        """See ``Store``."""
        newest = {score.id: astuple(score) for score in scores}
        with self._writing:
            try:
                self._replace("scores", list(newest), list(newest.values()))
            except duckdb.Error as error:
                self._writer.execute("ROLLBACK").fetchall()
                raise StoreError(f"cannot keep scores: {error}") from error

    def add_incidents(self, incidents: Sequence[Incident]) -> None:
        """See ``Store``."""
        newest = {one.id: (one.id, one.at_ns, json.dumps(one.alert)) for one in incidents}
        with self._writing:
            try:
                self._replace("incidents", list(newest), list(newest.values()))
            except duckdb.Error as error:
                self._writer.execute("ROLLBACK").fetchall()
                raise StoreError(f"cannot keep alerts: {error}") from error

    def _replace(self, table: str, ids: list[str], rows: Sequence[tuple[object, ...]]) -> None:
        """Put ``rows`` in place of those with the same ids, all or nothing."""
        self._writer.execute("BEGIN").fetchall()
        self._writer.execute(f"DELETE FROM {table} WHERE list_contains(?, id)", [ids]).fetchall()
        for row in rows:
            marks = ", ".join("?" * len(row))
            self._writer.execute(f"INSERT INTO {table} VALUES ({marks})", row)
        self._writer.execute("COMMIT").fetchall()

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """See ``Questions``."""
        try:
            with closing(self._db.cursor()) as cursor:
                return cursor.execute(sql, values).fetchall()
        except duckdb.Error as error:
            raise StoreError(f"cannot read: {error}") from error

    def to_parquet(self, file: Path, where: Filter = EVERYTHING) -> None:
        """See ``Store``."""
        condition, values = where.where()
        chosen = f"SELECT {schema.NAMES} FROM calls WHERE {condition} ORDER BY start_ns, span_id"
        self.ask(f"COPY ({chosen}) TO '{quoted(file)}' (FORMAT parquet)", values)


def quoted(file: Path) -> str:
    """A path for between single quotes."""
    return str(file).replace("'", "''")


def _connect(config: StoreConfig) -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",  # never fetches anything
        "autoload_known_extensions": "false",
    }
    if not config.path:
        # Nothing on disk, also when it is tight. No limit for the engine: where it cannot make
        # room for a checkpoint it gives up the whole database. ``retain`` keeps it small.
        settings["temp_directory"] = ""
    else:
        settings["memory_limit"] = f"{config.memory_limit}B"
        Path(config.path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return duckdb.connect(config.path or ":memory:", config=settings)
    except duckdb.Error as error:
        raise StoreError(f"cannot open {config.path}: {error}") from error


def _prepare(db: duckdb.DuckDBPyConnection) -> None:
    """Create the tables, or bring those of an older version up to date, all or nothing."""
    db.execute("BEGIN")
    version = _version(db)
    if version > schema.VERSION:
        raise StoreError(
            f"the store was written by a newer release (its schema is {version}, ours is"
            f" {schema.VERSION}): use that release, or another file"
        )
    for statement in _statements_from(version):
        db.execute(statement).fetchall()
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


def _keep_private(path: str | None) -> None:
    """Only the owner reads what was asked of which model by whom."""
    if not path:
        return
    for file in (path, path + ".wal"):
        with suppress(FileNotFoundError):
            os.chmod(file, 0o600)
