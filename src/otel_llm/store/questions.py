"""What can be asked of a store, in SQL that engines share. How it is run is the engine's affair."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from otel_llm.genai import Call, Usage

from . import kinds, rolled
from .calls import CallPage, cursor_after, read_cursor
from .config import StoreConfig
from .dialect import DUCKDB, Dialect
from .filters import MEASURES, MOST, Dimension, Filter, Measure, Most, group_key
from .incidents import Incident
from .kinds import Kind
from .rollups import COUNTED, Rollup, best
from .rows import to_call
from .schema import NAMES, SCORE_PARTS
from .scores import BY_RULE, Score, ScoreBucket, ScoreParts, ScoreStats
from .spans import PlainSpan
from .store import EVERYTHING
from .summary import Bucket, Group, Stats, Summary, aggregates, read_stats
from .traces import Sums, Trace, as_tree

MAX_TRACE_SPANS: Final = 10_000
HISTORY_BATCH: Final = 5_000
DAY_S: Final = 86_400


class Questions(ABC):
    """The reading half of ``Store``, over ``ask`` in the words of one ``Dialect``."""

    config: StoreConfig
    dialect: Dialect = DUCKDB
    aggregates: str = aggregates(DUCKDB)
    names: str = NAMES
    """What is read of a call, for ``as_call``."""

    def as_call(self, row: Sequence[Any]) -> Call:
        """The call of a row of ``names``."""
        return to_call(row)

    def _step(self, column: str, step_s: int) -> str:
        return self.dialect.step.format(column, step_s * 1_000_000_000)

    @abstractmethod
    def ask(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows of a statement. Raises ``StoreError`` when the engine cannot answer."""

    def kept_since_ns(self) -> int:
        """From when on all calls are there that ever were; 0: always, or there are no sums of
        those that went."""
        return 0

    def _rollup(
        self, where: Filter, by: Dimension | None = None, step_s: int | None = None
    ) -> Rollup | None:
        """The table to answer from where calls that are meant have gone."""
        if where.since_ns is None or where.since_ns >= self.kept_since_ns():
            return None
        return best(where, by, step_s, self.oldest_ns)

    def oldest_ns(self, rollup: Rollup) -> int:
        """From when on a table of sums has rows; 0 when it has none."""
        return self.ask(f"SELECT coalesce(min(start_ns), 0) FROM {rollup.table}")[0][0]

    def stats(self, where: Filter = EVERYTHING) -> Stats:
        """See ``Store``."""
        if rollup := self._rollup(where):
            return rolled.stats(self.ask, rollup, where)
        condition, values = where.where(self.dialect)
        return read_stats(
            self.ask(f"SELECT {self.aggregates} FROM calls WHERE {condition}", values)[0]
        )

    def summary(self, where: Filter = EVERYTHING) -> Summary:
        """See ``Store``."""
        return Summary(
            stats=self.stats(where),
            errors_by_type=self.counts("error_type", where),
            flags=self.counts("flag", where),
            by_model=self.breakdown("model", where),
        )

    def counts(
        self, by: Dimension, where: Filter = EVERYTHING, *, limit: int = 100
    ) -> dict[str, int]:
        """See ``Store``."""
        if rollup := self._rollup(where, None if by in COUNTED else by):
            return dict(rolled.counts(self.ask, rollup, by, where, limit))
        condition, values = where.where(self.dialect)
        rows = self.ask(
            f"SELECT key, count(*) FROM (SELECT {group_key(by, self.dialect)} AS key FROM calls"
            f" WHERE {condition}) WHERE key IS NOT NULL"
            " GROUP BY key ORDER BY count(*) DESC, key LIMIT ?",
            [*values, limit],
        )
        return dict(rows)

    def breakdown(
        self,
        by: Dimension,
        where: Filter = EVERYTHING,
        *,
        most: Most = "calls",
        limit: int = 100,
    ) -> Sequence[Group]:
        """See ``Store``."""
        if rollup := self._rollup(where, by):
            return rolled.breakdown(self.ask, rollup, by, where, most, limit)
        condition, values = where.where(self.dialect)
        rows = self.ask(
            f"SELECT key, {self.aggregates} FROM"
            f" (SELECT {group_key(by, self.dialect)} AS key, * FROM calls WHERE {condition})"
            " GROUP BY key"
            f" ORDER BY {MOST[most]} DESC NULLS LAST, count(*) DESC, key LIMIT ?",
            [*values, limit],
        )
        return tuple(Group(key, read_stats(row)) for key, *row in rows)

    def series(
        self,
        step_s: int,
        where: Filter = EVERYTHING,
        *,
        by: Dimension | None = None,
        limit: int | None = None,
    ) -> Sequence[Bucket]:
        """See ``Store``."""
        if rollup := self._rollup(where, by, step_s):
            return rolled.series(self.ask, rollup, step_s, where, by)[:limit]
        condition, values = where.where(self.dialect)
        step_ns = step_s * 1_000_000_000
        key = group_key(by, self.dialect) if by else "NULL"
        rows = self.ask(
            f"SELECT bucket, key, {self.aggregates} FROM"
            f" (SELECT {self._step('start_ns', step_s)} AS bucket, {key} AS key, * FROM calls"
            f" WHERE {condition})"
            " GROUP BY bucket, key ORDER BY bucket, key"
            + ("" if limit is None else f" LIMIT {limit}"),
            values,
        )
        return tuple(Bucket(bucket * step_ns, key, read_stats(row)) for bucket, key, *row in rows)

    def calls(
        self, where: Filter = EVERYTHING, *, limit: int = 50, cursor: str | None = None
    ) -> CallPage:
        """See ``Store``."""
        condition, values = where.where(self.dialect)
        if cursor is not None:
            condition += " AND (start_ns, trace_id, span_id) < (?, ?, ?)"
            values += read_cursor(cursor)
        rows = self.ask(
            f"SELECT {self.names} FROM calls WHERE {condition}"
            " ORDER BY start_ns DESC, trace_id DESC, span_id DESC LIMIT ?",
            [*values, limit + 1],
        )
        found = [self.as_call(row) for row in rows[:limit]]
        return CallPage(found, cursor_after(found[-1]) if len(rows) > limit else None)

    def history(self, since_ns: int, where: Filter = EVERYTHING) -> Iterator[Call]:
        """See ``Store``."""
        condition, values = where.where(self.dialect)
        after: tuple[object, ...] = (since_ns, "", "")
        while True:
            rows = self.ask(
                f"SELECT {self.names} FROM calls WHERE {condition}"
                " AND start_ns >= ? AND (start_ns, trace_id, span_id) > (?, ?, ?)"
                " ORDER BY start_ns, trace_id, span_id LIMIT ?",
                [*values, after[0], *after, HISTORY_BATCH],
            )
            for row in rows:
                call = self.as_call(row)
                after = (call.start_ns, call.trace_id, call.span_id)
                yield call
            if len(rows) < HISTORY_BATCH:
                return

    def unpriced(self, where: Filter = EVERYTHING) -> Sequence[Kind]:
        """See ``Store``."""
        condition, values = replace(where, unpriced=True).where(self.dialect)
        rows = self.ask(
            f"SELECT {kinds.COLUMNS} FROM calls WHERE {condition}"
            f" GROUP BY {kinds.KEYS}, {self._step('start_ns', DAY_S)}",
            values,
        )
        return [
            Kind(provider, asked, served, server, Usage(given, wrote), *sums)
            for provider, asked, served, server, given, wrote, *sums in rows
        ]

    def top(self, by: Measure, where: Filter = EVERYTHING, *, limit: int = 20) -> Sequence[Call]:
        """See ``Store``."""
        condition, values = where.where(self.dialect)
        column = MEASURES[by]
        rows = self.ask(
            f"SELECT {self.names} FROM calls WHERE {condition} AND {column} IS NOT NULL"
            f" ORDER BY {column} DESC, start_ns DESC, trace_id, span_id LIMIT ?",
            [*values, limit],
        )
        return [self.as_call(row) for row in rows]

    def trace(self, trace_id: str) -> Trace | None:
        """See ``Store``: at most ``MAX_TRACE_SPANS`` of either kind of span."""
        rows = self.ask(
            f"SELECT {self.names} FROM calls WHERE trace_id = ? ORDER BY start_ns LIMIT ?",
            [trace_id, MAX_TRACE_SPANS],
        )
        if not rows:
            return None
        calls, others = [self.as_call(row) for row in rows], self.plain_spans(trace_id)
        left_out, whole = 0, None
        if len(rows) == MAX_TRACE_SPANS:
            every = self.stats(Filter(trace_id=trace_id, billed=None))
            left_out, whole = every.count - len(rows), self._sums(trace_id, every)
        if len(others) == MAX_TRACE_SPANS:
            left_out += self.count_plain_spans(trace_id) - len(others)
        return as_tree(trace_id, calls, others, left_out, whole)

    def _sums(self, trace_id: str, every: Stats) -> Sums:
        billed = self.stats(Filter(trace_id=trace_id))
        return Sums(
            calls=billed.count,
            total_cost_usd=billed.total_cost_usd,
            unpriced=billed.unpriced,
            tokens=billed.total_tokens,
            errors=every.errors,
        )

    def plain_spans(self, trace_id: str) -> Sequence[PlainSpan]:
        """The other spans of a trace, the earliest ``MAX_TRACE_SPANS``, where they are kept."""
        return ()

    def count_plain_spans(self, trace_id: str) -> int:
        """How many there are of them."""
        return 0

    def find_response(self, response_id: str) -> Call | None:
        """See ``Store``."""
        rows = self.ask(
            f"SELECT {self.names} FROM calls WHERE response_id = ? ORDER BY start_ns DESC LIMIT 1",
            [response_id],
        )
        return self.as_call(rows[0]) if rows else None

    def baselines(self) -> Mapping[str, str]:
        """See ``Store``."""
        return dict(self.ask("SELECT name, value FROM baselines ORDER BY name"))

    def incidents(
        self, *, of: str = "", since_ns: int = 0, until_ns: int | None = None, limit: int = 100
    ) -> Sequence[Incident]:
        """See ``Store``."""
        only, values = "at_ns >= ?", [since_ns]
        if until_ns is not None:
            only, values = f"{only} AND at_ns < ?", [*values, until_ns]
        if of:
            only, values = f"{only} AND id >= ? AND id < ?", [*values, f"{of}:", f"{of};"]
        rows = self.ask(
            f"SELECT id, at_ns, alert FROM incidents WHERE {only} ORDER BY at_ns DESC, id LIMIT ?",
            [*values, limit],
        )
        return [Incident(id, at_ns, json.loads(alert)) for id, at_ns, alert in rows]

    def scores(self, trace_id: str) -> Sequence[Score]:
        """See ``Store``."""
        rows = self.ask("SELECT * FROM scores WHERE trace_id = ? ORDER BY at_ns, id", [trace_id])
        return [Score(*row) for row in rows]

    def scores_given(
        self, where: Filter = EVERYTHING, *, below: float | None = None, limit: int = 100
    ) -> Sequence[Score]:
        """See ``Store``."""
        condition, values = where.where_scores(self.dialect)
        if below is not None:
            condition, values = f"{condition} AND value < ?", [*values, below]
        names = ", ".join(Score.__slots__)
        rows = self.ask(
            f"SELECT {names} FROM scores AS s WHERE {condition} ORDER BY at_ns DESC, id LIMIT ?",
            [*values, limit],
        )
        return [Score(*row) for row in rows]

    def scores_since(self, at_ns: int) -> Sequence[Score]:
        """See ``Store``."""
        names = ", ".join(Score.__slots__)
        rows = self.ask(f"SELECT {names} FROM scores WHERE at_ns >= ? ORDER BY at_ns", [at_ns])
        return [Score(*row) for row in rows]

    def score_stats(
        self, where: Filter = EVERYTHING, *, threshold: float | None = None
    ) -> Sequence[ScoreStats]:
        """See ``Store``."""
        given, values = self._given(where)
        rows = self.ask(
            f"SELECT name, source, count(*), avg(value), {self.dialect.quantiles('value', 0.5)},"
            f" count(*) FILTER (WHERE value < ?) FROM ({given}) AS given"
            " GROUP BY name, source ORDER BY count(*) DESC, name, source",
            [self.config.good_enough if threshold is None else threshold, *values],
        )
        return tuple(
            ScoreStats(name, source, count, mean, middle[0], below)
            for name, source, count, mean, middle, below in rows
        )

    def score_parts(
        self, where: Filter = EVERYTHING, *, step_s: int | None = None
    ) -> Sequence[ScoreParts]:
        """See ``Store``."""
        condition, values = where.where(self.dialect)
        bucket = self._step("start_ns", step_s) if step_s else "0"
        means = ", ".join(f"avg(score_{part})" for part in SCORE_PARTS)
        rows = self.ask(
            f"SELECT {bucket} AS bucket, {means} FROM calls WHERE {condition}"
            " AND score IS NOT NULL GROUP BY bucket ORDER BY bucket",
            values,
        )
        step_ns = (step_s or 0) * 1_000_000_000
        return [
            ScoreParts(
                bucket * step_ns,
                {
                    part: mean
                    for part, mean in zip(SCORE_PARTS, told, strict=True)
                    if mean is not None
                },
            )
            for bucket, *told in rows
        ]

    def score_series(self, step_s: int, where: Filter = EVERYTHING) -> Sequence[ScoreBucket]:
        """See ``Store``."""
        given, values = self._given(where)
        step_ns = step_s * 1_000_000_000
        rows = self.ask(
            f"SELECT {self._step('at_ns', step_s)} AS bucket, source, avg(value), count(*)"
            f" FROM ({given}) AS given GROUP BY bucket, source ORDER BY bucket, source",
            values,
        )
        return tuple(ScoreBucket(bucket * step_ns, *rest) for bucket, *rest in rows)

    def _given(self, where: Filter) -> tuple[str, list[object]]:
        """Every score that is meant: those given, and that of each call by rules of thumb."""
        scored, theirs = where.where_scores(self.dialect)
        called, ours = where.where(self.dialect)
        by_rule = "".join(
            f" UNION ALL SELECT '{name}' AS name, '{source}' AS source, {value} AS value,"
            f" start_ns AS at_ns FROM calls WHERE {called} AND {value} IS NOT NULL"
            for name, (source, value) in BY_RULE.items()
        )
        given = f"SELECT name, source, value, at_ns FROM scores AS s WHERE {scored}{by_rule}"
        return given, [*theirs, *ours * len(BY_RULE)]
