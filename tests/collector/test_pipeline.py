"""What happens to a request between a receiver and the senders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from benchmarks import corpus
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector import pipeline as of_pipeline
from otel_llm.collector.component import Arrival, Signal
from otel_llm.collector.data import Batch, SpanView
from otel_llm.collector.data.records import Records
from otel_llm.collector.errors import Malformed, Permanent, Refused
from otel_llm.collector.pipeline import RecordPipeline, TracePipeline
from otel_llm.collector.processors.cost import CostProcessor
from otel_llm.collector.processors.normalize import NormalizeProcessor
from otel_llm.collector.processors.quality import QualityProcessor
from otel_llm.genai import Call
from tests.collector.calls import request


class Sink:
    """What the senders were given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.given: list[tuple[Signal, bytes]] = []
        self._error = error

    def __call__(self, signal: Signal, payload: bytes) -> None:
        if self._error:
            raise self._error
        self.given.append((signal, payload))


class Mark:
    """Writes its name onto every GenAI span, behind what is there."""

    def __init__(self, name: str) -> None:
        self._name = name

    def process(self, batch: Batch) -> None:
        for span in batch.genai():
            span.set("otel_llm.feature", (span.text("otel_llm.feature") or "") + self._name)


class Broken:
    def process(self, batch: Batch) -> None:
        batch.genai()[0].set("otel_llm.team", "half done")
        raise ValueError("the secret prompt")


class Watch:
    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[Call] = []
        self._error = error

    def observe(self, calls: Sequence[Call]) -> None:
        if self._error:
            raise self._error
        self.calls += calls


CHAT = {"gen_ai.operation.name": "chat"}
BILLED = {
    **CHAT,
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
}


def test_processors_run_in_order_and_observers_see_what_they_made_of_it():
    sink, watch = Sink(), Watch()
    pipeline = TracePipeline({"a": Mark("a"), "b": Mark("b")}, {"watch": watch}, sink)

    pipeline.consume(request(CHAT, {"http.route": "/"}, {"gen_ai.conversation.id": "on a query"}))

    assert [call.feature for call in watch.calls] == ["ab"]
    ((signal, payload),) = sink.given
    assert signal == "traces"
    assert [s.text("otel_llm.feature") for s in Batch.open(payload).spans()] == ["ab", None, "ab"]


def test_a_call_seen_twice_is_observed_once():
    watch = Watch()

    TracePipeline({}, {"watch": watch}, Sink()).consume(
        request(CHAT, {**CHAT, "otel_llm.duplicate_of": "0000000000000001"})
    )

    assert [call.span_id for call in watch.calls] == ["0000000000000001"]


def test_a_broken_processor_costs_nothing_but_its_own_work(caplog):
    sink = Sink()
    pipeline = TracePipeline({"broken": Broken(), "b": Mark("b")}, {}, sink)

    for _ in range(2):
        pipeline.consume(request(CHAT))

    (span,) = Batch.open(sink.given[1][1]).genai()
    assert span.text("otel_llm.feature") == "b"
    assert pipeline.counters.get("otel_llm_processor_failures", component="broken") == 2
    assert len(caplog.records) == 1
    assert "processor broken failed with ValueError at" in caplog.text
    assert "secret" not in caplog.text


class Odd:
    """A price book, and what reads content, for which one model is beyond what was thought of."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method

    def __call__(self, span: SpanView) -> Any:
        if span.text("gen_ai.request.model") == "odd":
            raise ValueError("the secret prompt")
        return self._method(span)


@pytest.mark.parametrize(
    ("processor", "method", "written"),
    [
        (CostProcessor(), "_price", "otel_llm.cost.total"),
        (QualityProcessor(), "_flag", "otel_llm.quality.flags"),
    ],
)
def test_a_span_that_cannot_be_enriched_costs_its_neighbours_nothing(
    monkeypatch, caplog, processor, method, written
):
    monkeypatch.setattr(processor, method, Odd(getattr(processor, method)))
    sink = Sink()
    pipeline = TracePipeline({"it": processor}, {}, sink)

    pipeline.consume(request(BILLED, {**BILLED, "gen_ai.request.model": "odd"}, BILLED))

    enriched = [span.has(written) for span in Batch.open(sink.given[0][1]).genai()]
    assert enriched == [True, False, True]
    assert pipeline.counters.get("otel_llm_processor_failures", component="it") == 1
    assert "secret" not in caplog.text


def test_a_span_that_cannot_be_read_costs_its_neighbours_nothing(monkeypatch, caplog):
    watch = Watch()
    monkeypatch.setattr(of_pipeline, "read_call", Odd(of_pipeline.read_call))

    TracePipeline({}, {"watch": watch}, Sink()).consume(
        request(CHAT, {**CHAT, "gen_ai.request.model": "odd"}, CHAT)
    )

    assert [call.span_id for call in watch.calls] == ["0000000000000001", "0000000000000003"]
    assert "secret" not in caplog.text


def test_a_broken_observer_harms_neither_the_data_nor_the_other_observers(caplog):
    sink, watch = Sink(), Watch()
    observers = {"broken": Watch(OSError("secret")), "watch": watch}
    pipeline = TracePipeline({}, observers, sink)

    pipeline.consume(request(CHAT))

    assert len(watch.calls) == len(sink.given) == 1
    assert pipeline.counters.get("otel_llm_observer_failures", component="broken") == 1
    assert "secret" not in caplog.text


def test_what_the_senders_refuse_is_not_observed_because_it_will_come_again():
    watch = Watch()
    pipeline = TracePipeline({}, {"watch": watch}, Sink(Refused("full")))

    with pytest.raises(Refused):
        pipeline.consume(request(CHAT, CHAT))

    assert watch.calls == []
    assert pipeline.counters.get("otelcol_receiver_refused_spans") == 2
    assert pipeline.counters.get("otelcol_receiver_accepted_spans") == 0


def test_spans_are_counted_by_what_became_of_them():
    pipeline = TracePipeline({"a": Mark("a")}, {}, Sink())

    pipeline.consume(corpus.request("mix", 100))

    genai = len(Batch.open(corpus.request("mix", 100)).genai())
    assert pipeline.counters.get("otelcol_receiver_accepted_spans") == 100
    assert pipeline.counters.get("otel_llm_pipeline_genai_spans") == genai
    assert pipeline.counters.get("otel_llm_pipeline_enriched_spans") == genai
    names = {family.name for family in pipeline.counters.measure()}
    assert "otelcol_receiver_accepted_spans" in names


def test_a_batch_nobody_wrote_to_is_passed_on_as_the_very_bytes():
    sink, payload = Sink(), corpus.request("mix", 10)

    TracePipeline({}, {}, sink).consume(payload)

    assert sink.given[0][1] is payload


def test_an_empty_request_is_taken_and_not_passed_on():
    sink = Sink()

    TracePipeline({}, {}, sink).consume(b"")
    RecordPipeline("logs", {}, sink).consume(b"")

    assert sink.given == []


def test_garbage_is_malformed_and_counted():
    pipeline, logs = TracePipeline({}, {}, Sink()), RecordPipeline("logs", {}, Sink())

    for each in (pipeline, logs):
        with pytest.raises(Malformed):
            each.consume(b"garbage")

    assert pipeline.counters.get("otel_llm_pipeline_malformed") == 1
    assert logs.counters.get("otel_llm_pipeline_malformed", signal="logs") == 1


def test_strict_refuses_what_is_broken_inside_a_span():
    message = ExportTraceServiceRequest()
    message.resource_spans.add().scope_spans.add().spans.add(name="abc")
    broken = message.SerializeToString().replace(b"abc", b"\xff\xff\xff")
    lenient, strict = Sink(), Sink()

    TracePipeline({}, {}, lenient).consume(broken)
    with pytest.raises(Malformed):
        TracePipeline({}, {}, strict, strict=True).consume(broken)

    assert lenient.given == [("traces", broken)]
    assert strict.given == []


def test_metrics_and_logs_are_passed_through_and_counted():
    metrics = ExportMetricsServiceRequest()
    scope = metrics.resource_metrics.add().scope_metrics.add()
    scope.metrics.add(name="a").sum.data_points.add(as_int=1)
    points = scope.metrics.add(name="b").histogram.data_points
    points.add(count=1)
    points.add(count=2)
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add(severity_number=9)
    sink = Sink()
    for_metrics, for_logs = RecordPipeline("metrics", {}, sink), RecordPipeline("logs", {}, sink)

    for_metrics.consume(metrics.SerializeToString())
    for_logs.consume(logs.SerializeToString())

    assert sink.given == [
        ("metrics", metrics.SerializeToString()),
        ("logs", logs.SerializeToString()),
    ]
    assert for_metrics.counters.get("otelcol_receiver_accepted_metric_points") == 3
    assert for_logs.counters.get("otelcol_receiver_accepted_log_records") == 1


def test_concatenated_requests_are_one_request():
    first, second = corpus.request("mix", 5, 1), corpus.request("mix", 7, 2)

    assert len(Batch.open(first + second)) == 12


def test_what_the_disk_does_not_take_is_seen_once_when_it_comes_again():
    watch, kept = Watch(), [Future[None](), Future[None]()]
    waiting = iter(kept)
    pipeline = TracePipeline({}, {"watch": watch}, lambda *_: next(waiting))
    for _ in kept:
        pipeline.consume(request(CHAT))
    before = list(watch.calls)

    kept[0].set_exception(Refused("the journal cannot be synced"))
    after_failure = list(watch.calls)
    kept[1].set_result(None)

    assert (before, after_failure, len(watch.calls)) == ([], [], 1)
    assert pipeline.counters.get("otelcol_receiver_refused_spans") == 1
    assert pipeline.counters.get("otelcol_receiver_accepted_spans") == 1


def test_of_several_pipelines_one_counts_and_only_when_all_have_taken_it():
    watch, first, last = Watch(), Future[None](), Future[None]()
    one = TracePipeline({}, {"watch": watch}, lambda *_: first)
    other = TracePipeline({}, {"watch": watch}, lambda *_: last, counters=one.counters)

    kept = other.consume(request(CHAT), others=[one.consume(request(CHAT), others=None)])
    last.set_result(None)
    meanwhile = list(watch.calls)
    first.set_result(None)

    assert kept
    assert kept.done()
    assert (meanwhile, len(watch.calls)) == ([], 1)
    assert one.counters.get("otelcol_receiver_accepted_spans") == 1


LARGE = [{**BILLED, "filler": "x" * 2**20} for _ in range(6)]
"""A request of these is processed in pieces."""


class Sizes:
    """How large the batches are. It lets nothing go on after so many."""

    fails_closed = True

    def __init__(self, most: int = 100) -> None:
        self.seen: list[int] = []
        self._most = most

    def process(self, batch: Batch | Records) -> None:
        self.seen.append(len(list(batch.spans())))
        if len(self.seen) > self._most:
            raise ValueError("broken")


def test_a_large_request_is_processed_in_pieces_and_counted_and_seen_as_one():
    sink, watch, sizes = Sink(), Watch(), Sizes()
    payload = request(*LARGE)
    pipeline = TracePipeline({"sizes": sizes, "a": Mark("a")}, {"watch": watch}, sink)

    pipeline.consume(payload)

    assert sizes.seen == [1] * 6
    assert [call.span_id for call in watch.calls] == [f"{nth:016x}" for nth in range(1, 7)]
    ((_, given),) = sink.given
    assert [span.text("otel_llm.feature") for span in Batch.open(given).spans()] == ["a"] * 6
    assert pipeline.counters.get("otelcol_receiver_accepted_spans") == 6
    assert pipeline.counters.get("otel_llm_pipeline_genai_spans") == 6


def test_nothing_of_a_large_request_goes_on_when_the_last_piece_may_not():
    sink, watch = Sink(), Watch()
    pipeline = TracePipeline({"sizes": Sizes(most=5)}, {"watch": watch}, sink)

    with pytest.raises(Permanent):
        pipeline.consume(request(*LARGE))

    assert (sink.given, watch.calls) == ([], [])


def test_a_large_request_of_logs_is_processed_in_pieces_too():
    sink, sizes, logs = Sink(), Sizes(), ExportLogsServiceRequest()
    records = logs.resource_logs.add().scope_logs.add().log_records
    for nth in range(6):
        records.add(event_name=f"event {nth}").body.string_value = "x" * 2**20
    pipeline = RecordPipeline("logs", {"sizes": sizes}, sink)

    pipeline.consume(logs.SerializeToString())

    assert sizes.seen == [1] * 6
    ((_, given),) = sink.given
    found = ExportLogsServiceRequest.FromString(given).resource_logs
    assert [r for group in found for s in group.scope_logs for r in s.log_records] == [*records]
    assert pipeline.counters.get("otelcol_receiver_accepted_log_records") == 6


def test_what_repeats_a_call_of_another_piece_is_known_as_if_it_had_come_by_itself():
    watch = Watch()
    first, *between, last = [
        {**call, "gen_ai.response.id": f"r{n}"} for n, call in enumerate(LARGE)
    ]
    last["gen_ai.response.id"] = "r0"
    pipeline = TracePipeline({"normalize": NormalizeProcessor()}, {"watch": watch}, Sink())

    pipeline.consume(request(first, *between, last))

    assert [call.span_id for call in watch.calls] == [f"{nth:016x}" for nth in range(1, 6)]


def test_what_was_received_is_counted_by_receiver_and_transport():
    pipeline = TracePipeline({}, {}, Sink())

    pipeline.consume(request(CHAT), Arrival("otlp/edge", "grpc"))

    labels = {"receiver": "otlp/edge", "transport": "grpc"}
    assert pipeline.counters.get("otelcol_receiver_accepted_spans", **labels) == 1
