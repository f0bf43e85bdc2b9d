"""What many calls come to: one set of aggregates, asked over all, by group and by time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .dialect import Dialect


@dataclass(frozen=True, slots=True)
class Stats:
    """Aggregates of some calls. ``None``: nothing to compute it from."""

    count: int
    """Calls."""
    errors: int
    """Calls that failed."""
    error_rate: float | None
    """``errors / count``."""
    total_cost_usd: float | None
    """Sum over the calls with a known cost; ``None`` when there is none. See ``unpriced``."""
    avg_cost_usd: float | None
    """Per call with a known cost."""
    unpriced: int
    """Calls that ran but whose cost is unknown: the true sum is higher by what they cost."""
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    """Part of ``input_tokens``."""
    avg_tokens: float | None
    """Input plus output per call that reported any."""
    latency_avg_ms: float | None
    latency_p50_ms: float | None
    latency_p90_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    latency_max_ms: float | None
    ttft_p50_ms: float | None
    """Time to the first chunk, over streamed calls that reported it."""
    ttft_p95_ms: float | None
    checked: int
    """Calls that the quality checks could look at."""
    flagged: int
    """Calls with at least one quality flag."""
    latency_min_ms: float | None
    total_tokens: int | None
    """Input plus output of the calls that reported any."""
    min_tokens: int | None
    max_tokens: int | None
    min_cost_usd: float | None
    max_cost_usd: float | None
    """Of one call with a known cost."""


@dataclass(frozen=True, slots=True)
class Group:
    """The calls that share a value; ``key`` is ``None`` for those that did not say."""

    key: str | None
    stats: Stats


@dataclass(frozen=True, slots=True)
class Bucket:
    """The calls that started in ``[start_ns, start_ns + step)``; empty buckets are left out."""

    start_ns: int
    key: str | None
    """Group within the bucket; ``None`` when not grouped or unknown."""
    stats: Stats


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything at a glance."""

    stats: Stats
    errors_by_type: Mapping[str, int]
    flags: Mapping[str, int]
    """Quality flag -> calls it fired on."""
    by_model: Sequence[Group]
    """The models with most calls first."""


def aggregates(dialect: Dialect) -> str:
    """The select list that ``read_stats`` takes."""
    latency = dialect.quantiles("duration_ms", 0.5, 0.9, 0.95, 0.99)
    first_chunk = dialect.quantiles("time_to_first_chunk_s", 0.5, 0.95)
    return (
        "count(*), count(error_type), sum(cost_usd), count(cost_usd),"
        " count(*) FILTER (WHERE unpriced),"
        " sum(usage_input_tokens), sum(usage_output_tokens), sum(usage_cache_read), avg(tokens),"
        f" avg(duration_ms), {latency}, max(duration_ms), {first_chunk},"
        f" count(*) FILTER (WHERE {dialect.checked}), count(*) FILTER (WHERE {dialect.flagged}),"
        " min(duration_ms), sum(tokens), min(tokens), max(tokens), min(cost_usd), max(cost_usd)"
    )


def read_stats(row: Sequence[Any]) -> Stats:
    """The values of ``aggregates`` by name."""
    count, errors, cost, priced, unpriced, *rest = row
    tokens_in, tokens_out, cached, tokens, mean, quantiles, slowest, first, *rest = rest
    checked, flagged, quickest, all_tokens, fewest, most, cheapest, dearest = rest
    p50, p90, p95, p99 = map(_known, quantiles or (None,) * 4)
    first_p50, first_p95 = map(_known, first or (None,) * 2)
    return Stats(
        count=count,
        errors=errors,
        error_rate=errors / count if count else None,
        total_cost_usd=cost,
        avg_cost_usd=cost / priced if priced else None,
        unpriced=unpriced,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cache_read_tokens=cached,
        avg_tokens=tokens,
        latency_avg_ms=mean,
        latency_p50_ms=p50,
        latency_p90_ms=p90,
        latency_p95_ms=p95,
        latency_p99_ms=p99,
        latency_max_ms=slowest,
        ttft_p50_ms=_ms(first_p50),
        ttft_p95_ms=_ms(first_p95),
        checked=checked,
        flagged=flagged,
        latency_min_ms=quickest,
        total_tokens=None if all_tokens is None else int(all_tokens),
        min_tokens=fewest,
        max_tokens=most,
        min_cost_usd=cheapest,
        max_cost_usd=dearest,
    )


def _known(value: float | None) -> float | None:
    """A quantile of nothing is no number on ClickHouse, and null on DuckDB."""
    return None if value is None or math.isnan(value) else value


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
