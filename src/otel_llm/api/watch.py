"""``/v1/rules``, silences, budgets, anomalies and drift: what the collector watches."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from otel_llm.alerting.anomalies import FoundAnomaly
from otel_llm.alerting.budgets import BudgetStatus
from otel_llm.alerting.drifts import FoundDrift
from otel_llm.alerting.reports import BudgetReport
from otel_llm.alerting.routing import Silence
from otel_llm.alerting.service import AlertService, written

from .between import Between
from .problems import Problem, described

Text = Annotated[str, Field(max_length=200)]


class RuleList(BaseModel):
    """Rules as they are written in a file."""

    rules: list[dict[str, Any]]
    errors: dict[str, str]
    """What is wrong with rules at work, by name."""


class NewSilence(BaseModel):
    """Say nothing about certain alerts for a while."""

    model_config = ConfigDict(extra="forbid")

    match: Annotated[dict[Text, Text], Field(min_length=1, max_length=20)]
    """Label to pattern; all must hold."""
    duration_s: Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]
    author: Annotated[str, Field(min_length=1, max_length=200)]
    comment: Annotated[str, Field(max_length=1_000)] = ""


class NotifierView(BaseModel):
    """How a target of notifications does."""

    name: str
    delivered: int
    failed: int
    waiting: int
    reasons: list[str]
    """Why those that did not arrive did not."""


def watch_routes(service: AlertService) -> APIRouter:
    """The routes over ``service``."""
    routes = APIRouter(prefix="/v1", tags=["alerts"])
    _add_rules(routes, service)
    _add_silences(routes, service)
    _add_findings(routes, service)
    return routes


def _add_rules(routes: APIRouter, service: AlertService) -> None:
    @routes.get("/rules")
    def rules() -> RuleList:
        """The rules that apply."""
        found = [written(rule) for rule in service.rules()]
        return RuleList(rules=found, errors=service.rule_errors())

    @routes.post("/rules", status_code=201)
    def put_rule(rule: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        """Add a rule, or change the one of that name, written as in a file of rules."""
        return written(service.put_rule(rule))

    @routes.delete("/rules/{name}", status_code=204, responses=described(404))
    def drop_rule(name: str) -> Response:
        """Remove a rule; one from the configuration is back after a restart."""
        return _gone(service.drop_rule(name), "No such rule")


def _add_silences(routes: APIRouter, service: AlertService) -> None:
    @routes.get("/silences")
    def silences() -> list[Silence]:
        """The silences that hold."""
        return list(service.silences())

    @routes.post("/silences", status_code=201)
    def silence(new: NewSilence) -> Silence:
        """Say nothing about certain alerts for a while."""
        try:
            return service.silence(new.match, new.duration_s, new.author, new.comment)
        except ValueError as error:
            raise Problem(422, str(error)) from None

    @routes.delete("/silences/{silence_id}", status_code=204, responses=described(404))
    def unsilence(silence_id: str) -> Response:
        """End a silence."""
        return _gone(service.unsilence(silence_id), "No such silence")


def _add_findings(routes: APIRouter, service: AlertService) -> None:
    @routes.get("/budgets")
    def budgets() -> list[BudgetStatus]:
        """Where every budget stands, those that are spent most first."""
        return list(service.budgets())

    @routes.get("/budgets/report")
    def report() -> list[BudgetReport]:
        """What the daily report says, as of now."""
        return list(service.budget_report())

    @routes.get("/anomalies")
    def anomalies(between: Annotated[Between, Query()]) -> list[FoundAnomaly]:
        """Hours that were unusual, the latest first."""
        return between.pick(service.anomalies(), lambda found: found.at * 1e9)

    @routes.get("/drift")
    def drift() -> list[FoundDrift]:
        """What has drifted against the week before, the largest first."""
        return list(service.drift())

    @routes.get("/notifiers")
    def notifiers() -> list[NotifierView]:
        """How every target of notifications does."""
        return [
            NotifierView(
                **{name: value for name, value in asdict(status).items() if name != "failures"},
                reasons=[failure.reason for failure in status.failures],
            )
            for status in service.notifiers()
        ]


def _gone(was_there: bool, missing: str) -> Response:
    if not was_there:
        raise Problem(404, missing)
    return Response(status_code=204)
