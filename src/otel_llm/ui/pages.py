"""The pages: each asks the store and fills a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from otel_llm.alerting.alert import SEVERITIES, Alert
from otel_llm.alerting.service import AlertService
from otel_llm.store import DIMENSIONS, Filter, Store, Trace, linked, report_on

from .asked import Mistake, ask
from .boards import BOARDS
from .render import Renderer
from .waterfall import waterfall

PAGE: Final = 100
GROUPS: Final = 200
SESSION: Final = 500
STATIC: Final = Path(__file__).parent / "static"

View = Callable[[Request], Response]


def pages(
    store: Store,
    *,
    alerts: AlertService | None = None,
    links: Mapping[str, str] | None = None,
) -> Sequence[BaseRoute]:
    """The routes of the dashboard over ``store`` and, where there is one, the alert engine.
    ``links`` lead to where else a trace is shown: addresses with ``{trace_id}`` by name."""
    shown = Pages(store, alerts, links or {})
    return [
        *(Route(f"/{name}", shown.explained(shown.board(name))) for name in BOARDS),
        Route("/calls", shown.explained(shown.calls)),
        Route("/by/{dimension}", shown.explained(shown.groups)),
        Route("/session", shown.explained(shown.session)),
        Route("/traces/{trace_id}", shown.explained(shown.trace)),
        Route("/traces/{trace_id}/debug", shown.explained(shown.debug)),
        Route("/alerts", shown.explained(shown.alerts)),
        Route("/watch", shown.explained(shown.watch)),
        Route("/alerts/{alert_id}/{action}", shown.explained(shown.change), methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


class NotFound(Exception):
    """There is nothing under that address; the message says why, for the reader."""


class Pages:
    """The pages over one store."""

    def __init__(self, store: Store, alerts: AlertService | None, links: Mapping[str, str]) -> None:
        self._store = store
        self._links = links
        self._alerts = alerts
        self._render = Renderer()

    def explained(self, view: View) -> View:
        """``view``, with its mistakes on a page."""

        def shown(request: Request) -> Response:
            try:
                return view(request)
            except Mistake as mistake:
                return self._render.mistake(request, str(mistake))
            except NotFound as missing:
                return self._render.mistake(request, str(missing), status=404)

        return shown

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
        return self._render.page(request, "calls", asked=asked, page=page)

    def groups(self, request: Request) -> Response:
        """The sums by one dimension: users, features, models, ..."""
        by = request.path_params["dimension"]
        if by not in DIMENSIONS:
            raise NotFound("Calls cannot be grouped by that.")
        asked = ask(request.query_params)
        return self._render.page(
            request,
            "groups",
            asked=asked,
            by=by,
            dimensions=DIMENSIONS,
            groups=self._store.breakdown(by, asked.where, limit=GROUPS),
        )

    def session(self, request: Request) -> Response:
        """What happened in one conversation, in order."""
        where = Filter(session=request.query_params.get("id", ""))
        calls = self._store.calls(where, limit=SESSION).calls
        if not calls:
            raise NotFound("No call of this session is stored.")
        return self._render.page(
            request, "session", where=where, calls=calls[::-1], stats=self._store.stats(where)
        )

    def trace(self, request: Request) -> Response:
        """One trace as a waterfall."""
        trace = self._found(request)
        return self._render.page(
            request,
            "trace",
            trace=trace,
            bars=waterfall(trace),
            scores=self._store.scores(trace.trace_id),
            links=linked(self._links, trace.trace_id),
        )

    def debug(self, request: Request) -> Response:
        """What happened in a trace, each check with its evidence, the likely cause first."""
        trace = self._found(request)
        return self._render.page(
            request, "debug", trace=trace, report=report_on(trace, self._store, self._links)
        )

    def _found(self, request: Request) -> Trace:
        trace = self._store.trace(request.path_params["trace_id"].lower())
        if trace is None:
            raise NotFound(
                "No GenAI span of this trace is stored: it may have expired, or not arrived yet."
            )
        return trace

    def alerts(self, request: Request) -> Response:
        """What is wrong now, the gravest first, and what was lately."""
        found = self._alerts.alerts() if self._alerts else ()
        return self._render.page(request, "alerts", alerts=sorted(found, key=_urgency))

    def watch(self, request: Request) -> Response:
        """Budgets, what is unusual, what has drifted, silences and rules."""
        if self._alerts is None:
            raise NotFound("Nothing is watched: alerting is off.")
        return self._render.page(request, "watch", service=self._alerts)

    def change(self, request: Request) -> Response:
        """Acknowledge or resolve an alert, and back to the list."""
        alert_id, action = request.path_params["alert_id"], request.path_params["action"]
        if self._alerts is None or action not in ("acknowledge", "resolve"):
            raise NotFound("There is no such thing to do.")
        changed = (
            self._alerts.resolve(alert_id)
            if action == "resolve"
            else self._alerts.acknowledge(alert_id, "dashboard")
        )
        if changed is None:
            raise NotFound("There is no such alert any more.")
        return RedirectResponse("/alerts", status_code=303)

    def _firing(self) -> Sequence[Alert]:
        found = self._alerts.alerts() if self._alerts else ()
        return sorted((alert for alert in found if alert.state == "firing"), key=_urgency)


def _urgency(alert: Alert) -> tuple[int, int, float]:
    state = ("firing", "pending", "resolved").index(alert.state)
    return state, -SEVERITIES.index(alert.severity), -alert.active_at
