"""Spans that are no GenAI spans, kept so that a trace can be shown whole (``store.spans``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .columns import INT64_MAX, Columns, text
from .schema import SPAN_TYPES as TYPES


@dataclass(frozen=True, slots=True)
class PlainSpan:
    """What is kept of one. Ids are lower-case hex, times Unix nanoseconds."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: int
    """As OTLP numbers it: 1 internal, 2 server, 3 client, 4 producer, 5 consumer."""
    start_ns: int
    end_ns: int
    service: str | None = None
    is_error: bool = False
    attributes: Mapping[str, str | int | float | bool] = field(
        default_factory=dict[str, str | int | float | bool]
    )
    """A few that say what it was about; no content, no parameters (see
    ``collector.trace_spans``)."""

    @property
    def duration_s(self) -> float:
        """Wall time in seconds."""
        return (self.end_ns - self.start_ns) / 1e9


NAMES: Final = ", ".join(TYPES)


def span_columns(spans: Sequence[PlainSpan]) -> Columns:
    """Columns of ``TYPES``."""
    found: Columns = {name: [getattr(span, name) for span in spans] for name in TYPES}
    found["attributes"] = [json.dumps(dict(span.attributes)) for span in spans]
    for name in ("trace_id", "span_id", "parent_id", "name", "service"):
        found[name] = list(map(text, found[name]))
    return found


def holdable(span: PlainSpan) -> bool:
    """Whether a table can hold the span's times."""
    return 0 <= span.start_ns <= INT64_MAX and 0 <= span.end_ns <= INT64_MAX


def to_span(row: Sequence[Any]) -> PlainSpan:
    """The span a row of ``NAMES`` was made of."""
    *values, attributes = row
    return PlainSpan(*values, attributes=json.loads(attributes))
