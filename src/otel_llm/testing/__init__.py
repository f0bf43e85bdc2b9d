"""Test helpers: a model provider and an OTLP endpoint on 127.0.0.1, and telemetry kept in memory.

Real sockets, because SDKs differ in their HTTP library (openai 3 uses httpx2, groq httpx, boto3
its own) and because what was sent can then be seen as another program would see it::

    with FakeProvider(openai.ROUTES) as provider, captured() as telemetry:
        OpenAIInstrumentor().instrument(**telemetry.providers)
        client = OpenAI(base_url=provider.url + "/v1", api_key="unused")
        ...
        assert telemetry.span()["gen_ai.usage.input_tokens"] == 12

One module per wire format holds its answers and its ``ROUTES``: ``openai``, ``anthropic``,
``gemini``, ``bedrock``, ``cohere``, ``groq``, ``mistral``, ``ollama``. Nothing here needs more than
the base dependencies; grpc and protobuf load when an ``OtlpSink`` starts.
"""

from .captured import Captured, captured
from .otlp import OtlpSink
from .provider import CUT, Answer, FakeProvider, Pause, Received, Routes, json_answer, sse

__all__ = [
    "CUT",
    "Answer",
    "Captured",
    "FakeProvider",
    "OtlpSink",
    "Pause",
    "Received",
    "Routes",
    "captured",
    "json_answer",
    "sse",
]
