"""The store and the journals: nothing that was accepted is missing after a sudden end."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.cli import main
from otel_llm.collector.calls import read_call
from otel_llm.collector.calls.recount import Sums, calls_in, calls_of, recount
from otel_llm.collector.errors import Refused
from otel_llm.collector.journal import Journal, JournalConfig
from otel_llm.collector.journal.queue import JournalQueue
from otel_llm.collector.observers.store_keeper import StoreKeeper
from otel_llm.collector.sending.dead_letter import DeadLetter, DeadLetterConfig
from otel_llm.genai import Call
from otel_llm.store import CallWriter, DuckDBStore, PlainSpan, StoreConfig
from tests.collector.calls import request


def payload(number: int, **attributes: object) -> bytes:
    """A request with one call of its own."""
    given = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.id": str(number),
        **attributes,
    }
    message = ExportTraceServiceRequest.FromString(request(given))
    message.resource_spans[0].scope_spans[0].spans[0].span_id = number.to_bytes(8, "big")
    return message.SerializeToString()


@pytest.fixture
def config(tmp_path: Path) -> JournalConfig:
    return JournalConfig(tmp_path / "journal")


@pytest.fixture
def store() -> Iterator[DuckDBStore]:
    store = DuckDBStore(StoreConfig(retain_for=0))
    yield store
    store.close()


def calls_to(store: DuckDBStore) -> Callable[[list[Call], list[PlainSpan]], int]:
    return lambda calls, _: store.write(calls)


def keeper(store: DuckDBStore, *, flushed: bool = True) -> StoreKeeper:
    return StoreKeeper(calls_to(store), lambda: flushed)


def held(store: DuckDBStore) -> set[str | None]:
    return {call.response_id for call in store.calls().calls}


def test_what_the_store_missed_is_read_again(config: JournalConfig, store: DuckDBStore):
    journal = Journal(config, "traces")
    keeper(store).follow(journal)
    for number in range(1, 4):
        journal.append(payload(number))
    journal.release()
    journal.close()

    again = Journal(config, "traces")
    late = keeper(store)
    late.follow(again)
    again.release()

    assert late.catch_up() == 3
    assert late.catch_up() == 0
    assert held(store) == {"1", "2", "3"}
    again.close()


def test_what_the_store_has_already_counts_once(config: JournalConfig, store: DuckDBStore):
    journal = Journal(config, "traces")
    first = keeper(store)
    first.follow(journal)
    journal.append(payload(1))
    store.write(list(calls_in([journal.directory])))

    assert first.catch_up() == 1
    assert store.stats().count == 1
    journal.close()


def test_a_new_place_begins_at_the_end(config: JournalConfig, store: DuckDBStore):
    journal = Journal(config, "traces")
    journal.append(payload(1))
    late = keeper(store)
    late.follow(journal)

    assert late.catch_up() == 0
    journal.close()


def test_a_place_moves_a_round_behind_and_only_when_all_is_stored(
    config: JournalConfig, store: DuckDBStore
):
    journal = Journal(config, "traces")
    full, busy = keeper(store), keeper(store, flushed=False)
    for one in (full, busy):
        one.follow(journal)
    journal.append(payload(1))
    end = journal.end

    def places() -> list[int]:
        return [place.position for one in (full, busy) for place in one._places.values()]

    for one in (full, busy):
        one.move()
    assert places() == [0, 0]
    journal.append(payload(2))
    for one in (full, busy):
        one.move()
    assert places() == [end, 0]
    full.stop()
    journal.close()


def test_a_store_that_does_not_keep_up_holds_up_nobody(tmp_path: Path, store: DuckDBStore):
    journal = Journal(JournalConfig(tmp_path, max_size=16 * 2**20), "traces")
    slow = keeper(store, flushed=False)
    slow.follow(journal)
    while not journal.crowded:
        journal.append(bytes(2**20))

    slow.move()
    slow.move()

    assert not journal.crowded
    journal.close()


class SlowStore(DuckDBStore):
    """Writes only once it is let go."""

    def __init__(self) -> None:
        super().__init__(StoreConfig(retain_for=0, max_pending_calls=5, flush_interval=0))
        self.let_go, self.entered = threading.Event(), threading.Event()

    def write(self, calls: Sequence[Call]) -> int:
        self.entered.set()
        self.let_go.wait(60)
        return super().write(calls)


def test_what_found_no_room_is_read_from_the_journal_as_soon_as_there_is_some(
    config: JournalConfig,
):
    store, journal = SlowStore(), Journal(config, "traces")
    writer = CallWriter(store)
    writer.start()
    one = StoreKeeper(calls_to(store), lambda: writer.flush(60), lambda: writer.missed)
    one.follow(journal)
    for number in range(1, 31):
        journal.append(payload(number))
        writer.observe(calls_of(payload(number)))
        assert store.entered.wait(60)
    lost = writer.missed
    store.let_go.set()

    for _ in range(3):
        one.move()

    assert lost == one.refilled > 0
    assert held(store) == {str(number) for number in range(1, 31)}
    assert [place.position for place in one._places.values()] == [journal.end]
    writer.close()
    journal.close()
    store.close()


def test_a_place_stays_before_what_the_store_refuses(config: JournalConfig, caplog):
    store, journal = DuckDBStore(StoreConfig(retain_for=0)), Journal(config, "traces")
    missed = 0
    one = StoreKeeper(calls_to(store), lambda: True, lambda: missed)
    one.follow(journal)
    journal.append(payload(1))
    one.move()
    missed = 1
    store.close()

    for _ in range(3):
        one.move()

    assert [place.position for place in one._places.values()] == [0]
    assert "the store lacks some of it" in caplog.text
    journal.close()


@pytest.mark.parametrize("whole", [True, False])
def test_other_spans_are_read_again_where_the_store_keeps_them(
    config: JournalConfig, store: DuckDBStore, whole: bool
):
    def write(calls: list[Call], spans: list[PlainSpan]) -> int:
        assert store.add_spans(spans) == len(spans)
        return store.write(calls)

    journal = Journal(config, "traces")
    one = StoreKeeper(write, lambda: True, whole=lambda: whole)
    one.follow(journal)
    journal.append(request({"gen_ai.operation.name": "chat"}, {"http.route": "/ask"}))
    journal.append(request({"http.route": "/late"}))

    assert one.catch_up() == 1
    kept = store.plain_spans((bytes(15) + b"\1").hex())
    routes = {span.attributes["http.route"] for span in kept}
    assert routes == ({"/ask", "/late"} if whole else set())
    journal.close()


def test_what_is_no_request_is_passed_over(config: JournalConfig, store: DuckDBStore):
    journal = Journal(config, "traces")
    one = keeper(store)
    one.follow(journal)
    for written in (payload(1), b"no request", payload(2)):
        journal.append(written)

    one.catch_up()

    assert held(store) == {"1", "2"}
    journal.close()


def test_stopping_leaves_nothing_behind(config: JournalConfig, store: DuckDBStore):
    journal = Journal(config, "traces")
    one = keeper(store)
    one.follow(journal)
    one.start()
    journal.append(payload(1))
    one.stop()
    journal.close()

    again = Journal(config, "traces")
    late = keeper(store)
    late.follow(again)
    assert late.catch_up() == 0
    again.close()


PRICED = {
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
    "otel_llm.cost.total": 0.25,
}


def test_what_the_store_lacks_at_the_end_stays_though_destinations_have_it(
    config: JournalConfig, store: DuckDBStore
):
    journal = Journal(config, "traces")
    full = keeper(store, flushed=False)
    full.follow(journal)
    queue = JournalQueue(journal, "otlp")
    journal.append(payload(1, padding="x" * 2**20))

    full.stop()
    if lot := queue.take(1, 0.0):
        queue.done(lot)
    journal.close()

    again = Journal(config, "traces")
    late = keeper(store)
    late.follow(again)
    assert late.catch_up() == 1
    again.close()


def test_a_journal_that_comes_back_while_it_runs_is_read_for_what_the_store_lacks(
    config: JournalConfig, store: DuckDBStore
):
    journal = Journal(config, "traces")
    keeper(store).follow(journal)
    for number in range(1, 3):
        journal.append(payload(number))
    journal.close()
    running = keeper(store)
    assert running.catch_up() == 0

    again = Journal(config, "traces")
    running.follow(again)
    running.move()

    assert held(store) == {"1", "2"}
    again.close()


def test_journals_and_dead_letters_are_added_up_each_call_once(tmp_path: Path, capsys):
    journal = Journal(JournalConfig(tmp_path / "journal"), "traces")
    letter = DeadLetter(DeadLetterConfig(tmp_path / "dead"))
    for written in (payload(1, **PRICED), payload(1, **PRICED), payload(2)):
        journal.append(written)
    letter.bury("otlp", "traces", payload(3, **PRICED, **{"error.type": "timeout"}), "refused")
    agent = payload(4, **{"gen_ai.operation.name": "invoke_agent"})
    letter.bury("otlp", "traces", agent, "refused")
    paths = [journal.directory, tmp_path / "dead/otlp-traces.jsonl"]

    assert recount(calls_in(paths)) == Sums(
        calls=3, errors=1, unpriced=1, cost_usd=0.5, input_tokens=20, output_tokens=10
    )
    assert main(["recount", *map(str, paths)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "calls           3",
        "errors          1",
        "unpriced        1",
        "cost usd        0.5",
        "input tokens    20",
        "output tokens   10",
    ]
    journal.close()


def test_nothing_adds_up_to_unknown(tmp_path: Path):
    (tmp_path / "traces").mkdir()

    assert recount(calls_in([tmp_path / "traces"])) == Sums()


@pytest.mark.parametrize("path", ["nowhere", "logs"])
def test_what_cannot_be_recounted_says_so(tmp_path: Path, capsys, path: str):
    (tmp_path / "logs").mkdir()

    assert main(["recount", str(tmp_path / path)]) == 1
    assert path in capsys.readouterr().err


def test_the_calls_are_those_that_were_sent(config: JournalConfig):
    journal = Journal(config, "traces")
    journal.append(payload(1, **PRICED))
    from otel_llm.collector.data import Batch

    sent: list[Call] = [read_call(s) for s in Batch.open(payload(1, **PRICED)).genai()]

    assert list(calls_in([journal.directory])) == sent
    journal.close()


class Done:
    """A destination that has everything up to ``position``."""

    def __init__(self, position: int) -> None:
        self.position = position

    def heard(self) -> None: ...


@pytest.mark.parametrize("delivered", [True, False])
def test_on_a_full_disk_the_store_is_left_behind_where_it_alone_holds_the_journal(
    config, store, monkeypatch, delivered
):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    journal, keeping = Journal(config, "traces"), keeper(store, flushed=False)
    keeping.follow(journal)
    for number in range(1, 4):
        journal.append(payload(number, filler="x" * 2**20))
    destination = Done(journal.end if delivered else 0)
    journal.join(destination)
    before = journal.start
    with monkeypatch.context() as disk:
        disk.setattr(os, "pwritev", full)
        with pytest.raises(Refused):
            journal.append(payload(4))
    for _ in range(2):  # rounds: the first one moves to where the journal ended at the last
        keeping.move()
    after = journal.start
    keeping.stop()
    journal.close()

    assert (after > before) == delivered
