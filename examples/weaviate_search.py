"""Search a collection of a local Weaviate, with the span printed.

    pip install weaviate-client
    python examples/weaviate_search.py

``WEAVIATE_HTTP_PORT`` and ``WEAVIATE_GRPC_PORT`` say where it listens on 127.0.0.1. An application
needs none of the lines about OpenTelemetry: ``opentelemetry-instrument python app.py`` does them.
"""

import os

import weaviate
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from otel_llm.instrumentation.weaviate import WeaviateInstrumentor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
WeaviateInstrumentor().instrument()

ports = (
    int(os.environ.get(f"WEAVIATE_{kind}_PORT", p)) for kind, p in (("HTTP", 8080), ("GRPC", 50051))
)
with weaviate.connect_to_local("127.0.0.1", *ports, skip_init_checks=True) as client:
    articles = client.collections.get("Article")
    for found in articles.query.bm25("a question", limit=3).objects:
        print(found.uuid)
