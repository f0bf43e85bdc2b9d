"""Which receivers answer before they process, and what becomes of what they answered for."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any

import httpx2
import pytest

from otel_llm.collector.journal import Journal, JournalConfig
from otel_llm.collector.journal.queue import JournalQueue, waiting_in
from otel_llm.collector.processors.cost import CostProcessor
from otel_llm.service import check, flow
from otel_llm.service.assembly import Service
from tests.collector.calls import request
from tests.collector.test_backlog import wait_until
from tests.e2e.running import free_port

HEADERS = {"content-type": "application/x-protobuf"}
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
ONE = request({**CHAT, "user.email": "someone@example.com"})
SHORTER: Mapping[str, Mapping[str, Any]] = {
    "it redacts": {"processors": {"redact": None}},
    "it drops content": {"processors": {"drop_content": None}},
    "it is to answer later": {"journal": {"acknowledge": "processed"}},
}


def settings(directory: Path, **more: Any) -> Any:
    processors = more.get("processors", {"cost": None})
    journal = {"directory": str(directory / "journal"), "durability": "os"}
    pipeline = {"receivers": ["otlp"], "processors": list(processors)}
    return check(
        {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
            "processors": processors,
            "exporters": more.get("exporters", {}),
            "journal": {**journal, **more.get("journal", {})},
            "dead_letter": {"directory": str(directory / "dead")},
            "store": {"path": str(directory / "calls.duckdb")},
            "api": None,
            "alerting": None,
            "service": {
                "pipelines": {"traces": {**pipeline, "exporters": list(more.get("exporters", {}))}}
            },
        }
    )


def with_two_pipelines(directory: Path) -> Any:
    """Of which each keeps what comes for a destination that nobody answers at."""
    nowhere = {"endpoint": f"http://127.0.0.1:{free_port()}"}
    pipeline = {"receivers": ["otlp"], "exporters": ["otlphttp"]}
    return check(
        {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
            "exporters": {"otlphttp": nowhere},
            "journal": {"directory": str(directory / "journal"), "durability": "os"},
            "store": None,
            "api": None,
            "alerting": None,
            "service": {"pipelines": {"traces": pipeline, "traces/two": pipeline}},
        }
    )


@contextmanager
def collector(directory: Path, **more: Any) -> Iterator[Service]:
    service = Service(settings(directory, **more))
    service.start()
    try:
        yield service
    finally:
        service.stop(10)


def send(service: Service, payload: bytes = ONE) -> int:
    port = service.flow.receivers["otlp"].http_port
    url = f"http://127.0.0.1:{port}/v1/traces"
    return httpx2.post(url, content=payload, headers=HEADERS, timeout=60).status_code


def stored(service: Service) -> int:
    assert service.office.writer
    assert service.office.store
    assert service.flow.settle(60)
    service.office.writer.flush()
    return len(list(service.office.store.history(0)))


def backlog(directory: Path) -> Path:
    return directory / "journal" / "received-otlp"


def on_disk(directory: Path) -> bytes:
    return b"".join(file.read_bytes() for file in directory.iterdir() if file.is_file())


def left_by_a_process_that_was_killed(directory: Path, *payloads: bytes) -> None:
    journal = Journal(JournalConfig(directory / "journal"), "received-otlp")
    JournalQueue(journal, "processing")
    for payload in payloads:
        journal.append(payload)
    journal.close()
    assert waiting_in(backlog(directory))


def values(service: Service, name: str) -> list[tuple[Mapping[str, str], float]]:
    families = [family for family in service.measure() if family.name == name]
    return [(sample.labels, sample.value) for family in families for sample in family.samples]


def test_traces_are_answered_for_in_a_journal_of_their_own_and_counted_once(tmp_path):
    with collector(tmp_path) as service:
        answer = send(service)
        found = stored(service)
        counted = values(service, "otelcol_receiver_accepted_spans")
        waits = values(service, "otel_llm_backlog_size_bytes")

    assert (answer, found) == (200, 1)
    assert counted == [({"receiver": "otlp", "transport": "http"}, 1)]
    assert waits == [({"receiver": "otlp"}, 0)]
    assert backlog(tmp_path).is_dir()


@pytest.mark.parametrize("why", SHORTER)
def test_nothing_lies_on_the_disk_before_it_is_processed_where(tmp_path, why):
    with collector(tmp_path, **SHORTER[why]) as service:
        answer = send(service)
        found = stored(service)

    assert (answer, found) == (200, 1)
    assert not backlog(tmp_path).exists()


def test_where_one_of_two_pipelines_has_no_room_the_other_gets_nothing_again_and_again(
    tmp_path, monkeypatch
):
    service = Service(with_two_pipelines(tmp_path))
    first, full = (service.flow.outboxes[name] for name in ("traces", "traces/two"))
    room = Event()
    monkeypatch.setattr(type(full), "has_room", property(lambda box: box is first or room.is_set()))
    service.start()
    try:
        assert send(service) == 200
        sleep(0.5)  # several tries
        got = first.journal.end - first.journal.start
        room.set()
        wait_until(lambda: service.flow.settle(0.1))
        ends = [box.journal.end - box.journal.start for box in (first, full)]
    finally:
        service.stop(0)

    assert got == 0
    assert ends[0] == ends[1] > 0


@pytest.mark.parametrize("more", [{}, *SHORTER.values()], ids=["as before", *SHORTER])
def test_what_a_killed_process_had_answered_for_is_there_when_the_next_one_is(tmp_path, more):
    left_by_a_process_that_was_killed(tmp_path, ONE, request(CHAT, CHAT))

    with collector(tmp_path, **more) as service:
        at_once = len(list(service.office.store.history(0))) if service.office.store else 0
        send(service, request({**CHAT, "gen_ai.request.model": "gpt-4o-mini"}))
        found = stored(service)

    assert (at_once, found) == (2, 2)  # the first span of each request is the same one, sent again
    assert not waiting_in(backlog(tmp_path))
    on_disk = b"".join(
        file.read_bytes() for file in (tmp_path / "journal/traces").glob("*.journal")
    )
    assert (b"someone@example.com" in on_disk) == ("redact" not in more.get("processors", {}))


def test_what_a_start_does_not_wait_for_is_stored_all_the_same(tmp_path, monkeypatch):
    left_by_a_process_that_was_killed(tmp_path, ONE)
    monkeypatch.setattr(flow, "_CATCH_UP_S", 0.1)
    process, go = CostProcessor.process, Event()

    def slow(self: CostProcessor, items: Any) -> None:
        go.wait(60)
        process(self, items)

    monkeypatch.setattr(CostProcessor, "process", slow)
    with collector(tmp_path) as service:
        go.set()
        found = stored(service)

    assert found == 1


def test_a_change_to_processing_first_loses_nothing_and_leaves_nothing_behind(tmp_path, caplog):
    caplog.set_level(logging.WARNING)

    with collector(tmp_path) as service:
        send(service)
        service.change(settings(tmp_path, processors={"redact": None}))
        send(service)
        found = stored(service)
        service.change(settings(tmp_path))
        answer = send(service)
        again = stored(service)

    assert (found, answer, again) == (1, 200, 1)
    assert not waiting_in(backlog(tmp_path))
    assert caplog.messages == []


def test_once_it_is_redacted_nothing_lies_there_as_it_came(tmp_path):
    with collector(tmp_path) as service:
        send(service)
        assert stored(service)
        before = on_disk(backlog(tmp_path))
        service.change(settings(tmp_path, processors={"redact": None}))
        after = on_disk(backlog(tmp_path))

    assert (b"someone@example.com" in before, b"someone@example.com" in after) == (True, False)


def test_what_waits_when_the_journal_moves_is_processed_from_there(tmp_path):
    nowhere = {"otlphttp": {"endpoint": f"http://127.0.0.1:{free_port()}"}}
    large = request({**CHAT, "padding": "x" * 2_000_000})
    small = {"max_size": "16MiB"}

    with collector(tmp_path, exporters=nowhere, journal=small) as service:
        while send(service, large) == 200:
            pass
        wait_until(lambda: values(service, "otel_llm_backlog_size_bytes")[0][1] > 1e6)
        moved = {"directory": str(tmp_path / "elsewhere"), **small}
        service.change(settings(tmp_path, exporters=nowhere, journal=moved))
        answer = send(service)
        wait_until(lambda: values(service, "otel_llm_backlog_size_bytes")[0][1] == 0)

    assert answer == 200
    assert not waiting_in(backlog(tmp_path))


def test_what_waits_for_a_receiver_that_is_no_more_is_said(tmp_path, caplog):
    left_by_a_process_that_was_killed(tmp_path, ONE)
    (tmp_path / "journal/received-otlp").rename(tmp_path / "journal/received-otlp-eu")

    with collector(tmp_path):
        pass

    [said] = [message for message in caplog.messages if "nobody sends" in message]
    assert str(tmp_path / "journal/received-otlp-eu") in said
