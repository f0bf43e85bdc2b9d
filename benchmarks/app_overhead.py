"""What the app wing adds to a call, against hand-written instrumentation of the same call.

    python benchmarks/app_overhead.py [--rounds 15] [--calls 200]

The floor writes, by hand, one span with the same attributes and the same metrics with the same
attributes; what is compared is what each adds to the plain call. ``stubbed``: the SDK below the
patched method answers from memory, so only the instrumentation is left. ``whole``: the real SDK
with an in-process transport. Variants take turns within a round, the median round counts.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Any

import httpx2
import openai
from openai.resources.chat.completions import Completions
from opentelemetry import context as otel_context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanKind, set_span_in_context

from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.semconv import metrics
from otel_llm.testing import openai as wire

LIMIT, READ_LIMIT_US = 1.25, 1.5
CHUNKS = 100
TEXT = "What is the answer to everything? " * 128
USAGE = wire.usage(1200, 90, prompt_tokens_details={"cached_tokens": 1024})
ASK: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": TEXT}],
    "temperature": 0.2,
    "top_p": 0.9,
    "max_tokens": 200,
    "seed": 7,
}
ANSWER = wire.completion(usage=USAGE, service_tier="default", system_fingerprint="fp_1")
STREAM = "".join(
    f"data: {json.dumps(c)}\n\n"
    for c in wire.completion_chunks("word " * (CHUNKS - 4), include_usage=USAGE)
)

START = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "server.address": "127.0.0.1",
    "server.port": 80,
}


def described_request(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "gen_ai.request.temperature": asked["temperature"],
        "gen_ai.request.top_p": asked["top_p"],
        "gen_ai.request.max_tokens": asked["max_tokens"],
        "gen_ai.request.seed": asked["seed"],
        "openai.api.type": "chat_completions",
    }


class Hand:
    """The same call, instrumented by hand by somebody who knows what it is."""

    def __init__(self, telemetry: dict[str, Any], content: bool = False) -> None:
        self.tracer = telemetry["tracer_provider"].get_tracer("hand")
        meter = telemetry["meter_provider"].get_meter("hand")
        self.duration, self.tokens, self.first, self.later = (
            meter.create_histogram(
                m.name, m.unit, explicit_bucket_boundaries_advisory=list(m.buckets)
            )
            for m in (
                metrics.CLIENT_OPERATION_DURATION,
                metrics.CLIENT_TOKEN_USAGE,
                metrics.CLIENT_OPERATION_TIME_TO_FIRST_CHUNK,
                metrics.CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK,
            )
        )
        self.content = content

    def call(self, create: Callable[..., Any]) -> Any:
        started = time.time_ns()
        model = ASK["model"]
        known = {**START, "gen_ai.request.model": model}
        span = self.tracer.start_span(f"chat {model}", kind=SpanKind.CLIENT, attributes=known)
        context = set_span_in_context(span)
        token = otel_context.attach(context)
        try:
            answer = create(**ASK)
        finally:
            otel_context.detach(token)
        if span.is_recording():
            span.set_attributes(self.described(answer))
        span.end()
        self.measure(answer, (time.time_ns() - started) / 1e9, context)
        return answer

    def by_hand(self, speaker: openai.OpenAI) -> Any:
        return self.call(speaker.chat.completions.create)

    def described(self, answer: Any) -> dict[str, Any]:
        cached = answer.usage.prompt_tokens_details
        said = {
            **described_request(ASK),
            "gen_ai.response.id": answer.id,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": [c.finish_reason for c in answer.choices],
            "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
            "gen_ai.usage.cache_read.input_tokens": cached.cached_tokens,
            "openai.response.service_tier": answer.service_tier,
            "openai.response.system_fingerprint": answer.system_fingerprint,
        }
        if self.content:
            said["gen_ai.input.messages"] = json.dumps(
                [
                    {"role": m["role"], "parts": [{"type": "text", "content": m["content"]}]}
                    for m in ASK["messages"]
                ]
            )
            said["gen_ai.output.messages"] = json.dumps(
                [
                    {
                        "role": "assistant",
                        "parts": [{"type": "text", "content": c.message.content}],
                        "finish_reason": c.finish_reason,
                    }
                    for c in answer.choices
                ]
            )
        return said

    def measure(self, answer: Any, seconds: float, context: Any) -> None:
        attributes = {
            **START,
            "gen_ai.response.model": answer.model,
            "openai.response.service_tier": answer.service_tier,
            "openai.response.system_fingerprint": answer.system_fingerprint,
        }
        usage = answer.usage
        self.tokens.record(
            usage.prompt_tokens, {**attributes, "gen_ai.token.type": "input"}, context
        )
        self.tokens.record(
            usage.completion_tokens, {**attributes, "gen_ai.token.type": "output"}, context
        )
        self.duration.record(seconds, attributes, context)


def providers(sampler: Any = ALWAYS_ON) -> dict[str, Any]:
    return {
        "tracer_provider": TracerProvider(sampler=sampler),
        "meter_provider": MeterProvider(metric_readers=[InMemoryMetricReader()]),
    }


def client(answer: bytes, kind: str) -> openai.OpenAI:
    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=answer, headers={"content-type": kind})

    return openai.OpenAI(
        api_key="k",
        base_url="http://127.0.0.1:80/v1",
        http_client=httpx2.Client(transport=httpx2.MockTransport(respond)),
    )


@contextmanager
def stubbed(whole: openai.OpenAI) -> Iterator[openai.OpenAI]:
    """Answer from memory in place of the patched method, which is wrapped as ever."""
    completion = whole.chat.completions.create(**ASK)
    original = Completions.create
    Completions.create = lambda self, **_: completion  # type: ignore[method-assign]
    try:
        yield whole
    finally:
        Completions.create = original  # type: ignore[method-assign]


def microseconds(call: Callable[[], Any], calls: int) -> float:
    call()
    gc.collect()
    started = time.thread_time_ns()  # of the processor: neighbours on the machine do not count
    for _ in range(calls):
        call()
    return (time.thread_time_ns() - started) / 1e3 / calls


def take_turns(variants: dict[str, Any], rounds: int, calls: int) -> dict[str, float]:
    """Return the median over rounds of what each variant adds to ``plain``, in microseconds."""
    added: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        plain = 0.0
        for name, (prepare, call) in variants.items():
            undo = prepare()
            taken = microseconds(call, calls)
            undo()
            plain = taken if name == "plain" else plain
            added[name].append(taken - plain if name != "plain" else taken)
    return {name: statistics.median(values) for name, values in added.items()}


def instrument(**settings: Any) -> Callable[[], Callable[[], None]]:
    given = {**providers(settings.pop("sampler", ALWAYS_ON)), **settings}

    def prepare() -> Callable[[], None]:
        OpenAIInstrumentor().instrument(**given)
        return OpenAIInstrumentor().uninstrument

    return prepare


def nothing() -> Callable[[], None]:
    return lambda: None


def call_variants(speaker: openai.OpenAI) -> dict[str, Any]:
    def ours() -> Any:
        return speaker.chat.completions.create(**ASK)

    hands = {
        "hand": Hand(providers()),
        "hand, content": Hand(providers(), content=True),
        "hand, unsampled": Hand(providers(ALWAYS_OFF)),
    }
    return {
        "plain": (nothing, ours),
        **{name: (nothing, partial(hand.by_hand, speaker)) for name, hand in hands.items()},
        "otel-llm": (instrument(), ours),
        "otel-llm, content": (instrument(capture="SPAN_ONLY"), ours),
        "otel-llm, unsampled": (instrument(sampler=ALWAYS_OFF), ours),
    }


def stream_variants(speaker: openai.OpenAI) -> dict[str, Any]:
    def read() -> int:
        return sum(1 for _ in speaker.chat.completions.create(**ASK, stream=True))

    hand = Hand(providers())

    def by_hand() -> None:
        started = time.perf_counter()
        span = hand.tracer.start_span("chat gpt-4o-mini", kind=SpanKind.CLIENT, attributes=START)
        context = set_span_in_context(span)
        times, said = [], {}
        for chunk in speaker.chat.completions.create(**ASK, stream=True):
            times.append(time.perf_counter())
            for choice in chunk.choices:
                if choice.finish_reason:
                    said["gen_ai.response.finish_reasons"] = [choice.finish_reason]
        span.set_attributes(
            {
                **described_request(ASK),
                **said,
                "gen_ai.request.stream": True,
                "gen_ai.response.id": chunk.id,
                "gen_ai.response.model": chunk.model,
                "gen_ai.response.time_to_first_chunk": times[0] - started,
                "gen_ai.usage.input_tokens": chunk.usage.prompt_tokens,
                "gen_ai.usage.output_tokens": chunk.usage.completion_tokens,
            }
        )
        span.end()
        attributes = {**START, "gen_ai.response.model": chunk.model}
        hand.first.record(times[0] - started, attributes, context)
        for sooner, later in pairwise(times):
            hand.later.record(later - sooner, attributes, context)
        hand.measure(chunk, times[-1] - started, context)

    return {
        "plain": (nothing, read),
        "hand": (nothing, by_hand),
        "otel-llm": (instrument(), read),
    }


def read_cost(rounds: int) -> float:
    """Return what following adds to one read of a stream, in microseconds."""
    from otel_llm.instrumentation.core.operation import Operation
    from otel_llm.instrumentation.core.patch import Endpoint, Origin
    from otel_llm.instrumentation.core.reading import Reading
    from otel_llm.instrumentation.core.settings import Settings
    from otel_llm.instrumentation.core.streams import follow
    from otel_llm.instrumentation.core.telemetry import Telemetry
    from otel_llm.instrumentation.openai import _CHAT

    class Stream:
        def __init__(self, chunks: list[Any]) -> None:
            self._chunks = iter(chunks)

        def __next__(self) -> Any:
            return next(self._chunks)

        def __iter__(self) -> Any:
            yield from self._chunks

    speaker = client(STREAM.encode(), "text/event-stream")
    *_, chunk, _, _ = speaker.chat.completions.create(**ASK, stream=True)
    chunks = [chunk] * 20_000
    telemetry = Telemetry("bench", Settings(), **providers())

    def seconds(stream: Any) -> float:
        started = time.thread_time()
        reader = iter(stream)
        for _ in range(len(chunks)):
            next(reader)
        return time.thread_time() - started

    def followed() -> Any:
        operation = Operation(telemetry, _CHAT, Origin("openai"), "m")
        return follow(Stream(chunks), Reading(operation, _CHAT.stream(False)))

    assert isinstance(_CHAT, Endpoint)
    pairs = [(seconds(followed()), seconds(Stream(chunks))) for _ in range(rounds)]
    return statistics.median(a - b for a, b in pairs) / len(chunks) * 1e6


def table(title: str, added: dict[str, float]) -> list[str]:
    """Print the variants and return what is over its limit."""
    print(f"\n{title}")
    over = []
    for name, us in added.items():
        floor = added.get(name.replace("otel-llm", "hand"))
        ratio = us / floor if floor and name.startswith("otel-llm") else None
        print(f"  {name:22}{us:9.1f} µs" + (f"{ratio:8.2f} x hand" if ratio else ""))
        if ratio and ratio > LIMIT:
            over.append(f"{title}: {name} {ratio:.2f} x hand, limit {LIMIT}")
    return over


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--calls", type=int, default=200)
    given = arguments.parse_args()
    whole = client(json.dumps(ANSWER).encode(), "application/json")
    streaming = client(STREAM.encode(), "text/event-stream")
    with stubbed(whole) as stub:
        over = table(
            "one call, SDK stubbed (added to plain)",
            take_turns(call_variants(stub), given.rounds, given.calls),
        )
    over += table(
        "one call, whole SDK (added to plain)",
        take_turns(call_variants(whole), given.rounds, max(given.calls // 4, 1)),
    )
    over += table(
        f"one stream of {CHUNKS} chunks, whole SDK (added to plain)",
        take_turns(stream_variants(streaming), given.rounds, max(given.calls // 40, 1)),
    )
    cost = read_cost(given.rounds)
    print(f"\none read of a stream: {cost:.2f} µs added, limit {READ_LIMIT_US}")
    over += [f"a read adds {cost:.2f} µs"] if cost > READ_LIMIT_US else []
    print("\n" + ("\n".join(over) if over else "all within their limits"))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
