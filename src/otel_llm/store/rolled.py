"""Answers from the tables of ``rollups``: the same questions, by whole steps of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from otel_llm.stats.sketch import Sketch

from .filters import GROUP_KEYS, Dimension, Filter, Most
from .rollups import COUNTED, FIRST_CHUNK, LATENCY, SUMS, Counts, Rollup
from .summary import Bucket, Group, Stats, read_stats

Ask = Callable[[str, Sequence[object]], Sequence[Sequence[Any]]]
Key = tuple[Any, ...]

_MOST: Final[dict[Most, Callable[[Stats], float]]] = {
    "calls": lambda stats: stats.count,
    "cost": lambda stats: -1.0 if stats.total_cost_usd is None else stats.total_cost_usd,
    "errors": lambda stats: stats.errors,
    "unpriced": lambda stats: stats.unpriced,
}


def stats(ask: Ask, rollup: Rollup, where: Filter) -> Stats:
    """See ``Store.stats``."""
    return _stats(ask, rollup, where, ()).get((), _NOTHING)


def breakdown(
    ask: Ask, rollup: Rollup, by: Dimension, where: Filter, most: Most, limit: int
) -> Sequence[Group]:
    """See ``Store.breakdown``."""
    found = _stats(ask, rollup, where, (GROUP_KEYS[by],))
    groups = [Group(key, stats) for (key,), stats in found.items()]
    groups.sort(key=lambda one: (-_MOST[most](one.stats), -one.stats.count, *_last(one.key)))
    return groups[:limit]


def series(
    ask: Ask, rollup: Rollup, step_s: int, where: Filter, by: Dimension | None
) -> Sequence[Bucket]:
    """See ``Store.series``."""
    step = f"start_ns - start_ns % {step_s * 10**9}"
    found = _stats(ask, rollup, where, (step, GROUP_KEYS[by] if by else "NULL"))
    buckets = [Bucket(start, key, stats) for (start, key), stats in found.items()]
    return sorted(buckets, key=lambda one: (one.start_ns, *_last(one.key)))


def _last(key: str | None) -> tuple[bool, str]:
    return key is None, key or ""  # what did not say comes last


def counts(ask: Ask, rollup: Rollup, by: Dimension, where: Filter, limit: int) -> Mapping[str, int]:
    """See ``Store.counts``."""
    if by in COUNTED:
        found = _counts(ask, rollup, where, (), COUNTED[by]).get((), {})
    else:
        groups = breakdown(ask, rollup, by, where, "calls", limit + 1)
        found = {one.key: one.stats.count for one in groups if one.key is not None}
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:limit])


def _stats(ask: Ask, rollup: Rollup, where: Filter, keys: Sequence[str]) -> dict[Key, Stats]:
    sums = [f"{one.together}({one.name})" for one in SUMS]
    rows = ask(*_select(rollup, where, [*_named(keys), *sums], rollup.table))
    took = _counts(ask, rollup, where, keys, LATENCY)
    began = _counts(ask, rollup, where, keys, FIRST_CHUNK)
    split = [(tuple(row[: len(keys)]), row[len(keys) :]) for row in rows]
    return {
        key: _read(values, Sketch.of(took.get(key, {})), Sketch.of(began.get(key, {})))
        for key, values in split
        if values[0]
    }


def _counts(
    ask: Ask, rollup: Rollup, where: Filter, keys: Sequence[str], counts: Counts
) -> dict[Key, dict[Any, int]]:
    each = f"(SELECT *, unnest(map_entries({counts.name})) AS e FROM {rollup.table})"
    rows = ask(*_select(rollup, where, [*_named(keys), "e.key", "sum(e.value)"], each))
    found: dict[Key, dict[Any, int]] = defaultdict(dict)
    for *key, value, times in rows:
        found[tuple(key)][value] = int(times)
    return found


def _named(keys: Sequence[str]) -> list[str]:
    return [f"{key} AS key{n}" for n, key in enumerate(keys)]


def _select(
    rollup: Rollup, where: Filter, told: Sequence[str], source: str
) -> tuple[str, list[object]]:
    since = where.since_ns
    whole = replace(where, since_ns=None if since is None else since - since % rollup.step_ns)
    condition, values = whole.where()
    return f"SELECT {', '.join(told)} FROM {source} WHERE {condition} GROUP BY ALL", values


def _read(row: Sequence[Any], took: Sketch, began: Sketch) -> Stats:
    """The aggregates of ``summary.aggregates`` from sums and distributions."""
    of = dict(zip((one.name for one in SUMS), row, strict=True))
    quantiles = [_between(took.quantile(q), of) for q in (0.5, 0.9, 0.95, 0.99)]
    return read_stats(
        [
            *(of[name] for name in ("calls", "errors", "cost", "priced", "unpriced")),
            *(of[name] for name in ("input_tokens", "output_tokens", "cache_read")),
            _mean(of["all_tokens"], of["counted"]),
            _mean(of["took_ms"], of["timed"]),
            quantiles,
            of["slowest_ms"],
            [began.quantile(q) for q in (0.5, 0.95)],
            *(of[name] for name in ("checked", "flagged", "quickest_ms", "all_tokens")),
            *(of[name] for name in ("fewest", "most", "cheapest", "dearest")),
        ]
    )


def _between(value: float | None, of: Mapping[str, Any]) -> float | None:
    return None if value is None else min(max(value, of["quickest_ms"]), of["slowest_ms"])


def _mean(total: float | None, count: int) -> float | None:
    return None if total is None else total / count


_NOTHING: Final = _read(
    [0 if one.type == "BIGINT" and one.together == "sum" else None for one in SUMS],
    Sketch(),
    Sketch(),
)
