"""Keeps the tables of ``rollups`` on DuckDB, by the connection that writes the calls."""

from __future__ import annotations

from typing import Final

import duckdb

from .config import KeepConfig
from .rollups import (
    DAYS,
    HOURS,
    KEYS,
    MAX_USERS,
    MINUTES,
    ROLLUPS,
    USERS,
    Rollup,
    fill,
    merged,
    of_calls,
    relabelled,
)
from .schema import COLUMNS

_TYPES: Final = {column.name: column.type.removesuffix(" NOT NULL") for column in COLUMNS}
_READ: Final = (
    *("start_ns", *KEYS, "user_id", "error_type", "cost_usd", "unpriced", "tokens", "flags"),
    *("usage_input_tokens", "usage_output_tokens", "usage_cache_read", "usage_cache_write"),
    *("usage_reasoning", "duration_ms", "time_to_first_chunk_s"),
)
# A column of which nothing is known has no type of its own.
_ARRIVED: Final = f"(SELECT {', '.join(f'{n}::{_TYPES[n]} AS {n}' for n in _READ)} FROM arrivals)"
_SHORTEST_NS: Final = MINUTES.step_ns


class DuckRollups:
    """Not thread-safe: whoever writes calls calls it. Raises ``duckdb.Error``."""

    def __init__(self, writer: duckdb.DuckDBPyConnection, config: KeepConfig) -> None:
        self._writer = writer
        self._kept_s = {MINUTES: config.minutes, HOURS: config.hours}
        self._kept_s |= dict.fromkeys((DAYS, USERS), config.days)
        self._do(f"CREATE TEMP TABLE fresh AS SELECT * FROM {MINUTES.table} LIMIT 0")
        last = f"(SELECT max(start_ns) FROM {MINUTES.table}) - {HOURS.step_ns}"
        self._touched = {
            start for (start,) in self._starts(f"{MINUTES.table} WHERE start_ns > {last}")
        }
        """Minutes of which there may be several rows."""

    def _do(self, sql: str, *values: object) -> None:
        self._writer.execute(sql, values).fetchall()

    def _starts(self, source: str) -> list[tuple[int]]:
        return self._writer.execute(f"SELECT DISTINCT start_ns FROM {source}").fetchall()

    def add(self) -> None:
        """Add what is in ``arrivals``, in the transaction that keeps it."""
        self._do("TRUNCATE fresh")
        self._do(f"INSERT INTO fresh {of_calls(MINUTES, _ARRIVED)}")
        for rollup in (MINUTES, HOURS, DAYS):
            self._do(f"INSERT INTO {rollup.table} {relabelled(rollup, 'fresh')}")
        self._do(f"INSERT INTO {USERS.table} {of_calls(USERS, _ARRIVED)}")
        self._touched |= {start for (start,) in self._starts("fresh")}

    def rebuild(self, first_ns: int, last_ns: int, kept_ns: int) -> None:
        """Add up the calls again from the first to the last; a step of which calls have gone, those
        before ``kept_ns``, stays as it is."""
        for rollup in ROLLUPS:
            step = rollup.step_ns
            since = max(first_ns // step, -(-kept_ns // step)) * step
            until = (last_ns // step + 1) * step
            condition = f"start_ns >= {since} AND start_ns < {until}"
            self._do(f"DELETE FROM {rollup.table} WHERE {condition}")
            self._do(fill(rollup, condition))

    def tidy(self, now_ns: int) -> None:
        """Merge rows, and remove what is too old."""
        touched, self._touched = self._touched, set[int]()
        for rollup, kept_s in self._kept_s.items():
            if touched:
                self._merge(rollup, sorted({at - at % rollup.step_ns for at in touched}))
            if kept_s:
                oldest = now_ns - int(kept_s * 1e9)
                self._do(f"DELETE FROM {rollup.table} WHERE start_ns < ?", oldest)

    def _merge(self, rollup: Rollup, starts: list[int]) -> None:
        condition = "list_contains(?, start_ns)"
        marks = merged(rollup, condition)
        self._do("BEGIN")
        self._do(f"CREATE OR REPLACE TEMP TABLE merged AS {marks}", *([starts] * marks.count("?")))
        self._do(f"DELETE FROM {rollup.table} WHERE {condition}", starts)
        self._do(f"INSERT INTO {rollup.table} {_FEWER_USERS if rollup is USERS else _ALL}")
        self._do("COMMIT")


_ALL: Final = "SELECT * FROM merged"
_FEWER_USERS: Final = (
    "SELECT * REPLACE (CASE WHEN row_number() OVER (PARTITION BY start_ns ORDER BY calls DESC,"
    f" user_id) <= {MAX_USERS} THEN user_id END AS user_id) FROM merged"
)
