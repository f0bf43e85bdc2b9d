"""A call that comes again, because the answer to it was lost with a worker, counts once."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Thread

import httpx2
import pytest

from otel_llm.collector.calls.codec import pack
from otel_llm.collector.sampling.verdicts import Undecided
from otel_llm.genai import Call
from otel_llm.service import check
from otel_llm.service.assembly import Service
from otel_llm.service.desk import Desk
from otel_llm.service.handover import Channel, Handover, Kind, frames
from otel_llm.service.office import Office
from otel_llm.store import PlainSpan, StoreError
from tests.e2e.running import free_port

CALL = Call("00" * 16, "00" * 8, None, "chat", 1, 2, operation="chat")
SPAN = PlainSpan(CALL.trace_id, "03" * 8, None, "GET", 2, 1, 2)


def test_what_a_journal_of_a_worker_holds_and_the_store_lacks_is_kept_and_counted_nowhere():
    more = {"store": {"spans": "traces"}}
    service = Service(check({"service": {"pipelines": {}}, "api": None, "alerting": None, **more}))
    store, totals = service.office.store, service.office.totals
    desk = Desk(service, 1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = Handover(theirs)
        Thread(target=worker.listen, args=(lambda *_: None,), daemon=True).start()
        serving = Thread(target=_serve, args=(desk, ours))
        serving.start()
        office = Office(worker, lambda *_: None)

        new = [
            office.keep([CALL], []),
            office.keep([CALL, replace(CALL, span_id="01" * 8)], [SPAN]),
        ]

        assert store
        assert (new, len(store.calls().calls)) == ([1, 1], 2)
        trace = store.trace(CALL.trace_id)
        assert trace
        assert trace.others == (SPAN,)
        assert [f.samples for f in totals.families() if f.name == "otel_llm_calls"] == [[]]
        store.close()
        with pytest.raises(StoreError):
            office.keep([replace(CALL, span_id="02" * 8)], [])
        worker.close()
        serving.join()
    desk.close()


def _serve(desk: Desk, connection: socket.socket) -> None:
    for kind, content in frames(connection):
        desk.take(kind, content, Channel(connection))


def test_a_call_that_is_handed_over_again_counts_once():
    nothing = {"service": {"pipelines": {}}, "api": None, "alerting": None, "store": None}
    service = Service(check(nothing))
    desk = Desk(service, 1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for calls in ([CALL, CALL], [CALL, replace(CALL, span_id="01" * 8)]):
            desk.take(Kind.CALLS, pack(calls), Channel(ours))
    desk.close()

    assert _counted(service) == 2


def _counted(service: Service) -> float:
    counted = [f for f in service.office.totals.families() if f.name == "otel_llm_calls"]
    return sum(sample.value for sample in counted[0].samples)


def test_a_call_that_is_told_again_over_http_counts_once():
    port = free_port()
    settings = check({"service": {"pipelines": {}}, "api": {"endpoint": f"127.0.0.1:{port}"}})
    service = Service(settings)
    service.start()
    try:
        report = {"calls": [{"id": "r1", "model": "m", "latency_ms": 1}]}
        for _ in range(2):
            url = f"http://127.0.0.1:{port}/v1/metrics"
            httpx2.post(url, json=report, timeout=60).raise_for_status()

        assert _counted(service) == 1
    finally:
        service.stop()


@pytest.mark.parametrize("question", ["keep", "stored", "kept"])
def test_a_worker_is_answered_also_where_its_question_fails(question: str, monkeypatch):
    def fail(*_: object) -> None:
        raise MemoryError

    service = Service(check({"service": {"pipelines": {}}, "api": None, "alerting": None}))
    monkeypatch.setattr(service.office, "keep", fail)
    monkeypatch.setattr(service.office, "is_kept", fail)
    desk = Desk(service, 1)
    monkeypatch.setattr(desk, "_sample", fail)
    desk.complete.set()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = Handover(theirs)
        Thread(target=worker.listen, args=(lambda *_: None,), daemon=True).start()
        serving = Thread(target=_serve, args=(desk, ours))
        serving.start()
        asked = {
            "keep": lambda: worker.keep([CALL], []),
            "stored": worker.stored,
            "kept": lambda: worker.verdicts("sample").kept(["00"]),
        }
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(asked[question])
            try:
                failure, said = answer.exception(60), answer.done() and not answer.exception()
            finally:
                worker.close()
        serving.join()
    desk.close()
    if service.office.store:
        service.office.store.close()

    assert (type(failure), said and answer.result()) == {
        "keep": (StoreError, False),
        "stored": (type(None), False),
        "kept": (Undecided, False),
    }[question]
