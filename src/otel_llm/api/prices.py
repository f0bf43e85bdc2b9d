"""``/v1/unpriced`` and ``/v1/reprice``: calls without a price, and prices that came later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from otel_llm.pricing import PriceBook
from otel_llm.store import Selection, Store
from otel_llm.store.repricing import Repriced, reprice_calls
from otel_llm.store.selection import Moment
from otel_llm.store.unpriced import UnpricedModel, unpriced

Book = Callable[[], PriceBook]


class Reprice(BaseModel):
    """Which calls get the price of today's table."""

    model_config = ConfigDict(extra="forbid")

    since: Moment = "30d"
    """Started at or after: 30d (ago), ISO 8601 or Unix seconds."""
    until: Moment | None = None
    only_look: bool = False
    """Say what would change, and change nothing."""


def price_routes(store: Store, book: Book) -> APIRouter:
    """The routes over ``store``; ``book`` gives the prices that the collector uses."""
    routes = APIRouter(prefix="/v1", tags=["prices"])

    @routes.get("/unpriced")
    def list_unpriced(selected: Annotated[Selection, Query()]) -> list[UnpricedModel]:
        """Models that were called and have no price, those with most calls first."""
        return unpriced(store, selected.filter(), book())

    @routes.post("/reprice")
    def reprice(asked: Reprice) -> Repriced:
        """Give past calls the cost that they have by the prices in use. Twice is once."""
        where = Selection.model_validate({"since": asked.since, "until": asked.until}).filter()
        return reprice_calls(store, book(), where.since_ns or 0, where, only_look=asked.only_look)

    return routes
