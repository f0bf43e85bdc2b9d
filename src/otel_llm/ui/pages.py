"""The pages: each asks the store and fills a template."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from otel_llm.alerting.alert import Alert
from otel_llm.store import Selection, Store

from . import format
from .columns import columns, step_s
from .waterfall import waterfall

RANGES: Final = ("1h", "24h", "7d", "30d")
RECENT: Final = 20
PAGE: Final = 100
STATIC: Final = Path(__file__).parent / "static"

AlertList = Callable[[], Sequence[Alert]]


def pages(store: Store, *, alerts: AlertList = tuple) -> Sequence[BaseRoute]:
    """The routes of the dashboard over ``store``; ``alerts`` gives those to be shown."""
    dashboard = Dashboard(store, alerts)
    return [
        Route("/", dashboard.overview),
        Route("/calls", dashboard.calls),
        Route("/traces/{trace_id}", dashboard.trace),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


class Dashboard:
    """The pages over one store."""

    def __init__(self, store: Store, alerts: AlertList) -> None:
        self._store = store
        self._alerts = alerts
        self._templates = _templates()

    def overview(self, request: Request) -> Response:
        """Everything at a glance."""
        selection = _selection(request)
        if isinstance(selection, str):
            return self._mistake(request, selection)
        now_ns = time.time_ns()
        where = selection.filter(now_ns)
        step = step_s(where, now_ns)
        return self._page(
            request,
            "overview",
            selection=selection,
            summary=self._store.summary(where),
            columns=columns(self._store.series(step, where), where, step, now_ns),
            recent=self._store.calls(where, limit=RECENT).calls,
            alerts=[alert for alert in self._alerts() if alert.state == "firing"],
        )

    def calls(self, request: Request) -> Response:
        """The calls, newest first, a page at a time."""
        selection = _selection(request, leave_out=("cursor",))
        if isinstance(selection, str):
            return self._mistake(request, selection)
        cursor = request.query_params.get("cursor")
        try:
            page = self._store.calls(selection.filter(), limit=PAGE, cursor=cursor)
        except ValueError:
            return self._mistake(request, "That page does not exist.")
        return self._page(request, "calls", selection=selection, page=page)

    def trace(self, request: Request) -> Response:
        """One trace as a waterfall."""
        trace = self._store.trace(request.path_params["trace_id"].lower())
        if trace is None:
            text = "No GenAI span of this trace is stored: it may have expired, or not arrived yet."
            return self._mistake(request, text, status=404)
        return self._page(request, "trace", trace=trace, bars=waterfall(trace))

    def _page(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        template = self._templates.get_template(f"{name}.html")
        return HTMLResponse(template.render(path=request.url.path, **values), status)

    def _mistake(self, request: Request, text: str, status: int = 422) -> Response:
        return self._page(request, "mistake", status, text=text)


def _selection(request: Request, leave_out: Sequence[str] = ()) -> Selection | str:
    """What the query string asks for, or what is wrong with it. Empty fields of a form count as
    not given."""
    given = {k: v for k, v in request.query_params.items() if v and k not in leave_out}
    try:
        return Selection.model_validate(given)
    except ValidationError as error:
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())


def link(path: str, selection: Selection, **changes: str | None) -> str:
    """``path`` with the selection in its query, changed; ``None`` takes a condition away."""
    given = selection.model_dump(mode="json", exclude_none=True, exclude_defaults=True) | changes
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{path}?{query}" if query else path


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("otel_llm.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(  # pyright: ignore[reportUnknownMemberType] - untyped in Jinja2
        money=format.money,
        count=format.count,
        ms=format.ms,
        percent=format.percent,
        moment=format.moment,
        iso=format.iso,
    )
    environment.globals.update(  # pyright: ignore[reportUnknownMemberType] - the same
        link=link, RANGES=RANGES, UNKNOWN=format.UNKNOWN
    )
    return environment
