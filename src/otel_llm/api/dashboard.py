"""``/v1/dashboard``: what a first page shows, in one answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from otel_llm.alerting.alert import Alert
from otel_llm.store import Store

from .insights import Steps
from .views import (
    BucketView,
    CallView,
    GroupView,
    SummaryView,
    view_call,
    view_group,
    view_summary,
)

RECENT: Final = 20
TOP: Final = 10


@dataclass(frozen=True, slots=True)
class DashboardView:
    """The sums, how they went, who caused them, the newest calls, and what is wrong."""

    summary: SummaryView
    series: Sequence[BucketView]
    by_user: Sequence[GroupView]
    by_feature: Sequence[GroupView]
    recent: Sequence[CallView]
    alerts: Sequence[dict[str, Any]]
    """Firing alerts."""


def dashboard_routes(store: Store, alerts: Callable[[], Sequence[Alert]]) -> APIRouter:
    """The route over ``store``."""
    routes = APIRouter(prefix="/v1", tags=["insights"])

    @routes.get("/dashboard")
    def dashboard(selected: Annotated[Steps, Query()]) -> DashboardView:
        """Everything the overview shows."""
        where = selected.filter()
        return DashboardView(
            summary=view_summary(
                store.summary(where), store.score_stats(where), store.score_parts(where)
            ),
            series=selected.buckets(store, where),
            by_user=[view_group(group) for group in store.breakdown("user", where, limit=TOP)],
            by_feature=[view_group(g) for g in store.breakdown("feature", where, limit=TOP)],
            recent=[view_call(call) for call in store.calls(where, limit=RECENT).calls],
            alerts=[alert.to_json() for alert in alerts() if alert.state == "firing"],
        )

    return routes
