"""The same calls, instrumented by hand by somebody who knows exactly what they are.

The floor of ``app_overhead.py``: one span with the attributes that otel-llm gives it and the same
metrics with the same attributes, written down without asking what could be missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import anthropic
import httpx2
import openai
from anthropic.resources.messages import Messages
from openai.resources.chat.completions import Completions
from opentelemetry import context as otel_context
from opentelemetry.trace import SpanKind, set_span_in_context

from otel_llm.instrumentation.anthropic import AnthropicInstrumentor
from otel_llm.instrumentation.core import LLMInstrumentor
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.semconv import metrics
from otel_llm.testing import anthropic as anthropic_wire
from otel_llm.testing import openai as openai_wire

TEXT = "What is the answer to everything? " * 128
METRICS = (
    metrics.CLIENT_OPERATION_DURATION,
    metrics.CLIENT_TOKEN_USAGE,
    metrics.CLIENT_OPERATION_TIME_TO_FIRST_CHUNK,
    metrics.CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK,
)


class Hand:
    """One call of an SDK, by hand. Siblings say what it asks and what comes back."""

    name: ClassVar[str]
    instrumentor: ClassVar[type[LLMInstrumentor]]
    patched: ClassVar[type]
    """The class whose ``create`` is instrumented."""
    ask: ClassVar[dict[str, Any]]
    start: ClassVar[dict[str, Any]]

    def __init__(self, telemetry: Mapping[str, Any], content: bool = False) -> None:
        self.tracer = telemetry["tracer_provider"].get_tracer("hand")
        meter = telemetry["meter_provider"].get_meter("hand")
        self.duration, self.tokens, self.first, self.later = (
            meter.create_histogram(
                m.name, m.unit, explicit_bucket_boundaries_advisory=list(m.buckets)
            )
            for m in METRICS
        )
        self.content = content

    @staticmethod
    def client(answer: bytes | None = None, kind: str = "application/json") -> Any:
        """Return a client whose transport answers from memory."""
        raise NotImplementedError

    @staticmethod
    def create(client: Any) -> Callable[..., Any]:
        """Return the method that is called."""
        raise NotImplementedError

    def described(self, answer: Any) -> dict[str, Any]:
        """Return the attributes known at the end."""
        raise NotImplementedError

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        """Return the metrics' attributes, input and output tokens."""
        raise NotImplementedError

    def call(self, client: Any) -> Any:
        """Call the SDK with everything that otel-llm would do around it."""
        started, model = time.time_ns(), self.ask["model"]
        known = {**self.start, "gen_ai.request.model": model}
        span = self.tracer.start_span(f"chat {model}", kind=SpanKind.CLIENT, attributes=known)
        context = set_span_in_context(span)
        token = otel_context.attach(context)
        try:
            answer = self.create(client)(**self.ask)
        finally:
            otel_context.detach(token)
        if span.is_recording():
            span.set_attributes(self.described(answer))
        span.end()
        self.measure(answer, (time.time_ns() - started) / 1e9, context)
        return answer

    def measure(self, answer: Any, seconds: float, context: Any) -> None:
        """Record the metrics of a finished call."""
        attributes, asked, wrote = self.counted(answer)
        self.tokens.record(asked, {**attributes, "gen_ai.token.type": "input"}, context)
        self.tokens.record(wrote, {**attributes, "gen_ai.token.type": "output"}, context)
        self.duration.record(seconds, attributes, context)

    @classmethod
    @contextmanager
    def stubbed(cls, client: Any) -> Iterator[Any]:
        """Answer from memory in place of the patched method, which is wrapped as ever."""
        answer = cls.create(client)(**cls.ask)
        original = cls.patched.create
        cls.patched.create = lambda self, **_: answer
        try:
            yield client
        finally:
            cls.patched.create = original


def start(provider: str, model: str) -> dict[str, Any]:
    """Return the attributes known at the start."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "server.address": "127.0.0.1",
        "server.port": 80,
    }


def transport(answer: bytes, kind: str) -> httpx2.Client:
    """Return an HTTP client that answers from memory."""

    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=answer, headers={"content-type": kind})

    return httpx2.Client(transport=httpx2.MockTransport(respond))


def said(role: str, content: str, **more: str) -> dict[str, Any]:
    """Return a message in the shape of the conventions."""
    return {"role": role, "parts": [{"type": "text", "content": content}], **more}


class OpenAI(Hand):
    """``chat.completions.create``."""

    name = "openai"
    instrumentor = OpenAIInstrumentor
    patched = Completions
    ask: ClassVar[dict[str, Any]] = {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": TEXT}],
        "temperature": 0.2,
        "top_p": 0.9,
        "max_tokens": 200,
        "seed": 7,
    }
    start: ClassVar[dict[str, Any]] = start("openai", "gpt-4o-mini")
    usage = openai_wire.usage(1200, 90, prompt_tokens_details={"cached_tokens": 1024})

    @staticmethod
    def client(answer: bytes | None = None, kind: str = "application/json") -> openai.OpenAI:
        whole = openai_wire.completion(
            usage=OpenAI.usage, service_tier="default", system_fingerprint="fp_1"
        )
        return openai.OpenAI(
            api_key="k",
            base_url="http://127.0.0.1:80/v1",
            http_client=transport(answer or json.dumps(whole).encode(), kind),
        )

    @staticmethod
    def create(client: openai.OpenAI) -> Callable[..., Any]:
        return client.chat.completions.create

    def asked(self) -> dict[str, Any]:
        """Return what the request says."""
        return {
            "gen_ai.request.temperature": self.ask["temperature"],
            "gen_ai.request.top_p": self.ask["top_p"],
            "gen_ai.request.max_tokens": self.ask["max_tokens"],
            "gen_ai.request.seed": self.ask["seed"],
            "openai.api.type": "chat_completions",
        }

    def described(self, answer: Any) -> dict[str, Any]:
        found = {
            **self.asked(),
            "gen_ai.response.id": answer.id,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": [c.finish_reason for c in answer.choices],
            "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
            "gen_ai.usage.cache_read.input_tokens": (
                answer.usage.prompt_tokens_details.cached_tokens
            ),
            "openai.response.service_tier": answer.service_tier,
            "openai.response.system_fingerprint": answer.system_fingerprint,
        }
        if self.content:
            asked = [said(m["role"], m["content"]) for m in self.ask["messages"]]
            told = [
                said("assistant", c.message.content, finish_reason=c.finish_reason)
                for c in answer.choices
            ]
            found["gen_ai.input.messages"] = json.dumps(asked)
            found["gen_ai.output.messages"] = json.dumps(told)
        return found

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        attributes = {
            **self.start,
            "gen_ai.response.model": answer.model,
            "openai.response.service_tier": answer.service_tier,
            "openai.response.system_fingerprint": answer.system_fingerprint,
        }
        return attributes, answer.usage.prompt_tokens, answer.usage.completion_tokens


class Anthropic(Hand):
    """``messages.create``."""

    name = "anthropic"
    instrumentor = AnthropicInstrumentor
    patched = Messages
    ask: ClassVar[dict[str, Any]] = {
        "model": "claude-sonnet-5",
        "messages": [{"role": "user", "content": TEXT}],
        "max_tokens": 200,
        "stop_sequences": ["END"],
    }
    start: ClassVar[dict[str, Any]] = start("anthropic", "claude-sonnet-5")

    @staticmethod
    def client(answer: bytes | None = None, kind: str = "application/json") -> anthropic.Anthropic:
        usage = anthropic_wire.usage(176, 90, **anthropic_wire.cache(1024))
        whole = anthropic_wire.message(
            anthropic_wire.text(), model=Anthropic.ask["model"], usage=usage
        )
        return anthropic.Anthropic(
            api_key="k",
            base_url="http://127.0.0.1:80",
            http_client=transport(answer or json.dumps(whole).encode(), kind),
        )

    @staticmethod
    def create(client: anthropic.Anthropic) -> Callable[..., Any]:
        return client.messages.create

    def described(self, answer: Any) -> dict[str, Any]:
        usage = answer.usage
        read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
        found = {
            "gen_ai.request.max_tokens": self.ask["max_tokens"],
            "gen_ai.request.stop_sequences": self.ask["stop_sequences"],
            "gen_ai.response.id": answer.id,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": [answer.stop_reason],
            "gen_ai.usage.input_tokens": usage.input_tokens + read + written,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": read,
            "gen_ai.usage.cache_creation.input_tokens": written,
        }
        if self.content:
            asked = [said(m["role"], m["content"]) for m in self.ask["messages"]]
            told = [said("assistant", b.text, finish_reason="end_turn") for b in answer.content]
            found["gen_ai.input.messages"] = json.dumps(asked)
            found["gen_ai.output.messages"] = json.dumps(told)
        return found

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        usage = answer.usage
        cached = usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        attributes = {**self.start, "gen_ai.response.model": answer.model}
        return attributes, usage.input_tokens + cached, usage.output_tokens


SDKS: tuple[type[Hand], ...] = (OpenAI, Anthropic)
