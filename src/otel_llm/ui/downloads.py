"""Tables as CSV, for a spreadsheet: no cell can become a formula there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields, replace
from itertools import chain, islice
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from otel_llm.genai import Call
from otel_llm.store import DIMENSIONS, Filter, Stats, Store

from .asked import Missing, ask
from .format import iso

GROUPS: Final = 10_000
CALLS: Final = 1_000
"""Calls that are read, and lines that are written, at a time."""
# Wide forms too: a spreadsheet with an East Asian locale reads them as the narrow ones.
_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_CONTROL: Final = ("\t", "\r", "\n")
_IGNORED: Final = " \t\r\n\v\f\0\xa0\u200b\u3000\ufeff"
"""What a spreadsheet may skip before a formula."""
_COLUMNS: Final = (
    *("start", "trace_id", "span_id", "service", "operation", "provider", "model"),
    *("user", "feature", "team", "tenant", "session", "prompt_name", "prompt_version"),
    *("input_tokens", "output_tokens", "cost", "currency", "first_chunk_ms", "duration_ms"),
    *("error_type", "finish_reasons", "flags"),
)
_STATS: Final = [field.name for field in fields(Stats)]


def calls_csv(store: Store, request: Request) -> Response:
    """All calls of a selection, newest first."""
    where = ask(request.query_params).where
    return _file("calls", _COLUMNS, (_row(call) for call in _calls(store, where)))


def groups_csv(store: Store, request: Request) -> Response:
    """The sums by one dimension."""
    by = request.path_params["dimension"]
    if by not in DIMENSIONS:
        raise Missing("Calls cannot be grouped by that.")
    groups = store.breakdown(by, ask(request.query_params).where, limit=GROUPS)
    rows = ([group.key, *asdict(group.stats).values()] for group in groups)
    return _file(f"by-{by}", [by, *_STATS], rows)


def _calls(store: Store, where: Filter) -> Iterable[Call]:
    """What arrives meanwhile stays out; never more than ``CALLS`` at once are in memory."""
    page = store.calls(where, limit=CALLS)
    yield from page.calls
    while page.next is not None:
        # The cursor says it, too; by the time alone an engine can pass over what is newer.
        where = replace(where, until_ns=page.calls[-1].start_ns + 1)
        page = store.calls(where, limit=CALLS, cursor=page.next)
        yield from page.calls


def _row(call: Call) -> Sequence[object]:
    cost, first = call.cost, call.time_to_first_chunk_s
    return (
        *(iso(call.start_ns), call.trace_id, call.span_id, call.service, call.operation),
        *(call.provider, call.model, call.user_id, call.feature, call.team, call.tenant),
        *(call.conversation_id, call.prompt_name, call.prompt_version),
        *(call.usage.input_tokens, call.usage.output_tokens),
        *(cost and cost.total, cost and cost.currency),
        None if first is None else first * 1e3,
        call.duration_s * 1e3 if call.duration_s >= 0 else None,
        *(call.error_type, " ".join(call.finish_reasons), " ".join(call.flags or ())),
    )


def _file(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    text = chain([_lines([head])], _texts(rows))
    return StreamingResponse(text, media_type="text/csv; charset=utf-8", headers=headers)


def _texts(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """``rows`` as lines, many in one text: each text waits for a thread."""
    safe_rows = ([safe(cell) for cell in row] for row in rows)
    while some := list(islice(safe_rows, CALLS)):
        yield _lines(some)


def safe(cell: object) -> object:
    """The cell, with a quote before text that a spreadsheet would run (OWASP, CSV injection)."""
    if not isinstance(cell, str):
        return cell
    runs = cell.startswith(_CONTROL) or cell.lstrip(_IGNORED).startswith(_FORMULA)
    return f"'{cell}" if runs else cell


def _lines(rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    # Quoted throughout: where ";" separates cells, one within a text would begin another cell.
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()
