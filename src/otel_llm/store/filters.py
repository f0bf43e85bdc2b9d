"""Which calls a question is about, and what they may be grouped by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from .dialect import DUCKDB, Dialect

Dimension = Literal[
    "model",
    "provider",
    "operation",
    "service",
    "environment",
    "endpoint",
    "user",
    "team",
    "tenant",
    "feature",
    "session",
    "prompt",
    "error_type",
    "finish_reason",
    "flag",
]
Measure = Literal["cost", "duration", "tokens", "first_chunk"]
MEASURES: Final[dict[Measure, str]] = {
    "cost": "cost_usd",
    "duration": "duration_ms",
    "tokens": "tokens",
    "first_chunk": "time_to_first_chunk_s",
}
"""What single calls can be ranked by -> the column that holds it."""

Most = Literal["calls", "cost", "errors", "unpriced"]
MOST: Final[dict[Most, str]] = {
    "calls": "count(*)",
    "cost": "sum(cost_usd)",
    "errors": "count(error_type)",
    "unpriced": "count(*) FILTER (WHERE unpriced)",
}
"""What groups can be ranked by -> the aggregate."""

DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)

GROUP_KEYS: Final[dict[Dimension, str]] = {
    "model": "model",
    "provider": "provider",
    "operation": "operation",
    "service": "service",
    "environment": "environment",
    "endpoint": "server_address",
    "user": "user_id",
    "team": "team",
    "tenant": "tenant",
    "feature": "feature",
    "session": "conversation_id",
    "prompt": "prompt_name || coalesce(' ' || prompt_version, '')",
    "error_type": "error_type",
}
"""Dimension -> the expression that gives a row's group."""

LISTS: Final[dict[Dimension, str]] = {"finish_reason": "finish_reasons", "flag": "flags"}
"""Dimension -> the list that counts once for each of its elements."""

_EQUAL: Final = {
    **GROUP_KEYS,
    "prompt_name": "prompt_name",
    "prompt_version": "prompt_version",
    "trace_id": "trace_id",
}


def group_key(by: Dimension, dialect: Dialect) -> str:
    """The expression that gives a row's group, or its groups."""
    return dialect.each.format(LISTS[by]) if by in LISTS else GROUP_KEYS[by]


@dataclass(frozen=True, slots=True)
class Filter:
    """Calls that meet every condition that is given. Times are Unix nanoseconds: started at or
    after ``since_ns`` and before ``until_ns``."""

    since_ns: int | None = None
    until_ns: int | None = None
    model: str | None = None
    provider: str | None = None
    operation: str | None = None
    service: str | None = None
    environment: str | None = None
    endpoint: str | None = None
    """Address of the server that was asked."""
    user: str | None = None
    team: str | None = None
    tenant: str | None = None
    feature: str | None = None
    session: str | None = None
    prompt: str | None = None
    """Name and version with a space between, or the name of one without a version."""
    prompt_name: str | None = None
    prompt_version: str | None = None
    error_type: str | None = None
    trace_id: str | None = None
    flag: str | None = None
    finish_reason: str | None = None
    tag: tuple[str, str] | None = None
    """Key and value of a free tag."""
    failed: bool | None = None
    """Only calls that failed, or only those that did not."""
    well: bool | None = None
    """Only calls that did not fail and were checked without a flag, or only those of which one
    of that is not so."""
    unpriced: bool | None = None
    """Only calls whose cost is unknown although they ran, or only the others."""
    slower_than_ms: float | None = None
    scored_below: float | None = None
    """Only calls whose score by rules of thumb is less."""
    text: str | None = None
    """Part of a name, model, user, feature, session or id; upper and lower case are the same."""
    billed: bool | None = True
    """Only model calls; ``None`` for agents, tools, workflows and retrievals as well."""

    def where(self, dialect: Dialect = DUCKDB) -> tuple[str, list[object]]:
        """The condition as SQL with ``?``, and its parameters."""
        parts = list(self._parts(dialect))
        condition = " AND ".join(sql for sql, _ in parts) or "true"
        return condition, [value for _, values in parts for value in values]

    def where_scores(self, dialect: Dialect = DUCKDB) -> tuple[str, list[object]]:
        """The same for scores ``s``: given within the range, to a trace with such a call."""
        times = Filter(since_ns=self.since_ns, until_ns=self.until_ns, billed=None)
        condition, values = times.where(dialect)
        rest = replace(self, since_ns=None, until_ns=None)
        if rest == Filter():
            return condition.replace("start_ns", "at_ns"), values
        like, more = rest.where(dialect)
        of_such = f"s.trace_id IN (SELECT trace_id FROM calls WHERE {like})"
        return f"{condition.replace('start_ns', 'at_ns')} AND {of_such}", [*values, *more]

    def _parts(self, dialect: Dialect) -> Iterator[tuple[str, tuple[object, ...]]]:
        if self.since_ns is not None:
            yield "start_ns >= ?", (self.since_ns,)
        if self.until_ns is not None:
            yield "start_ns < ?", (self.until_ns,)
        if self.billed is not None:
            yield "billed = ?", (self.billed,)
        yield from self._attributes(dialect)
        yield from self._conditions(dialect)

    def _attributes(self, dialect: Dialect) -> Iterator[tuple[str, tuple[object, ...]]]:
        for name, column in _EQUAL.items():
            if (value := getattr(self, name)) is not None:
                yield f"{column} = ?", (value,)
        for name, column in LISTS.items():
            if (value := getattr(self, name)) is not None:
                yield dialect.holds.format(column), (value,)

    def _conditions(self, dialect: Dialect) -> Iterator[tuple[str, tuple[object, ...]]]:
        if self.tag is not None:
            yield dialect.tagged, self.tag
        if self.failed is not None:
            yield f"error_type IS {'NOT ' if self.failed else ''}NULL", ()
        if self.well is not None:
            well = f"(error_type IS NULL AND {dialect.checked} AND NOT {dialect.flagged})"
            yield well if self.well else f"NOT {well}", ()
        if self.unpriced is not None:
            yield "unpriced = ?", (self.unpriced,)
        if self.slower_than_ms is not None:
            yield "duration_ms > ?", (self.slower_than_ms,)
        if self.scored_below is not None:
            yield "score < ?", (self.scored_below,)
        if self.text is not None:
            found = " OR ".join(map(dialect.found.format, _SEARCHED))
            yield f"({found})", (self.text.lower(),) * len(_SEARCHED)


_SEARCHED: Final = (
    *("name", "model", "user_id", "feature", "conversation_id", "trace_id", "response_id"),
    *("error_type", "service"),
)
