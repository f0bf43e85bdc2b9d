"""What the app wing adds to a call, against hand-written instrumentation of the same call.

    python -m benchmarks.app_overhead [--processes 5] [--rounds 9] [--calls 200] [--sdks openai]

The floor (``hands/``) writes, by hand, one span with the same attributes and the same metrics
with the same attributes, which is checked first; what is compared is what each adds to the plain
call. ``stubbed``: the SDK below the patched method answers from memory, so only the instrumentation
is left. ``whole``: the real SDK with an in-process transport. Variants take turns. A ratio is the
median of the rounds, as a machine that is slower for a while is so for both in one; microseconds
are those of the fastest tenth, as neighbours on the machine only ever add, and what is more than
the floor is the ratio's share of the fastest floor. Rounds are those of several processes: each has
a layout of memory of its own.

Held to a limit, by the exit code, are recorded calls and content with the SDK stubbed, and a read
of a stream. Shown beside are calls that are not sampled, against a floor of their own that records
no span, and everything through the whole SDK, whose own noise is larger than what is measured.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanKind, set_span_in_context

from benchmarks.hands import SDKS, Hand, OpenAI
from benchmarks.hands.same import differences
from otel_llm.testing import openai as wire

LIMIT, READ_LIMIT_US = 1.25, 1.5
CONTENT_LIMIT_US = 30
"""Beyond the floor with the same attribute."""
CHUNKS = 100
Rounds = dict[str, list[float]]
"""Microseconds per call of each variant, by round."""
STREAM = "".join(
    f"data: {json.dumps(c)}\n\n"
    for c in wire.completion_chunks("word " * (CHUNKS - 4), include_usage=OpenAI.usage)
)


def providers(sampler: Any = ALWAYS_ON) -> dict[str, Any]:
    return {
        "tracer_provider": TracerProvider(sampler=sampler),
        "meter_provider": MeterProvider(metric_readers=[InMemoryMetricReader()]),
    }


def microseconds(call: Callable[[], Any], calls: int) -> float:
    gc.collect()
    for _ in range(calls):  # the interpreter needs a hundred or so to see what it is about
        call()
    started = time.thread_time_ns()  # of the processor: neighbours on the machine do not count
    for _ in range(calls):
        call()
    return (time.thread_time_ns() - started) / 1e3 / calls


def take_turns(variants: dict[str, Any], rounds: int, calls: int) -> Rounds:
    """Return how many microseconds a call of each variant took, by round."""
    gc.collect()
    gc.freeze()  # the SDKs themselves are no garbage, and looking through them takes long
    taken: Rounds = {name: [] for name in variants}
    for _ in range(rounds):
        for name, (prepare, call) in variants.items():
            undo = prepare()
            taken[name].append(microseconds(call, calls))
            undo()
    return taken


def in_processes(measure: Callable[[], dict[str, Rounds]], processes: int) -> dict[str, Rounds]:
    """Return what ``measure`` returns in so many processes, one after another, by title."""
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        parts = [pool.submit(measure).result() for _ in range(processes)]
    return {
        title: {name: [us for part in parts for us in part[title][name]] for name in taken}
        for title, taken in parts[0].items()
    }


def instrument(hand: type[Hand], **settings: Any) -> Callable[[], Callable[[], None]]:
    given = {**providers(settings.pop("sampler", ALWAYS_ON)), **settings}

    def prepare() -> Callable[[], None]:
        hand.instrumentor().instrument(**given)
        return hand.instrumentor().uninstrument

    return prepare


def nothing() -> Callable[[], None]:
    return lambda: None


def call_variants(hand: type[Hand], client: Any) -> dict[str, Any]:
    def ours() -> Any:
        return hand.create(client)(**hand.ask)

    hands = {
        "hand": hand(providers()),
        "hand, content": hand(providers(), content=True),
        "hand, unsampled": hand(providers(ALWAYS_OFF)),
    }
    return {
        "plain": (nothing, ours),
        **{name: (nothing, partial(one.call, client)) for name, one in hands.items()},
        "otel-llm": (instrument(hand), ours),
        "otel-llm, content": (instrument(hand, capture="SPAN_ONLY"), ours),
        "otel-llm, unsampled": (instrument(hand, sampler=ALWAYS_OFF), ours),
    }


def stream_variants(speaker: Any) -> dict[str, Any]:
    def read() -> int:
        return sum(1 for _ in speaker.chat.completions.create(**OpenAI.ask, stream=True))

    hand = OpenAI(providers())

    def by_hand() -> None:
        started = time.perf_counter()
        span = hand.tracer.start_span(
            "chat gpt-4o-mini", kind=SpanKind.CLIENT, attributes=OpenAI.start
        )
        context = set_span_in_context(span)
        times, said = [], {}
        for chunk in speaker.chat.completions.create(**OpenAI.ask, stream=True):
            times.append(time.perf_counter())
            for choice in chunk.choices:
                if choice.finish_reason:
                    said["gen_ai.response.finish_reasons"] = [choice.finish_reason]
        span.set_attributes(
            {
                **hand.requested(),
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
        attributes = {**OpenAI.start, "gen_ai.response.model": chunk.model}
        hand.first.record(times[0] - started, attributes, context)
        for sooner, later in pairwise(times):
            hand.later.record(later - sooner, attributes, context)
        hand.measure(chunk, times[-1] - started, context)

    return {
        "plain": (nothing, read),
        "hand": (nothing, by_hand),
        "otel-llm": (instrument(OpenAI), read),
    }


def reads(rounds: int) -> Rounds:
    """Return how many microseconds one read of a stream takes, plain and followed."""
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

    speaker = OpenAI.client(STREAM.encode(), "text/event-stream")
    *_, chunk, _, _ = speaker.chat.completions.create(**OpenAI.ask, stream=True)
    chunks = [chunk] * 5_000
    telemetry = Telemetry("bench", Settings(), **providers())

    def us(stream: Any) -> float:
        started = time.thread_time()
        reader = iter(stream)
        for _ in range(len(chunks)):
            next(reader)
        return (time.thread_time() - started) * 1e6 / len(chunks)

    def followed() -> Any:
        operation = Operation(telemetry, _CHAT, Origin("openai"), "m")
        return follow(Stream(chunks), Reading(operation, _CHAT.stream(False)))

    assert isinstance(_CHAT, Endpoint)
    pairs = [(us(Stream(chunks)), us(followed())) for _ in range(rounds)]
    return {"plain": [plain for plain, _ in pairs], "otel-llm": [ours for _, ours in pairs]}


def steps(call: Callable[[], Any]) -> int:
    """Return how many bytecode instructions one call takes: no clock, so no noise."""
    taken = 0

    def count(frame: Any, event: str, _: Any) -> Any:
        nonlocal taken
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        taken += event == "opcode"
        return count

    for _ in range(50):
        call()
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(None)
    return taken


def count_steps(hand: type[Hand], variants: dict[str, Any]) -> None:
    """Print the ratios of instructions, which is what stays of a ratio on a crowded machine."""
    taken: dict[str, int] = {}
    for name, (prepare, call) in variants.items():
        undo = prepare()
        taken[name] = steps(call)
        undo()
    ratios = {
        name: (count - taken["plain"]) / (taken[name.replace("otel-llm", "hand")] - taken["plain"])
        for name, count in taken.items()
        if name.startswith("otel-llm")
    }
    said = ", ".join(f"{name} {ratio:.2f} x hand" for name, ratio in ratios.items())
    print(f"\n{hand.name} in instructions of the interpreter: {said}")


def fastest(rounds: list[float]) -> float:
    """Return the slowest of the fastest tenth."""
    return statistics.quantiles(rounds, n=10)[0]


def table(title: str, taken: Rounds, *, judged: bool = False) -> list[str]:
    """Print what each variant adds to ``plain``; return what is over its limit, if ``judged``."""
    print(f"\n{title}")
    over: list[str] = []
    plain = taken["plain"]
    added = {name: fastest(us) - fastest(plain) for name, us in taken.items() if us is not plain}
    print(f"  {'plain':22}{fastest(plain):9.1f} µs")
    for name, us in added.items():
        hand = name.replace("otel-llm", "hand")
        if name == hand:
            print(f"  {name:22}{us:9.1f} µs")
            continue
        rounds = zip(taken[name], taken[hand], plain, strict=True)
        ratio = statistics.median((a - p) / (b - p) for a, b, p in rounds)
        more = (ratio - 1) * added[hand]
        print(f"  {name:22}{us:9.1f} µs{ratio:8.2f} x hand{more:+9.1f} µs")
        if not judged or "unsampled" in name:
            continue
        if "content" in name and more > CONTENT_LIMIT_US:
            over.append(f"{title}: {name} {more:.0f} µs more, limit {CONTENT_LIMIT_US} µs")
        if "content" not in name and ratio > LIMIT:
            over.append(f"{title}: {name} {ratio:.2f} x hand, limit {LIMIT}")
    return over


def one_sdk(name: str, rounds: int, calls: int) -> dict[str, Rounds]:
    """Measure calls of one SDK, stubbed and whole."""
    hand = _named(name)
    client = hand.client()
    with hand.stubbed(client):
        stubbed = take_turns(call_variants(hand, client), rounds, calls)
    whole = take_turns(call_variants(hand, client), rounds, max(calls // 16, 1))
    return {"SDK stubbed": stubbed, "whole SDK": whole}


def streams(rounds: int, calls: int) -> dict[str, Rounds]:
    """Measure streams, and reads of them."""
    streaming = OpenAI.client(STREAM.encode(), "text/event-stream")
    whole = take_turns(stream_variants(streaming), rounds, max(calls // 40, 1))
    return {f"one stream of {CHUNKS} chunks, whole SDK": whole, "one read": reads(rounds)}


def _named(name: str) -> type[Hand]:
    return next(hand for hand in SDKS if hand.name == name)


def judge_sdk(name: str, measured: dict[str, Rounds]) -> list[str]:
    """Print what was measured of one SDK, and return what is over its limit."""
    hand = _named(name)
    over = [f"{name}: the floor says another {said}" for said in differences(hand)]
    client = hand.client()
    with hand.stubbed(client):
        count_steps(hand, call_variants(hand, client))
    for how, taken in measured.items():
        title = f"one call of {name}, {how} (added to plain)"
        over += table(title, taken, judged=how == "SDK stubbed")
    return over


def judge_streams(measured: dict[str, Rounds]) -> list[str]:
    """Print what was measured of streams, and return whether a read is over its limit."""
    *whole, (_, read) = measured.items()
    for title, taken in whole:
        table(f"{title} (added to plain)", taken)
    cost = fastest(read["otel-llm"]) - fastest(read["plain"])
    print(f"\none read of a stream: {cost:.2f} µs added, limit {READ_LIMIT_US}")
    return [f"a read adds {cost:.2f} µs"] if cost > READ_LIMIT_US else []


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--processes", type=int, default=5)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--calls", type=int, default=200)
    arguments.add_argument("--sdks", default=",".join(hand.name for hand in SDKS))
    given = arguments.parse_args()
    over: list[str] = []
    for name in given.sdks.split(","):
        measure = partial(one_sdk, name, given.rounds, given.calls)
        over += judge_sdk(name, in_processes(measure, given.processes))
    over += judge_streams(
        in_processes(partial(streams, given.rounds, given.calls), given.processes)
    )
    print("\n" + ("\n".join(over) if over else "all within their limits"))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
