"""One call that two instrumentations saw, neither of which knew of the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.data import Batch
from otel_llm.collector.normalize.known_calls import SHARED_BYTES, SharedCalls
from otel_llm.collector.processors.normalize import NormalizeProcessor
from otel_llm.collector.shared_memory import shared_file

MS = 1_000_000
OURS, THEIRS = "otel_llm.instrumentation.openai", "langfuse-sdk"
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
}
OUT = "gen_ai.usage.output_tokens"
UNTOLD = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
EMBEDDING = {"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 3}


def span(
    scope: str,
    number: int,
    says: dict[str, Any],
    *,
    parent: int = 0,
    trace: int = 0,
    start: int = 1000,
    took: int = 100,
    service: str = "shop",
    failed: bool = False,
) -> ExportTraceServiceRequest:
    """A request of one span; times in ms; without ``trace`` it begins one of its own."""
    message = ExportTraceServiceRequest()
    sent = message.resource_spans.add()
    sent.resource.attributes.add(key="service.name").value.string_value = service
    scoped = sent.scope_spans.add()
    scoped.scope.name = scope
    one = scoped.spans.add(
        trace_id=(trace or number).to_bytes(16),
        span_id=number.to_bytes(8),
        parent_span_id=parent.to_bytes(8) if parent else b"",
        start_time_unix_nano=start * MS,
        end_time_unix_nano=(start + took) * MS,
    )
    one.status.code = 2 if failed else 0
    for name, value in says.items():
        put = one.attributes.add(key=name).value
        if isinstance(value, int):
            put.int_value = value
        else:
            put.string_value = value
    return message


@pytest.fixture(name="processor", params=["alone", "of several"])
def processor_fixture(request: pytest.FixtureRequest) -> Iterator[NormalizeProcessor]:
    made, file = NormalizeProcessor(), shared_file(SHARED_BYTES)
    if request.param == "of several":
        made.duplicates.known = SharedCalls(file, "normalize")
    yield made
    os.close(file)


def marks(processor: NormalizeProcessor, *batches: ExportTraceServiceRequest) -> dict[str, str]:
    """Span to the one it repeats."""
    found: dict[str, str] = {}
    for message in batches:
        batch = Batch.open(message.SerializeToString())
        processor.process(batch)
        for one in batch.genai():
            if counts := one.text("otel_llm.duplicate_of"):
                found[one.span_id.lstrip("0")] = counts.lstrip("0")
    return found


def joined(*messages: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    whole = ExportTraceServiceRequest()
    for message in messages:
        whole.MergeFrom(message)
    return whole


Arrives = Callable[..., tuple[ExportTraceServiceRequest, ...]]
TOGETHER: Arrives = lambda *them: (joined(*them),)  # noqa: E731 - one line each
APART: Arrives = lambda *them: them  # noqa: E731


@pytest.mark.parametrize("arrive", [TOGETHER, APART])
@pytest.mark.parametrize(
    "around", [{}, {"parent": 9, "trace": 9}], ids=["nothing around", "below the same"]
)
@pytest.mark.parametrize("says", [CALL, UNTOLD, EMBEDDING])
def test_what_two_saw_side_by_side_counts_once(processor, says, around, arrive):
    theirs = span(THEIRS, 1, says, **around)
    ours = span(OURS, 2, says, start=1001, took=98, **around)

    assert marks(processor, *arrive(theirs, ours)) == {"2": "1"}


def test_of_both_the_one_that_knows_its_response_counts(processor):
    served = {"gen_ai.response.id": "r-1", "gen_ai.response.model": "gpt-4o-2024-08-06"}
    theirs = span(THEIRS, 1, {**CALL, "gen_ai.request.model": "gpt-4o-2024-08-06"})

    assert marks(processor, joined(theirs, span(OURS, 2, {**CALL, **served}))) == {"1": "2"}


@pytest.mark.parametrize(
    "other",
    [
        span(OURS, 2, CALL),
        span(THEIRS, 2, {**CALL, "gen_ai.usage.output_tokens": 6}),
        span(THEIRS, 2, {**CALL, "gen_ai.request.model": "gpt-4o-mini"}),
        span(THEIRS, 2, CALL, failed=True),
        span(THEIRS, 2, CALL, service="another"),
        span(THEIRS, 2, CALL, parent=9, trace=9),
        span(THEIRS, 2, CALL, start=1100),
        span(THEIRS, 2, CALL, took=500),
        span(THEIRS, 2, {**CALL, "gen_ai.operation.name": "embeddings"}),
    ],
    ids=[
        "the same maker",
        "tokens",
        "model",
        "outcome",
        "service",
        "place",
        "start",
        "end",
        "kind",
    ],
)
def test_what_differs_is_another_call(processor, other):
    assert marks(processor, joined(span(OURS, 1, CALL), other)) == {}


def test_calls_of_other_responses_are_others(processor):
    """Beside OpenTelemetry's own some calls have a span of ours, and some one of theirs."""
    one, other = ({**CALL, "gen_ai.response.id": id} for id in ("r-1", "r-2"))

    assert marks(processor, joined(span(OURS, 1, one), span(THEIRS, 2, other))) == {}


@pytest.mark.parametrize("arrive", [TOGETHER, APART])
def test_a_response_that_another_counts_otherwise_is_the_same_call(processor, arrive):
    """OpenLLMetry adds the placeholder of Anthropic's streams to the tokens that were put out."""
    served = {**CALL, "gen_ai.response.id": "r-1"}
    theirs = span("opentelemetry.instrumentation.anthropic", 1, served | {OUT: 6})

    assert len(marks(processor, *arrive(theirs, span(OURS, 2, served, start=1001, took=98)))) == 1


@pytest.mark.parametrize("arrive", [TOGETHER, APART, lambda *them: them[::-1]])
def test_the_same_response_within_a_call_that_took_far_longer_counts_once(processor, arrive):
    """LiteLLM's callback around its first call, in which it imports what it needs: in a trace of
    its own, 3.9 s of which the provider took 41 ms."""
    served = {**CALL, "gen_ai.response.id": "r-1"}
    theirs = span("litellm", 1, served, took=3900)
    ours = span(OURS, 2, served, start=4800, took=41)

    assert len(marks(processor, *arrive(theirs, ours))) == 1


def test_the_same_response_at_another_time_is_another_call(processor):
    """Servers that number their answers begin anew."""
    served = {**CALL, "gen_ai.response.id": "chatcmpl-1"}
    theirs = span("litellm", 1, served, took=3900)

    assert marks(processor, joined(theirs, span(OURS, 2, served, start=4880, took=41))) == {}


def test_of_a_response_that_two_tell_differently_ours_counts(processor):
    """LangSmith calls a stream failed that the program closed, OpenInference counts it."""
    closed = {**UNTOLD, "gen_ai.response.id": "r-1"}
    theirs = span("langsmith", 1, closed, failed=True)

    assert marks(processor, joined(theirs, span(OURS, 2, closed, start=1001))) == {"1": "2"}


def test_of_a_response_in_one_trace_ours_counts(processor):
    """OpenInference takes what Anthropic's streams begin with for the answer of a broken one."""
    told = {**UNTOLD, "gen_ai.response.id": "r-1", "gen_ai.usage.input_tokens": 10}
    ours = span(OURS, 1, told, trace=9, failed=True)
    theirs = span(THEIRS, 2, told | {OUT: 1, "more": "said"}, trace=9, parent=1, failed=True)

    assert marks(processor, joined(theirs, ours)) == {"2": "1"}


def test_the_same_id_for_another_input_is_another_response(processor):
    served = {**CALL, "gen_ai.response.id": "r-1"}
    theirs = span(THEIRS, 1, {**served, "gen_ai.usage.input_tokens": 11})

    assert marks(processor, joined(theirs, span(OURS, 2, served))) == {}


def test_embeddings_that_another_says_put_out_nothing_are_the_same(processor):
    theirs = span("", 1, {**EMBEDDING, OUT: 0})

    assert marks(processor, joined(theirs, span(OURS, 2, EMBEDDING, start=1001, took=98))) == {
        "2": "1"
    }


@pytest.mark.parametrize(
    "full",
    [
        "anthropic.claude-haiku-4-5-20251001-v1:0",
        "us-gov.anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
    ],
)
@pytest.mark.parametrize("says", [CALL, UNTOLD])
def test_a_model_without_its_vendor_is_the_same(processor, says, full):
    short = "claude-haiku-4-5-20251001-v1:0"
    ours = span(OURS, 1, {**says, "gen_ai.request.model": full})
    theirs = span(THEIRS, 2, {**says, "gen_ai.request.model": short}, start=1001)

    assert marks(processor, joined(ours, theirs)) == {"2": "1"}


def test_whose_model_it_was_and_why_it_failed_is_told_by_who_knows(processor):
    theirs = span(THEIRS, 1, {**UNTOLD, "error.type": "_OTHER"}, failed=True)
    known = {**UNTOLD, "gen_ai.provider.name": "openai", "error.type": "openai.BadRequestError"}
    batch = Batch.open(
        joined(theirs, span(OURS, 2, known, start=1001, took=98, failed=True)).SerializeToString()
    )

    processor.process(batch)

    (counts,) = [one for one in batch.genai() if not one.has("otel_llm.duplicate_of")]
    assert counts.scope_name == THEIRS
    assert counts.text("gen_ai.provider.name") == "openai"
    assert counts.text("error.type") == "openai.BadRequestError"


GOOGLE = "otel_llm.instrumentation.google_genai"
ROUNDS = {**CALL, "gen_ai.response.id": "r-2", "gen_ai.usage.input_tokens": 20, OUT: 10}


@pytest.mark.parametrize("outer", ["ours", "theirs"])
def test_of_a_call_whose_functions_google_called_all_rounds_count(processor, outer):
    above, below = (GOOGLE, ROUNDS), (THEIRS, CALL)
    above, below = (above, below) if outer == "ours" else (below, above)
    both = joined(
        span(above[0], 1, above[1], trace=9),
        span(below[0], 2, below[1], trace=9, parent=1, start=1001, took=98),
    )

    assert marks(processor, both) == ({"2": "1"} if outer == "ours" else {"1": "2"})


@pytest.mark.parametrize(
    ("scope", "took", "says"),
    [
        (GOOGLE, 10, CALL),
        (GOOGLE, 98, {**CALL, "gen_ai.request.model": "another"}),
        (GOOGLE, 98, {**CALL, "gen_ai.usage.input_tokens": 30}),
        (OURS, 98, CALL),
    ],
    ids=["within it", "another model", "more than all", "no rounds"],
)
def test_another_call_below_one_with_rounds_counts_too(processor, scope, took, says):
    below = span(THEIRS, 2, says, trace=9, parent=1, start=1001, took=took)

    assert marks(processor, joined(span(scope, 1, ROUNDS, trace=9, took=200), below)) == {}


@pytest.mark.parametrize("trace", [0, 9], ids=["two traces", "one trace"])
@pytest.mark.parametrize("more", [{}, {"gen_ai.request.stream": "x"}])
def test_of_a_response_that_two_others_tell_differently_the_sdks_own_counts(processor, trace, more):
    answer = {**CALL, "gen_ai.response.id": "r-1"}
    theirs = span(THEIRS, 1, {**answer, OUT: 6, **more}, trace=trace)
    sdks = span("com.anthropic.sdk.python", 2, answer, start=1001, took=98, trace=trace)

    assert marks(processor, joined(theirs, sdks)) == {"1": "2"}


def test_what_says_nothing_right_below_a_call_of_another_maker_repeats_it(processor):
    """OpenInference's of a raw response, which it does not read."""
    ours = span(OURS, 1, {**CALL, "gen_ai.response.id": "r-1"}, trace=9)
    theirs = span("openinference.instrumentation.anthropic", 2, UNTOLD, parent=1, trace=9)
    failed = span(
        "openinference.instrumentation.anthropic", 3, UNTOLD, parent=1, trace=9, failed=True
    )
    other = span(THEIRS, 4, {**UNTOLD, "gen_ai.request.model": "m"}, parent=1, trace=9, start=2000)

    assert marks(processor, joined(ours, theirs, failed, other)) == {"2": "1"}


def test_a_quick_failure_that_a_wrapper_took_long_to_log_is_the_same(processor):
    theirs = span(THEIRS, 1, UNTOLD, failed=True, took=40)
    ours = span(OURS, 2, UNTOLD, failed=True, start=1001, took=2)

    assert marks(processor, joined(theirs, ours)) == {"2": "1"}


def test_calls_that_are_alike_and_come_one_after_the_other_have_each_their_twin(processor):
    theirs = [span(THEIRS, n, CALL, start=n * 1000) for n in range(1, 5)]
    ours = [span(OURS, n + 8, CALL, start=n * 1000 + 1, took=98) for n in range(1, 5)]

    found = marks(processor, joined(*theirs, *ours))

    assert found == {"9": "1", "a": "2", "b": "3", "c": "4"}


@pytest.mark.parametrize("arrive", [TOGETHER, APART])
def test_the_same_response_in_another_trace_counts_once(processor, arrive):
    """OpenInference's of LangChain within a chain: the client's span begins a trace of its own."""
    served = {**CALL, "gen_ai.response.id": "r-1"}
    inner = span("openinference.instrumentation.openai", 1, served)
    framework = span("openinference.instrumentation.langchain", 2, served, trace=9, parent=9)

    assert len(marks(processor, *arrive(inner, framework))) == 1


@pytest.mark.parametrize("arrive", [TOGETHER, APART])
def test_a_framework_around_two_instrumentations_of_a_client_counts_once(processor, arrive):
    """OpenInference's of LangChain makes its span nobody's parent."""
    framework = span("openinference.instrumentation.langchain", 1, CALL, start=990, took=120)
    outer = span(OURS, 2, CALL, trace=2, start=1000, took=100)
    inner = span("openinference.instrumentation.openai", 3, CALL, trace=2, parent=2, start=1001)

    assert len(marks(processor, *arrive(inner, outer, framework))) == 2


@pytest.mark.parametrize("says", [CALL, UNTOLD, EMBEDDING])
def test_what_is_below_another_makers_call_repeats_it_also_where_it_comes_after_it(processor, says):
    """Logfire's spans go by an exporter of their own; its log of a stream is at the very end."""
    outer = span(OURS, 1, says, trace=9)
    inner = span("another", 2, says, trace=9, parent=1, start=1099, took=0)

    assert marks(processor, outer, inner) == {"2": "1"}


def test_what_is_below_another_makers_call_repeats_it_where_nobody_knows_tokens(processor):
    outer = span(OURS, 1, UNTOLD, trace=9)
    inner = span("another", 2, UNTOLD, trace=9, parent=1, start=1099, took=0)

    assert len(marks(processor, inner, outer)) == 1


def test_a_call_is_not_the_search_for_what_it_is_about(processor):
    outer = span("my-app", 1, {"gen_ai.operation.name": "chat"}, trace=9)
    inner = span(OURS, 2, EMBEDDING, trace=9, parent=1, start=1010, took=10)

    assert marks(processor, joined(inner, outer)) == {}


def test_where_there_were_none_for_long_some_batches_are_looked_at_until_there_is_one(monkeypatch):
    monkeypatch.setattr("otel_llm.collector.normalize.twins._PATIENCE", 2)
    monkeypatch.setattr("otel_llm.collector.normalize.twins._SAMPLED", 5)
    processor = NormalizeProcessor()
    pairs = [joined(span(THEIRS, n, CALL), span(OURS, n + 100, CALL)) for n in range(1, 11)]

    looked = [
        bool(marks(processor, span(OURS, 99, CALL))),
        *(bool(marks(processor, p)) for p in pairs),
    ]

    assert looked == [False] * 4 + [True] * 7
