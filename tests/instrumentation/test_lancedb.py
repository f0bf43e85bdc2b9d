"""Searches of LanceDB, which runs inside the process. Runs by ``tests.sdks``."""

from __future__ import annotations

import json

import pytest

from otel_llm import semconv
from otel_llm.instrumentation.lancedb import LanceDBInstrumentor

lancedb = pytest.importorskip("lancedb")

ROWS = [
    {"id": "a", "text": "hello there", "vector": [1.0, 0.0]},
    {"id": "b", "text": "good bye", "vector": [0.0, 1.0]},
]
SEARCH = {
    "name": "retrieval docs",
    "kind": "CLIENT",
    "status": "UNSET",
    semconv.OPERATION_NAME: "retrieval",
    semconv.PROVIDER_NAME: "lancedb",
    semconv.DATA_SOURCE_ID: "docs",
}
LIMITED = {**SEARCH, semconv.RETRIEVAL_TOP_K: 2}


@pytest.fixture(autouse=True)
def instrument(telemetry):
    def instrument(**settings):
        LanceDBInstrumentor().uninstrument()
        LanceDBInstrumentor().instrument(**telemetry.providers, **settings)

    instrument()
    yield instrument
    LanceDBInstrumentor().uninstrument()


@pytest.fixture
def table(tmp_path):
    table = lancedb.connect(tmp_path).create_table("docs", ROWS)
    table.create_index("text", config=lancedb.index.FTS())
    return table


def vector(table):
    return table.search([1.0, 0.0]).limit(2)


def words(table):
    return table.search("hello", query_type="fts").limit(2)


def hybrid(table):
    return table.search(query_type="hybrid").vector([1.0, 0.0]).text("hello").limit(2)


@pytest.mark.parametrize("search", [vector, words, hybrid])
@pytest.mark.parametrize("run", ["to_list", "to_arrow"])
def test_a_search_is_one_span_without_vectors_or_content(table, telemetry, search, run):
    getattr(search(table), run)()

    assert telemetry.spans() == [LIMITED]


@pytest.mark.parametrize("search", [words, hybrid])
def test_the_words_searched_for_are_kept_with_content_only(table, telemetry, instrument, search):
    instrument(capture="SPAN_ONLY")

    found = search(table).to_list()

    span = telemetry.span()
    scores = ["_relevance_score" if "_relevance_score" in row else "_score" for row in found]
    assert json.loads(span.pop(semconv.RETRIEVAL_DOCUMENTS)) == [
        {"id": row["id"], "score": row[score]} for row, score in zip(found, scores, strict=True)
    ]
    assert span == {**LIMITED, semconv.RETRIEVAL_QUERY_TEXT: "hello"}


def test_a_distance_is_no_score(table, telemetry, instrument):
    instrument(capture="SPAN_ONLY")

    vector(table).to_list()

    kept = json.loads(telemetry.span()[semconv.RETRIEVAL_DOCUMENTS])
    assert kept == [{"id": "a"}, {"id": "b"}]


async def test_an_asynchronous_search_is_one_span(tmp_path, telemetry):
    database = await lancedb.connect_async(tmp_path)
    table = await database.create_table("docs", ROWS)
    await table.create_index("text", config=lancedb.index.FTS())

    await table.query().nearest_to([1.0, 0.0]).limit(2).to_list()
    await table.query().nearest_to_text("hello").to_list()
    await table.query().nearest_to([1.0, 0.0]).nearest_to_text("hello").to_list()

    assert telemetry.spans() == [LIMITED, SEARCH, SEARCH]


def test_what_is_found_is_the_same_with_and_without(table):
    found = hybrid(table).to_list()
    LanceDBInstrumentor().uninstrument()

    assert hybrid(table).to_list() == found


def test_a_search_that_fails_raises_the_same_and_is_named(table, telemetry):
    with pytest.raises(ValueError, match="no_such_column"):
        table.search([1.0, 0.0]).where("no_such_column = 1").to_list()

    (span,) = telemetry.spans()
    assert span == {**SEARCH, "status": "ERROR", semconv.ERROR_TYPE: "ValueError"}


def test_nothing_is_traced_after_uninstrument(table, telemetry):
    LanceDBInstrumentor().uninstrument()

    vector(table).to_list()

    assert telemetry.spans() == []


def test_reading_rows_is_no_search(table, telemetry):
    table.search().limit(1).to_list()

    assert telemetry.spans() == []
