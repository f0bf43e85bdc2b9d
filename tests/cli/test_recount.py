"""``recount --store``: the sums that are kept, held against the calls."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from otel_llm.cli import main
from otel_llm.store import DuckDBStore, StoreConfig
from tests.store.examples import DAY, NOON, a_call, usd


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "calls.duckdb"
    store = DuckDBStore(StoreConfig(path=str(path), retain_for=2 * 86_400))
    store.write([a_call(n, at=NOON - n * DAY // 7, cost=usd(n)) for n in range(50)])
    store.retain(NOON)
    store.close()
    return path


def test_sums_that_are_those_of_the_calls_are_said_to_be(file: Path, capsys):
    assert main(["recount", "--store", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "calls_by_minute as the calls",
        "calls_by_hour   as the calls",
        "calls_by_day    as the calls",
        "users_by_day    as the calls",
    ]


def test_a_difference_is_named_and_fails(file: Path, capsys):
    with duckdb.connect(str(file)) as db:
        db.execute("UPDATE calls_by_hour SET calls = calls + 1")

    assert main(["recount", "--store", str(file), "--json"]) == 1

    wrong = json.loads(capsys.readouterr().out)["differences"]
    assert wrong["calls_by_minute"] == []
    assert wrong["calls_by_hour"][0].startswith("count: ")


@pytest.mark.parametrize(
    ("given", "code"), [([], 2), (["--store", "nowhere"], 1), (["nowhere"], 1)]
)
def test_what_cannot_be_compared_says_so(given: list[str], code: int, capsys):
    assert main(["recount", *given]) == code
    assert "otel-llm: " in capsys.readouterr().err
