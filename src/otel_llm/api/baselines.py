"""``/v1/baselines``: what answers were like, by name, and what has changed since."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from otel_llm.stats.baseline import Difference
from otel_llm.store import Selection, Store
from otel_llm.store.baselines import BaselineInfo, compare, listed, save
from otel_llm.store.selection import Moment

from .problems import Problem, described

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Name = Annotated[str, Path(pattern=NAME)]


class NewBaseline(BaseModel):
    """Which calls are to be remembered, and as what."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=NAME)]
    since: Moment = "7d"
    until: Moment | None = None
    service: Annotated[str, Field(max_length=1_000)] | None = None
    environment: Annotated[str, Field(max_length=1_000)] | None = None


def baseline_routes(store: Store) -> APIRouter:
    """The routes over ``store``."""
    routes = APIRouter(prefix="/v1/baselines", tags=["drift"])

    @routes.get("")
    def baselines() -> list[BaselineInfo]:
        """What is kept, by name."""
        return listed(store)

    @routes.post("", status_code=201)
    def put(new: NewBaseline) -> BaselineInfo:
        """Keep what the answers of a time are like; the same name again replaces it."""
        where = Selection.model_validate(new.model_dump(exclude={"name"})).filter()
        return save(store, new.name, where)

    @routes.get("/{name}/drift", responses=described(404))
    def drift(name: Name, selected: Annotated[Selection, Query()]) -> list[Difference]:
        """What has changed against a baseline, the largest first: by model and prompt version."""
        try:
            return compare(store, name, selected.filter())
        except KeyError:
            raise Problem(404, "No such baseline") from None

    @routes.delete("/{name}", status_code=204, responses=described(404))
    def drop(name: Name) -> Response:
        """Forget a baseline."""
        if name not in store.baselines():
            raise Problem(404, "No such baseline")
        store.put_baseline(name, None)
        return Response(status_code=204)

    return routes
