"""Where the days of a selection go: calls, cost, latency, errors, flags and scores."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from otel_llm.stats.trends import MOST_DAYS, Method, Trend, trends

from .filters import Dimension, Filter
from .scores import Rater
from .store import Store
from .summary import Stats

DAY_S: Final = 86_400
_DAY_NS: Final = DAY_S * 10**9

Read = Callable[[Stats], float | None]

AMOUNTS: Final[Mapping[str, Read]] = {
    "calls": lambda stats: stats.count,
    "cost": lambda stats: stats.total_cost_usd,
    "mean_cost": lambda stats: stats.avg_cost_usd,
    "mean_tokens": lambda stats: stats.avg_tokens,
    "duration_p95": lambda stats: _seconds(stats.latency_p95_ms),
    "time_to_first_chunk_p95": lambda stats: _seconds(stats.ttft_p95_ms),
}
"""What grows by shares, and how it is read of a day; called as the signals of alerts are."""
SHARES: Final[Mapping[str, Read]] = {
    "error_rate": lambda stats: stats.error_rate,
    "flagged_rate": lambda stats: stats.flagged / stats.checked if stats.checked else None,
}
"""What lies between 0 and 1."""
SIGNALS: Final = {**AMOUNTS, **SHARES}
_SUMS: Final = frozenset({"calls", "cost"})
"""Zero on a day without a call, from the first one with any on; that one counts if the range begins
with it, as it may be a part of a day."""
_BUCKETS: Final = 20_000
"""The most days of groups that are looked at."""

_Key = tuple[str | None, str]
"""Group and signal."""
_Days = dict[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTrend(Trend):
    """Where one signal of a selection goes, or of a group of it."""

    key: str | None
    """The group; null for the calls that did not say, and for all where they are not grouped."""
    signal: str
    """``calls``, ``cost``, …; ``score.human``, ``score.automatic``, ``score.heuristic`` and
    ``score.tone`` for the mean scores, which are not grouped."""


def find_trends(
    store: Store,
    where: Filter,
    *,
    now_ns: int,
    by: Dimension | None = None,
    groups: int = 20,
    method: Method = "robust",
) -> list[FoundTrend]:
    """Return the trend of every signal over the whole days (UTC) of a range, those that are least
    by chance first; of the ``groups`` with most calls when grouped.

    Raises ``ValueError`` when there are too many groups.
    """
    days = _whole_days(where, now_ns)
    if not days:
        return []
    where = replace(where, since_ns=days[0] * _DAY_NS, until_ns=(days[-1] + 1) * _DAY_NS)
    series = _of_calls(store, where, by, groups, days)
    if by is None:
        series.update(_of_scores(store, where))
    found = trends(series, amounts=[key for key in series if key[1] in AMOUNTS], method=method)
    ordered = sorted(found.items(), key=lambda item: (-abs(item[1].distance), _last(item[0])))
    return [_found(*item) for item in ordered]


def _whole_days(where: Filter, now_ns: int) -> range:
    """Return the days of a range, counted from 1970: that in which it begins, and those that are
    over in it."""
    end = min(where.until_ns or now_ns, now_ns) // _DAY_NS
    return range(max((where.since_ns or 0) // _DAY_NS, end - MOST_DAYS), end)


def _of_calls(
    store: Store, where: Filter, by: Dimension | None, groups: int, days: range
) -> dict[_Key, _Days]:
    buckets = store.series(DAY_S, where, by=by, limit=_BUCKETS + 1)
    if len(buckets) > _BUCKETS:
        raise ValueError(f"more than {_BUCKETS:,} days of groups: ask for fewer groups or days")
    found: dict[str | None, dict[int, Stats]] = {}
    for bucket in buckets:
        found.setdefault(bucket.key, {})[bucket.start_ns // _DAY_NS] = bucket.stats
    calls = Counter({key: sum(stats.count for stats in of.values()) for key, of in found.items()})
    return {
        (key, signal): _values(signal, read, found[key], days)
        for key, _ in calls.most_common(groups)
        for signal, read in SIGNALS.items()
    }


def _values(signal: str, read: Read, stats: Mapping[int, Stats], days: range) -> _Days:
    values = {day: value for day, of in stats.items() if (value := read(of)) is not None}
    if not values or signal not in _SUMS:
        return values
    first = min(stats)
    silent = dict.fromkeys((day for day in days if first < day not in stats), 0.0)
    if first > days[0]:
        values.pop(first, None)
    return values | silent


def _of_scores(store: Store, where: Filter) -> dict[_Key, _Days]:
    found: dict[_Key, _Days] = {}
    for bucket in store.score_series(DAY_S, where):
        name = score_signal(bucket.source)
        found.setdefault((None, name), {})[bucket.start_ns // _DAY_NS] = bucket.mean
    return found


def score_signal(rater: Rater) -> str:
    """What the mean score of a kind of rater is called."""
    return f"score.{rater}"


def _found(key: _Key, trend: Trend) -> FoundTrend:
    values = {name: getattr(trend, name) for name in Trend.__slots__}
    most = math.inf if key[1] in AMOUNTS else 1.0  # a line does not know where it has to end
    ends = {name: min(max(values[name], 0.0), most) for name in ("before", "after")}
    return FoundTrend(**values | ends, key=key[0], signal=key[1])


def _last(key: _Key) -> tuple[bool, str, str]:
    return key[0] is None, key[0] or "", key[1]


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1e3
