"""Pages of what was found out: evaluations, models without a price, the collector's own health."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from otel_llm.collector.measures.samples import Family, Labels, Measure
from otel_llm.evaluation.history import History
from otel_llm.pricing import PriceBook
from otel_llm.store import Store
from otel_llm.store.unpriced import unpriced

from .asked import Missing, ask
from .format import ms, percent, size
from .plots import plot_scores
from .render import ROWS, Renderer, explained

_OF_CALLS: Final = "otel_llm_call"
_BUDGETS: Final = "otel_llm_budget"
_SUITES: Final = "otel_llm_evaluation_suite"
_RUNS: Final = 50
Histories: TypeAlias = Callable[[], History | None]
"""Gives what is kept of the runs of suites, where there is any."""
_LOSSES: Final = ("failed", "dropped", "refused", "malformed", "lost", "corrupt", "unreadable")
"""Parts of the names of what should stay at zero."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One number that the collector counts of itself."""

    name: str
    labels: Labels
    value: float
    help: str

    @property
    def shown(self) -> str:
        """The value in the unit that its name ends with."""
        name = self.name.removesuffix("_total")
        if name.endswith(("_bytes", "_memory_rss")):
            return size(self.value)
        if name.endswith(("_seconds", "_uptime")):
            return ms(self.value * 1e3)
        return percent(self.value) if name.endswith("_rate") else f"{self.value:,.6g}"

    @property
    def bad(self) -> bool:
        """Whether something was lost or refused."""
        return self.value > 0 and any(part in self.name for part in _LOSSES)


def findings_routes(
    store: Store,
    renderer: Renderer,
    measures: Measure,
    book: Callable[[], PriceBook],
    history: Histories,
) -> Sequence[BaseRoute]:
    """The routes of these pages."""
    get = partial(explained, renderer)
    return [
        Route("/evaluations", get(partial(_evaluations, store, renderer, measures, history))),
        Route("/evaluations/{run}", get(partial(_evaluation_run, renderer, history))),
        Route("/unpriced", get(partial(_unpriced, store, renderer, book))),
        Route("/data-health", get(partial(_health, store, renderer, measures))),
    ]


def _evaluations(
    store: Store, render: Renderer, measures: Measure, history: Histories, request: Request
) -> Response:
    """Scores of people and programs, and how suites went."""
    asked = ask(request.query_params)
    kept = history()
    return render.page(
        request,
        "evaluations",
        asked=asked,
        low=store.config.good_enough,
        scores=store.score_stats(asked.where),
        plot=plot_scores("Mean score", asked, store),
        prompts=store.breakdown("prompt", asked.where, limit=50),
        suites=readings(measures(), _SUITES),
        runs=kept.runs(limit=_RUNS) if kept else (),
        judge=[
            one
            for one in readings(measures(), "otel_llm_evaluation")
            if not one.name.startswith(_SUITES)
        ],
    )


def _evaluation_run(render: Renderer, history: Histories, request: Request) -> Response:
    """One run of a suite, case by case. Why a case did not pass stays out: it may quote the
    answer, which the trace shows to who may read it."""
    kept = history()
    run = kept.run(request.path_params["run"]) if kept else None
    if kept is None or run is None:
        raise Missing("There is no such run of a suite, or it is no longer kept.")
    return render.page(request, "evaluation-run", run=run, cases=kept.cases(run.run))


def _unpriced(
    store: Store, render: Renderer, book: Callable[[], PriceBook], request: Request
) -> Response:
    """Which models the sums leave out, and why."""
    asked = ask(request.query_params)
    models = unpriced(store, asked.where, book())
    return render.page(request, "unpriced", asked=asked, models=models[:ROWS], all=len(models))


def _health(store: Store, render: Renderer, measures: Measure, request: Request) -> Response:
    """What came in, what went out, what was lost on the way."""
    elsewhere = (_OF_CALLS, _BUDGETS)
    own = [one for one in readings(measures()) if not one.name.startswith(elsewhere)]
    return render.page(
        request,
        "data-health",
        losses=[one for one in own if one.bad],
        readings=own,
        stored=store.size_bytes(),
        newest=next(iter(store.calls(limit=1).calls), None),
    )


def readings(families: Iterable[Family], prefix: str = "") -> list[Reading]:
    """The plain numbers of ``families`` whose name starts with ``prefix``."""
    return [
        Reading(family.name + sample.suffix, sample.labels, sample.value, family.help)
        for family in families
        if family.kind != "histogram" and family.name.startswith(prefix)
        for sample in family.samples
    ]
