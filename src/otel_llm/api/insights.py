"""``/v1``: sums over calls, the calls, and traces."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import Field

from otel_llm.stats.trends import USUAL_DAYS, Method
from otel_llm.store import (
    Dimension,
    Filter,
    Most,
    Report,
    Score,
    Selection,
    Store,
    Trace,
    report_on,
)
from otel_llm.store.selection import Moment
from otel_llm.store.trends import FoundTrend, find_trends

from .problems import Problem, described
from .views import (
    BucketView,
    CallPageView,
    GroupView,
    SummaryView,
    TraceView,
    view_bucket,
    view_group,
    view_page,
    view_summary,
    view_trace,
)

MAX_BUCKETS: Final = 20_000
"""Of one answer, about 600 bytes each."""
TraceId = Annotated[str, Path(max_length=64)]
Selected = Annotated[Selection, Query()]


class Page(Selection):
    """A selection, a page at a time."""

    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=200)


class Grouping(Selection):
    """A selection by group."""

    most: Most = "calls"
    limit: int = Field(100, ge=1, le=1_000)


class Scored(Selection):
    """A selection of the calls that were scored."""

    below: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    limit: int = Field(100, ge=1, le=1_000)


class Steps(Selection):
    """A selection in steps of time."""

    step_s: int = Field(3_600, ge=1, le=31 * 86_400)
    by: Dimension | None = None

    def buckets(self, store: Store, where: Filter) -> list[BucketView]:
        """Return the sums by step and group. Raises ``Problem`` when one answer cannot hold them:
        60 days of thousands of users by the hour are 100 MB."""
        found = store.series(self.step_s, where, by=self.by, limit=MAX_BUCKETS + 1)
        if len(found) > MAX_BUCKETS:
            more = f"more than {MAX_BUCKETS:,} steps and groups"
            raise Problem(422, f"{more}: ask for longer steps, fewer groups or less time")
        return [view_bucket(bucket) for bucket in found]


class Days(Selection):
    """A selection by days, of which trends are told."""

    since: Moment = Field(
        f"{USUAL_DAYS}d", description="From that day on (UTC): 56d (ago), ISO 8601, Unix s"
    )
    by: Dimension | None = None
    limit: int = Field(20, ge=1, le=100, description="Groups with most calls")
    method: Method = "robust"


def insight_routes(store: Store, links: Mapping[str, str] | None = None) -> APIRouter:
    """The routes over ``store``; ``links`` lead to where else a trace is shown."""
    routes = APIRouter(prefix="/v1", tags=["insights"])

    @routes.get("/summary")
    @routes.get("/metrics/summary")
    def summary(selected: Selected) -> SummaryView:
        """Count, latency, tokens, cost, errors and quality of the calls in a time range."""
        where = selected.filter()
        return view_summary(
            store.summary(where), store.score_stats(where), store.score_parts(where)
        )

    @routes.get("/scores")
    def scores(selected: Annotated[Scored, Query()]) -> list[Score]:
        """What people and programs think of answers, the latest first: the range is when they said
        so."""
        given = store.scores_given(selected.filter(), below=selected.below, limit=selected.limit)
        return list(given)

    @routes.get("/breakdown/{by}")
    def breakdown(by: Dimension, selected: Annotated[Grouping, Query()]) -> list[GroupView]:
        """The same sums by model, user, feature, ... Those with most first."""
        groups = store.breakdown(by, selected.filter(), most=selected.most, limit=selected.limit)
        return [view_group(group) for group in groups]

    @routes.get("/series")
    def series(selected: Annotated[Steps, Query()]) -> list[BucketView]:
        """The same sums by steps of time; steps without a call are left out."""
        return selected.buckets(store, selected.filter())

    @routes.get("/trends")
    def trends(asked: Annotated[Days, Query()]) -> list[FoundTrend]:
        """Whether calls, cost, latency, errors, flags and scores rise or fall over whole days, by
        how much a week, and whether that is more than chance; what is least by chance first."""
        now_ns = time.time_ns()
        where, groups = asked.filter(now_ns), asked.limit
        try:
            return find_trends(
                store, where, now_ns=now_ns, by=asked.by, groups=groups, method=asked.method
            )
        except ValueError as error:
            raise Problem(422, str(error)) from None

    @routes.get("/calls")
    def calls(page: Annotated[Page, Query()]) -> CallPageView:
        """The calls themselves, newest first."""
        try:
            return view_page(store.calls(page.filter(), limit=page.limit, cursor=page.cursor))
        except ValueError:
            raise Problem(422, "cursor: not one of ours") from None

    @routes.get("/traces/{trace_id}", responses=described(404))
    def trace(trace_id: TraceId) -> TraceView:
        """All GenAI spans of a trace, as a tree."""
        found = _known(store, trace_id)
        return view_trace(found, store.scores(found.trace_id))

    @routes.get("/traces/{trace_id}/debug", responses=described(404))
    def debug(trace_id: TraceId) -> Report:
        """Why it went wrong: every check with its evidence, the likely cause first."""
        return report_on(_known(store, trace_id), store, links)

    return routes


def _known(store: Store, trace_id: str) -> Trace:
    found = store.trace(trace_id.lower())
    if found is None:
        raise Problem(404, "No GenAI span of this trace is stored")
    return found
