"""The tables in ClickHouse, made of the same columns as everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from . import schema

CHECKED: Final = "checked"
"""Whether ``flags`` is known: a list in ClickHouse cannot be unknown."""
WEEK_NS: Final = 604_800 * 10**9

_TYPES: Final = {
    "VARCHAR": "String",
    "BIGINT": "Int64",
    "DOUBLE": "Float64",
    "BOOLEAN": "Bool",
    "VARCHAR[]": "Array(String)",
    "MAP(VARCHAR, VARCHAR)": "Map(String, String)",
}
_CANNOT_BE_NULL: Final = ("Array", "Map")


def _type(of: str) -> str:
    plain = _TYPES[of.removesuffix(" NOT NULL")]
    known = of.endswith(" NOT NULL") or plain.startswith(_CANNOT_BE_NULL)
    return plain if known else f"Nullable({plain})"


_COLUMNS: Final = {
    **{column.name: _type(column.type) for column in schema.COLUMNS},
    CHECKED: "Bool",
}

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS calls"
    f" ({', '.join(f'{name} {kind}' for name, kind in _COLUMNS.items())},"
    " INDEX by_trace trace_id TYPE bloom_filter GRANULARITY 4,"
    " INDEX by_session conversation_id TYPE bloom_filter GRANULARITY 4,"
    " INDEX by_response response_id TYPE bloom_filter GRANULARITY 4)"
    f" ENGINE = ReplacingMergeTree PARTITION BY intDiv(start_ns, {WEEK_NS})"
    " ORDER BY (start_ns, trace_id, span_id)",
    "CREATE TABLE IF NOT EXISTS scores (id String, trace_id String, span_id Nullable(String),"
    " name String, value Float64, source String, at_ns Int64, rater Nullable(String),"
    " comment Nullable(String), written_ns Int64)"
    " ENGINE = ReplacingMergeTree(written_ns) ORDER BY id",
    "CREATE TABLE IF NOT EXISTS baselines (name String, value String, written_ns Int64)"
    " ENGINE = ReplacingMergeTree(written_ns) ORDER BY name",
    "CREATE TABLE IF NOT EXISTS incidents (id String, at_ns Int64, alert String,"
    " written_ns Int64) ENGINE = ReplacingMergeTree(written_ns) ORDER BY id",
    "CREATE TABLE IF NOT EXISTS schema_version (version Int32)"
    " ENGINE = ReplacingMergeTree ORDER BY version",
)


def added_columns(held: Iterable[str]) -> Iterator[str]:
    """The statements that add to ``calls`` what an older release did not have."""
    for name in _COLUMNS.keys() - set(held):
        yield f"ALTER TABLE calls ADD COLUMN IF NOT EXISTS {name} {_COLUMNS[name]}"


def ttl(retain_s: float) -> Sequence[str]:
    """The statements that have the server remove what is older; 0: that it keeps everything."""
    if not retain_s:
        return ()
    return [
        f"ALTER TABLE {table} MODIFY TTL"
        f" toDateTime64(intDiv({at}, 1000000000), 0) + INTERVAL {round(retain_s)} SECOND"
        for table, at in (("calls", "start_ns"), ("scores", "at_ns"), ("incidents", "at_ns"))
    ]
