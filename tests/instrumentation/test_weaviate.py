"""Weaviate: its real client over a fake server. Runs by ``tests.sdks``."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_llm import semconv
from otel_llm.instrumentation.core.operation import type_name
from otel_llm.instrumentation.weaviate import WeaviateInstrumentor

from .both import got

pytest.importorskip("weaviate")

import weaviate
from weaviate.classes.query import MetadataQuery

from .weaviate_wire import ID, SECRET, FakeWeaviate

SEARCHES = {
    "near_text": {"query": SECRET, "limit": 2},
    "near_vector": {"near_vector": [0.25, 0.75], "limit": 2},
    "near_object": {"near_object": ID, "limit": 2},
    "bm25": {"query": SECRET, "limit": 2},
    "hybrid": {"query": SECRET, "limit": 2},
    "fetch_objects": {"limit": 2},
}


@pytest.fixture
def server():
    with FakeWeaviate() as server:
        yield server


@pytest.fixture
def instrument(telemetry):
    def instrument(**settings):
        WeaviateInstrumentor().uninstrument()
        WeaviateInstrumentor().instrument(**telemetry.providers, **settings)

    yield instrument
    WeaviateInstrumentor().uninstrument()


@pytest.fixture(params=["sync", "async"])
async def docs(request, server, instrument):
    """The collection ``Docs``."""
    instrument()
    local = "use_async_with_local" if request.param == "async" else "connect_to_local"
    client = getattr(weaviate, local)(
        "127.0.0.1", server.http_port, server.port, skip_init_checks=True
    )
    if request.param == "async":
        await client.connect()
    yield client.collections.get("Docs")
    await got(client.close())


def expected(server, **more):
    return {
        "name": "retrieval Docs",
        "kind": "CLIENT",
        "status": "UNSET",
        semconv.OPERATION_NAME: "retrieval",
        semconv.PROVIDER_NAME: "weaviate",
        semconv.DATA_SOURCE_ID: "Docs",
        semconv.RETRIEVAL_TOP_K: 2,
        semconv.SERVER_ADDRESS: "127.0.0.1",
        semconv.SERVER_PORT: server.port,
        **more,
    }


@pytest.mark.parametrize("kind", ["query", "generate"])
@pytest.mark.parametrize("name", SEARCHES)
async def test_a_search_is_one_span_without_vectors_or_content(docs, server, telemetry, kind, name):
    found = await got(getattr(getattr(docs, kind), name)(**SEARCHES[name]))

    assert [str(one.uuid) for one in found.objects] == [ID]
    assert telemetry.span() == expected(server)
    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert dict(point.attributes) == {
        semconv.OPERATION_NAME: "retrieval",
        semconv.PROVIDER_NAME: "weaviate",
    }


@pytest.mark.parametrize("name", ["near_text", "bm25", "hybrid"])
async def test_content_is_the_text_asked_for_and_the_ids_of_what_was_found(
    docs, server, telemetry, instrument, name
):
    instrument(capture="SPAN_ONLY")

    search = getattr(docs.query, name)
    await got(search(SECRET, limit=2, return_metadata=MetadataQuery(score=True)))

    span = telemetry.span()
    assert json.loads(span.pop(semconv.RETRIEVAL_DOCUMENTS)) == [{"id": ID, "score": 0.5}]
    assert span == expected(server, **{semconv.RETRIEVAL_QUERY_TEXT: SECRET})


async def test_the_answer_is_the_one_of_the_client_alone(docs, instrument):
    WeaviateInstrumentor().uninstrument()
    alone = await got(docs.query.near_text(SECRET))
    instrument(capture="SPAN_ONLY")

    assert repr(await got(docs.query.near_text(SECRET))) == repr(alone)


async def test_an_error_passes_unchanged_and_is_named(docs, server, telemetry):
    server.refuses = True

    with pytest.raises(Exception) as raised:  # noqa: PT011 - the client has its own
        await got(docs.query.near_text(SECRET, limit=2))

    named = {semconv.ERROR_TYPE: type_name(raised.value)}
    assert telemetry.span() == expected(server, status="ERROR", **named)
    assert SECRET not in str(telemetry.spans())


async def test_arguments_that_the_client_refuses_are_an_error_as_without_us(docs, telemetry):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the client has its own
        await got(docs.query.near_text(7))

    assert telemetry.span()[semconv.ERROR_TYPE] == type_name(raised.value)


async def test_the_span_is_within_that_of_the_caller(docs, telemetry):
    with telemetry.tracer_provider.get_tracer("t").start_as_current_span("mine") as mine:
        await got(docs.query.near_text(SECRET))
        assert trace.get_current_span() is mine

    (span, _) = telemetry.finished
    assert span.parent.span_id == mine.get_span_context().span_id


async def test_reading_by_id_is_no_search(docs, telemetry):
    await got(docs.query.fetch_object_by_id(ID))

    assert telemetry.spans() == []


async def test_suppressed_and_uninstrumented_searches_leave_no_trace(docs, telemetry):
    with suppress_instrumentation():
        await got(docs.query.near_text(SECRET))
    WeaviateInstrumentor().uninstrument()
    await got(docs.query.near_text(SECRET))

    assert telemetry.spans() == []
    assert telemetry.metric_names() == set()


async def test_every_method_is_found_in_this_version(docs):
    states = {binding.patch.name: binding.state for binding in WeaviateInstrumentor().bindings}

    assert {name for name, state in states.items() if state != "bound"} == set()


def test_the_example_prints_the_span_of_its_search(server):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "examples/weaviate_search.py"],
        env={
            **os.environ,
            "WEAVIATE_HTTP_PORT": str(server.http_port),
            "WEAVIATE_GRPC_PORT": str(server.port),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert ID in done.stdout
    assert '"name": "retrieval Article"' in done.stdout
