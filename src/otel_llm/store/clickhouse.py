"""The store on a ClickHouse server: the same questions, for more calls than one machine holds.

Tables are ``ReplacingMergeTree`` and every question asks for the merged state, so that a span
delivered twice, also by two collectors, counts once. ClickHouse itself removes what is older than
``retain_for`` (a TTL). The schema follows ``schema.COLUMNS``: what is missing is added at
the start.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple
from pathlib import Path
from threading import Lock
from typing import Any, Final, cast
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from otel_llm.genai import Call

from . import schema
from .clickhouse_schema import CHECKED, TABLES, added_columns, ttl
from .columns import columns, storable, text
from .config import ClickHouseConfig, StoreConfig
from .dialect import CLICKHOUSE
from .filters import Filter
from .incidents import Incident
from .questions import Questions
from .rows import to_call
from .scores import Score
from .spans import PlainSpan
from .store import EVERYTHING, StoreError, StoreUnavailable
from .summary import aggregates

BLOCK: Final = 5_000
"""Calls of one insert; their times must fit into one question (``max_query_size``)."""
_FLAGS: Final = schema.NAMES.split(", ").index("flags")
_SETTINGS: Final = {
    "final": 1,  # a span that was delivered twice counts once
    "do_not_merge_across_partitions_select_final": 1,  # the same span is in the same week
    "throw_on_max_partitions_per_insert_block": 0,  # senders' clocks may say anything
    "aggregate_functions_null_for_empty": 1,  # unknown, never zero
    "mutations_sync": 1,
}


class ClickHouseStore(Questions):
    """``Store`` on a ClickHouse server. Raises ``StoreUnavailable`` when it does not answer, and
    ``StoreError`` when it refuses or holds the tables of a newer release."""

    dialect = CLICKHOUSE
    aggregates = aggregates(CLICKHOUSE)
    names = f"{schema.NAMES}, {CHECKED}"

    def __init__(self, config: StoreConfig) -> None:
        if config.clickhouse is None:
            raise ValueError("clickhouse: is not set")
        self.config = config
        self._writing = Lock()
        self.rejected = 0
        """Calls that no table could hold, such as one that started after the year 2262."""
        with _told("cannot prepare"):
            self._client = _connect(config.clickhouse)
            self._prepare()

    def close(self) -> None:
        """See ``Store``."""
        self._client.close()

    def _prepare(self) -> None:
        for statement in TABLES:
            self._client.command(statement)
        version = self.ask("SELECT max(version) FROM schema_version")[0][0] or 0
        if version > schema.VERSION:
            raise StoreError(
                f"the tables were made by a newer release (their schema is {version}, ours is"
                f" {schema.VERSION}): use that release, or another database"
            )
        held = {
            name
            for (name,) in self.ask(
                "SELECT name FROM system.columns WHERE table = 'calls'"
                " AND database = currentDatabase()"
            )
        }
        for statement in added_columns(held):
            self._client.command(statement)
        for statement in ttl(self.config.retain_for):
            self._client.command(statement)
        if version < schema.VERSION:
            self._client.insert("schema_version", [[schema.VERSION]], column_names=["version"])

    # Writing

    def write(self, calls: Sequence[Call]) -> int:
        """See ``Store``. A call that no table could hold is left out and counted."""
        taken = [call for call in calls if storable(call)]
        with self._writing, _told("cannot write"):
            new = sum(self._keep(taken[at : at + BLOCK]) for at in range(0, len(taken), BLOCK))
            self.rejected += len(calls) - len(taken)
        return new

    def _keep(self, calls: Sequence[Call]) -> int:
        new = self._unknown(calls)
        if new:
            self._insert_calls(new)
        return len(new)

    def _insert_calls(self, calls: Sequence[Call]) -> None:
        found = columns(calls, clean=True)
        # Its lists cannot be unknown.
        found[CHECKED] = [flags is not None for flags in found["flags"]]
        found["flags"] = [flags or [] for flags in found["flags"]]
        names = list(found)
        self._client.insert("calls", list(found.values()), column_names=names, column_oriented=True)

    def _unknown(self, calls: Sequence[Call]) -> list[Call]:
        """Those of ``calls`` that are not there yet, each once."""
        starts = ", ".join({str(call.start_ns) for call in calls})
        held = self.ask(f"SELECT trace_id, span_id FROM calls WHERE start_ns IN ({starts})")
        known = {tuple(row) for row in held}
        once = {(call.trace_id, call.span_id): call for call in calls}
        return [call for key, call in once.items() if key not in known]

    def _insert(self, table: str, rows: Sequence[Sequence[object]], names: Sequence[str]) -> None:
        self._client.insert(table, [list(map(_clean, row)) for row in rows], column_names=names)

    def put_costs(self, calls: Sequence[Call]) -> None:
        """See ``Store``. The row is written anew, and the newer one counts."""
        with self._writing, _told("cannot keep costs"):
            for at in range(0, len(calls), BLOCK):
                some = calls[at : at + BLOCK]
                unknown = {(call.trace_id, call.span_id) for call in self._unknown(some)}
                if there := [c for c in some if (c.trace_id, c.span_id) not in unknown]:
                    self._insert_calls(there)

    def add_spans(self, spans: Sequence[PlainSpan]) -> int:
        """See ``Store``: there is no table for them, which the settings say before."""
        raise StoreError("only the embedded store keeps the other spans of traces")

    def put_baseline(self, name: str, value: str | None) -> None:
        """See ``Store``. An empty value stands for one that was removed."""
        with self._writing, _told("cannot keep a baseline"):
            row = [name, value or "", time.time_ns()]
            self._insert("baselines", [row], ["name", "value", "written_ns"])

    def baselines(self) -> Mapping[str, str]:
        """See ``Store``."""
        found = self.ask("SELECT name, value FROM baselines ORDER BY name")
        return {name: value for name, value in found if value}

    def add_scores(self, scores: Sequence[Score]) -> None:
        """See ``Store``."""
        newest = {score.id: [*astuple(score), time.time_ns()] for score in scores}
        with self._writing, _told("cannot keep scores"):
            self._insert("scores", list(newest.values()), [*Score.__slots__, "written_ns"])

    def add_incidents(self, incidents: Sequence[Incident]) -> None:
        """See ``Store``."""
        now_ns = time.time_ns()
        rows = [[one.id, one.at_ns, json.dumps(one.alert), now_ns] for one in incidents]
        with self._writing, _told("cannot keep alerts"):
            self._insert("incidents", rows, ["id", "at_ns", "alert", "written_ns"])

    def retain(self, now_ns: int | None = None) -> int:
        """See ``Store``: the server removes by itself; this only has it look now."""
        with self._writing, _told("cannot remove old calls"):
            for table in ("calls", "scores", "incidents"):
                if self.config.retain_for:
                    self._client.command(f"ALTER TABLE {table} MATERIALIZE TTL")
        return 0

    # Reading

    def ask(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """See ``Questions``."""
        parameters = {f"p{n}": value for n, value in enumerate(values)}
        with _told("cannot read"):
            found = self._client.query(_bound(sql, values), parameters=parameters)
            return list(found.result_rows)

    def as_call(self, row: Sequence[Any]) -> Call:
        """See ``Questions``: flags that nobody could look for are unknown, not none."""
        *values, checked = row
        if not checked:
            values[_FLAGS] = None
        return to_call(values)

    def scores(self, trace_id: str) -> Sequence[Score]:
        """See ``Store``."""
        names = ", ".join(Score.__slots__)
        rows = self.ask(
            f"SELECT {names} FROM scores WHERE trace_id = ? ORDER BY at_ns, id", [trace_id]
        )
        return [Score(*row) for row in rows]

    def to_parquet(self, file: Path, where: Filter = EVERYTHING) -> None:
        """See ``Store``."""
        condition, values = where.where(self.dialect)
        chosen = _bound(
            f"SELECT {schema.NAMES} FROM calls WHERE {condition} ORDER BY start_ns, span_id", values
        )
        parameters = {f"p{n}": value for n, value in enumerate(values)}
        with _told("cannot export"), file.open("wb") as out:
            stream = self._client.raw_stream(chosen, parameters=parameters, fmt="Parquet")
            with closing(stream):
                shutil.copyfileobj(stream, out)

    def size_bytes(self) -> int:
        """See ``Store``."""
        rows = self.ask(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE active"
            " AND database = currentDatabase()"
        )
        return int(rows[0][0] or 0)


def _clean(value: object) -> object:
    return text(value) if isinstance(value, str) else value


_TYPES: Final[dict[type, str]] = {bool: "Bool", int: "Int64", float: "Float64", str: "String"}
"""Python type -> how ClickHouse is to read such a parameter."""


def _bound(sql: str, values: Sequence[object]) -> str:
    """``sql`` with every ``?`` as a parameter that the server fills in."""
    pieces = sql.split("?")
    named = [f"{{p{n}:{_TYPES[type(value)]}}}" for n, value in enumerate(values)]
    return "".join(piece + name for piece, name in zip(pieces, [*named, ""], strict=True))


def _connect(config: ClickHouseConfig) -> Any:
    parts = urlsplit(config.endpoint)
    given: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port or (8443 if parts.scheme == "https" else 8123),
        "secure": parts.scheme == "https",
        "username": config.user,
        "password": config.password,
        "connect_timeout": config.timeout,
        "send_receive_timeout": config.timeout,
        "autogenerate_session_id": False,  # several threads ask at once
        "ca_cert": config.ca_file,
    }
    connect = cast("Any", clickhouse_connect).get_client  # partly untyped there
    with connect(**given) as client:
        client.command(f"CREATE DATABASE IF NOT EXISTS {config.database}")
    return connect(**given, database=config.database, settings=_SETTINGS)


@contextmanager
def _told(what: str) -> Generator[None]:
    """Whatever goes wrong inside, as a ``StoreError``: never with the text of a question, in which
    a server and a URL repeat what was asked for."""
    try:
        yield
    except (OperationalError, OSError) as error:
        raise StoreUnavailable(f"{what}: ClickHouse does not answer") from error
    except ClickHouseError as error:
        name = _ERROR_NAME.search(str(error))
        reason = name[1] if name else type(error).__name__
        raise StoreError(f"{what}: ClickHouse refused: {reason}") from error


_ERROR_NAME: Final = re.compile(r"\(([A-Z][A-Z_]+)\)")
