"""Traces are kept or dropped as a whole, and nothing is lost on the way."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.data import Batch
from otel_llm.collector.errors import Refused
from otel_llm.collector.journal import Journal, JournalConfig
from otel_llm.collector.journal.queue import JournalQueue
from otel_llm.collector.pipeline import TracePipeline
from otel_llm.collector.processors.sample import SampleConfig, SampleProcessor
from otel_llm.collector.wire.pieces import in_pieces
from tests.collector.calls import START, request
from tests.collector.test_pipeline import Watch

WAIT_S = 60.0
"""For another thread to answer; never waited for to the end by a test that passes."""
CHAT = {"gen_ai.operation.name": "chat"}


def spans(trace: int, *given: dict[str, object], error: bool = False, at_s: float = 0.0) -> bytes:
    """A request with spans of one trace; each takes a second."""
    start = START + int(at_s * 1e9)
    message = ExportTraceServiceRequest.FromString(request(*given, start_ns=start, error=error))
    for span in message.resource_spans[0].scope_spans[0].spans:
        span.trace_id = trace.to_bytes(16, "big")
        span.span_id = secrets.token_bytes(8)
    return message.SerializeToString()


def decided(processor: SampleProcessor, *payloads: bytes) -> list[int]:
    """Learn of all, then decide all; return the traces that are kept, once per span."""
    for payload in payloads:
        processor.process(Batch.open(payload))
    kept = [Batch.open(processor.kept(payload)) for payload in payloads]
    return [int(span.trace_id, 16) for batch in kept for span in batch.spans()]


def policies(processor: SampleProcessor) -> dict[str, int]:
    traces = next(f for f in processor.measure() if f.name == "otel_llm_sample_traces")
    return {s.labels["policy"]: s.value for s in traces.samples}


def none_but(**reasons) -> SampleProcessor:
    return SampleProcessor(SampleConfig(rate=0.0, **reasons))


def test_a_trace_is_kept_whole_for_what_one_of_its_spans_says():
    reasons = {
        "error": spans(1, CHAT, error=True),
        "flagged": spans(2, {**CHAT, "otel_llm.quality.flags": ["refusal"]}),
        "condition": spans(3, {"http.route": "/checkout"}),
        "slow": spans(4, {}, at_s=9.0),
        "expensive": spans(5, {**CHAT, "otel_llm.cost.total": 0.6}),
    }
    processor = none_but(slow=10.0, expensive=1.0, keep=("http.route == /checkout",))
    others = [spans(trace, {**CHAT, "otel_llm.cost.total": 0.4}) for trace in (1, 2, 3, 4, 5, 6)]

    kept = decided(processor, *others, *reasons.values())

    assert sorted(kept) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert policies(processor) == {**dict.fromkeys(reasons, 1), "none": 1}


@pytest.mark.parametrize(
    "payload",
    [
        spans(1, {**CHAT, "otel_llm.quality.flags": []}),
        spans(1, {}, at_s=0.0),
        spans(1, {**CHAT, "otel_llm.cost.total": 0.999}),
        spans(1, {**CHAT, "otel_llm.cost.total": 2.0, "otel_llm.duplicate_of": "x"}),
    ],
    ids=["no flags", "no time", "cheap", "seen twice"],
)
def test_what_is_no_reason_keeps_nothing(payload):
    assert decided(none_but(slow=10.0, expensive=1.0), payload) == []


def test_reasons_can_be_turned_off():
    payload = spans(1, {**CHAT, "otel_llm.quality.flags": ["refusal"]}, error=True)

    assert decided(none_but(errors=False, flagged=False), payload) == []


def test_the_share_is_chosen_by_the_id_and_the_same_everywhere():
    payloads = [spans(int.from_bytes(nth.to_bytes(2, "big") * 8), {}) for nth in range(4000)]

    kept = decided(SampleProcessor(SampleConfig(rate=0.25)), *payloads)
    again = decided(SampleProcessor(SampleConfig(rate=0.25)), *reversed(payloads))
    more = decided(SampleProcessor(SampleConfig(rate=0.5)), *payloads)

    assert 800 < len(kept) < 1200
    assert set(kept) == set(again)
    assert set(kept) < set(more)
    assert decided(SampleProcessor(SampleConfig(rate=1.0)), *payloads[:9]) != []


def test_a_late_span_follows_what_was_decided():
    processor = none_but()
    decided(processor, spans(1, {}, error=True), spans(2, {}))

    assert decided(processor, spans(1, {}), spans(2, {}, error=True)) == [1]
    assert policies(processor) == {"error": 1, "none": 1}


def test_when_too_many_wait_the_oldest_is_decided_early_and_stays_so():
    processor = none_but(max_traces=2)
    first, second, third = spans(1, {}), spans(2, {}), spans(3, {})

    for payload in (first, second, third, spans(1, {}, error=True)):
        processor.process(Batch.open(payload))

    assert policies(processor) == {"none": 1}
    assert processor.kept(first) == b""
    assert len(processor.verdicts._waiting) == 2


def test_what_was_known_under_other_settings_is_known_on():
    before, after = none_but(), none_but(slow=1.0)
    for payload in (spans(1, {}, error=True), spans(2, {}), spans(3, {})):
        before.process(Batch.open(payload))
    assert decided(before, spans(3, {}, error=True)) == [3]

    after.verdicts.inherit(before.verdicts)

    payloads = [spans(trace, {}) for trace in (1, 2, 3)]
    kept = [Batch.open(after.kept(payload)) for payload in payloads]
    assert [len(batch) for batch in kept] == [1, 1, 1]
    assert policies(after) == {"error": 2, "slow": 1}


def test_memory_is_bounded_however_many_traces_come():
    processor = none_but(max_traces=10)

    decided(processor, *(spans(nth, {}) for nth in range(500)))

    assert len(processor.verdicts._waiting) <= 10
    assert len(processor.verdicts._decided) <= 40


def test_all_are_seen_by_the_observers_and_only_what_is_kept_by_the_senders():
    watch, sent, processor = Watch(), list[bytes](), none_but()
    pipeline = TracePipeline(
        {"sample": processor}, {"watch": watch}, lambda _, payload: sent.append(payload)
    )
    payloads = [spans(1, CHAT, error=True), spans(2, CHAT)]

    for payload in payloads:
        pipeline.consume(payload)

    assert len(watch.calls) == 2
    assert sent == payloads  # to the room where they wait
    assert [processor.kept(payload) for payload in sent] == [payloads[0], b""]
    assert pipeline.counters.get("otel_llm_pipeline_dropped_spans") == 0
    spans_by = next(f for f in processor.measure() if f.name == "otel_llm_sample_spans")
    assert {s.labels["outcome"]: s.value for s in spans_by.samples} == {"kept": 1, "dropped": 1}


def test_a_trace_in_several_pieces_of_a_large_request_is_kept_whole():
    processor = none_but()
    filler = {"filler": "x" * 2**20}
    failed = {**filler, "otel_llm.quality.flags": ["refusal"]}
    payload = spans(1, *([filler] * 5), failed) + spans(2, filler)

    TracePipeline({"sample": processor}, {}, lambda *_: None).consume(payload)

    kept = [Batch.open(processor.kept(piece)) for piece in in_pieces(payload)]
    assert [len(batch) for batch in kept] == [1, 1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("wrong", [{"rate": 1.1}, {"max_traces": 0}, {"keep": ("==",)}])
def test_a_setting_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|missing"):
        SampleConfig(**wrong)


class Destinations:
    """Where kept requests arrive."""

    def __init__(self) -> None:
        self.given: list[bytes] = []
        self.refusing = False
        self.changed = threading.Condition()

    def __call__(self, payload: bytes) -> None:
        if self.refusing:
            raise Refused("full")
        with self.changed:
            self.given.append(payload)
            self.changed.notify_all()

    def wait_for(self, count: int) -> list[bytes]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.given) >= count, WAIT_S)
            return self.given


Make = Callable[..., SampleProcessor]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Make]:
    """Makes a processor whose room is open; with ``journaled``, over one journal."""
    made: list[SampleProcessor] = []

    def make(forward: Destinations, *, journaled: bool, **config) -> SampleProcessor:
        made.append(SampleProcessor(SampleConfig(rate=0.0, **config)))
        room = made[-1].room
        room.forward = forward
        if journaled:
            room.open_journal = lambda: Journal(JournalConfig(tmp_path), "sample")
        room.start()
        return made[-1]

    yield make
    for processor in made:
        processor.room.stop(WAIT_S)


def take(processor: SampleProcessor, *payloads: bytes) -> None:
    """Let it learn of all before the first may be decided."""
    for payload in payloads:
        processor.process(Batch.open(payload))
    for payload in payloads:
        if kept := processor.room.put(payload):
            kept.result(WAIT_S)


@pytest.mark.parametrize("journaled", [False, True])
def test_what_has_waited_is_given_on_without_what_is_dropped(running: Make, journaled):
    there = Destinations()
    processor = running(there, journaled=journaled, decision_wait=0.2)
    kept = spans(1, {}), spans(1, {}, error=True)

    take(processor, kept[0], spans(2, {}), kept[1])

    assert b"".join(there.wait_for(2)) == b"".join(kept)


@pytest.mark.parametrize("journaled", [False, True])
def test_when_it_stops_all_is_decided_at_once(running: Make, journaled):
    there = Destinations()
    processor = running(there, journaled=journaled, decision_wait=3600.0)
    kept = spans(1, {}, error=True)
    take(processor, kept, spans(2, {}))

    processor.room.stop(WAIT_S)

    assert there.given == [kept]


def test_what_waited_when_the_process_died_is_learnt_again_and_decided(running: Make, tmp_path):
    first, last = spans(1, {}), spans(1, {}, error=True)
    died = Journal(JournalConfig(tmp_path), "sample")
    JournalQueue(died, "sample")
    for payload in (first, spans(2, {}), last):
        died.append(payload)
    died.close()
    there = Destinations()

    running(there, journaled=True, decision_wait=0.1)

    assert b"".join(there.wait_for(2)) == first + last


def test_a_request_stays_in_the_journal_until_it_has_arrived(running: Make, tmp_path):
    there = Destinations()
    there.refusing = True
    processor = running(there, journaled=True, decision_wait=0.0)
    kept = spans(1, {}, error=True)
    take(processor, kept)
    processor.room.stop(0.0)
    assert there.given == []

    there.refusing = False
    running(there, journaled=True, decision_wait=0.0)

    assert there.wait_for(1) == [kept]


def test_before_its_journal_is_open_nothing_is_accepted(tmp_path):
    room = SampleProcessor().room
    room.open_journal = lambda: Journal(JournalConfig(tmp_path), "sample")

    with pytest.raises(Refused, match="not open"):
        room.put(spans(1, {}))


def test_when_the_senders_have_no_room_it_waits_for_them(running: Make):
    there = Destinations()
    there.refusing = True
    processor = running(there, journaled=False, decision_wait=0.0)
    kept = spans(1, {}, error=True)
    take(processor, kept)

    there.refusing = False

    assert there.wait_for(1) == [kept]


def test_when_memory_is_short_the_oldest_is_decided_early_and_more_is_refused(running: Make):
    there = Destinations()
    there.refusing = True
    processor = running(there, journaled=False, decision_wait=3600.0, buffer_size=1000)
    kept = spans(1, {"x": "y" * 940}, error=True)
    take(processor, kept)

    with pytest.raises(Refused):
        take(processor, kept)

    there.refusing = False
    assert there.wait_for(1) == [kept]


def test_an_error_of_its_own_loses_nothing(running: Make, monkeypatch, caplog):
    def broken(self: SampleProcessor, payload: bytes) -> bytes:
        raise RuntimeError("secret")

    monkeypatch.setattr(SampleProcessor, "kept", broken)
    there = Destinations()
    processor = running(there, journaled=False, decision_wait=0.0)
    dropped = spans(1, {})

    take(processor, dropped)

    assert there.wait_for(1) == [dropped]
    assert "RuntimeError while sampling" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("missing", ["start", "end", "both"])
def test_a_span_that_does_not_say_when_makes_no_trace_slow(missing):
    message = ExportTraceServiceRequest.FromString(spans(1, CHAT, {}))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    if missing != "end":
        span.start_time_unix_nano = 0
    if missing != "start":
        span.end_time_unix_nano = 0

    assert decided(none_but(slow=10.0), message.SerializeToString()) == []
