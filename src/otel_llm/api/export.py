"""``/v1/export``: the calls themselves as a file, to keep or to work on elsewhere."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, StreamingResponse

from otel_llm.collector.calls.spans import otlp_lines
from otel_llm.store import Filter, Selection, Store

PARQUET: Final = "application/vnd.apache.parquet"
OTLP: Final = "application/jsonl"


class Exported(Selection):
    """A selection of spans, agents and tools among them, and how they are written."""

    format: Literal["parquet", "otlp"] = "parquet"


def export_routes(store: Store) -> APIRouter:
    """The route over ``store``."""
    routes = APIRouter(prefix="/v1", tags=["export"])

    @routes.get(
        "/export",
        response_class=Response,
        responses={200: {"content": {PARQUET: {}, OTLP: {}}, "description": "The file"}},
    )
    def export(chosen: Annotated[Exported, Query()]) -> Response:
        """All GenAI spans of a selection, oldest first: as a Parquet file, or as OTLP JSON lines
        that ``otel-llm replay`` sends anywhere. Holds no content."""
        where = replace(chosen.filter(), billed=None)
        return _parquet(store, where) if chosen.format == "parquet" else _otlp(store, where)

    return routes


def _otlp(store: Store, where: Filter) -> Response:
    lines = otlp_lines(store.history(where.since_ns or 0, where))
    return StreamingResponse(lines, media_type=OTLP, headers=_named("jsonl"))


def _parquet(store: Store, where: Filter) -> Response:
    descriptor, name = tempfile.mkstemp(suffix=".parquet")  # for its owner alone
    os.close(descriptor)
    file = Path(name)
    try:
        store.to_parquet(file, where)
    except BaseException:
        file.unlink()
        raise
    task = BackgroundTask(file.unlink)
    return FileResponse(file, media_type=PARQUET, headers=_named("parquet"), background=task)


def _named(ending: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="calls.{ending}"'}
