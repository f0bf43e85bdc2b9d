"""``/v1/spending``: what an application asks before its next call."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from otel_llm.alerting.service import AlertService
from otel_llm.alerting.spending import VALID_S
from otel_llm.stats.denial import Denial, written
from otel_llm.stats.dimensions import check_dimensions

from .problems import Problem

_QUERY: dict[str, Any] = {
    "parameters": [
        {
            "name": "labels",
            "in": "query",
            "style": "form",
            "explode": True,
            "description": "Who asks: dimension to value, such as `user=ann&team=search`.",
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
            "example": {"user": "ann", "team": "search"},
        }
    ]
}


class Answer(BaseModel):
    """Whether the asker may go on."""

    ok: bool
    denied: list[Denial]
    """Every reason why not."""


def spending_routes(service: AlertService) -> APIRouter:
    """The routes over ``service``."""
    routes = APIRouter(prefix="/v1/spending", tags=["budgets"])

    @routes.get("", openapi_extra=_QUERY)
    def may_spend(request: Request) -> Answer:
        """May I spend? Yes, unless a hard budget of the asker is spent or it runs away."""
        asker = dict(request.query_params)
        try:
            check_dimensions(asker)
        except ValueError as error:
            raise Problem(422, str(error)) from None
        denied = service.denied_to(asker)
        return Answer(ok=not denied, denied=list(denied))

    @routes.get("/denied", response_class=Response, responses={200: {"content": _JSON}})
    def denied() -> Response:
        """Everything that is denied, as the file that the setting `spending_file` names."""
        document = written(service.denials(), time.time() + VALID_S)
        return Response(document, media_type="application/json")

    return routes


_JSON: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
