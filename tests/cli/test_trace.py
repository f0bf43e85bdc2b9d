"""``otel-llm trace``: the same report as the API and the page, on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otel_llm.api import ApiConfig
from otel_llm.cli import main
from otel_llm.genai import Document, Usage
from otel_llm.store import DuckDBStore, Score, StoreConfig
from otel_llm.ui import pages
from tests.api.conftest import ANY_PORT, serving
from tests.store.examples import NOON, SECOND, a_call, usd

TRACE = "a" * 32
LINKS = {"Jaeger": "http://jaeger.example/trace/{trace_id}"}
SPANS = [
    a_call(1, trace_id=TRACE, operation="invoke_agent", name="agent \x1b[2J", ms=4_000),
    a_call(
        2,
        trace_id=TRACE,
        parent_id=f"{1:016x}",
        operation="retrieval",
        name="retrieval handbook",
        documents=(Document("page-7", 0.31), Document("page-9", 0.2)),
    ),
    a_call(
        3,
        trace_id=TRACE,
        parent_id=f"{1:016x}",
        cost=usd(0.25),
        usage=Usage(input_tokens=100, output_tokens=64),
        max_tokens=64,
        finish_reasons=("length",),
        flags=("truncation",),
        time_to_first_chunk_s=0.25,
    ),
]
WELL = a_call(4, trace_id="b" * 32, at=NOON - 60 * SECOND, flags=(), prompt_version="2")
EXPECTED = f"""\
Trace {TRACE}

Likely cause
  chat gpt-4o was cut off
    finish reasons: length
    output: 64 tokens
    allowed: 64 tokens
    the answer is as long as it was allowed to be
    input: 100 tokens

In order
  2026-09-21 14:13:21  agent \\u001b[2J  4.00 s
  2026-09-21 14:13:22    retrieval handbook  1.00 s
  2026-09-21 14:13:23    chat gpt-4o  1.00 s · 164 tokens · $0.2500 · first chunk after 250 ms\
 · length · truncation

Checks
  ✗ truncation: chat gpt-4o was cut off
      finish reasons: length
      output: 64 tokens
      allowed: 64 tokens
      the answer is as long as it was allowed to be
      input: 100 tokens
  ! retrieval: retrieval handbook found 2 documents
      page-7: score 0.31
      page-9: score 0.2
  ! score: rating: 0.25, by ann
  ✓ errors: No span failed.
  ✓ context: chat gpt-4o used 0% of the context window
      164 of 128,000 tokens
  ? model: chat gpt-4o does not say both models.
  ? speed: Too few calls of gpt-4o to compare with.
  ✓ siblings: 2 of 2 calls of gpt-4o within the hour did not fail
      1 of 2 checked ones were flagged

What went well
  2026-09-21 14:12:20  chat gpt-4o  1.00 s · prompt version 2  {"b" * 32}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.duckdb"


@pytest.fixture
def store(path: Path):
    store = DuckDBStore(StoreConfig(path=str(path), retain_for=0))
    store.write([*SPANS, WELL])
    store.add_scores([Score("1", TRACE, None, "rating", 0.25, "human", NOON, "ann")])
    yield store
    store.close()


def test_a_running_collector_is_asked(store: DuckDBStore, capsys):
    config = ApiConfig(ANY_PORT, trace_links=LINKS)

    with serving(store, config) as client:
        assert main(["trace", TRACE.upper(), "--url", str(client.base_url)]) == 0

    assert capsys.readouterr().out == EXPECTED + f"Jaeger: http://jaeger.example/trace/{TRACE}\n"


def test_the_file_of_a_collector_that_does_not_run_is_read(store: DuckDBStore, path: Path, capsys):
    store.close()

    assert main(["trace", TRACE, "--store", str(path)]) == 0

    assert capsys.readouterr().out == EXPECTED


def test_page_api_and_command_line_say_the_same(store: DuckDBStore, capsys):
    shown = pages(store, links=LINKS)
    with serving(store, ApiConfig(ANY_PORT, trace_links=LINKS), pages=shown) as client:
        report = client.get(f"/v1/traces/{TRACE}/debug").json()
        page = client.get(f"/traces/{TRACE}/debug").text
        main(["trace", TRACE, "--url", str(client.base_url), "--json"])

    assert json.loads(capsys.readouterr().out) == report
    for finding in report["findings"]:
        assert all(text in page for text in (finding["summary"], *finding["evidence"]))
    assert "/traces/" + report["siblings"][0]["trace_id"] in page
    assert f'href="http://jaeger.example/trace/{TRACE}"' in page


def test_a_token_is_read_from_its_file(store: DuckDBStore, tmp_path: Path, capsys):
    token_file = tmp_path / "token"
    token_file.write_text("s3cret\n")
    with serving(store, ApiConfig(ANY_PORT, token_file=str(token_file))) as client:
        url = str(client.base_url)
        assert main(["trace", TRACE, "--url", url]) == 1
        assert main(["trace", TRACE, "--url", url, "--token-file", str(token_file)]) == 0

    assert "answered 401: A token is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["no-id"], 2, "'no-id' is no trace id"),
        ([TRACE, "--url", "http://127.0.0.1:1"], 1, "does not answer"),
        ([TRACE, "--url", "nowhere"], 1, "does not answer"),
        ([TRACE, "--store", "/nonexistent"], 1, "there is no file"),
        ([TRACE, "--token-file", "/nonexistent"], 1, "cannot read /nonexistent"),
    ],
)
def test_what_cannot_be_answered_says_why(capsys, arguments: list[str], code: int, said: str):
    assert main(["trace", *arguments]) == code
    assert said in capsys.readouterr().err


def test_an_unknown_trace_says_so(store: DuckDBStore, path: Path, capsys):
    with serving(store) as client:
        assert main(["trace", "f" * 32, "--url", str(client.base_url)]) == 1
    store.close()
    assert main(["trace", "f" * 32, "--store", str(path)]) == 1

    said = capsys.readouterr().err
    assert said.count("trace is stored") == 2


def test_a_file_that_is_in_use_says_to_ask_its_collector(path: Path, capsys):
    path.write_text("no database")

    assert main(["trace", TRACE, "--store", str(path)]) == 1
    assert "--url" in capsys.readouterr().err
