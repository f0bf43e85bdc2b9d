"""The API over real sockets. One server per module where the settings allow it: starting and
stopping one takes longer than most tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import pytest

from otel_llm.api import ApiConfig, ApiServer, create_app
from otel_llm.store import DuckDBStore
from tests.store.stores import emptied

ANY_PORT = "127.0.0.1:0"
Serve = Callable[..., httpx2.Client]


@pytest.fixture
def store(kept_store: DuckDBStore) -> DuckDBStore:
    """An empty store."""
    return emptied(kept_store)


@pytest.fixture
def serve(store: DuckDBStore) -> Iterator[Serve]:
    """Serve an application over the store with these settings; gives a client of it."""
    with ExitStack() as running:

        def start(config: ApiConfig | None = None, **parts: Any) -> httpx2.Client:
            return running.enter_context(serving(store, config, **parts))

        yield start


@pytest.fixture(scope="module")
def kept_client(kept_store: DuckDBStore) -> Iterator[httpx2.Client]:
    with serving(kept_store) as client:
        yield client


@pytest.fixture
def client(kept_client: httpx2.Client, store: DuckDBStore) -> httpx2.Client:
    """A client of the API with its default settings over an empty store."""
    return kept_client


@contextmanager
def serving(
    store: DuckDBStore, config: ApiConfig | None = None, **parts: Any
) -> Iterator[httpx2.Client]:
    """A running API over ``store``, and a client of it."""
    config = config or ApiConfig(endpoint=ANY_PORT)
    server = ApiServer(create_app(store, config, **parts), config)
    server.start()
    with httpx2.Client(base_url=server.url, timeout=60) as client:
        yield client
    server.stop()
