"""The pages: each asks the store and fills a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from otel_llm.alerting.alert import Alert
from otel_llm.alerting.service import AlertService
from otel_llm.collector.measures.samples import Measure
from otel_llm.pricing import PriceBook
from otel_llm.store import DIMENSIONS, Filter, Store, Trace, linked, report_on
from otel_llm.store.filters import MOST

from .asked import Missing, Mistake, ask
from .boards import BOARDS
from .downloads import calls_csv, groups_csv
from .findings import Histories, findings_routes
from .render import ROWS, Renderer, View, explained
from .watched import alert_routes, urgency
from .waterfall import extent, part

PAGE: Final = 100
GROUPS: Final = 200
SESSION: Final = 500
STATIC: Final = Path(__file__).parent / "static"


def pages(
    store: Store,
    *,
    alerts: AlertService | None = None,
    links: Mapping[str, str] | None = None,
    measures: Measure = tuple,
    book: Callable[[], PriceBook] = PriceBook,
    history: Histories = lambda: None,
    root: str = "",
) -> Sequence[BaseRoute]:
    """The routes of the dashboard over ``store`` and, where there is one, the alert engine.

    ``links`` lead to where else a trace is shown: addresses with ``{trace_id}`` by name.
    ``measures`` give what the collector counts of itself, ``book`` says why calls have no price,
    ``history`` how suites went. ``root`` goes before the path of every link.
    """
    renderer = Renderer(root)
    shown = Pages(store, renderer, alerts, links or {})
    get = partial(explained, renderer)
    return [
        *(Route(f"/{name}", get(shown.board(name))) for name in BOARDS),
        Route("/calls", get(shown.calls)),
        Route("/calls.csv", get(partial(calls_csv, store))),
        Route("/by/{dimension}.csv", get(partial(groups_csv, store))),
        Route("/by/{dimension}", get(shown.groups)),
        Route("/session", get(shown.session)),
        Route("/traces/{trace_id}", get(shown.trace)),
        Route("/traces/{trace_id}/debug", get(shown.debug)),
        *findings_routes(store, renderer, measures, book, history),
        *alert_routes(store, renderer, alerts),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


class Pages:
    """The pages over one store."""

    def __init__(
        self,
        store: Store,
        renderer: Renderer,
        alerts: AlertService | None,
        links: Mapping[str, str],
    ) -> None:
        self._store = store
        self._alerts = alerts
        self._links = links
        self._render = renderer

    def board(self, name: str) -> View:
        """The dashboard ``name``."""

        def shown(request: Request) -> Response:
            asked = ask(request.query_params)
            return self._render.page(
                request,
                "board",
                asked=asked,
                board=BOARDS[name](self._store, asked),
                alerts=[] if name else self._firing(),
                low=self._store.config.good_enough,
            )

        return shown

    def calls(self, request: Request) -> Response:
        """The calls, newest first, a page at a time."""
        query = dict(request.query_params)
        cursor = query.pop("cursor", None)
        asked = ask(query)
        try:
            page = self._store.calls(asked.where, limit=PAGE, cursor=cursor)
        except ValueError:
            raise Mistake("That page does not exist.") from None
        low = self._store.config.good_enough
        return self._render.page(request, "calls", asked=asked, page=page, cursor=cursor, low=low)

    def groups(self, request: Request) -> Response:
        """The sums by one dimension: users, features, models, ..."""
        by = request.path_params["dimension"]
        if by not in DIMENSIONS:
            raise Missing("Calls cannot be grouped by that.")
        query = dict(request.query_params)
        most = query.pop("most", "calls")
        if most not in MOST:
            raise Mistake(f"most: choose one of {', '.join(MOST)}.")
        asked = ask(query)
        return self._render.page(
            request,
            "groups",
            asked=asked,
            by=by,
            most=most,
            dimensions=DIMENSIONS,
            groups=self._store.breakdown(by, asked.where, most=most, limit=GROUPS),
        )

    def session(self, request: Request) -> Response:
        """What happened in one conversation, in order."""
        where = Filter(session=request.query_params.get("id", ""))
        calls = self._store.calls(where, limit=SESSION).calls
        if not calls:
            raise Missing("No call of this session is stored.")
        return self._render.page(
            request, "session", where=where, calls=calls[::-1], stats=self._store.stats(where)
        )

    def trace(self, request: Request) -> Response:
        """One trace as a waterfall, a part of it at a time where it is large."""
        trace, query = self._found(request), request.query_params
        scores = self._store.scores(trace.trace_id)
        return self._render.page(
            request,
            "trace",
            trace=trace,
            part=part(trace, begins=query.get("from", ""), span=query.get("span", "")),
            extent=extent(trace),
            scores=scores[:ROWS],
            all_scores=len(scores),
            links=linked(self._links, trace.trace_id),
        )

    def debug(self, request: Request) -> Response:
        """What happened in a trace, each check with its evidence, the likely cause first."""
        trace = self._found(request)
        report = report_on(trace, self._store, self._links)
        return self._render.page(
            request,
            "debug",
            trace=trace,
            report=report,
            steps=report.steps[:ROWS],
            findings=report.findings[:ROWS],
        )

    def _found(self, request: Request) -> Trace:
        trace = self._store.trace(request.path_params["trace_id"].lower())
        if trace is None:
            raise Missing(
                "No GenAI span of this trace is stored: it may have expired, or not arrived yet."
            )
        return trace

    def _firing(self) -> Sequence[Alert]:
        found = self._alerts.alerts() if self._alerts else ()
        return sorted((alert for alert in found if alert.state == "firing"), key=urgency)
