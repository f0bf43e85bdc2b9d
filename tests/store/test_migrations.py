"""Files of older releases: brought up to date with what is in them, or left as they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import duckdb
import pytest

from otel_llm.genai import Cost
from otel_llm.store import DuckDBStore, Filter, StoreConfig, StoreError, rollups, schema
from otel_llm.store.columns import columns
from otel_llm.store.rolled_check import differences

from .examples import FULL, SECOND
from .test_scores import RATED

HOUR = 3_600 * SECOND
OLD = (Path(__file__).parents[1] / "data/store_v2.sql").read_text("utf-8")
THEN = replace(
    FULL,
    content_reference=None,
    max_tokens=None,
    documents=None,
    score=None,
    sentiment=None,
    service_tier=None,
    tenant=None,
    score_relevance=None,
    score_coherence=None,
    score_completeness=None,
    score_safety=None,
    score_format=None,
    usage=replace(FULL.usage, web_searches=None, file_searches=None),
    cost=replace(cast("Cost", FULL.cost), tier=None, tools=None),
)
"""What an old file could hold of a call."""
COLUMNS = "SELECT table_name, column_name, data_type FROM information_schema.columns"


def old_file(path: Path, version: int) -> StoreConfig:
    with duckdb.connect(str(path)) as db:
        db.execute(OLD)
        held = [
            name for (name,) in db.execute("SELECT name FROM pragma_table_info('calls')").fetchall()
        ]
        row = {name: values[0] for name, values in columns([THEN]).items()}
        marks = ", ".join("?" * len(held))
        db.execute(f"INSERT INTO calls VALUES ({marks})", [row[name] for name in held])
        if version == 1:
            db.execute("DROP TABLE scores")
            db.execute("UPDATE schema_version SET version = 1")
    return StoreConfig(path=str(path), retain_for=0)


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_file_is_brought_up_to_date_with_its_calls(tmp_path: Path, version: int):
    store = DuckDBStore(old_file(tmp_path / "calls.duckdb", version))
    store.add_scores([RATED])
    store.write([replace(FULL, span_id="c" * 16)])

    found = {call.span_id: call for call in store.calls().calls}
    assert found == {FULL.span_id: THEN, "c" * 16: replace(FULL, span_id="c" * 16)}
    assert store.scores("a" * 32) == [RATED]
    store.close()


@pytest.mark.parametrize("version", [1, 2])
def test_an_upgraded_file_is_made_of_the_same_as_a_new_one(tmp_path: Path, version: int):
    config = old_file(tmp_path / "old.duckdb", version)
    for path in (config.path, str(tmp_path / "new.duckdb")):
        DuckDBStore(StoreConfig(path=path)).close()

    with duckdb.connect(config.path) as old, duckdb.connect(str(tmp_path / "new.duckdb")) as new:
        assert sorted(old.execute(COLUMNS).fetchall()) == sorted(new.execute(COLUMNS).fetchall())
        held = old.execute("SELECT version FROM schema_version").fetchall()
    assert held == [(schema.VERSION,)]


def test_the_sums_of_an_upgraded_file_are_those_of_its_calls_however_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    config = old_file(tmp_path / "calls.duckdb", 2)
    with duckdb.connect(config.path) as db:
        later = f"calls.* REPLACE (span_id || n AS span_id, start_ns + n * {7 * HOUR} AS start_ns)"
        db.execute(f"INSERT INTO calls SELECT {later} FROM calls, range(1, 50) AS r(n)")
    monkeypatch.setattr(rollups, "PORTION", 7)

    with caplog.at_level("INFO"):
        store = DuckDBStore(config)

    assert store.stats(Filter(billed=None)).count == 50
    assert dict(differences(store)) == {rollup.table: [] for rollup in rollups.ROLLUPS}
    assert "the store is brought up to date, from schema 2 to" in caplog.text
    store.close()


def test_calls_are_added_up_so_many_at_a_time_and_each_step_once():
    held = [(0, 12_000), (60, 8_000), (120, 1), (300, 50_000), (360, 3)]

    assert list(rollups.portions(held)) == [(0, 60), (120, 120), (300, 300), (360, 360)]
    assert list(rollups.portions([])) == []


def test_every_older_version_has_a_way_to_this_one():
    assert sorted(schema.MIGRATIONS) == list(range(1, schema.VERSION))


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path):
    config = old_file(tmp_path / "calls.duckdb", 2)
    with duckdb.connect(config.path) as db:
        db.execute("ALTER TABLE calls ADD COLUMN documents VARCHAR")
        before = db.execute(COLUMNS).fetchall()

    with pytest.raises(StoreError, match="cannot prepare"):
        DuckDBStore(config)

    with duckdb.connect(config.path) as db:
        assert db.execute(COLUMNS).fetchall() == before
        assert db.execute("SELECT version FROM schema_version").fetchall() == [(2,)]
