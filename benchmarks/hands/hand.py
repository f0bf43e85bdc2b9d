"""What every call by hand has in common: one span, its metrics, the context around the SDK."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any, ClassVar

from opentelemetry import context as otel_context
from opentelemetry.trace import SpanKind, set_span_in_context

from otel_llm.instrumentation.core import LLMInstrumentor
from otel_llm.semconv import metrics

to_json = partial(json.dumps, separators=(",", ":"))
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
    """The class whose ``method`` is instrumented."""
    method: ClassVar[str] = "create"
    asked_model: ClassVar[str] = "model"
    """The argument that is the model."""
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
    def client() -> Any:
        """Return a client whose transport answers from memory."""
        raise NotImplementedError

    @staticmethod
    def create(client: Any) -> Callable[..., Any]:
        """Return the method that is called."""
        raise NotImplementedError

    def described(self, answer: Any) -> dict[str, Any]:
        """Return the attributes known at the end."""
        raise NotImplementedError

    def told(self, answer: Any) -> list[dict[str, Any]]:
        """Return the answer's messages in the shape of the conventions."""
        raise NotImplementedError

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        """Return the metrics' attributes, input and output tokens."""
        raise NotImplementedError

    def asked(self) -> list[dict[str, Any]]:
        """Return the request's messages in the shape of the conventions."""
        return [said(m["role"], m["content"]) for m in self.ask["messages"]]

    def call(self, client: Any) -> Any:
        """Call the SDK with everything that otel-llm would do around it."""
        started, model = time.time_ns(), self.ask[self.asked_model]
        known = {**self.start, "gen_ai.request.model": model}
        span = self.tracer.start_span(
            f"{self.start['gen_ai.operation.name']} {model}",
            kind=SpanKind.CLIENT,
            attributes=known,
        )
        context = set_span_in_context(span)
        token = otel_context.attach(context)
        try:
            answer = self.create(client)(**self.ask)
        finally:
            otel_context.detach(token)
        if span.is_recording():
            found = self.described(answer)
            if self.content:
                found["gen_ai.input.messages"] = to_json(self.asked())
                found["gen_ai.output.messages"] = to_json(self.told(answer))
            span.set_attributes(found)
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
        original, answers = getattr(cls.patched, cls.method), list[Any]()

        def answered(*args: Any, **kwargs: Any) -> Any:
            answers[:] = answers or [original(*args, **kwargs)]
            return answers[0]

        setattr(cls.patched, cls.method, answered)
        cls.create(client)(**cls.ask)
        setattr(cls.patched, cls.method, lambda *_, **__: answers[0])
        try:
            yield client
        finally:
            setattr(cls.patched, cls.method, original)


def start(provider: str, model: str, operation: str = "chat") -> dict[str, Any]:
    """Return the attributes known at the start."""
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "server.address": "127.0.0.1",
        "server.port": 80,
    }


def transport(library: ModuleType, answer: bytes, kind: str = "application/json") -> Any:
    """Return a transport of ``httpx`` or ``httpx2`` that answers from memory."""

    def respond(_: Any) -> Any:
        return library.Response(200, content=answer, headers={"content-type": kind})

    return library.MockTransport(respond)


def said(role: str, content: str, **more: str) -> dict[str, Any]:
    """Return a message in the shape of the conventions."""
    return {"role": role, "parts": [{"type": "text", "content": content}], **more}
