"""Which calls a question is about, and what they may be grouped by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

Dimension = Literal[
    "model",
    "provider",
    "operation",
    "service",
    "environment",
    "endpoint",
    "user",
    "team",
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
    "feature": "feature",
    "session": "conversation_id",
    "prompt": "prompt_name || coalesce(' ' || prompt_version, '')",
    "error_type": "error_type",
    "finish_reason": "unnest(finish_reasons)",
    "flag": "unnest(flags)",
}
"""Dimension -> the expression that gives a row's group; a list counts once for each element."""

_EQUAL: Final = {
    **{name: key for name, key in GROUP_KEYS.items() if not key.startswith("unnest")},
    "prompt_name": "prompt_name",
    "prompt_version": "prompt_version",
    "trace_id": "trace_id",
}
_CONTAINS: Final = {"flag": "flags", "finish_reason": "finish_reasons"}


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
    text: str | None = None
    """Part of a name, model, user, feature, session or id; upper and lower case are the same."""
    billed: bool | None = True
    """Only model calls; ``None`` for agents, tools, workflows and retrievals as well."""

    def where(self) -> tuple[str, list[object]]:
        """The condition as SQL with ``?``, and its parameters."""
        parts = list(self._parts())
        condition = " AND ".join(sql for sql, _ in parts) or "true"
        return condition, [value for _, values in parts for value in values]

    def where_scores(self) -> tuple[str, list[object]]:
        """The same for scores ``s``: given within the range, to a trace with such a call."""
        times = Filter(since_ns=self.since_ns, until_ns=self.until_ns, billed=None)
        condition, values = times.where()
        rest = replace(self, since_ns=None, until_ns=None)
        if rest == Filter():
            return condition.replace("start_ns", "at_ns"), values
        like, more = rest.where()
        exists = f"EXISTS (SELECT 1 FROM calls WHERE calls.trace_id = s.trace_id AND {like})"
        return f"{condition.replace('start_ns', 'at_ns')} AND {exists}", [*values, *more]

    def _parts(self) -> Iterator[tuple[str, tuple[object, ...]]]:
        if self.since_ns is not None:
            yield "start_ns >= ?", (self.since_ns,)
        if self.until_ns is not None:
            yield "start_ns < ?", (self.until_ns,)
        if self.billed is not None:
            yield "billed = ?", (self.billed,)
        yield from self._attributes()
        yield from self._conditions()

    def _attributes(self) -> Iterator[tuple[str, tuple[object, ...]]]:
        for name, column in _EQUAL.items():
            if (value := getattr(self, name)) is not None:
                yield f"{column} = ?", (value,)
        for name, column in _CONTAINS.items():
            if (value := getattr(self, name)) is not None:
                yield f"list_contains({column}, ?)", (value,)

    def _conditions(self) -> Iterator[tuple[str, tuple[object, ...]]]:
        if self.tag is not None:
            yield "tags[?] = ?", self.tag
        if self.failed is not None:
            yield f"error_type IS {'NOT ' if self.failed else ''}NULL", ()
        if self.well is not None:
            yield f"{'' if self.well else 'NOT '}{_WELL}", ()
        if self.unpriced is not None:
            yield "unpriced = ?", (self.unpriced,)
        if self.slower_than_ms is not None:
            yield "duration_ms > ?", (self.slower_than_ms,)
        if self.text is not None:
            yield f"contains(lower({_SEARCHED}), ?)", (self.text.lower(),)


_WELL: Final = "(error_type IS NULL AND coalesce(len(flags), 1) = 0)"

_SEARCHED: Final = (
    "concat_ws(' ', name, model, user_id, feature, conversation_id, trace_id, response_id,"
    " error_type, service)"
)
