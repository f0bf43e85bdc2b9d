"""What happened in one trace, for the program itself: calls, tokens, cost, time, errors, models."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from opentelemetry.context import Context

from otel_llm import semconv
from otel_llm.genai import Usage
from otel_llm.genai.call import BILLED_OPERATIONS

from .guard import guarded
from .watching import Finished, watched_by, watchers


@dataclass(slots=True)
class TraceSummary:
    """Adds up what ends inside it; safe to read and to add to from any thread."""

    calls: int = 0
    """Model calls, embeddings included."""
    tools: int = 0
    errors: int = 0
    """Model calls and tools that failed."""
    input_tokens: int | None = None
    """``None`` until a provider says how many."""
    output_tokens: int | None = None
    cost_usd: float | None = None
    """By list prices, where ``otel-llm[collector]`` is installed and knows the models; ``None``
    when it does not know one of them, as half a cost is no cost."""
    seconds: float = 0.0
    """Time in model calls, added up: calls side by side count each."""
    models: Counter[str] = field(default_factory=Counter[str])
    """Calls by the model that served."""
    error_types: Counter[str] = field(default_factory=Counter[str])
    _lock: Lock = field(default_factory=Lock, repr=False)
    _unpriced: bool = field(default=False, repr=False)

    def ended(self, finished: Finished) -> None:
        """Take note of one operation."""
        with self._lock:
            if finished.operation in BILLED_OPERATIONS:
                self._add_call(finished)
            elif finished.operation == "execute_tool":
                self.tools += 1
            else:
                return
            if finished.error_type is not None:
                self.errors += 1
                self.error_types[finished.error_type] += 1

    def _add_call(self, finished: Finished) -> None:
        usage = finished.response.usage
        self.calls += 1
        self.seconds += finished.duration_s
        self.input_tokens = _plus(self.input_tokens, usage.input_tokens)
        self.output_tokens = _plus(self.output_tokens, usage.output_tokens)
        if (model := _model(finished)) is not None:
            self.models[model] += 1
        if usage != Usage():
            self._add_cost(finished)

    def _add_cost(self, finished: Finished) -> None:
        cost = _cost(finished)
        self._unpriced = self._unpriced or cost is None
        self.cost_usd = None if self._unpriced else (self.cost_usd or 0.0) + (cost or 0.0)


def summary_of(context: Context) -> TraceSummary | None:
    """Return the summary that ``context`` adds to."""
    return next((w for w in watchers(context) if isinstance(w, TraceSummary)), None)


def summarised(context: Context, summary: TraceSummary) -> Context:
    """Return ``context`` adding to ``summary``."""
    return watched_by(context, summary, *watchers(context))


def _plus(sum: int | None, more: int | None) -> int | None:
    return sum if more is None else (sum or 0) + more


def _model(finished: Finished) -> str | None:
    named = finished.attributes.get(semconv.RESPONSE_MODEL)
    named = named or finished.attributes.get(semconv.REQUEST_MODEL)
    return named if isinstance(named, str) else None


_book: Callable[..., Any] | None = None


def _cost(finished: Finished) -> float | None:
    with guarded("pricing a call for a summary"):
        bill = _prices()(
            finished.attributes.get(semconv.PROVIDER_NAME),
            _model(finished),
            finished.response.usage,
            time.time_ns(),
        )
        return None if bill is None else float(bill.total)
    return None


def _prices() -> Callable[..., Any]:
    """Return the price book's ``cost``; nothing is ever priced without the price library."""
    global _book
    if _book is None:
        try:
            from otel_llm.pricing import PriceBook
        except ImportError:
            _book = _no_price
        else:
            _book = PriceBook().cost
    return _book


def _no_price(*_: Any) -> None:
    return None
