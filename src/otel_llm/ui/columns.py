"""Buckets of a series as the columns of a small chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from otel_llm.store import Bucket, Filter, Stats

STEPS_S: Final = (60, 300, 900, 3_600, 10_800, 21_600, 86_400, 604_800)
MAX_COLUMNS: Final = 60


@dataclass(frozen=True, slots=True)
class Column:
    """One step of time, with its height in percent of the highest."""

    start_ns: int
    end_ns: int
    left: float
    width: float
    height: float
    failed: float
    """Part of the height that failed, in percent of the highest."""
    stats: Stats | None
    """``None`` when nothing happened."""


def step_s(where: Filter, now_ns: int) -> int:
    """The finest step that gives at most ``MAX_COLUMNS`` columns over the range of ``where``."""
    span_s = ((where.until_ns or now_ns) - (where.since_ns or 0)) / 1e9
    return next((step for step in STEPS_S if span_s / step <= MAX_COLUMNS), STEPS_S[-1])


def columns(buckets: Sequence[Bucket], where: Filter, step: int, now_ns: int) -> Sequence[Column]:
    """One column per step from the start of the range to its end, also for those without calls."""
    step_ns = step * 10**9
    first = (where.since_ns or 0) // step_ns
    last = max((where.until_ns or now_ns) // step_ns, first)
    found = {bucket.start_ns // step_ns: bucket.stats for bucket in buckets}
    highest = max((stats.count for stats in found.values()), default=0) or 1
    width = 100 / (last - first + 1)
    return [
        Column(
            start_ns=index * step_ns,
            end_ns=(index + 1) * step_ns,
            left=round((index - first) * width, 3),
            width=round(width * 0.8, 3),
            height=_share(found.get(index), highest, failed=False),
            failed=_share(found.get(index), highest, failed=True),
            stats=found.get(index),
        )
        for index in range(first, last + 1)
    ]


def _share(stats: Stats | None, highest: int, *, failed: bool) -> float:
    if stats is None:
        return 0
    return round((stats.errors if failed else stats.count) / highest * 100, 3)
