"""Spans as today's senders really write them (``tests/data/senders.json``: run and recorded, or
laid out after their sources), in the words of the conventions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.calls import read_call
from otel_llm.collector.data import Batch, SpanView
from otel_llm.collector.normalize.counts import counts_of
from otel_llm.collector.normalize.messages import as_messages
from otel_llm.collector.processors.cost import CostProcessor
from otel_llm.collector.processors.normalize import NormalizeConfig, NormalizeProcessor
from otel_llm.collector.processors.quality import QualityProcessor
from tests.collector.calls import attributes, batch, request
from tests.collector.records import pairs
from tests.collector.test_normalize import CALL, said, text
from tests.messages import content_problems

SENDERS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "senders.json").read_text("utf-8")
)
MESSAGES = ("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions")


def sent(recording: dict[str, Any]) -> bytes:
    message = ExportTraceServiceRequest.FromString(request(recording["attributes"]))
    scope = message.resource_spans[0].scope_spans[0]
    scope.scope.name = recording["scope"]
    scope.spans[0].name = recording["name"]
    for name, given in recording.get("events", ()):
        scope.spans[0].events.add(name=name).attributes.extend(pairs(given))
    return message.SerializeToString()


def passed(payload: bytes, **config: Any) -> bytes:
    opened = Batch.open(payload)
    NormalizeProcessor(NormalizeConfig(**config)).process(opened)
    return opened.to_bytes()


def span_of(payload: bytes) -> SpanView:
    (span,) = Batch.open(payload).genai()
    return span


@pytest.fixture(params=SENDERS)
def recording(request: pytest.FixtureRequest) -> dict[str, Any]:
    return SENDERS[request.param]


def test_what_a_sender_writes_is_said_in_the_words_of_the_conventions(recording):
    span = span_of(passed(sent(recording)))

    assert attributes(span) == recording["normalized"]
    left = [[name, dict(given)] for name, given in span.events()]
    assert left == recording.get("events_left", [])


def test_messages_have_the_shape_of_the_conventions(recording):
    span = span_of(passed(sent(recording)))

    for name in MESSAGES:
        if span.has(name):
            problems = content_problems(name, json.loads(span.text(name) or ""))
            # How an answer ended is said where the sender said it.
            assert [p for p in problems if not p.endswith("has no finish_reason")] == []


def test_two_collectors_in_a_row_say_what_one_does(recording):
    once = passed(sent(recording))

    assert passed(once) == once


def test_where_old_names_are_kept_two_collectors_say_what_one_does_too(recording):
    once = passed(sent(recording), keep_originals=True)

    assert passed(once, keep_originals=True) == once
    assert {**attributes(span_of(once)), **recording["normalized"]} == attributes(span_of(once))


USAGES = {
    "OpenAI": (
        {"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130,
         "prompt_tokens_details": {"cached_tokens": 40},
         "completion_tokens_details": {"reasoning_tokens": 20}},
        (100, 30),
    ),
    "OpenAI Responses": (
        {"input_tokens": 100, "output_tokens": 30, "total_tokens": 130,
         "input_tokens_details": {"cached_tokens": 40},
         "output_tokens_details": {"reasoning_tokens": 20}},
        (100, 30),
    ),
    "Anthropic": (
        {"input_tokens": 50, "output_tokens": 30, "cache_read_input_tokens": 40,
         "cache_creation_input_tokens": 10},
        (100, 30),
    ),
    "Bedrock": (
        {"inputTokens": 50, "outputTokens": 30, "totalTokens": 130, "cacheReadInputTokens": 50,
         "cacheWriteInputTokens": 0},
        (100, 30),
    ),
    "Gemini": (
        {"promptTokenCount": 100, "candidatesTokenCount": 10, "thoughtsTokenCount": 20,
         "cachedContentTokenCount": 40, "totalTokenCount": 130},
        (100, 30),
    ),
    "Gemini without a total": (
        {"prompt_token_count": 100, "candidates_token_count": 10, "thoughts_token_count": 20,
         "cached_content_token_count": 40},
        (100, 30),
    ),
    "LangChain": (
        {"input_tokens": 100, "output_tokens": 30, "total_tokens": 130, "cache_read": 40},
        (100, 30),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("usage", "whole"), USAGES.values(), ids=USAGES)
def test_a_usage_is_whole_however_its_parts_are_counted(usage, whole):
    counts = counts_of(usage)

    assert (counts["gen_ai.usage.input_tokens"], counts["gen_ai.usage.output_tokens"]) == whole


@pytest.mark.parametrize(
    ("total", "input_tokens"),
    [(None, 100), (110, 100), (150, 140), (120, 100), (999, 100)],
)
def test_a_total_tells_whether_the_cache_is_counted_apart(total, input_tokens):
    span = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 40,
        **({} if total is None else {"gen_ai.usage.total_tokens": total}),
    }

    found = attributes(span_of(passed(request(span))))

    assert found["gen_ai.usage.input_tokens"] == input_tokens
    assert found["gen_ai.usage.output_tokens"] == 10


def test_what_other_events_say_stays_with_them():
    given = {
        **SENDERS["Strands 1, a model"],
        "attributes": {"gen_ai.operation.name": "chat"},
        "events": [["gen_ai.user.message", {"content": "Hi"}], ["retry", {"message": "429"}]],
    }

    span = span_of(passed(sent(given)))

    assert [(n, dict(a)) for n, a in span.events()] == [
        ("gen_ai.user.message", {}),
        ("retry", {"message": "429"}),
    ]


SHAPES = {
    "of a request to Responses": (
        [
            {"role": "user", "content": "How warm?"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "4"},
        ],
        [
            said("user", text("How warm?")),
            said("assistant", {"type": "reasoning", "content": "hm"}),
            said("assistant", {**CALL, "arguments": {}}),
            said("tool", {"type": "tool_call_response", "response": "4", "id": "c1"}),
        ],
    ),
    "of an answer of Gemini": (
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "4"}]},
                         "finishReason": "MAX_TOKENS"}]},
        [said("assistant", text("4"), finish_reason="length")],
    ),
    "of an answer that was refused": (
        {"role": "assistant", "content": None, "refusal": "No."},
        [said("assistant", text("No."))],
    ),
    "of an answer that was thought about": (
        {"role": "assistant", "reasoning_content": "hm", "content": "4"},
        [said("assistant", {"type": "reasoning", "content": "hm"}, text("4"))],
    ),
    "of an answer of Responses in a list": (
        [{"object": "response", "output": [
            {"type": "message", "role": "assistant",
             "content": [{"type": "output_text", "text": "4"}]}]}],
        [said("assistant", text("4"))],
    ),
    "of LangChain, as LangGraph writes them down": (
        [{"type": "human", "content": "How warm?", "additional_kwargs": {}, "id": "m1"},
         {"type": "ai", "content": "", "additional_kwargs": {}, "id": "m2",
          "response_metadata": {"finish_reason": "tool_calls"},
          "tool_calls": [{**CALL, "type": "tool_call"}]},
         {"type": "tool", "content": "4", "additional_kwargs": {}, "tool_call_id": "c1"}],
        [
            said("user", text("How warm?")),
            said("assistant", CALL, finish_reason="tool_call"),
            said("tool", {"type": "tool_call_response", "response": "4", "id": "c1"}),
        ],
    ),
    "of a tool that is called twice over": (
        {"role": "assistant",
         "content": [{**CALL, "type": "tool_use"}],
         "tool_calls": [{"id": "c1", "name": "weather", "args": {"city": "Oslo"}}]},
        [said("assistant", CALL)],
    ),
    "of nothing": ({}, []),
}  # fmt: skip


@pytest.mark.parametrize(("given", "read"), SHAPES.values(), ids=SHAPES)
def test_messages_are_read(given, read):
    assert as_messages(json.dumps(given), "user" if given != {} else "assistant") == read


def test_a_framework_that_names_itself_leaves_the_price_to_the_model():
    opened = batch(SENDERS["Strands 1, a model"]["normalized"])

    CostProcessor().process(opened)

    (span,) = opened.genai()
    assert span.text(
        "otel_llm.cost.price.match",
    ) == ("aws/regional.anthropic.claude-sonnet-4-20250514-v1:0")


@pytest.mark.parametrize(("error", "counted"), [(False, [False, True]), (True, [True, True])])
def test_a_framework_that_knows_no_tokens_repeats_the_call_below_it(error, counted):
    inner = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
    }
    message = ExportTraceServiceRequest.FromString(
        request({"gen_ai.operation.name": "chat"}, inner)
    )
    spans = message.resource_spans[0].scope_spans[0].spans
    spans[1].parent_span_id = spans[0].span_id
    spans[0].status.code = 2 if error else 0

    opened = Batch.open(passed(message.SerializeToString()))

    assert [not span.has("otel_llm.duplicate_of") for span in opened.genai()] == counted


def test_a_call_of_claude_code_is_billed_with_what_its_cache_held():
    opened = Batch.open(passed(sent(SENDERS["Claude Code 2, a request"])))
    CostProcessor().process(opened)

    call = read_call(opened.genai()[0])

    assert (call.usage.input_tokens, call.usage.cache_read, call.billed) == (91_660, 84_562, True)
    assert call.cost is not None
    assert call.cost.total == pytest.approx(0.116641)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_of_three_layers_over_one_call_two_name_the_one_that_counts(order):
    call = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
    }
    message = ExportTraceServiceRequest.FromString(request(call, call, call))
    spans = message.resource_spans[0].scope_spans[0].spans
    for nth in (1, 2):
        spans[nth].parent_span_id = spans[nth - 1].span_id
        spans[nth].end_time_unix_nano -= nth
    innermost = spans[2].span_id.hex()
    sorted_spans = [spans[nth] for nth in order]
    sent_so = ExportTraceServiceRequest()
    sent_so.resource_spans.add().scope_spans.add().spans.extend(sorted_spans)

    opened = Batch.open(passed(sent_so.SerializeToString()))

    marks = {span.span_id: span.text("otel_llm.duplicate_of") for span in opened.genai()}
    assert [marks.pop(innermost), *marks.values()] == [None, innermost, innermost]


def failed(*raised, **attributes):
    """A span that failed, as most instrumentations tell it: by its status and exceptions."""
    message = ExportTraceServiceRequest.FromString(
        request({"gen_ai.operation.name": "chat", **attributes})
    )
    (span,) = message.resource_spans[0].scope_spans[0].spans
    span.status.code = 2
    for kind in raised:
        event = span.events.add(name="exception")
        event.attributes.add(key="exception.type").value.string_value = kind
        event.attributes.add(key="exception.message").value.string_value = "You said: secret."
    return message


@pytest.mark.parametrize(
    ("raised", "named"),
    [
        ((), "_OTHER"),
        (("KeyError", "pydantic_ai.ModelHTTPError"), "pydantic_ai.ModelHTTPError"),
        (("",), "_OTHER"),
    ],
)
def test_a_failure_that_only_the_status_tells_is_named_by_its_exception(raised, named):
    span = span_of(passed(failed(*raised).SerializeToString()))

    assert span.text("error.type") == named
    assert read_call(span).error_type == named


def test_what_a_sender_says_of_its_failure_stays():
    span = span_of(passed(failed("KeyError", **{"error.type": "429"}).SerializeToString()))

    assert span.text("error.type") == "429"


@pytest.mark.parametrize(
    ("scope", "name", "told"),
    [
        ("anthropic", "chat claude-sonnet-4-5", ("chat", "anthropic", "claude-sonnet-4-5")),
        (
            "bedrock",
            "chat us.amazon.nova-pro-v1:0",
            ("chat", "aws.bedrock", "us.amazon.nova-pro-v1:0"),
        ),
        ("google_ai_studio", "chat gemini-2.5-flash", ("chat", "gcp.gemini", "gemini-2.5-flash")),
        ("langchain", "chat gpt-4o", ("chat", None, "gpt-4o")),
        ("chroma", "query products", (None, None, None)),
    ],
)
def test_a_failure_of_openlits_is_a_call_though_it_has_a_name_alone(scope, name, told):
    message = failed("anthropic.BadRequestError")
    scoped = message.resource_spans[0].scope_spans[0]
    scoped.scope.name = f"openlit.instrumentation.{scope}"
    scoped.spans[0].name = name
    del scoped.spans[0].attributes[:]

    span = span_of(passed(message.SerializeToString()))

    names = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
    assert tuple(map(span.text, names)) == told
    assert span.text("error.type") == "anthropic.BadRequestError" or told[0] is None


def test_a_name_that_is_empty_is_none():
    nameless = {"traceloop.workflow.name": "", "llm.user": ""}

    span = span_of(passed(request({"gen_ai.operation.name": "chat", **nameless})))

    assert attributes(span) == {"gen_ai.operation.name": "chat"}


def test_a_failure_counts_also_where_nothing_is_normalized():
    (span,) = Batch.open(failed("KeyError").SerializeToString()).genai()

    assert read_call(span).error_type == "_OTHER"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
@pytest.mark.parametrize("tries", ["fails", "fails and goes well", "goes well and fails"])
def test_a_framework_over_calls_that_failed_adds_no_failure(tries, order):
    asked = {"gen_ai.operation.name": "chat"}
    went = {**asked, "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}
    inner = {"fails": (asked, {}), "fails and goes well": (asked, went)}.get(tries, (went, asked))
    message = ExportTraceServiceRequest.FromString(request(asked, *inner))
    spans = message.resource_spans[0].scope_spans[0].spans
    for span in spans[1:]:
        span.parent_span_id = spans[0].span_id
    for span, told in zip(spans[1:], inner, strict=True):
        span.status.code = 2 if told == asked else 0
    spans[0].status.code = 2 if tries == "fails" else 0
    sent_so = ExportTraceServiceRequest()
    sent_so.resource_spans.add().scope_spans.add().spans.extend(spans[nth] for nth in order)

    opened = Batch.open(passed(sent_so.SerializeToString()))

    counted = {s.span_id for s in opened.genai() if not s.has("otel_llm.duplicate_of")}
    outer = spans[0].span_id.hex()
    assert counted == {s.span_id for s in opened.genai()} - {outer}


def test_thoughts_that_a_framework_adds_once_more_make_no_second_call():
    counts = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 10}
    outer = {
        **counts,
        "gen_ai.usage.output_tokens": 8,
        "gen_ai.usage.reasoning.output_tokens": 3,
    }
    message = ExportTraceServiceRequest.FromString(
        request(outer, {**counts, "gen_ai.usage.output_tokens": 5})
    )
    spans = message.resource_spans[0].scope_spans[0].spans
    spans[1].parent_span_id = spans[0].span_id

    opened = Batch.open(passed(message.SerializeToString()))

    assert [span.has("otel_llm.duplicate_of") for span in opened.genai()] == [True, False]


def test_the_call_that_counts_is_told_whom_it_is_for_by_the_span_around_it():
    asked = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 10}
    whom = {"gen_ai.conversation.id": "s-1", "user.id": "ann"}
    message = ExportTraceServiceRequest.FromString(
        request(
            {**asked, **whom, "gen_ai.usage.output_tokens": 5},
            {**asked, "gen_ai.usage.output_tokens": 5},
        )
    )
    spans = message.resource_spans[0].scope_spans[0].spans
    spans[1].parent_span_id = spans[0].span_id

    opened = Batch.open(passed(message.SerializeToString()))

    around, counted = opened.genai()
    assert around.text("otel_llm.duplicate_of") == counted.span_id
    counted = read_call(counted)
    assert (counted.conversation_id, counted.user_id) == ("s-1", "ann")


@pytest.mark.parametrize("answer", ["[]", '[{"role": "assistant", "parts": []}]'])
def test_a_call_that_failed_gave_no_empty_answer(answer):
    asked = {"gen_ai.operation.name": "chat", "gen_ai.output.messages": answer}
    opened = batch({**asked, "error.type": "RateLimitError"}, asked)

    QualityProcessor().process(opened)

    failed, went_well = opened.genai()
    assert not failed.texts("otel_llm.quality.flags")
    assert went_well.texts("otel_llm.quality.flags") == ("empty",)


def test_a_stream_that_logfire_tells_by_two_spans_is_one_call():
    opens, ended = "Logfire 5, OpenAI, a stream is opened", "Logfire 5, OpenAI, a stream has ended"

    spans = [span_of(passed(sent(SENDERS[one]))) for one in (opens, ended)]

    assert [span.has("otel_llm.duplicate_of") for span in spans] == [True, False]


def test_the_opening_of_a_stream_that_failed_is_the_call():
    message = ExportTraceServiceRequest.FromString(
        sent(SENDERS["Logfire 5, OpenAI, a stream is opened"])
    )
    message.resource_spans[0].scope_spans[0].spans[0].status.code = 2

    assert not span_of(passed(message.SerializeToString())).has("otel_llm.duplicate_of")


def logged_at_its_end(duration: object) -> tuple[ExportTraceServiceRequest, int]:
    """What Logfire logs of a stream, as a span without a length; and when that was."""
    recording = SENDERS["Logfire 5, OpenAI, a stream has ended"]
    said = {**recording["attributes"], "duration": duration}
    message = ExportTraceServiceRequest.FromString(sent({**recording, "attributes": said}))
    logged = message.resource_spans[0].scope_spans[0].spans[0]
    logged.start_time_unix_nano = logged.end_time_unix_nano
    return message, logged.end_time_unix_nano


@pytest.mark.parametrize("duration", [0.75, 1.5])
def test_what_logfire_logs_of_a_stream_lasted_as_long_as_it_says(duration):
    message, end_ns = logged_at_its_end(duration)

    once = passed(message.SerializeToString())

    assert read_call(span_of(once)).duration_s == duration
    assert span_of(once).end_ns == end_ns
    assert passed(once) == once


@pytest.mark.parametrize("duration", [0, -1.0, float("nan"), float("inf"), "long"])
def test_a_log_that_does_not_say_how_long_it_took_stays_where_it_was(duration):
    message, end_ns = logged_at_its_end(duration)

    assert span_of(passed(message.SerializeToString())).start_ns == end_ns


@pytest.mark.parametrize(
    ("scope", "said", "named"),
    [
        ("langsmith", "RateLimitError('Error code: 429')Traceback", "RateLimitError"),
        ("langsmith", "It is (very) broken", "Exception"),
        ("mine", "Secret('of mine')", "Exception"),
    ],
)
def test_an_exception_that_langsmith_writes_out_is_named_by_its_class(scope, said, named):
    message = failed("Exception")
    spans = message.resource_spans[0].scope_spans[0]
    spans.scope.name = scope
    spans.spans[0].events[0].attributes[1].value.string_value = said

    assert span_of(passed(message.SerializeToString())).text("error.type") == named


def test_a_class_that_is_written_out_as_python_does_is_its_name():
    span = span_of(passed(failed(**{"error.type": "<class 'ai.Broken'>"}).SerializeToString()))

    assert span.text("error.type") == "ai.Broken"


def test_the_call_that_counts_is_told_when_its_first_chunk_came():
    counts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.response.id": "r-1",
    }
    streamed = {"gen_ai.response.time_to_first_chunk": 0.25, "gen_ai.request.stream": True}
    message = ExportTraceServiceRequest.FromString(
        request({**counts, "a": 1, "b": 2, "c": 3}, {**counts, **streamed})
    )
    spans = message.resource_spans[0].scope_spans[0].spans
    spans[1].parent_span_id = spans[0].parent_span_id

    opened = Batch.open(passed(message.SerializeToString()))

    counted = [read_call(s) for s in opened.genai() if not s.has("otel_llm.duplicate_of")]
    assert [(call.time_to_first_chunk_s, call.streamed) for call in counted] == [(0.25, True)]


@pytest.mark.parametrize("inside", [b"", b"12345678"])
@pytest.mark.parametrize("together", [True, False])
def test_a_stream_that_anthropics_sdk_traces_below_logfires_opening_of_it_is_one_call(
    inside, together
):
    asked = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-sonnet-4-5"}
    used = {**asked, "gen_ai.usage.input_tokens": 192, "gen_ai.usage.output_tokens": 112}
    traced = {**used, "gen_ai.response.id": "msg_1", "gen_ai.response.time_to_first_chunk": 0.25}
    message = ExportTraceServiceRequest.FromString(request(asked, traced, used))
    opening, native, log = message.resource_spans[0].scope_spans[0].spans
    native.parent_span_id = opening.span_id
    opening.parent_span_id = log.parent_span_id = inside
    log.trace_id = opening.trace_id if inside else b"of the log alone"
    batches = []
    for scope, span in (
        ("logfire.anthropic", opening),
        ("com.anthropic.sdk.python", native),
        ("logfire.anthropic", log),
    ):
        if not (together and batches):
            batches.append(ExportTraceServiceRequest())
        of_scope = batches[-1].resource_spans.add().scope_spans.add()
        of_scope.scope.name = scope
        of_scope.spans.append(span)
    processor = NormalizeProcessor()

    marked: dict[str, str | None] = {}
    for sent_so in batches:
        opened = Batch.open(sent_so.SerializeToString())
        processor.process(opened)
        marked |= {s.span_id: s.text("otel_llm.duplicate_of") for s in opened.genai()}

    assert marked == {
        opening.span_id.hex(): "logfire.stream",
        native.span_id.hex(): None,
        log.span_id.hex(): native.span_id.hex(),
    }
