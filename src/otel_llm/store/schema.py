"""The table of calls, as data: one row per column, and how older files are brought up to date.

A column is a name, a type and where its value is found in a ``Call``. Adding one: append it here,
raise ``VERSION`` and add the ``ALTER TABLE`` to ``MIGRATIONS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from . import rollups

VERSION: Final = 11

SCORE_PARTS: Final = ("relevance", "coherence", "completeness", "safety", "format")
"""Of the score by rules of thumb, each in a column of its own."""

SCORES: Final = """
CREATE TABLE scores (
  id VARCHAR NOT NULL, trace_id VARCHAR NOT NULL, span_id VARCHAR, name VARCHAR NOT NULL,
  value DOUBLE NOT NULL, source VARCHAR NOT NULL, at_ns BIGINT NOT NULL, rater VARCHAR,
  comment VARCHAR)
"""
"""In the order of ``Score``'s fields."""

BASELINES: Final = "CREATE TABLE baselines (name VARCHAR NOT NULL, value VARCHAR NOT NULL)"
"""Named baselines as JSON (see ``baselines``)."""

INCIDENTS: Final = (
    "CREATE TABLE incidents (id VARCHAR NOT NULL, at_ns BIGINT NOT NULL, alert VARCHAR NOT NULL)"
)
"""In the order of ``Incident``'s fields, the alert as JSON."""

SPAN_TYPES: Final = {
    **dict.fromkeys(("trace_id", "span_id", "parent_id", "name"), "VARCHAR"),
    **dict.fromkeys(("kind", "start_ns", "end_ns"), "BIGINT"),
    "service": "VARCHAR",
    "is_error": "BOOLEAN",
    "attributes": "VARCHAR",
}
"""In the order of ``PlainSpan``'s fields, the attributes as JSON."""
SPANS: Final = f"CREATE TABLE spans ({', '.join(f'{n} {of}' for n, of in SPAN_TYPES.items())})"

MIGRATIONS: Final[dict[int, tuple[str, ...]]] = {
    1: (SCORES,),
    2: (
        "ALTER TABLE calls ADD COLUMN max_tokens BIGINT",
        "ALTER TABLE calls ADD COLUMN documents VARCHAR",
    ),
    3: (
        "ALTER TABLE calls ADD COLUMN cost_tier VARCHAR",
        "ALTER TABLE calls ADD COLUMN score DOUBLE",
        BASELINES,
    ),
    4: ("ALTER TABLE calls ADD COLUMN content_reference VARCHAR", INCIDENTS),
    5: (*rollups.CREATE, SPANS),
    6: ("ALTER TABLE calls ADD COLUMN sentiment DOUBLE",),
    7: (
        "ALTER TABLE calls ADD COLUMN usage_web_searches BIGINT",
        "ALTER TABLE calls ADD COLUMN usage_file_searches BIGINT",
        "ALTER TABLE calls ADD COLUMN cost_tools DOUBLE",
    ),
    8: ("ALTER TABLE calls ADD COLUMN service_tier VARCHAR",),
    9: ("ALTER TABLE calls ADD COLUMN tenant VARCHAR",),
    10: tuple(f"ALTER TABLE calls ADD COLUMN score_{part} DOUBLE" for part in SCORE_PARTS),
}
"""Version -> the statements that lead from it to the next one."""
SUMMED: Final = 6
"""The first version that keeps sums: those of the calls of older ones are added up."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ``calls``; ``path`` is where ``Call`` keeps the value."""

    name: str
    type: str
    path: str = ""

    @property
    def source(self) -> str:
        """Path inside ``Call``; the column's own name when none is given."""
        return self.path or self.name


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "VARCHAR") for name in names)


CALL_COLUMNS: Final = (
    Column("trace_id", "VARCHAR NOT NULL"),
    Column("span_id", "VARCHAR NOT NULL"),
    Column("parent_id", "VARCHAR"),
    Column("name", "VARCHAR NOT NULL"),
    Column("start_ns", "BIGINT NOT NULL"),
    Column("end_ns", "BIGINT NOT NULL"),
    *_texts("service", "environment", "operation", "provider", "request_model", "response_model"),
    *_texts("response_id", "error_type", "conversation_id", "user_id", "feature", "team"),
    *_texts("agent_name", "tool_name", "workflow_name", "prompt_name", "prompt_version"),
    *_texts("server_address", "content_reference", "service_tier", "tenant"),
    Column("finish_reasons", "VARCHAR[]"),
    Column("flags", "VARCHAR[]"),
    Column("streamed", "BOOLEAN"),
    Column("output_chars", "BIGINT"),
    Column("tags", "MAP(VARCHAR, VARCHAR)"),
    Column("model", "VARCHAR"),
    Column("tokens", "BIGINT"),
    Column("billed", "BOOLEAN NOT NULL"),
    Column("unpriced", "BOOLEAN NOT NULL"),
)
"""Read from the call itself. The last four are derived and never read back."""

DERIVED: Final = frozenset({"model", "tokens", "billed", "unpriced"})

MEASURE_COLUMNS: Final = (
    Column("time_to_first_chunk_s", "DOUBLE"),
    Column("reported_cost", "DOUBLE"),
    Column("score", "DOUBLE"),
    Column("sentiment", "DOUBLE"),
    *(Column(f"score_{part}", "DOUBLE") for part in SCORE_PARTS),
)

USAGE_FIELDS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read",
    "cache_write",
    "cache_write_5m",
    "cache_write_1h",
    "reasoning",
    "text_input",
    "audio_input",
    "image_input",
    "text_output",
    "audio_output",
    "image_output",
    "text_cache_read",
    "audio_cache_read",
    "image_cache_read",
    "web_searches",
    "file_searches",
)
USAGE_COLUMNS: Final = tuple(Column(f"usage_{name}", "BIGINT", name) for name in USAGE_FIELDS)

COST_AMOUNTS: Final = ("total", "input", "output", "cache_read", "cache_write", "tools")
COST_COLUMNS: Final = (
    *(Column(f"cost_{name}", "DOUBLE", name) for name in COST_AMOUNTS),
    Column("cost_currency", "VARCHAR", "currency"),
    Column("cost_source", "VARCHAR", "source"),
    Column("cost_tier", "VARCHAR", "tier"),
)

EXTRA_COLUMNS: Final = (
    Column("duration_ms", "DOUBLE"),
    Column("cost_usd", "DOUBLE"),
    Column("max_tokens", "BIGINT"),
    Column("documents", "VARCHAR"),
)
"""``duration_ms`` is null when a span ends before it starts; ``cost_usd`` for other currencies;
``documents`` is a JSON list of [id, score]."""

COLUMNS: Final = CALL_COLUMNS + MEASURE_COLUMNS + USAGE_COLUMNS + COST_COLUMNS + EXTRA_COLUMNS
NAMES: Final = ", ".join(column.name for column in COLUMNS)


def create_statements() -> tuple[str, ...]:
    """What a new database is made of."""
    columns = ", ".join(f"{column.name} {column.type}" for column in COLUMNS)
    return (
        f"CREATE TABLE calls ({columns})",
        SCORES,
        BASELINES,
        INCIDENTS,
        *rollups.CREATE,
        SPANS,
        "CREATE TABLE schema_version (version INTEGER NOT NULL)",
        f"INSERT INTO schema_version VALUES ({VERSION})",
    )
