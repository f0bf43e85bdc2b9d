"""Keeps the tables of ``rollups`` on DuckDB, by the connection that writes the calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb

from .config import KeepConfig
from .duck_file import whole
from .duck_sums import add_up
from .rollups import (
    DAYS,
    HOURS,
    KEYS,
    MAX_USERS,
    MINUTES,
    ROLLUPS,
    USERS,
    Rollup,
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


class DuckRollups:
    """Not thread-safe: whoever writes calls calls it. Raises ``duckdb.Error``."""

    def __init__(self, writer: duckdb.DuckDBPyConnection, config: KeepConfig) -> None:
        self._writer = writer
        self._kept_s = {MINUTES: config.minutes, HOURS: config.hours}
        self._kept_s |= dict.fromkeys((DAYS, USERS), config.days)
        self._do(f"CREATE TEMP TABLE fresh AS SELECT * FROM {MINUTES.table} LIMIT 0")
        last = f"(SELECT max(start_ns) FROM {MINUTES.table}) - {HOURS.step_ns}"
        self._touched: set[int] = {
            start for (start,) in self._starts(f"{MINUTES.table} WHERE start_ns > {last}")
        }
        """Minutes of which there may be several rows."""

    def _do(self, sql: str, *values: object) -> None:
        self._writer.execute(sql, values).fetchall()

    def _starts(self, source: str) -> list[tuple[int]]:
        return self._writer.execute(f"SELECT DISTINCT start_ns FROM {source}").fetchall()

    def add(self, first_ns: int, last_ns: int) -> None:
        """Add what is in ``arrivals``, in the transaction that keeps it; ``first_ns`` and
        ``last_ns`` are when the first and the last of it started."""
        self._do("TRUNCATE fresh")
        self._do(f"INSERT INTO fresh {of_calls(MINUTES, _ARRIVED)}")
        self._do(f"INSERT INTO {MINUTES.table} SELECT * FROM fresh")
        for rollup in (HOURS, DAYS):
            # Where few minutes became few rows, more steps make no fewer of them.
            few = last_ns - first_ns < rollup.step_ns / 10
            rows = relabelled(rollup, "fresh") if few else of_calls(rollup, _ARRIVED)
            self._do(f"INSERT INTO {rollup.table} {rows}")
        self._do(f"INSERT INTO {USERS.table} {of_calls(USERS, _ARRIVED)}")
        self._touched |= {start for (start,) in self._starts("fresh")}

    def rebuild(self, first_ns: int, last_ns: int, kept_ns: int) -> None:
        """Add up the calls again from the first to the last; a step of which calls have gone, those
        before ``kept_ns``, stays as it is, and one that the table no longer holds stays away."""
        for rollup in ROLLUPS:
            step = rollup.step_ns
            oldest = f"SELECT min(start_ns) FROM {rollup.table}"
            held_ns = self._writer.execute(oldest).fetchall()[0][0]
            if held_ns is None:
                continue
            since = max(first_ns // step, -(-max(kept_ns, held_ns) // step)) * step
            until = (last_ns // step + 1) * step
            condition = f"start_ns >= {since} AND start_ns < {until}"
            self._do(f"DELETE FROM {rollup.table} WHERE {condition}")
            add_up(self._writer, rollup, condition)

    def tidy(self, now_ns: int) -> None:
        """Remove what is too old, and merge rows."""
        for rollup, kept_s in self._kept_s.items():
            if kept_s:
                oldest = now_ns - int(kept_s * 1e9)
                self._do(f"DELETE FROM {rollup.table} WHERE start_ns < ?", oldest)
        for rollup in ROLLUPS if self._touched else ():
            starts = sorted({at - at % rollup.step_ns for at in self._touched})
            for some, condition in self._portions(rollup, starts):
                self._merge(rollup, some, condition)
        self._touched = set[int]()

    def _portions(self, rollup: Rollup, starts: list[int]) -> Iterator[tuple[list[int], str]]:
        """Those of ``starts`` that have several rows, so many at a time as fit into memory; with
        the condition for their rows, as one step may have more than fit."""
        portion, rows = list[int](), 0
        held = f"SELECT start_ns, count(*) FROM {rollup.table} WHERE {_CHOSEN} GROUP BY ALL"
        for start, count in self._writer.execute(f"{held} ORDER BY ALL", [starts]).fetchall():
            if count == 1:
                continue
            if portion and rows + count > _PORTION:
                yield portion, _CHOSEN
                portion, rows = [], 0
            if count > _PORTION and rollup.detailed:
                parts = -(-count // _PORTION)
                part = f"hash({', '.join(rollup.keys)}) % {parts}"
                yield from (([start], f"{_CHOSEN} AND {part} = {nth}") for nth in range(parts))
                continue
            portion.append(start)
            rows += count
        if portion:
            yield portion, _CHOSEN

    def _merge(self, rollup: Rollup, starts: list[int], condition: str) -> None:
        rows = merged(rollup, condition)
        with whole(self._writer):
            self._do(f"CREATE OR REPLACE TEMP TABLE merged AS {rows}", *[starts] * rows.count("?"))
            self._do(f"DELETE FROM {rollup.table} WHERE {condition}", starts)
            self._do(f"INSERT INTO {rollup.table} {_FEWER_USERS if rollup is USERS else _ALL}")


_CHOSEN: Final = "list_contains(?, start_ns)"
_PORTION: Final = 10_000
"""Rows that are merged at a time."""
_ALL: Final = "SELECT * FROM merged"
_FEWER_USERS: Final = (
    "SELECT * REPLACE (CASE WHEN row_number() OVER (PARTITION BY start_ns ORDER BY calls DESC,"
    f" user_id) <= {MAX_USERS} THEN user_id END AS user_id) FROM merged"
)
