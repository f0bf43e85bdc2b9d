"""Tables as CSV, for a spreadsheet: no cell can become a formula there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from otel_llm.genai import Call
from otel_llm.store import DIMENSIONS, Filter, Stats, Store

from .asked import Missing, ask
from .format import iso

ROWS: Final = 10_000
# Wide forms too: a spreadsheet with an East Asian locale reads them as the narrow ones.
_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_CONTROL: Final = ("\t", "\r", "\n")
_IGNORED: Final = " \t\r\n\v\f\0\xa0\u200b\u3000\ufeff"
"""What a spreadsheet may skip before a formula."""
_COLUMNS: Final = (
    *("start", "trace_id", "span_id", "service", "operation", "provider", "model"),
    *("user", "feature", "team", "session", "prompt_name", "prompt_version"),
    *("input_tokens", "output_tokens", "cost", "currency", "first_chunk_ms", "duration_ms"),
    *("error_type", "finish_reasons", "flags"),
)
_STATS: Final = [field.name for field in fields(Stats)]


def calls_csv(store: Store, request: Request) -> Response:
    """The newest calls of a selection, at most ``ROWS``."""
    where = ask(request.query_params).where
    return _file("calls", _COLUMNS, (_row(call) for call in _calls(store, where)))


def groups_csv(store: Store, request: Request) -> Response:
    """The sums by one dimension."""
    by = request.path_params["dimension"]
    if by not in DIMENSIONS:
        raise Missing("Calls cannot be grouped by that.")
    groups = store.breakdown(by, ask(request.query_params).where, limit=ROWS)
    rows = ([group.key, *asdict(group.stats).values()] for group in groups)
    return _file(f"by-{by}", [by, *_STATS], rows)


def _calls(store: Store, where: Filter) -> Iterable[Call]:
    cursor, left = None, ROWS
    while left > 0:
        page = store.calls(where, limit=min(left, 1_000), cursor=cursor)
        yield from page.calls
        left -= len(page.calls)
        cursor = page.next
        if cursor is None:
            return


def _row(call: Call) -> Sequence[object]:
    cost, first = call.cost, call.time_to_first_chunk_s
    return (
        *(iso(call.start_ns), call.trace_id, call.span_id, call.service, call.operation),
        *(call.provider, call.model, call.user_id, call.feature, call.team),
        *(call.conversation_id, call.prompt_name, call.prompt_version),
        *(call.usage.input_tokens, call.usage.output_tokens),
        *(cost and cost.total, cost and cost.currency),
        None if first is None else first * 1e3,
        call.duration_s * 1e3 if call.duration_s >= 0 else None,
        *(call.error_type, " ".join(call.finish_reasons), " ".join(call.flags or ())),
    )


def _file(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    lines = (_line(row) for row in (head, *_safe_rows(rows)))
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def _safe_rows(rows: Iterable[Sequence[object]]) -> Iterable[Sequence[object]]:
    return ([safe(cell) for cell in row] for row in rows)


def safe(cell: object) -> object:
    """The cell, with a quote before text that a spreadsheet would run (OWASP, CSV injection)."""
    if not isinstance(cell, str):
        return cell
    runs = cell.startswith(_CONTROL) or cell.lstrip(_IGNORED).startswith(_FORMULA)
    return f"'{cell}" if runs else cell


def _line(row: Sequence[object]) -> str:
    out = io.StringIO()
    # Quoted throughout: where ";" separates cells, one within a text would begin another cell.
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(row)
    return out.getvalue()
