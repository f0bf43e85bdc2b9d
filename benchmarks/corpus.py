"""Trace export requests as real applications send them, for benchmarks and for the tests.

Five mixes: ``plain`` (HTTP and database spans with 12 attributes), ``genai`` (25 attributes),
``content`` (the same and about 4 kB of messages), ``mix`` (60 %, 25 % and 15 % of those), and
``prose``: the same, but what is said are pieces of our own documentation and not forty words, over
and over: looking through texts as people write them takes several times as long. The same seed
gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

MIXES: Mapping[str, tuple[float, float, float]] = {
    "plain": (1.0, 0.0, 0.0),
    "genai": (0.0, 1.0, 0.0),
    "content": (0.0, 0.0, 1.0),
    "mix": (0.60, 0.25, 0.15),
    "prose": (0.60, 0.25, 0.15),
}
"""Shares of plain spans, GenAI spans without content, GenAI spans with content."""

MODELS = (
    ("openai", "gpt-5.1", "gpt-5.1-2025-11-13"),
    ("openai", "gpt-5-mini", "gpt-5-mini-2025-08-07"),
    ("anthropic", "claude-opus-4-5", "claude-opus-4-5-20251101"),
    ("anthropic", "claude-haiku-4-5", "claude-haiku-4-5-20251001"),
    ("aws.bedrock", "us.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0"),
    ("mistral_ai", "mistral-large-latest", "mistral-large-2411"),
)
_TEXT = (
    "the of and to in a is that for it as was with be by on not at are this have from or had an "
    "they which one you were all her she there would their we him been has when who will no more "
    "context retrieval vector invoice customer schedule shipment policy refund latency database"
)
_WORDS = _TEXT.split()
_START_NS = 1_795_219_200 * 10**9


def request(mix: str, spans: int, seed: int = 0) -> bytes:
    """One export request of this many spans, one scope for each library that made them."""
    return _Maker(seed, prose=mix == "prose").request(MIXES[mix], spans)


def requests(mix: str, spans: int, count: int) -> list[bytes]:
    """Different requests of the same mix."""
    return [request(mix, spans, seed) for seed in range(count)]


def again(payload: bytes, number: int) -> bytes:
    """The same spans in traces of their own: what comes twice is less work."""
    return payload.replace(_TRACES, number.to_bytes(len(_TRACES), "big"))


_TRACES = b"\x9d\x1f\xe2\x07\xbb\x54\xc8\x63"
"""What every trace id begins with."""


class _Maker:
    def __init__(self, seed: int, *, prose: bool) -> None:
        self._random = Random(seed)
        self._words = self._piece if prose else self._few_words
        self._end_ns = _START_NS + seed * 10**6

    def request(self, shares: tuple[float, float, float], spans: int) -> bytes:
        message = ExportTraceServiceRequest()
        group = message.resource_spans.add(schema_url="https://opentelemetry.io/schemas/1.40.0")
        group.resource.attributes.extend(self._resource())
        makers = (self._plain, self._genai, self._content)
        for make in self._random.choices(makers, shares, k=spans):
            make(group)
        return message.SerializeToString()

    def _resource(self) -> list[KeyValue]:
        return _attributes(
            {
                "service.name": self._random.choice(("checkout", "support-bot", "search")),
                "service.namespace": "shop",
                "service.version": "1.42.0",
                "service.instance.id": self._hex(16),
                "deployment.environment.name": "production",
                "telemetry.sdk.language": "python",
                "telemetry.sdk.name": "opentelemetry",
                "telemetry.sdk.version": "1.45.2",
                "host.name": f"ip-10-0-0-{self._random.randrange(255)}",
                "process.pid": self._random.randrange(65536),
                "k8s.pod.name": f"checkout-{self._hex(5)}",
                "k8s.namespace.name": "shop",
            }
        )

    def _plain(self, group: ResourceSpans) -> None:
        if self._random.random() < 0.6:
            self._http(group)
        else:
            self._database(group)

    def _http(self, group: ResourceSpans) -> None:
        span = self._span(group, "opentelemetry.instrumentation.fastapi", "GET /orders/{id}", 2)
        span.attributes.extend(
            _attributes(
                {
                    "http.request.method": "GET",
                    "url.scheme": "https",
                    "url.path": f"/api/v1/orders/{self._random.randrange(10**6)}",
                    "http.route": "/api/v1/orders/{id}",
                    "http.response.status_code": 200,
                    "server.address": "orders.internal.example.com",
                    "server.port": 8443,
                    "client.address": f"10.0.0.{self._random.randrange(255)}",
                    "client.port": self._random.randrange(1024, 65535),
                    "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
                    "(KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
                    "network.protocol.version": "1.1",
                    "network.peer.address": "10.0.0.7",
                }
            )
        )

    def _database(self, group: ResourceSpans) -> None:
        span = self._span(group, "opentelemetry.instrumentation.psycopg", "SELECT orders", 3)
        span.attributes.extend(
            _attributes(
                {
                    "db.system.name": "postgresql",
                    "db.namespace": "shop",
                    "db.collection.name": "orders",
                    "db.operation.name": "SELECT",
                    "db.query.text": "SELECT id, status, total FROM orders WHERE customer_id = ? "
                    "AND created_at > ? ORDER BY created_at DESC LIMIT ?",
                    "db.query.summary": "SELECT orders",
                    "server.address": "pg-main.internal",
                    "server.port": 5432,
                    "network.peer.address": "10.0.3.4",
                    "network.peer.port": 5432,
                    "db.response.returned_rows": self._random.randrange(100),
                    "thread.id": self._random.randrange(10**6),
                }
            )
        )

    def _genai(self, group: ResourceSpans) -> Span:
        provider, asked, served = self._random.choice(MODELS)
        tokens = self._random.randrange(50, 8000)
        span = self._span(group, "opentelemetry.instrumentation.openai_v2", f"chat {asked}", 3)
        span.attributes.extend(
            _attributes(
                {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.provider.name": provider,
                    "gen_ai.request.model": asked,
                    "server.address": f"api.{provider}.com",
                    "server.port": 443,
                    "gen_ai.request.temperature": 0.7,
                    "gen_ai.request.top_p": 0.95,
                    "gen_ai.request.max_tokens": 4096,
                    "gen_ai.request.frequency_penalty": 0.0,
                    "gen_ai.request.presence_penalty": 0.0,
                    "gen_ai.request.seed": self._random.randrange(1 << 31),
                    "gen_ai.request.stop_sequences": ("\n\n", "END"),
                    "gen_ai.request.stream": True,
                    "gen_ai.output.type": "text",
                    "gen_ai.response.id": f"chatcmpl-{self._hex(14)}",
                    "gen_ai.response.model": served,
                    "gen_ai.response.finish_reasons": ("stop",),
                    "gen_ai.response.time_to_first_chunk": self._random.lognormvariate(-1, 0.5),
                    "gen_ai.usage.input_tokens": tokens,
                    "gen_ai.usage.output_tokens": self._random.randrange(10, 2000),
                    "gen_ai.usage.cache_read.input_tokens": tokens // 2,
                    "gen_ai.usage.cache_creation.input_tokens": 0,
                    "gen_ai.usage.reasoning.output_tokens": self._random.randrange(10),
                    "gen_ai.conversation.id": f"conv_{self._hex(12)}",
                    "gen_ai.agent.name": "support-agent",
                }
            )
        )
        return span

    def _content(self, group: ResourceSpans) -> None:
        tool_call = {"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "x"}}
        answer = {"role": "assistant", "parts": [_text(self._answer())], "finish_reason": "stop"}
        question = {"role": "user", "parts": [_text(self._words(1400))]}
        messages = {
            "gen_ai.system_instructions": [_text(self._words(700))],
            "gen_ai.input.messages": [question, {"role": "assistant", "parts": [tool_call]}],
            "gen_ai.output.messages": [answer],
        }
        written = {name: json.dumps(value) for name, value in messages.items()}
        self._genai(group).attributes.extend(_attributes(written))

    def _answer(self) -> str:
        chance, text = self._random.random(), self._words(1500)
        if chance < 0.03:
            return f"I'm sorry, but I can't help with that. {text}"
        return f"{text} contact jane.doe@example.com" if chance < 0.05 else text

    def _few_words(self, length: int) -> str:
        return " ".join(self._random.choices(_WORDS, k=length // 4))[:length]

    def _piece(self, length: int) -> str:
        start = self._random.randrange(len(_written()) - length)
        return _written()[start : start + length]

    def _hex(self, size: int) -> str:
        return self._random.randbytes(size).hex()

    def _span(self, group: ResourceSpans, scope: str, name: str, kind: int) -> Span:
        found = [s for s in group.scope_spans if s.scope.name == scope]
        spans = found[0] if found else group.scope_spans.add()
        spans.scope.name, spans.scope.version = scope, "0.66b2"
        # In the order of their ends, and as many in a second as a busy collector gets.
        self._end_ns += self._random.randrange(8_000)
        return spans.spans.add(
            trace_id=_TRACES + self._random.randbytes(8),
            span_id=self._random.randbytes(8),
            parent_span_id=self._random.randbytes(8),
            flags=0x101,
            name=name,
            kind=Span.SpanKind.Name(kind),
            start_time_unix_nano=self._end_ns - int(self._random.lognormvariate(20, 1)),
            end_time_unix_nano=self._end_ns,
        )


@cache
def _written() -> str:
    files = sorted(Path(__file__).parent.parent.joinpath("docs").glob("*.md"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def _attributes(values: Mapping[str, object]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_any(value)) for name, value in values.items()]


def _any(value: object) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case Sequence():
            return AnyValue(array_value=ArrayValue(values=[_any(item) for item in value]))
    raise TypeError(value)
