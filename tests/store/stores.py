"""Stores for tests that have something else to show than the store."""

from __future__ import annotations

from otel_llm.store import DuckDBStore, StoreConfig


def in_memory() -> DuckDBStore:
    """A store without retention: the examples are older than it."""
    return DuckDBStore(StoreConfig(retain_for=0))


def emptied(store: DuckDBStore) -> DuckDBStore:
    """``store``, as if it were new."""
    for table in ("calls", "scores", "spans", "incidents", "baselines"):
        store.ask(f"DELETE FROM {table}")
    return store
