"""``/v1/alerts``: what is wrong now, and taking it on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from otel_llm.alerting.alert import Alert, State
from otel_llm.alerting.service import AlertService
from otel_llm.store import Incident, Store

from .between import Between
from .problems import Problem, described


class AlertList(BaseModel):
    """Alerts, the gravest first."""

    alerts: list[dict[str, Any]]


class Acknowledgement(BaseModel):
    """Who takes an alert on."""

    model_config = ConfigDict(extra="forbid")
    by: Annotated[str, Field(min_length=1, max_length=200)] = "api"


def alert_routes(service: AlertService, store: Store | None) -> APIRouter:
    """The routes over ``service``; ``store`` knows what was, and without it there is no history."""
    routes = APIRouter(prefix="/v1/alerts", tags=["alerts"])

    @routes.get("")
    def list_alerts(state: Annotated[State | None, Query()] = None) -> AlertList:
        """Alerts that are pending, firing or resolved lately."""
        found = [alert for alert in service.alerts() if state in (None, alert.state)]
        return AlertList(alerts=[alert.to_json() for alert in found])

    @routes.post("/{alert_id}/acknowledge", responses=described(404))
    def acknowledge(alert_id: str, who: Acknowledgement | None = None) -> dict[str, Any]:
        """Take an alert on: it is not repeated while it lasts."""
        return _known(service.acknowledge(alert_id, (who or Acknowledgement()).by))

    @routes.post("/{alert_id}/resolve", responses=described(404))
    def resolve(alert_id: str) -> dict[str, Any]:
        """Say that it is over."""
        return _known(service.resolve(alert_id))

    if store is not None:
        _add_history(routes, store)
    return routes


def _add_history(routes: APIRouter, store: Store) -> None:
    @routes.get("/history")
    def history(between: Annotated[Between, Query()]) -> list[Incident]:
        """What fired, as it was last seen, the latest first: who took it on, when it was over."""
        since_ns, until_ns = between.range_ns()
        return [*store.incidents(since_ns=since_ns, until_ns=until_ns, limit=between.limit)]


def _known(alert: Alert | None) -> dict[str, Any]:
    if alert is None:
        raise Problem(404, "No such alert")
    return alert.to_json()
