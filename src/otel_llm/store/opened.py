"""The store that the settings ask for."""

from __future__ import annotations

from .config import StoreConfig
from .duck import DuckDBStore
from .store import Store, StoreError


def open_store(config: StoreConfig) -> Store:
    """Open or make it. Raises ``StoreError`` when that is impossible."""
    if config.clickhouse is None:
        return DuckDBStore(config)
    try:
        from .clickhouse import ClickHouseStore
    except ModuleNotFoundError as error:
        raise StoreError("ClickHouse needs: pip install 'otel-llm[clickhouse]'") from error
    return ClickHouseStore(config)
