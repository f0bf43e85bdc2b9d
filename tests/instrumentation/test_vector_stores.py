"""Searches of vector stores: the real clients over a fake server. Runs by ``tests.sdks``."""

from __future__ import annotations

import importlib
import json
from inspect import signature
from typing import ClassVar

import pytest
from opentelemetry import trace

from otel_llm import semconv
from otel_llm.instrumentation.chroma import ChromaInstrumentor
from otel_llm.instrumentation.core.operation import type_name
from otel_llm.instrumentation.pinecone import PineconeInstrumentor
from otel_llm.instrumentation.qdrant import QdrantInstrumentor
from otel_llm.testing import FakeProvider, json_answer

from .both import got

SECRET = "what nobody may read"
COLLECTION = "11111111-2222-3333-4444-555555555555"


def answers(body):
    return lambda _: json_answer(body)


class Qdrant:
    package, provider, source, instrumentor = "qdrant_client", "qdrant", "docs", QdrantInstrumentor
    points = ({"id": 7, "version": 0, "score": 0.5, "payload": {"text": SECRET}},)
    search_path = "/points/query"
    routes: ClassVar = {
        search_path: answers({"result": {"points": points}, "status": "ok", "time": 0.1}),
    }
    kept = ({"id": "7", "score": 0.5},)
    query_text = None

    @staticmethod
    async def client(url, kind):
        sdk = importlib.import_module("qdrant_client")
        make = sdk.AsyncQdrantClient if kind == "async" else sdk.QdrantClient
        newer = "check_compatibility" in signature(make).parameters
        return make(url=url, **({"check_compatibility": False} if newer else {}))

    @staticmethod
    async def search(client):
        return await got(client.query_points("docs", [0.25, 0.75], limit=2))

    @staticmethod
    async def close(client):
        await got(client.close())


class Chroma:
    package, provider, source, instrumentor = "chromadb", "chroma", "docs", ChromaInstrumentor
    search_path = "/query"
    routes: ClassVar = {
        search_path: answers(
            {
                "ids": [["7"]],
                "distances": [[0.5]],
                "documents": [[SECRET]],
                "include": ["documents", "distances"],
            }
        ),
        "/auth/identity": answers({"user_id": "", "tenant": "t", "databases": ["d"]}),
        "/pre-flight-checks": answers({"max_batch_size": 10}),
        "POST .*/collections$": answers(
            {
                "id": COLLECTION,
                "name": "docs",
                "configuration_json": {},
                "metadata": None,
                "dimension": 2,
                "tenant": "t",
                "database": "d",
            }
        ),
        "GET ": answers({"id": COLLECTION, "name": "d", "tenant": "t"}),
    }
    kept = ({"id": "7"},)
    query_text = "where is it"

    @classmethod
    async def client(cls, url, kind):
        sdk = importlib.import_module("chromadb")
        make = sdk.AsyncHttpClient if kind == "async" else sdk.HttpClient
        settings = sdk.Settings(anonymized_telemetry=False)
        port = int(url.rpartition(":")[2])
        client = await got(make(host="127.0.0.1", port=port, settings=settings))
        return await got(client.create_collection("docs", embedding_function=_embedding(sdk)))

    @staticmethod
    async def search(client):
        return await got(client.query(query_texts=["where is it"], n_results=2))

    @staticmethod
    async def close(client):
        session = getattr(client._client, "_session", None)
        await got(client._client._get_client().aclose() if session is None else session.close())
        importlib.import_module(
            "chromadb.api.shared_system_client"
        ).SharedSystemClient.clear_system_cache()


def _embedding(sdk):
    class Embedding(sdk.EmbeddingFunction):
        def __init__(self):
            pass

        def __call__(self, input):
            return [[0.25, 0.75] for _ in input]

        @staticmethod
        def name():
            return "fixed"

        def get_config(self):
            return {}

        @staticmethod
        def build_from_config(config):
            return Embedding()

    return Embedding()


class Pinecone:
    package, provider, source, instrumentor = "pinecone", "pinecone", None, PineconeInstrumentor
    search_path = "/query"
    routes: ClassVar = {
        search_path: answers(
            {"matches": [{"id": "7", "score": 0.5, "metadata": {"t": SECRET}}], "namespace": "n"}
        ),
    }
    kept = ({"id": "7", "score": 0.5},)
    query_text = None

    @staticmethod
    async def client(url, kind):
        sdk = importlib.import_module("pinecone")
        return (sdk.AsyncIndex if kind == "async" else sdk.Index)(host=url, api_key="k")

    @staticmethod
    async def search(client):
        return await got(client.query(vector=[0.25, 0.75], top_k=2))

    @staticmethod
    async def close(client):
        await got(client.close())


STORES = {"qdrant": Qdrant, "chroma": Chroma, "pinecone": Pinecone}


@pytest.fixture(params=STORES.values(), ids=STORES.keys())
def store(request):
    pytest.importorskip(request.param.package)
    return request.param


@pytest.fixture
def server(store):
    with FakeProvider(store.routes) as server:
        yield server


@pytest.fixture(params=["sync", "async"])
async def client(request, store, server, instrument):
    instrument()  # first: an index of Pinecone keeps the methods that its class had then
    client = await store.client(server.url, request.param)
    yield client
    await store.close(client)


@pytest.fixture
def instrument(store, telemetry):
    def instrument(**settings):
        store.instrumentor().uninstrument()
        store.instrumentor().instrument(**telemetry.providers, **settings)

    yield instrument
    store.instrumentor().uninstrument()


def expected(store, server, **more):
    source = {} if store.source is None else {semconv.DATA_SOURCE_ID: store.source}
    return {
        "name": "retrieval" if store.source is None else f"retrieval {store.source}",
        "kind": "CLIENT",
        "status": "UNSET",
        semconv.OPERATION_NAME: "retrieval",
        semconv.PROVIDER_NAME: store.provider,
        semconv.RETRIEVAL_TOP_K: 2,
        semconv.SERVER_ADDRESS: "127.0.0.1",
        semconv.SERVER_PORT: server.port,
        **source,
        **more,
    }


async def test_a_search_is_one_span_without_vectors_or_content(store, client, server, telemetry):
    await store.search(client)

    assert telemetry.span() == expected(store, server)
    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert dict(point.attributes) == {
        semconv.OPERATION_NAME: "retrieval",
        semconv.PROVIDER_NAME: store.provider,
    }


async def test_content_is_the_text_asked_for_and_the_ids_of_what_was_found(
    store, client, server, instrument, telemetry
):
    instrument(capture="SPAN_ONLY")

    await store.search(client)

    span = telemetry.span()
    assert json.loads(span.pop(semconv.RETRIEVAL_DOCUMENTS)) == list(store.kept)
    asked = {} if store.query_text is None else {semconv.RETRIEVAL_QUERY_TEXT: store.query_text}
    assert span == expected(store, server, **asked)


async def test_the_answer_is_the_one_of_the_client_alone(store, client, instrument):
    store.instrumentor().uninstrument()
    alone = await store.search(client)
    instrument(capture="SPAN_ONLY")

    assert repr(await store.search(client)) == repr(alone)


async def test_an_error_passes_unchanged_and_is_named(store, client, server, telemetry):
    server.queue(json_answer({"error": SECRET, "message": SECRET}, status=400))

    with pytest.raises(Exception) as raised:  # noqa: PT011 - each client has its own
        await store.search(client)

    named = type_name(raised.value)
    assert telemetry.span() == expected(
        store, server, status="ERROR", **{semconv.ERROR_TYPE: named}
    )


async def test_the_span_is_within_that_of_the_caller(store, client, telemetry):
    with telemetry.tracer_provider.get_tracer("t").start_as_current_span("mine") as mine:
        await store.search(client)
        assert trace.get_current_span() is mine

    (span, _) = telemetry.finished
    assert span.parent.span_id == mine.get_span_context().span_id


async def test_nothing_is_traced_after_uninstrument(store, client, telemetry):
    store.instrumentor().uninstrument()

    await store.search(client)

    assert telemetry.spans() == []


async def test_every_method_is_found_in_this_version(store, client):
    missing = [
        binding.patch.name
        for binding in store.instrumentor().bindings
        if binding.state == "unbound" and not binding.patch.optional
    ]
    assert missing == []


def test_a_pinecone_search_made_of_another_is_one_span(telemetry):
    sdk = pytest.importorskip("pinecone")
    hits = {
        "result": {"hits": [{"_id": "7", "_score": 0.5, "fields": {}}]},
        "usage": {"read_units": 1},
    }
    PineconeInstrumentor().instrument(**telemetry.providers, capture="SPAN_ONLY")
    try:
        with FakeProvider({"/search": answers(hits)}) as server:
            index = sdk.Index(host=server.url, api_key="k")
            index.search_records(namespace="n", top_k=3, inputs={"text": "where is it"})
            index.close()
    finally:
        PineconeInstrumentor().uninstrument()

    span = telemetry.span()
    assert span[semconv.RETRIEVAL_TOP_K] == 3
    assert span[semconv.RETRIEVAL_QUERY_TEXT] == "where is it"
    assert json.loads(span[semconv.RETRIEVAL_DOCUMENTS]) == [{"id": "7", "score": 0.5}]


def test_a_qdrant_inside_the_process_has_no_server(telemetry):
    sdk = pytest.importorskip("qdrant_client")
    QdrantInstrumentor().instrument(**telemetry.providers)
    try:
        client = sdk.QdrantClient(":memory:")
        vectors = sdk.models.VectorParams(size=2, distance=sdk.models.Distance.COSINE)
        client.create_collection("docs", vectors_config=vectors)
        client.query_points("docs", [0.25, 0.75])
    finally:
        QdrantInstrumentor().uninstrument()

    assert telemetry.span() == {
        "name": "retrieval docs",
        "kind": "CLIENT",
        "status": "UNSET",
        semconv.OPERATION_NAME: "retrieval",
        semconv.PROVIDER_NAME: "qdrant",
        semconv.DATA_SOURCE_ID: "docs",
    }
