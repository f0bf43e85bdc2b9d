"""Pages of what is watched: alerts and what is done about them, silences, budgets, findings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from otel_llm.alerting.alert import SEVERITIES, Alert
from otel_llm.alerting.rule import Rule
from otel_llm.alerting.service import AlertService
from otel_llm.stats.matching import exactly
from otel_llm.store import Store

from .asked import Missing, Mistake, ask, labelled
from .boards import trends_of
from .forms import read_form
from .render import ROWS, Renderer, explained

HISTORY: Final = 200
DURATIONS: Final = (("1h", 3_600), ("8h", 28_800), ("1d", 86_400), ("7d", 604_800))
"""How long one may ask for silence, as shown and in seconds."""
AUTHOR: Final = "dashboard"
_SPENDING: Final = ("/budgets", "the budgets")
_OWN: Final = ("/data-health", "what the collector counts of itself")
_FOUND: Final = ("/watch", "what was found")
_ELSEWHERE: Final[Mapping[str, tuple[str, str]]] = {
    "anomaly": _FOUND,
    "drift": _FOUND,
    "lost_spans": _OWN,
    "price_table_age": _OWN,
    "queue_age": _OWN,
    "queue_use": _OWN,
    "suite_pass_rate": ("/evaluations", "the runs of the suites"),
    "undelivered_notifications": _OWN,
    **dict.fromkeys(("budget_burn", "budget_forecast", "budget_hourly", "budget_use"), _SPENDING),
}
"""Signals that rest on no calls of a window: the page that shows them, and what is there."""
_NARROWED: Final = {
    "error_rate": {"failed": "true"},
    "errors": {"failed": "true"},
    "refusal_rate": {"flag": "refusal"},
    "unpriced_share": {"unpriced": "true"},
}
"""Signals that some calls alone are to blame for: which."""

FormView = Callable[[Mapping[str, str]], Response]


def alert_routes(
    store: Store, renderer: Renderer, service: AlertService | None
) -> Sequence[BaseRoute]:
    """The routes of these pages; without a service they say that nothing is watched."""
    shown = Watched(store, renderer, service)
    get = partial(explained, renderer)
    return [
        Route("/alerts", get(shown.alerts)),
        Route("/alerts/history", get(shown.history)),
        Route("/alerts/{alert_id}", get(shown.alert)),
        Route("/watch", get(shown.watch)),
        Route("/budgets", get(shown.budgets)),
        Route("/silences", shown.answered(shown.silence), methods=["POST"]),
        Route("/silences/{silence_id}/end", get(shown.unsilence), methods=["POST"]),
        Route("/alerts/{alert_id}/{action}", get(shown.change), methods=["POST"]),
    ]


class Watched:
    """The pages over the alert engine."""

    def __init__(self, store: Store, renderer: Renderer, service: AlertService | None) -> None:
        self._store = store
        self._render = renderer
        self._service = service

    def alerts(self, request: Request) -> Response:
        """What is wrong now, the gravest first, and what is silenced."""
        found = self._service.alerts() if self._service else ()
        wanted = request.query_params.get("silence")
        return self._render.page(
            request,
            "alerts",
            alerts=sorted(found, key=urgency),
            factors=self._factors(),
            evidence=partial(evidence, {rule.name: rule for rule in self._rules()}),
            silences=self._service.silences() if self._service else (),
            durations=DURATIONS,
            chosen=next((alert for alert in found if alert.id == wanted), None),
        )

    def alert(self, request: Request) -> Response:
        """Where one alert is listed, now or as it was: what links in messages lead to."""
        alert_id = request.path_params["alert_id"]
        if self._service and any(alert.id == alert_id for alert in self._service.alerts()):
            return self._to(f"/alerts#a{alert_id}")
        for incident in self._store.incidents(of=alert_id, limit=1):
            return self._to(f"/alerts/history?alert={quote(alert_id)}#{incident.id}")
        raise Missing("There is no such alert any more.")

    def history(self, request: Request) -> Response:
        """What fired when, who took it on, when it was over: all alerts, or every time of one."""
        wanted = request.query_params.get("alert", "")
        incidents = self._store.incidents(of=wanted, limit=HISTORY)
        return self._render.page(request, "history", incidents=incidents, factors=self._factors())

    def watch(self, request: Request) -> Response:
        """What is unusual, what has drifted, where days go, rules."""
        trends = trends_of(self._store, ask({}))
        return self._render.page(request, "watch", service=self._running(), trends=trends)

    def budgets(self, request: Request) -> Response:
        """Where every budget stands, and whether it lasts."""
        budgets = self._running().budgets()
        return self._render.page(request, "budgets", budgets=budgets[:ROWS], all=len(budgets))

    def change(self, request: Request) -> Response:
        """Acknowledge or resolve an alert, and back to the list."""
        alert_id, action = request.path_params["alert_id"], request.path_params["action"]
        if self._service is None or action not in ("acknowledge", "resolve"):
            raise Missing("There is no such thing to do.")
        changed = (
            self._service.resolve(alert_id)
            if action == "resolve"
            else self._service.acknowledge(alert_id, AUTHOR)
        )
        if changed is None:
            raise Missing("There is no such alert any more.")
        return self._to("/alerts")

    def silence(self, form: Mapping[str, str]) -> Response:
        """Say nothing of some alerts for a while, and back to the list."""
        durations = dict(DURATIONS)
        if form.get("duration") not in durations:
            raise Mistake("duration: choose one of those offered.")
        try:
            self._running().silence(
                _matched(form.get("match", "")),
                durations[form["duration"]],
                form.get("author") or AUTHOR,
                form.get("comment", ""),
            )
        except ValueError as error:
            raise Mistake(str(error)) from None
        return self._to("/alerts")

    def unsilence(self, request: Request) -> Response:
        """End a silence, and back to the list."""
        if not self._running().unsilence(request.path_params["silence_id"]):
            raise Missing("There is no such silence any more.")
        return self._to("/alerts")

    def answered(self, answer: FormView) -> Callable[[Request], Awaitable[Response]]:
        """``answer`` with the form that was sent."""

        async def view(request: Request) -> Response:
            form = await read_form(request)
            return await run_in_threadpool(explained(self._render, lambda _: answer(form)), request)

        return view

    def _to(self, path: str) -> Response:
        return RedirectResponse(self._render.root + path, status_code=303)

    def _factors(self) -> frozenset[str]:
        """Rules whose values are factors over what is usual."""
        return frozenset(rule.name for rule in self._rules() if rule.baseline)

    def _rules(self) -> Sequence[Rule]:
        return self._service.rules() if self._service else ()

    def _running(self) -> AlertService:
        if self._service is None:
            raise Missing("Nothing is watched: alerting is off.")
        return self._service


def urgency(alert: Alert) -> tuple[int, int, float]:
    """Sorts what is most urgent to the front."""
    state = ("firing", "pending", "resolved").index(alert.state)
    return state, -SEVERITIES.index(alert.severity), -alert.active_at


def evidence(rules: Mapping[str, Rule], alert: Alert) -> tuple[str, str]:
    """Where it is seen what an alert rests on, and what that is: the page of its signal, or the
    calls of its window that are to blame."""
    if elsewhere := _ELSEWHERE.get(alert.signal):
        return elsewhere
    rule = rules.get(alert.rule)
    filters = rule.filters if rule else {}
    plain = {name: value for name, value in filters.items() if exactly(value) == (value,)}
    since = int(alert.active_at - (rule.window if rule else 0))
    until = None if alert.resolved_at is None else int(alert.resolved_at) + 1
    flag = alert.signal.partition("flag_rate.")[2]
    narrowed = {"flag": flag} if flag else _NARROWED.get(alert.signal, {})
    calls = labelled("/calls", {**plain, **alert.labels}, since, until, **narrowed)
    return calls, "the calls that count"


def _matched(text: str) -> dict[str, str]:
    """``name=value`` pairs, one per line. Raises ``Mistake``."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    pairs = [line.partition("=") for line in lines]
    if any(not separator or not name.strip() for name, separator, _ in pairs):
        raise Mistake("match: expected label=pattern, one per line.")
    return {name.strip(): value.strip() for name, _, value in pairs}
