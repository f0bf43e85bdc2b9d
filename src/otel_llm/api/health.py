"""``/health``, ``/ready`` and ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import JSONResponse, PlainTextResponse

from otel_llm.collector.measures.samples import Family, Measure, Sample
from otel_llm.version import __version__

from .exposition import CLASSIC, OPENMETRICS, render, wants_openmetrics
from .problems import described, problem
from .status import Status

Ready = Callable[[], bool]


class Health(BaseModel):
    """The process is alive."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class Readiness(Health):
    """It takes data."""

    pipelines: dict[str, bool]
    """Of each pipeline, whether it does."""


def health_routes(ready: Ready, measures: Sequence[Measure], status: Status = tuple) -> APIRouter:
    """The routes; ``measures`` give what ``/metrics`` shows, ``status`` the pipelines."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health")
    def health() -> Health:
        """Whether the process is alive."""
        return Health()

    @routes.get("/ready", response_model=Readiness, responses=described(404))
    def readiness(pipeline: str | None = None) -> Response:
        """Whether it takes data: all of its pipelines, or the one that is named."""
        pipelines = {one.name: one.ready for one in status()}
        if pipeline is not None and pipeline not in pipelines:
            return problem(404, "No such pipeline")
        asked = pipelines if pipeline is None else {pipeline: pipelines[pipeline]}
        if not ready() or not all(asked.values()):
            full = ", ".join(name for name, is_ready in asked.items() if not is_ready)
            return problem(503, f"Not ready to take data{full and ': '}{full}")
        return JSONResponse(Readiness(pipelines=asked).model_dump())

    @routes.get("/metrics", response_class=PlainTextResponse)
    def metrics(request: Request) -> Response:
        """What the collector counted, for Prometheus; OpenMetrics with exemplars on request."""
        openmetrics = wants_openmetrics(request.headers.get("accept", ""))
        families = [BUILD, *(family for measure in measures for family in measure())]
        text = render(families, openmetrics=openmetrics)
        return Response(text, media_type=OPENMETRICS if openmetrics else CLASSIC)

    return routes


BUILD = Family(
    "otel_llm_build_info",
    "gauge",
    "Version of the collector, always 1",
    (Sample(1, {"version": __version__}),),
)
