"""``otel-llm export``: what is stored leaves whole, as Parquet or as OTLP that can be read back."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from otel_llm.cli import main
from otel_llm.collector.calls import read_call
from otel_llm.collector.data import Batch
from otel_llm.collector.sending.dead_letter import read
from otel_llm.genai import Call, Cost, Document, Usage
from otel_llm.store import DuckDBStore, StoreConfig
from tests.api.conftest import serving
from tests.store.examples import FULL, NOON, SECOND, a_call

AGENT = a_call(2, operation="invoke_agent", name="agent")
CALLS = [
    FULL,
    AGENT,
    a_call(3, flags=(), documents=(), tags={"empty": ""}, usage=Usage(0, 0), streamed=False),
    a_call(4, service="shop", documents=(Document(None, 1.0),), cost=Cost(0.0), score=0.0),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it's" / "calls.duckdb"


@pytest.fixture
def store(path: Path):
    store = DuckDBStore(StoreConfig(path=str(path), retain_for=0))
    store.write(CALLS)
    yield store
    store.close()


def calls_in(file: Path) -> list[Call]:
    spans = (span for _, payload in read(file) for span in Batch.open(payload).genai())
    return sorted(map(read_call, spans), key=lambda call: call.start_ns)


def rows_in(file: Path) -> list[tuple]:
    columns = "span_id, service, cost_total, flags, tags, start_ns"
    return duckdb.sql(
        f"SELECT {columns} FROM '{str(file).replace(chr(39), chr(39) * 2)}'"
    ).fetchall()


EXPECTED_ROWS = [
    (FULL.span_id, "shop", 0.5, ["refusal"], {"tier": "gold", "a": "b"}, NOON),
    (f"{2:016x}", None, None, None, {}, NOON + 2 * SECOND),
    (f"{3:016x}", None, None, [], {"empty": ""}, NOON + 3 * SECOND),
    (f"{4:016x}", "shop", 0.0, None, {}, NOON + 4 * SECOND),
]


def export(*arguments: str) -> int:
    return main(["export", "--since", "2020-01-01", *arguments])


@pytest.mark.parametrize("source", ["collector", "file"])
def test_otlp_comes_back_as_the_same_calls(store: DuckDBStore, path: Path, tmp_path, source: str):
    out = tmp_path / "calls.jsonl"

    if source == "file":
        store.close()
        assert export("--format", "otlp", "--output", str(out), "--store", str(path)) == 0
    else:
        with serving(store) as client:
            url = str(client.base_url)
            assert export("--format", "otlp", "--output", str(out), "--url", url) == 0

    assert calls_in(out) == CALLS
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("source", ["collector", "file"])
def test_parquet_has_a_column_for_everything(store: DuckDBStore, path: Path, tmp_path, source: str):
    out = tmp_path / "it's calls.parquet"

    if source == "file":
        store.close()
        assert export("--format", "parquet", "--output", str(out), "--store", str(path)) == 0
    else:
        with serving(store) as client:
            url = str(client.base_url)
            assert export("--format", "parquet", "--output", str(out), "--url", url) == 0

    assert rows_in(out) == EXPECTED_ROWS


def test_only_the_range_that_was_asked_for_leaves(store: DuckDBStore, path: Path, tmp_path: Path):
    store.close()
    out, seconds = tmp_path / "calls.jsonl", NOON // SECOND
    arguments = ["export", "--format", "otlp", "--output", str(out), "--store", str(path)]

    assert main([*arguments, "--since", str(seconds + 2), "--until", str(seconds + 3)]) == 0

    assert calls_in(out) == [AGENT]


def test_many_calls_leave_in_several_lines(store: DuckDBStore, path: Path, tmp_path: Path):
    many = [replace(AGENT, span_id=f"{n:016x}", start_ns=NOON + n) for n in range(100, 2_600)]
    store.write(many)
    store.close()
    out = tmp_path / "calls.jsonl"

    assert export("--format", "otlp", "--output", str(out), "--store", str(path)) == 0

    assert len(calls_in(out)) == 2_500 + len(CALLS)
    assert len(out.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", "http://127.0.0.1:1"], "does not answer"),
        (["--store", "/nonexistent"], "there is no file"),
    ],
)
def test_what_fails_says_why_and_leaves_no_file(
    tmp_path: Path, capsys, arguments: list[str], said: str
):
    out = tmp_path / "calls.jsonl"

    assert main(["export", "--format", "otlp", "--output", str(out), *arguments]) == 1

    assert said in capsys.readouterr().err
    assert list(tmp_path.glob("calls.jsonl*")) == []


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        ("", 2, "{folder}: is a folder; name a file\n"),
        ("none/calls.jsonl", 1, "{folder}/none/calls.jsonl: No such file or directory\n"),
    ],
)
def test_a_place_that_is_no_file_is_said(
    store: DuckDBStore, path: Path, tmp_path: Path, capsys, where: str, code: int, said: str
):
    store.close()
    out = tmp_path / where

    command = ["export", "--format", "otlp", "--output", str(out), "--store", str(path)]
    assert main(command) == code

    assert capsys.readouterr().err == said.format(folder=tmp_path)


@pytest.mark.parametrize("kind", ["otlp", "parquet"])
def test_the_file_is_for_its_owner_alone_and_follows_no_link(
    store: DuckDBStore, path: Path, tmp_path: Path, kind: str
):
    store.close()
    victim, output = tmp_path / "victim", tmp_path / "out"
    victim.write_text("mine")
    (tmp_path / "out.part").symlink_to(victim)

    arguments = ["export", "--format", kind, "--output", str(output), "--store", str(path)]
    assert main([*arguments, "--since", "2020-01-01"]) == 0

    assert victim.read_text() == "mine"
    assert (output.stat().st_mode & 0o777, output.is_symlink()) == (0o600, False)
