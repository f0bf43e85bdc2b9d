"""What calls come to, kept by minute, hour and day: sums outlive the calls, long ranges stay quick.

A row holds the calls of one step of time that share the keys of its table. Several rows may say so
of the same calls and keys: they add up, and are merged from time to time. Distributions are counts
by bucket, in the buckets of ``stats.sketch``: a quantile read from them is the value of the lower
rank, within 1 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from otel_llm.stats.sketch import ACCURACY

from .filters import GROUP_KEYS, Dimension, Filter

MINUTE_NS: Final = 60 * 10**9
HOUR_NS: Final = 60 * MINUTE_NS
DAY_NS: Final = 24 * HOUR_NS
MAX_USERS: Final = 10_000
"""Of one day; those with the fewest calls are put together with those who did not say."""

OldestOf = Callable[["Rollup"], int]
"""From when on a table has rows, Unix nanoseconds."""

KEYS: Final = (
    *("model", "provider", "operation", "service", "environment", "feature", "team", "billed"),
)


@dataclass(frozen=True, slots=True)
class Rollup:
    """One table of them."""

    table: str
    step_ns: int
    keys: tuple[str, ...] = KEYS
    detailed: bool = True
    """Whether it has distributions, errors by type and flags."""


MINUTES: Final = Rollup("calls_by_minute", MINUTE_NS)
HOURS: Final = Rollup("calls_by_hour", HOUR_NS)
DAYS: Final = Rollup("calls_by_day", DAY_NS)
USERS: Final = Rollup("users_by_day", DAY_NS, ("user_id", "billed"), detailed=False)
ROLLUPS: Final = (MINUTES, HOURS, DAYS, USERS)


@dataclass(frozen=True, slots=True)
class Sum:
    """A column that adds up: what it is of calls, and how rows of it come together."""

    name: str
    type: str
    of_calls: str
    together: str = "sum"


SUMS: Final = (
    Sum("calls", "BIGINT", "count(*)"),
    Sum("errors", "BIGINT", "count(error_type)"),
    Sum("cost", "DOUBLE", "sum(cost_usd)"),
    Sum("priced", "BIGINT", "count(cost_usd)"),
    Sum("unpriced", "BIGINT", "count(*) FILTER (WHERE unpriced)"),
    Sum("input_tokens", "HUGEINT", "sum(usage_input_tokens)"),
    Sum("output_tokens", "HUGEINT", "sum(usage_output_tokens)"),
    Sum("cache_read", "HUGEINT", "sum(usage_cache_read)"),
    Sum("cache_write", "HUGEINT", "sum(usage_cache_write)"),
    Sum("reasoning", "HUGEINT", "sum(usage_reasoning)"),
    Sum("all_tokens", "HUGEINT", "sum(tokens)"),
    Sum("counted", "BIGINT", "count(tokens)"),
    Sum("fewest", "BIGINT", "min(tokens)", "min"),
    Sum("most", "BIGINT", "max(tokens)", "max"),
    Sum("took_ms", "DOUBLE", "sum(duration_ms)"),
    Sum("timed", "BIGINT", "count(duration_ms)"),
    Sum("quickest_ms", "DOUBLE", "min(duration_ms)", "min"),
    Sum("slowest_ms", "DOUBLE", "max(duration_ms)", "max"),
    Sum("cheapest", "DOUBLE", "min(cost_usd)", "min"),
    Sum("dearest", "DOUBLE", "max(cost_usd)", "max"),
    Sum("checked", "BIGINT", "count(flags)"),
    Sum("flagged", "BIGINT", "count(*) FILTER (WHERE len(flags) > 0)"),
)

_SCALE: Final = 1 / math.log((1 + ACCURACY) / (1 - ACCURACY))


def _counted(value: str, where: str) -> str:
    """How often there is each value. The engine makes joins of several ``histogram`` of groups, at
    twice the price and three times the memory."""
    return f"list_histogram(list({value}) FILTER (WHERE {where}))"


def _buckets(value: str) -> str:
    bucket = f"ceil(ln(greatest({value}, 1e-9)) * {_SCALE!r})::SMALLINT"
    return _counted(bucket, f"{value} IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Counts:
    """A column of counts by value."""

    name: str
    of: str
    of_calls: str

    @property
    def type(self) -> str:
        """The column's type."""
        return f"MAP({self.of}, UBIGINT)"


LATENCY: Final = Counts("latency", "SMALLINT", _buckets("duration_ms"))
FIRST_CHUNK: Final = Counts("first_chunk", "SMALLINT", _buckets("time_to_first_chunk_s"))
ERROR_TYPES: Final = Counts(
    "error_types", "VARCHAR", _counted("error_type", "error_type IS NOT NULL")
)
FLAGS: Final = Counts(
    "flags",
    "VARCHAR",
    "list_histogram(flatten(list(flags) FILTER (WHERE len(flags) > 0)))",
)
COUNTS: Final = (LATENCY, FIRST_CHUNK, ERROR_TYPES, FLAGS)
COUNTED: Final[dict[Dimension, Counts]] = {"error_type": ERROR_TYPES, "flag": FLAGS}

# Statements


def create(rollup: Rollup) -> str:
    """The statement that makes the table."""
    keys = [f"{key} {'BOOLEAN' if key == 'billed' else 'VARCHAR'}" for key in rollup.keys]
    values = [f"{one.name} {one.type}" for one in (*SUMS, *COUNTS)]
    return (
        f"CREATE TABLE {rollup.table} ({', '.join(['start_ns BIGINT NOT NULL', *keys, *values])})"
    )


def of_calls(rollup: Rollup, source: str) -> str:
    """What the calls of ``source`` come to, in the columns of the table."""
    sums = [one.of_calls for one in SUMS]
    counts = [one.of_calls if rollup.detailed else f"NULL::{one.type}" for one in COUNTS]
    start = f"start_ns - start_ns % {rollup.step_ns} AS start_ns"
    told = ", ".join([start, *rollup.keys, *sums, *counts])
    return f"SELECT {told} FROM {source} GROUP BY ALL"


def relabelled(rollup: Rollup, source: str) -> str:
    """The rows of ``source``, which are of shorter steps, as rows of this table."""
    return f"SELECT * REPLACE (start_ns - start_ns % {rollup.step_ns} AS start_ns) FROM {source}"


def merged(rollup: Rollup, condition: str) -> str:
    """One row for each step and keys where there may be several."""
    keys = ("start_ns", *rollup.keys)
    rows = f"(SELECT * FROM {rollup.table} WHERE {condition})"
    counts = [one.name if rollup.detailed else f"NULL::{one.type}" for one in COUNTS]
    joined = " ".join(_merged_counts(keys, one, rows) for one in COUNTS) if rollup.detailed else ""
    told = ", ".join([*(f"s.{name}" for name in (*keys, *(one.name for one in SUMS))), *counts])
    sums = ", ".join(f"{one.together}({one.name}) AS {one.name}" for one in SUMS)
    return (
        f"SELECT {told} FROM (SELECT {', '.join(keys)}, {sums} FROM {rows} GROUP BY ALL) s {joined}"
    )


def _merged_counts(keys: tuple[str, ...], counts: Counts, rows: str) -> str:
    names, alias = ", ".join(keys), f"of_{counts.name}"
    each = f"SELECT {names}, unnest(map_entries({counts.name})) AS e FROM {rows}"
    added = f"SELECT {names}, e.key AS k, sum(e.value) AS v FROM ({each}) GROUP BY ALL"
    maps = (
        f"SELECT {names}, map_from_entries(list((k, v::UBIGINT) ORDER BY k)) AS {counts.name}"
        f" FROM ({added}) GROUP BY ALL"
    )
    same = " AND ".join(f"s.{key} IS NOT DISTINCT FROM {alias}.{key}" for key in keys)
    return f"LEFT JOIN ({maps}) {alias} ON {same}"


def fill(rollup: Rollup, condition: str) -> str:
    """The statement that adds up the calls that meet the condition."""
    return f"INSERT INTO {rollup.table} {of_calls(rollup, f'calls WHERE {condition}')}"


KEPT: Final = "CREATE TABLE kept (since_ns BIGINT NOT NULL)"
"""From when on all calls are there that were ever kept."""
CREATE: Final = (*map(create, ROLLUPS), KEPT, "INSERT INTO kept VALUES (0)")
PORTION: Final = 20_000
"""Calls that are added up at a time: more would not fit into a small memory limit."""


def portions(held: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Cut steps of time, which begin at a time and hold so many calls, into ranges of about
    ``PORTION`` calls: the first and the last step of each."""
    portion, calls = list[int](), 0
    for start, count in held:
        if portion and calls + count > PORTION:
            yield portion[0], portion[-1]
            portion, calls = [], 0
        portion.append(start)
        calls += count
    if portion:
        yield portion[0], portion[-1]


# What can be answered from them

_OTHER: Final = frozenset(Filter.__slots__) - {"since_ns", "until_ns"}
_COLUMNS: Final[dict[str, str]] = {**GROUP_KEYS, "billed": "billed"}
"""Condition -> the column it is about."""


def fits(rollup: Rollup, where: Filter, by: Dimension | None = None) -> bool:
    """Whether the table can tell the calls that are meant from others, and their groups apart."""
    asked = [name for name in _OTHER if getattr(where, name) is not None]
    return all(_COLUMNS.get(name) in rollup.keys for name in [*asked, *([by] if by else [])])


def best(
    where: Filter, by: Dimension | None, step_s: int | None, oldest: OldestOf
) -> Rollup | None:
    """The table to answer from, if there is one: for a series the one with the longest steps that
    make up its own, else the one with the shortest steps that goes back far enough."""
    fitting = [one for one in ROLLUPS if fits(one, where, by)]
    able = [one for one in fitting if one.detailed] or fitting
    if step_s is not None:
        return next((one for one in reversed(able) if step_s * 10**9 % one.step_ns == 0), None)
    if not able:
        return None
    enough = max(where.since_ns or 0, oldest(able[-1]) + able[-1].step_ns - 1)
    return next(one for one in able if oldest(one) <= enough)
