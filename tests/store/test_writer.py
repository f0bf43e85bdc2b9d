"""The writer: never in the way, nothing kept twice, and every loss counted."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace

import pytest

from otel_llm.genai import Call
from otel_llm.store import CallWriter, DuckDBStore, StoreConfig, StoreError, StoreUnavailable

from .examples import NOON, a_call


class BlockedStore(DuckDBStore):
    """Writes only once it is let go, as a slow disk would."""

    def __init__(self, config: StoreConfig) -> None:
        super().__init__(config)
        self.let_go = threading.Event()
        self.entered = threading.Event()

    def write(self, calls):
        self.entered.set()
        self.let_go.wait(60)
        return super().write(calls)


class FailingStore(DuckDBStore):
    """Fails on the first batch."""

    def __init__(self, error: Exception) -> None:
        super().__init__(FOR_EVER)
        self.error: Exception | None = error

    def write(self, calls):
        if self.error:
            error, self.error = self.error, None
            raise error
        return super().write(calls)


FOR_EVER = StoreConfig(retain_for=0)


@pytest.fixture
def store():
    store = DuckDBStore(FOR_EVER)
    yield store
    store.close()


@pytest.fixture
def writer(store: DuckDBStore):
    writer = CallWriter(store)
    writer.start()
    yield writer
    writer.close()


def test_what_was_observed_can_be_read_after_a_flush(writer: CallWriter, store: DuckDBStore):
    writer.observe([a_call(1), a_call(2)])
    writer.observe([a_call(2)])

    assert writer.flush()

    assert store.stats().count == 2
    assert (writer.written, writer.duplicates, writer.dropped, writer.pending) == (2, 1, 0, 0)


def test_what_was_observed_appears_by_itself(writer: CallWriter, store: DuckDBStore):
    writer.observe([a_call(1)])

    until = time.monotonic() + 60
    while not store.stats().count and time.monotonic() < until:
        time.sleep(0.01)
    assert store.stats().count == 1


def test_closing_writes_what_is_queued(store: DuckDBStore):
    writer = CallWriter(store, replace(FOR_EVER, flush_interval=60))
    writer.start()
    for n in range(12_000):
        writer.observe([a_call(n)])

    writer.close()
    writer.close()

    assert store.stats().count == 12_000


def test_observing_never_waits_for_the_disk_and_counts_what_it_drops():
    store = BlockedStore(replace(FOR_EVER, max_pending_calls=10, flush_interval=0))
    writer = CallWriter(store)
    writer.start()
    writer.observe([a_call(0)])
    assert store.entered.wait(60)

    began = time.monotonic()
    writer.observe([a_call(n) for n in range(1, 26)])
    took = time.monotonic() - began

    assert took < 30
    assert (writer.pending, writer.dropped) == (10, 15)
    assert not writer.flush(0.05)
    store.let_go.set()
    assert writer.flush()
    assert store.stats().count == 11
    writer.close()
    store.close()


@pytest.mark.parametrize("error", [StoreError("disk full"), RuntimeError("odd")])
def test_a_batch_that_fails_is_counted_and_the_next_one_is_kept(error, caplog):
    store = FailingStore(error)
    writer = CallWriter(store)
    writer.start()
    with caplog.at_level(logging.ERROR):
        writer.observe([a_call(1), a_call(2)])
        assert writer.flush()

    writer.observe([a_call(3)])
    assert writer.flush()

    assert (writer.failed, writer.written) == (2, 1)
    assert "2 calls were not stored" in caplog.text
    writer.close()
    store.close()


def test_a_store_that_has_no_room_is_not_tried_for_every_call(monkeypatch):
    monkeypatch.setattr("otel_llm.store.writer.AWAY_S", 0.5)
    tried: list[int] = []

    def full(calls: object) -> int:
        tried.append(1)
        raise StoreError("disk full")

    store = DuckDBStore(FOR_EVER)
    monkeypatch.setattr(store, "write", full)
    writer = CallWriter(store)
    writer.start()
    for n in range(50):
        writer.observe([a_call(n)])
        writer.flush(0.01)

    assert len(tried) <= 3
    writer.close()
    assert writer.failed == 50
    store.close()


def test_an_error_of_the_store_names_no_value_of_a_call(caplog):
    store = DuckDBStore()
    store.close()
    writer = CallWriter(store)
    writer.start()
    with caplog.at_level(logging.ERROR):
        writer.observe([a_call(1, user_id="ann@example.com")])
        assert writer.flush()
    writer.close()

    assert writer.failed == 1
    assert "ann@example.com" not in caplog.text


def test_old_calls_are_removed_while_it_runs():
    store = DuckDBStore(StoreConfig(retain_for=3600))
    writer = CallWriter(store)
    writer.start()

    writer.observe([a_call(1, at=NOON), a_call(2, at=time.time_ns())])
    writer.close()

    assert store.stats().count == 1
    store.close()


def test_many_threads_observe_and_read_at_once(writer: CallWriter, store: DuckDBStore):
    failures: list[BaseException] = []

    def send(base: int) -> None:
        for n in range(base, base + 2_000, 50):
            writer.observe([a_call(i) for i in range(n, n + 50)])

    def read() -> None:
        try:
            for _ in range(20):
                store.summary()
                store.calls(limit=5)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(i * 2_000,)) for i in range(3)]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush()

    assert failures == []
    assert store.stats().count == 6_000


def test_a_call_is_a_plain_value_that_the_writer_does_not_change(writer: CallWriter):
    call = a_call(1)
    before = repr(call)

    writer.observe([call])
    writer.flush()

    assert repr(call) == before
    assert isinstance(call, Call)


def test_calls_wait_for_an_engine_that_is_away(store: DuckDBStore, monkeypatch):
    monkeypatch.setattr("otel_llm.store.writer.AWAY_S", 0.01)
    tried: list[int] = []
    keep = store.write

    def away(calls):
        tried.append(len(calls))
        if len(tried) < 3:
            raise StoreUnavailable("away")
        return keep(calls)

    monkeypatch.setattr(store, "write", away)
    writer = CallWriter(store)
    writer.start()
    writer.observe([a_call(n) for n in range(10)])

    assert writer.flush(60)
    writer.close()
    assert (tried, writer.written, writer.failed) == ([10, 10, 10], 10, 0)


def test_a_writer_that_is_told_to_stop_waits_no_longer(store: DuckDBStore, monkeypatch):
    def away(_):
        raise StoreUnavailable("away")

    monkeypatch.setattr(store, "write", away)
    writer = CallWriter(store)
    writer.start()
    writer.observe([a_call(1)])

    writer.close(60)

    assert (writer.failed, writer.pending) == (1, 0)
