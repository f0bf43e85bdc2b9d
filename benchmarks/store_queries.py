"""How fast the store answers what the dashboard asks, over 1,000,000 calls of 30 days.

    python benchmarks/store_queries.py [CALLS]

Prints one line per question: the best and the worst of five, in milliseconds, alone and while
calls are written. Fails when a question takes longer than ``LIMIT_MS`` alone.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from otel_llm.genai import Call, Cost, Usage
from otel_llm.pricing import PriceBook
from otel_llm.store import (
    CallWriter,
    DuckDBStore,
    Filter,
    Score,
    StoreConfig,
    Trace,
    report_on,
    rolled,
)
from otel_llm.store.rollups import DAYS, HOURS, USERS
from otel_llm.store.unpriced import unpriced
from otel_llm.store.writer import MAX_BATCH

LIMIT_MS = 300
DAY_NS = 86_400 * 10**9
MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-5", "claude-sonnet-4-5", "gemini-2.5-pro", "local-llama")
ROUNDS = 5


def calls(count: int, now_ns: int, seed: int = 1) -> Iterator[Call]:
    """``count`` calls, evenly over 30 days, oldest first; three to a trace."""
    chance = random.Random(seed)
    trace_id = ""
    for n in range(count):
        trace_id = trace_id if n % 3 else chance.randbytes(16).hex()
        start = now_ns - 30 * DAY_NS + n * 30 * DAY_NS // count
        yield one(n, start, chance, trace_id)


def one(n: int, start: int, chance: random.Random, trace_id: str) -> Call:
    model = chance.choice(MODELS)
    failed = chance.random() < 0.03
    tokens_in, tokens_out = int(chance.lognormvariate(6, 1)), int(chance.lognormvariate(5, 1))
    return Call(
        trace_id=trace_id,
        span_id=chance.randbytes(8).hex(),
        parent_id=None,
        name=f"chat {model}",
        start_ns=start,
        end_ns=start + int(chance.lognormvariate(20.5, 0.8)),
        service=f"service-{n % 8}",
        operation="chat",
        provider="openai",
        request_model=model,
        response_id=f"response-{n}",
        error_type=chance.choice(("timeout", "openai.RateLimitError")) if failed else None,
        usage=Usage() if failed else Usage(input_tokens=tokens_in, output_tokens=tokens_out),
        time_to_first_chunk_s=chance.lognormvariate(-1, 0.5) if n % 2 else None,
        conversation_id=f"session-{n // 20}",
        user_id=f"user-{chance.randrange(2_000)}",
        feature=f"feature-{n % 12}",
        prompt_name="answer",
        prompt_version=str(n % 3),
        cost=None if failed or n % 50 == 0 else Cost(tokens_in * 2e-6 + tokens_out * 1e-5),
        flags=() if chance.random() < 0.9 else (chance.choice(("refusal", "truncated", "empty")),),
        finish_reasons=() if failed else ("stop",),
        tags={"tier": "gold"} if n % 5 == 0 else {},
    )


def questions(store: DuckDBStore, now_ns: int) -> dict[str, Callable[[], object]]:
    """Everything a page asks, over all 30 days."""
    month = Filter(since_ns=now_ns - 30 * DAY_NS, until_ns=now_ns)
    day = Filter(since_ns=now_ns - DAY_NS, until_ns=now_ns)
    trace = store.calls(month, limit=1).calls[0].trace_id
    book = PriceBook()
    asked: dict[str, Callable[[], object]] = {
        "stats, 30 days": lambda: store.stats(month),
        "summary, 30 days": lambda: store.summary(month),
        "summary, 24 hours": lambda: store.summary(day),
        "series by day": lambda: store.series(86_400, month),
        "series by day and model": lambda: store.series(86_400, month, by="model"),
        "series by hour": lambda: store.series(3_600, month),
        "newest 50 calls": lambda: store.calls(month, limit=50),
        "search for a user": lambda: store.calls(Filter(text="USER-77", since_ns=0)),
        "calls of a tag": lambda: store.calls(Filter(tag=("tier", "gold"))),
        "calls of a flag": lambda: store.calls(Filter(flag="refusal")),
        "one session": lambda: store.calls(Filter(session="session-77", billed=None)),
        "one trace": lambda: store.trace(trace),
    }
    worst = store.calls(Filter(since_ns=now_ns - 30 * DAY_NS, failed=True), limit=1).calls[0]
    asked |= {
        "calls that went well": lambda: store.calls(Filter(well=True, since_ns=0), limit=50),
        "unpriced models, 24 hours": lambda: unpriced(store, day, book),
        "scores, 30 days": lambda: store.score_stats(month),
        "scores by day": lambda: store.score_series(86_400, month),
        "parts of scores by day": lambda: store.score_parts(month, step_s=86_400),
        "scores of a model": lambda: store.score_stats(Filter(model="gpt-5")),
        "a response by its id": lambda: store.find_response("response-77"),
        "debug report": lambda: report_on(known(store, worst.trace_id), store),
        "dearest calls": lambda: store.top("cost", month),
        "slowest calls": lambda: store.top("duration", month),
    }
    asked |= {
        "sums: stats, 30 days": lambda: rolled.stats(store.ask, HOURS, month),
        "sums: series by day, model": lambda: rolled.series(
            store.ask, DAYS, 86_400, month, "model"
        ),
        "sums: breakdown by user": lambda: rolled.breakdown(
            store.ask, USERS, "user", month, "cost", 100
        ),
    }
    for by in ("model", "user", "feature", "error_type", "flag", "finish_reason", "prompt"):
        asked[f"breakdown by {by}"] = lambda by=by: store.breakdown(by, month)
    return asked


def known(store: DuckDBStore, trace_id: str) -> Trace:
    trace = store.trace(trace_id)
    assert trace is not None
    return trace


def measure(ask: Callable[[], object]) -> tuple[float, float]:
    """Best and worst of ``ROUNDS`` in milliseconds."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1e3)
    return min(took), max(took)


def fill(store: DuckDBStore, count: int, now_ns: int) -> float:
    """Write ``count`` calls; returns the seconds the store took, without making the calls."""
    took, batch = 0.0, []
    for call in calls(count, now_ns):
        batch.append(call)
        if len(batch) == MAX_BATCH:
            began = time.perf_counter()
            store.write(batch)
            took += time.perf_counter() - began
            batch = []
    store.write(batch)
    return took


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    now_ns = time.time_ns()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "calls.duckdb")
        store = DuckDBStore(StoreConfig(path=path, retain_for=0))
        took = fill(store, count, now_ns)
        print(f"{count:,} calls written in {took:.1f} s: {count / took:,.0f} calls/s")
        print(
            f"{store.size_bytes() / count:.0f} bytes per call, {store.size_bytes() / 2**20:.0f} MiB"
        )
        began = time.perf_counter()
        store.retain(now_ns)
        print(f"sums merged in {time.perf_counter() - began:.1f} s")
        store.add_scores(
            [
                Score(str(n), call.trace_id, None, "rating", n % 5 / 4, "human", call.end_ns)
                for n, call in enumerate(store.calls(limit=2_000).calls)
            ]
        )
        asked = questions(store, now_ns)
        alone = {name: measure(ask) for name, ask in asked.items()}
        busy, written = while_writing(store, asked, now_ns)
        print(f"{'question':28} {'alone ms':>16} {'while writing ms':>20}")
        for name, (best, worst) in alone.items():
            print(f"{name:28} {best:8.1f} {worst:7.1f} {busy[name][0]:12.1f} {busy[name][1]:7.1f}")
        print(f"{written:,.0f} calls/s were stored meanwhile")
        store.close()
    slow = [name for name, (best, _) in alone.items() if best > LIMIT_MS]
    print(f"over {LIMIT_MS} ms: {', '.join(slow) or 'none'}")
    return bool(slow)


def while_writing(
    store: DuckDBStore, asked: dict[str, Callable[[], object]], now_ns: int
) -> tuple[dict[str, tuple[float, float]], float]:
    """The same questions while about 2,000 calls a second arrive, and what was stored of them."""
    writer = CallWriter(store)
    writer.start()
    done = threading.Event()
    arriving = [list(calls(200, now_ns, seed)) for seed in range(2, 400)]

    def send() -> None:
        for batch in arriving:
            if done.wait(0.1):
                return
            writer.observe(batch)

    sender = threading.Thread(target=send)
    began = time.perf_counter()
    sender.start()
    found = {name: measure(ask) for name, ask in asked.items()}
    done.set()
    sender.join()
    writer.close()
    return found, writer.written / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
