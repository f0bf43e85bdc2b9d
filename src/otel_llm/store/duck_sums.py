"""Adds up the calls that are kept on DuckDB, however many there are."""

from __future__ import annotations

import duckdb

from .rollups import Rollup, fill, portions


def add_up(db: duckdb.DuckDBPyConnection, rollup: Rollup, condition: str = "true") -> None:
    """Put what the calls that meet the condition come to into the table, which has nothing of their
    steps of time yet. Raises ``duckdb.Error``."""
    step = rollup.step_ns
    held = db.execute(
        f"SELECT start_ns - start_ns % {step} AS step, count(*) FROM calls WHERE {condition}"
        " GROUP BY step ORDER BY step"
    )
    for first, last in portions(held.fetchall()):
        within = f"start_ns >= {first} AND start_ns < {last + step}"
        db.execute(fill(rollup, f"{condition} AND {within}")).fetchall()
