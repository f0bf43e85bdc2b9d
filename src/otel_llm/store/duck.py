"""The store on DuckDB: one process owns the file, one cursor per question.

Traps of DuckDB 2.0 that shape this file: a result that was not fetched to the end blocks its
connection (so every job takes its own cursor and fetches all), and a second process cannot open the
file, not even to read.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

import duckdb

from otel_llm.genai import Call

from . import arrow, schema
from .columns import columns, storable, text
from .config import StoreConfig
from .duck_file import ROW_GROUP, connect, cursor, keep_private, prepare, quoted, whole
from .duck_rollups import DuckRollups
from .filters import Filter
from .incidents import Incident
from .questions import MAX_TRACE_SPANS, Questions
from .scores import Score
from .spans import NAMES as SPAN_NAMES
from .spans import PlainSpan, holdable, span_columns, to_span
from .steady import SteadyClock
from .store import EVERYTHING, StoreError

_log = logging.getLogger(__name__)

_THERE: Final = """
FROM calls AS c JOIN arrivals AS a
  ON c.start_ns = a.start_ns::BIGINT AND c.trace_id = a.trace_id AND c.span_id = a.span_id
WHERE c.start_ns BETWEEN ? AND ?
"""
"""At-least-once delivery brings a span twice, with the same start: looking among the calls of
the same times is exact, and skips all other row groups."""

_KNOWN: Final = f"SELECT c.trace_id, c.span_id {_THERE}"
_KEEP: Final = f"INSERT INTO calls ({schema.NAMES}) SELECT {schema.NAMES} FROM arrivals"
_KEEP_SPANS: Final = f"""
INSERT INTO spans ({SPAN_NAMES}) SELECT {SPAN_NAMES} FROM others AS o WHERE NOT EXISTS (
  SELECT 1 FROM spans AS s WHERE s.start_ns = o.start_ns::BIGINT
    AND s.trace_id = o.trace_id AND s.span_id = o.span_id)
"""

SORTED: Final = ROW_GROUP
"""Calls that an export sorts at a time."""
LATEST: Final = 2**63 - 1
_BEGINS: Final = f"""
SELECT DISTINCT start_ns FROM (
  SELECT start_ns, row_number() OVER (ORDER BY start_ns) - 1 AS before FROM calls
  WHERE {{condition}})
WHERE before % {SORTED} = 0 ORDER BY start_ns
"""
"""Where the parts of an export begin, the first one too."""

_PRICED: Final = (*(c.name for c in schema.COST_COLUMNS), "cost_usd", "unpriced")
_PUT_COSTS: Final = f"""
UPDATE calls SET {", ".join(f"{name} = a.{name}" for name in _PRICED)} FROM arrivals AS a
WHERE calls.start_ns = a.start_ns::BIGINT AND calls.trace_id = a.trace_id
  AND calls.span_id = a.span_id AND calls.start_ns BETWEEN ? AND ?
"""

_FILE_SIZE: Final = (
    "SELECT used_blocks * block_size FROM pragma_database_size()"
    " WHERE database_name = current_database()"
)
_MEMORY_SIZE: Final = "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"

_LET_GO_S: Final = 5.0
"""How long a question that is broken off may take to end."""
_LOOK_S: Final = 0.01
_GIVEN_UP: Final = "has been invalidated"
"""What the engine says of a file, or of itself, that it will not use any more."""

_ABOUT_THE_DATA: Final = (
    *(duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError),
    *(TypeError, ValueError, OverflowError, AttributeError),
)
"""What an odd call brings about, here or in the engine."""


class DuckDBStore(Questions):
    """``Store`` on an embedded DuckDB. Opens or creates it; raises ``StoreError`` when the file
    belongs to another process, to a newer version, or is no database."""

    def __init__(self, config: StoreConfig | None = None) -> None:
        self.config = config or StoreConfig()
        self._writing = threading.RLock()  # who writes may have to ask
        self._given_up = False
        self._now = SteadyClock()
        self._asking: set[duckdb.DuckDBPyConnection] = set()
        self.rejected = 0
        """Calls that no table could hold, such as one that started after the year 2262."""
        self._open()

    def _open(self) -> None:
        self._db = connect(self.config)
        try:
            self._writer = cursor(self._db)
            prepare(self._writer)
            self._rollups = DuckRollups(self._writer, self.config.aggregates)
            self._kept_since_ns = self._read_kept()
        except (duckdb.Error, StoreError) as error:
            self._db.close()
            raise StoreError(f"cannot prepare the store: {error}") from error
        keep_private(self.config.path)

    @contextmanager
    def _turn(self) -> Generator[None]:
        """One's turn to write. A file that the engine has given up, as it does when the disk is
        full at a checkpoint, is opened again first. Raises ``StoreError`` when that fails."""
        with self._writing:
            if self._given_up:
                self._open_again()
            try:
                yield
            except (duckdb.Error, StoreError) as error:
                self._given_up = _GIVEN_UP in str(error)
                raise

    def _open_again(self) -> None:
        for connection in (self._writer, self._db):
            with suppress(duckdb.Error):
                connection.close()
        self._open()
        self._given_up = False
        _log.warning("%s was opened again", self.config.path)

    def close(self) -> None:
        """Write everything out and release the file; who is still asking gets a ``StoreError``.
        Safe to call twice."""
        with self._writing:
            until = time.monotonic() + _LET_GO_S
            while not self._released():
                if time.monotonic() > until:
                    _log.error("%s is not released: a question does not end", self.config.path)
                    return
                time.sleep(_LOOK_S)

    def _released(self) -> bool:
        """Close, and return whether that is done: the engine does not while a question is under
        way, which is broken off then."""
        try:
            self._db.close()
        except duckdb.Error:
            for asking in list(self._asking):
                with suppress(duckdb.Error):  # it has just ended
                    asking.interrupt()
            return False
        return True

    # Writing

    def write(self, calls: Sequence[Call]) -> int:
        """See ``Store``. A call that no table could hold is left out and counted."""
        with self._turn():
            new = self._keep(_each_once(calls)) if calls else 0
        keep_private(self.config.path)
        return new

    def _keep(self, calls: Sequence[Call]) -> int:
        try:
            return self._insert(calls)
        except _ABOUT_THE_DATA:
            taken = [call for call in calls if storable(call)]
            self.rejected += len(calls) - len(taken)
            return self._keep_clean(taken) if taken else 0

    def _keep_clean(self, calls: Sequence[Call]) -> int:
        """One bad call costs only itself: look for it by halves."""
        try:
            return self._insert(calls, clean=True)
        except _ABOUT_THE_DATA:
            if len(calls) == 1:
                self.rejected += 1
                return 0
        middle = len(calls) // 2
        return self._keep_clean(calls[:middle]) + self._keep_clean(calls[middle:])

    def _insert(self, calls: Sequence[Call], *, clean: bool = False) -> int:
        with self._arrived(calls, clean=clean) as times:
            known = set(self._writer.execute(_KNOWN, times).fetchall())
            if not known:
                return self._keep_arrivals(times)
        new = [call for call in calls if (text(call.trace_id), text(call.span_id)) not in known]
        return self._insert(new, clean=clean) if new else 0

    def _keep_arrivals(self, times: tuple[int, int]) -> int:
        with whole(self._writer):
            new = self._writer.execute(_KEEP).fetchall()[0][0]
            self._rollups.add(*times)
        return new

    @contextmanager
    def _arrived(self, calls: Sequence[Call], *, clean: bool) -> Generator[tuple[int, int]]:
        """``calls`` as the table ``arrivals``; gives the first and the last time of them."""
        found = columns(calls, clean=clean)
        table = arrow.table(found)
        try:
            self._writer.register("arrivals", table)
            yield min(found["start_ns"]), max(found["start_ns"])
        except duckdb.Error as error:
            if isinstance(error, _ABOUT_THE_DATA):
                raise
            raise StoreError(f"cannot write: {error}") from error
        finally:
            with suppress(duckdb.Error):
                self._writer.unregister("arrivals")

    def retain(self, now_ns: int | None = None) -> int:
        """Remove what is too old or too much by the configuration; returns how many calls went.
        ``now_ns`` is Unix time, by default the clock's."""
        now_ns = int(self._now() * 1e9) if now_ns is None else now_ns
        with self._turn():
            try:
                removed = self._remove_old(now_ns) + self._remove_surplus()
                self._rollups.tidy(now_ns)
                if self.config.retain_spans_for:
                    self._remove_spans(now_ns - int(self.config.retain_spans_for * 1e9))
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
        self._remove_spans(start_ns)
        delete = "DELETE FROM calls WHERE start_ns < ?"
        with whole(self._writer):
            removed = self._writer.execute(delete, [start_ns]).fetchall()[0][0]
            if removed:
                kept = "UPDATE kept SET since_ns = greatest(since_ns, ?)"
                self._writer.execute(kept, [start_ns]).fetchall()
        self._kept_since_ns = self._read_kept()
        return removed

    def _read_kept(self) -> int:
        return self._writer.execute("SELECT since_ns FROM kept").fetchall()[0][0]

    def _remove_spans(self, start_ns: int) -> None:
        self._writer.execute("DELETE FROM spans WHERE start_ns < ?", [start_ns]).fetchall()

    def kept_since_ns(self) -> int:
        """See ``Questions``."""
        return self._kept_since_ns

    def size_bytes(self) -> int:
        """Size of the data: blocks in use in the file, or the tables' memory without one."""
        row = self.ask(_FILE_SIZE if self.config.path else _MEMORY_SIZE)[0]
        return int(row[0] or 0)

    def put_costs(self, calls: Sequence[Call]) -> None:
        """See ``Store``."""
        with self._turn():
            if calls:
                self._put_costs(_each_once(calls))

    def _put_costs(self, calls: Sequence[Call]) -> None:
        try:
            with self._arrived(calls, clean=True) as times, whole(self._writer):
                self._writer.execute(_PUT_COSTS, times).fetchall()
                self._rollups.rebuild(*times, self.kept_since_ns())
        except _ABOUT_THE_DATA as error:
            raise StoreError("cannot keep costs") from error

    def add_spans(self, spans: Sequence[PlainSpan]) -> int:
        """See ``Store``."""
        once = {(span.trace_id, span.span_id): span for span in spans if holdable(span)}
        if not once:
            return 0
        table = arrow.table(span_columns(list(once.values())), schema.SPAN_TYPES)
        with self._turn():
            try:
                self._writer.register("others", table)
                return self._writer.execute(_KEEP_SPANS).fetchall()[0][0]
            except duckdb.Error as error:
                raise StoreError(f"cannot keep spans: {error}") from error
            finally:
                with suppress(duckdb.Error):
                    self._writer.unregister("others")

    def plain_spans(self, trace_id: str) -> Sequence[PlainSpan]:
        """See ``Questions``."""
        rows = self.ask(
            f"SELECT {SPAN_NAMES} FROM spans WHERE trace_id = ? ORDER BY start_ns LIMIT ?",
            [trace_id, MAX_TRACE_SPANS],
        )
        return [to_span(row) for row in rows]

    def count_plain_spans(self, trace_id: str) -> int:
        """See ``Questions``."""
        return self.ask("SELECT count(*) FROM spans WHERE trace_id = ?", [trace_id])[0][0]

    def put_baseline(self, name: str, value: str | None) -> None:
        """See ``Store``."""
        with self._turn():
            try:
                self._writer.execute("DELETE FROM baselines WHERE name = ?", [name]).fetchall()
                if value is not None:
                    self._writer.execute("INSERT INTO baselines VALUES (?, ?)", [name, value])
            except duckdb.Error as error:
                raise StoreError(f"cannot keep a baseline: {error}") from error

    def add_scores(self, scores: Sequence[Score]) -> None:
        """See ``Store``."""
        newest = {score.id: astuple(score) for score in scores}
        with self._turn():
            try:
                self._replace("scores", list(newest), list(newest.values()))
            except duckdb.Error as error:
                raise StoreError(f"cannot keep scores: {error}") from error

    def add_incidents(self, incidents: Sequence[Incident]) -> None:
        """See ``Store``."""
        newest = {one.id: (one.id, one.at_ns, json.dumps(one.alert)) for one in incidents}
        with self._turn():
            try:
                self._replace("incidents", list(newest), list(newest.values()))
            except duckdb.Error as error:
                raise StoreError(f"cannot keep alerts: {error}") from error

    def _replace(self, table: str, ids: list[str], rows: Sequence[tuple[object, ...]]) -> None:
        """Put ``rows`` in place of those with the same ids, all or nothing."""
        with whole(self._writer):
            there = f"DELETE FROM {table} WHERE list_contains(?, id)"
            self._writer.execute(there, [ids]).fetchall()
            for row in rows:
                marks = ", ".join("?" * len(row))
                self._writer.execute(f"INSERT INTO {table} VALUES ({marks})", row)

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """See ``Questions``."""
        try:
            return self._asked(sql, values)
        except duckdb.Error as error:
            if not self._given_up and _GIVEN_UP not in str(error):
                raise StoreError(f"cannot read: {error}") from error
            self._given_up = True
        try:
            with self._turn():
                return self._asked(sql, values)
        except duckdb.Error as error:
            raise StoreError(f"cannot read: {error}") from error

    def _asked(self, sql: str, values: Sequence[object]) -> list[Any]:
        with closing(cursor(self._db)) as asking:
            self._asking.add(asking)
            try:
                return asking.execute(sql, values).fetchall()
            finally:
                self._asking.discard(asking)

    def to_parquet(self, file: Path, where: Filter = EVERYTHING) -> None:
        """See ``Store``."""
        condition, values = where.where()
        chosen = f"SELECT {schema.NAMES} FROM calls WHERE {condition}"
        order = "ORDER BY start_ns, span_id"
        begins = [begin for (begin,) in self.ask(_BEGINS.format(condition=condition), values)]
        if len(begins) < 2:
            self._copy(f"{chosen} {order}", file, values)
            return
        # In parts: to sort a million calls as wide as they are takes more than the engine may have.
        with tempfile.TemporaryDirectory(prefix=f"{file.name}.", dir=file.parent) as folder:
            parts = [Path(folder, str(number)) for number in range(len(begins))]
            for part, begin, end in zip(parts, begins, [*begins[1:], LATEST], strict=True):
                within = f"start_ns >= {begin} AND start_ns < {end}"
                self._copy(f"{chosen} AND {within} {order}", part, values)
            files = ", ".join(f"'{quoted(part)}'" for part in parts)
            self._copy(f"FROM read_parquet([{files}])", file)

    def _copy(self, chosen: str, file: Path, values: Sequence[object] = ()) -> None:
        """Write into the very file that is there: another one would be for everybody to read."""
        how = f"FORMAT parquet, USE_TMP_FILE false, ROW_GROUP_SIZE {ROW_GROUP}"
        self.ask(f"COPY ({chosen}) TO '{quoted(file)}' ({how})", values)


def _each_once(calls: Sequence[Call]) -> Sequence[Call]:
    """``calls`` without those that came twice, the first of them kept."""
    if len({call.span_id for call in calls}) == len(calls):
        return calls
    once: dict[tuple[str, str], Call] = {}
    for call in calls:
        once.setdefault((call.trace_id, call.span_id), call)
    return list(once.values())
