"""The application: routes, errors and what guards them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from otel_llm.alerting.service import AlertService
from otel_llm.collector.intake.tokens import TokenFile
from otel_llm.collector.measures.samples import Measure
from otel_llm.pricing import PriceBook
from otel_llm.store import Store
from otel_llm.store.content import ContentStore
from otel_llm.version import __version__

from .alerts import alert_routes
from .baselines import baseline_routes
from .config import ApiConfig
from .content import content_routes
from .dashboard import dashboard_routes
from .export import export_routes
from .guard import Guard
from .health import Ready, health_routes
from .insights import insight_routes
from .prices import Book, price_routes
from .problems import add_problems, described
from .reports import Observe, Settle, report_routes
from .spending import spending_routes
from .status import Configuration, Status, status_routes
from .watch import watch_routes

ABOUT: Final = (
    "What the collector saw: sums, calls, traces, alerts and what to do about them. A field that "
    "is null is unknown, never zero. Errors are application/problem+json (RFC 9457)."
)
# Described only: the guard asks for it before anything else runs.
TOKEN: Final = HTTPBearer(
    auto_error=False, description="One of the setting token_file, where there is one"
)


def create_app(
    store: Store | None,
    config: ApiConfig | None = None,
    *,
    measures: Sequence[Measure] = (),
    alerts: AlertService | None = None,
    observe: Observe | None = None,
    settle: Settle = lambda: None,
    content: ContentStore | None = None,
    book: Book = PriceBook,
    pages: Sequence[BaseRoute] = (),
    ready: Ready = lambda: True,
    status: Status = tuple,
    configuration: Configuration = dict,
) -> FastAPI:
    """The ASGI application over ``store``; without one it tells how the collector does, and of the
    alerts that there are.

    ``measures`` are what ``/metrics`` shows, ``observe`` takes calls that are reported over HTTP,
    ``settle`` waits until those that have arrived are stored,
    ``content`` is shown to the holders of its own tokens, ``book`` gives the prices in use,
    ``pages`` are more routes behind the same guard, ``ready`` says whether the collector takes
    data, ``status`` what its pipelines do, ``configuration`` what is configured, without its
    secrets. Raises ``ValueError`` for a token file without a token.
    """
    config = config or ApiConfig()
    tokens = TokenFile(config.token_file) if config.token_file else None
    # Interactive documentation loads scripts from elsewhere: the description alone is served.
    app = FastAPI(
        title="otel-llm",
        version=__version__,
        description=ABOUT,
        dependencies=[Depends(TOKEN)] if tokens else [],
        docs_url=None,
        redoc_url=None,
        responses=described(400, 401, 403, 413, 421, 422, 503),
    )
    app.include_router(health_routes(ready, measures, status))
    app.include_router(status_routes(status, configuration, more=store is not None))
    if store is not None:
        app.include_router(insight_routes(store, config.trace_links))
        app.include_router(export_routes(store))
        app.include_router(price_routes(store, book))
        app.include_router(baseline_routes(store))
        app.include_router(report_routes(store, observe, settle, book))
        app.include_router(dashboard_routes(store, alerts.alerts if alerts else tuple))
    if alerts is not None:
        app.include_router(alert_routes(alerts, store))
        app.include_router(watch_routes(alerts))
        app.include_router(spending_routes(alerts))
    if content is not None and content.token_file:
        app.include_router(content_routes(content, TokenFile(content.token_file)))
    app.router.routes.extend(pages)
    add_problems(app)
    if config.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=config.cors_origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=("authorization", "content-type"),
        )
    app.add_middleware(Guard, config=config, tokens=tokens)
    return app
