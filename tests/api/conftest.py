"""The API over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from otel_llm.api import ApiConfig, ApiServer, create_app
from otel_llm.store import DuckDBStore, StoreConfig

ANY_PORT = "127.0.0.1:0"
Serve = Callable[..., httpx2.Client]


@pytest.fixture
def store() -> Iterator[DuckDBStore]:
    store = DuckDBStore(StoreConfig(retain_for_s=0))
    yield store
    store.close()


@pytest.fixture
def serve(store: DuckDBStore) -> Iterator[Serve]:
    """Serve an application over the store with these settings; gives a client of it."""
    with ExitStack() as running:

        def start(config: ApiConfig | None = None, **parts: Any) -> httpx2.Client:
            config = config or ApiConfig(endpoint=ANY_PORT)
            server = ApiServer(create_app(store, config, **parts), config)
            server.start()
            running.callback(server.stop)
            return running.enter_context(httpx2.Client(base_url=server.url))

        yield start


@pytest.fixture
def client(serve: Serve) -> httpx2.Client:
    return serve()
