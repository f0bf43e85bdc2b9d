"""``/status``: every pipeline and destination, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import HTMLResponse

from otel_llm.collector.pipeline_status import PipelineStatus
from otel_llm.collector.sending.status import SenderStatus
from otel_llm.version import __version__

Status = Callable[[], Sequence[PipelineStatus]]
Configuration = Callable[[], Mapping[str, Any]]


class DestinationView(BaseModel):
    """One signal on its way to one destination. Counts since the start, in items."""

    exporter: str
    circuit: Literal["closed", "open"]
    failing_s: float | None
    last_error: str | None
    queue_bytes: int
    queue_capacity_bytes: int
    oldest_s: float | None
    sent: int
    failed: int
    retries: int
    dead_lettered: int


class PipelineView(BaseModel):
    """One pipeline, from where data comes to where it goes."""

    name: str
    ready: bool
    receivers: list[str]
    processors: list[str]
    destinations: list[DestinationView]


class StatusView(BaseModel):
    """The collector."""

    version: str = __version__
    pipelines: list[PipelineView]


def status_routes(
    status: Status, configuration: Configuration = dict, *, more: bool = True
) -> APIRouter:
    """The routes; ``status`` describes the pipelines now, ``configuration`` what is configured,
    without its secrets; ``more``: there are other pages and what they look like."""
    routes = APIRouter(tags=["health"])

    @routes.get("/status", response_model=StatusView)
    def overview(request: Request) -> Response | StatusView:
        """What each pipeline and destination does; a page for browsers."""
        view = StatusView(pipelines=[_pipeline(pipeline) for pipeline in status()])
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_page(view, request.scope["root_path"], more))
        return view

    @routes.get("/config")
    def configured() -> dict[str, Any]:
        """The configuration in use, defaults included; what is secret in it is not shown."""
        return dict(configuration())

    return routes


def _pipeline(pipeline: PipelineStatus) -> PipelineView:
    return PipelineView(
        name=pipeline.name,
        ready=pipeline.ready,
        receivers=list(pipeline.receivers),
        processors=list(pipeline.processors),
        destinations=[_destination(sender) for sender in pipeline.destinations],
    )


def _destination(sender: SenderStatus) -> DestinationView:
    names = DestinationView.model_fields.keys() - {"exporter"}
    return DestinationView(exporter=sender.name, **{name: getattr(sender, name) for name in names})


_HEAD: Final = (
    "<meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<meta name=color-scheme content='light dark'><title>otel-llm status</title>"
)
_STYLE: Final = (
    "<link rel=stylesheet href={root}/static/style.css>"
    "<link rel=icon href={root}/static/icon.svg type=image/svg+xml>"
)


def _page(view: StatusView, root: str, more: bool) -> str:
    """Write plain HTML: it must be readable when nothing else works."""
    root = escape(root)
    parts = [f"<h1>otel-llm {escape(view.version)}</h1>"]
    for pipeline in view.pipelines:
        state = "ready" if pipeline.ready else "NOT READY"
        way = " → ".join([", ".join(pipeline.receivers), *pipeline.processors])
        parts.append(f"<h2>{escape(pipeline.name)}: {state}</h2><p>{escape(way)}</p>")
        parts.append(_table(pipeline.destinations) if pipeline.destinations else "")
    style = _STYLE.format(root=root) if more else ""
    path, name = ("data-health", "Data health") if more else ("metrics", "Metrics")
    return (
        f"<!doctype html><html lang=en><head>{_HEAD}{style}</head>"
        f"<body><main>{''.join(parts)}"
        f"<p><a href={root}/{path}>{name}</a></p></main></body></html>"
    )


def _table(destinations: Sequence[DestinationView]) -> str:
    names = list(DestinationView.model_fields)
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
    rows = [
        "".join(f"<td>{escape(_text(getattr(destination, name)))}</td>" for name in names)
        for destination in destinations
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<div class=scroll><table><tr>{head}</tr>{body}</table></div>"


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if isinstance(value, float) else str(value)
