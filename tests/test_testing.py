"""The test helpers keep their own promises, seen through the real SDK and the real exporters."""

from __future__ import annotations

import subprocess
import sys
from threading import Event

import openai
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

from otel_llm.testing import CUT, FakeProvider, OtlpSink, captured, json_answer, sse
from otel_llm.testing import openai as wire

ASK = {"model": "m", "messages": [{"role": "user", "content": "two plus two"}]}


@pytest.fixture
def provider():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
def client(provider):
    with openai.OpenAI(base_url=f"{provider.url}/v1", api_key="k", max_retries=0) as client:
        yield client


def test_every_route_gives_the_sdk_an_answer_it_accepts(client):
    assert client.chat.completions.create(**ASK).choices[0].message.content.startswith(wire.TEXT)
    assert client.responses.create(model="m", input="2+2").output_text.startswith(wire.TEXT)
    assert client.responses.retrieve("resp_9").id == "resp_9"
    assert client.responses.compact(model="m").usage.input_tokens == 120
    assert len(client.embeddings.create(model="e", input=["a", "b"]).data) == 2
    assert client.completions.create(model="m", prompt="2+2").choices[0].text == wire.TEXT
    assert client.images.generate(model="i", prompt="a cat").usage.output_tokens == 100
    assert client.images.edit(image=b"png", prompt="a cat").usage.output_tokens == 100
    heard = client.audio.transcriptions.create(model="t", file=("a.wav", b"RIFF"))
    assert heard.text == wire.TEXT
    assert [model.id for model in client.models.list()] == ["gpt-4o-mini"]


def test_every_stream_gives_the_sdk_events_it_accepts(client):
    with client.chat.completions.stream(**ASK, stream_options={"include_usage": True}) as stream:
        assert stream.get_final_completion().usage.prompt_tokens > 0
    with client.responses.stream(model="m", input="2+2") as stream:
        assert stream.get_final_response().output_text.startswith(wire.TEXT)
    words = client.completions.create(model="m", prompt="2+2", stream=True)
    assert "".join(word.choices[0].text for word in words) == wire.TEXT
    pictures = client.images.generate(model="i", prompt="a cat", stream=True)
    assert [p.type for p in pictures][-1] == "image_generation.completed"
    heard = client.audio.transcriptions.create(model="t", file=("a.wav", b"RIFF"), stream=True)
    assert [event.type for event in heard][-1] == "transcript.text.done"


def test_a_stream_tells_usage_only_when_it_was_asked_for(client):
    assert all(chunk.usage is None for chunk in client.chat.completions.create(**ASK, stream=True))


def test_queued_answers_come_before_the_routes_and_in_order(client, provider):
    provider.queue(wire.error(429, retry_after="7"), json_answer(wire.completion(id="queued")))

    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(**ASK)
    queued = client.chat.completions.create(**ASK)
    routed = client.chat.completions.create(**ASK)

    assert refused.value.response.headers["retry-after"] == "7"
    assert (queued.id, routed.id) == ("queued", "chatcmpl-1")


def test_requests_are_kept_with_headers_and_body(client, provider):
    client.chat.completions.create(**ASK, extra_headers={"X-Team": "blue"})

    (received,) = provider.requests
    assert (received.method, received.path) == ("POST", "/v1/chat/completions")
    assert (received.headers["x-team"], received.json()) == ("blue", ASK)


def test_an_unknown_route_is_a_404(client):
    with pytest.raises(openai.NotFoundError):
        client.get("/nowhere", cast_to=object)


def test_a_cut_connection_is_an_error_of_the_sdk_after_the_chunks_before_it(client, provider):
    chunks = wire.completion_chunks()
    provider.queue(sse([chunks[0], chunks[1], CUT]))
    received = []

    with pytest.raises(openai.APIConnectionError):
        received.extend(client.chat.completions.create(**ASK, stream=True))

    assert len(received) == 2


def test_an_event_holds_a_chunk_back_until_the_test_lets_it_go(client, provider):
    gate, chunks = Event(), wire.completion_chunks()
    provider.queue(sse([chunks[0], gate, chunks[1]]))

    stream = client.chat.completions.create(**ASK, stream=True)
    first = next(stream)
    gate.set()

    assert (first.choices[0].delta.role, len(list(stream))) == ("assistant", 1)


def test_stopping_does_not_wait_for_a_client_that_keeps_its_connection():
    with FakeProvider(wire.ROUTES) as provider:
        client = openai.OpenAI(base_url=f"{provider.url}/v1", api_key="k")
        client.models.list()
    client.close()


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_sink_decodes_what_an_exporter_sends(protocol):
    with OtlpSink() as sink, captured() as telemetry:
        telemetry.tracer_provider.get_tracer("t").start_span("one").end()
        exporter = _exporter(protocol, sink)
        exporter.export(telemetry.finished)
        exporter.shutdown()

        assert sink.wait(lambda s: s.spans())
        assert [span.name for span in sink.spans()] == ["one"]
        assert sink.headers[0]["x-key"] == "v"


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_refused_request_is_counted_and_not_kept(protocol):
    with OtlpSink() as sink, captured() as telemetry:
        sink.refuse(1)
        telemetry.tracer_provider.get_tracer("t").start_span("one").end()
        exporter = _exporter(protocol, sink)
        exporter.export(telemetry.finished)
        exporter.shutdown()

        assert sink.wait(lambda s: s.spans())
        assert (sink.refused, len(sink.traces)) == (1, 1)


def _exporter(protocol, sink):
    if protocol == "grpc":
        return GrpcExporter(endpoint=sink.grpc_endpoint, headers={"x-key": "v"})
    return HttpExporter(endpoint=f"{sink.http_endpoint}/v1/traces", headers={"X-Key": "v"})


def test_captured_telemetry_is_plain_values():
    with captured() as telemetry:
        tracer = telemetry.tracer_provider.get_tracer("t")
        tracer.start_span("one", attributes={"a": 1}).end()
        telemetry.meter_provider.get_meter("m").create_counter("c").add(3)

        assert telemetry.span() == {"name": "one", "kind": "INTERNAL", "status": "UNSET", "a": 1}
        assert [point.value for point in telemetry.points("c")] == [3]
        assert telemetry.metric_names() == {"c"}


def test_importing_the_helpers_loads_no_grpc_and_no_protobuf():
    program = (
        "import sys, otel_llm.testing;"
        "print([m for m in sys.modules if m.startswith(('grpc', 'google'))])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
