"""What is remembered of spans is bounded in bytes, not only in number: names, ids and resources
come from whoever sends."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otel_llm.collector.actions import ActionConfig
from otel_llm.collector.observers.totals import Totals
from otel_llm.collector.pipeline import TracePipeline
from otel_llm.collector.processors.cost import CostProcessor
from otel_llm.collector.processors.normalize import NormalizeProcessor
from otel_llm.collector.processors.quality import QualityProcessor
from otel_llm.collector.processors.resource import ResourceConfig, ResourceProcessor
from tests.collector.calls import any_value, chat, request

REQUESTS = 20
MOST_BYTES = 5 * 10**6
"""A quarter of what is sent."""


def _long(nth: int) -> str:
    return f"{nth}{'x' * 1_000_000}"


def _of_resource(nth: int) -> bytes:
    message = ExportTraceServiceRequest.FromString(request(chat()))
    name = KeyValue(key="service.name", value=any_value(_long(nth)))
    message.resource_spans[0].resource.attributes.append(name)
    return message.SerializeToString()


def _of_scope(nth: int) -> bytes:
    message = ExportTraceServiceRequest.FromString(request(chat()))
    message.resource_spans[0].scope_spans[0].scope.name = _long(nth)
    return message.SerializeToString()


def _with(name: str) -> Callable[[int], bytes]:
    return lambda nth: request({**chat(), name: _long(nth)})


SENT: dict[str, Callable[[int], bytes]] = {
    "resource": _of_resource,
    "scope": _of_scope,
    "name of an attribute": lambda nth: request({**chat(), _long(nth): "x"}),
    "name of a list": lambda nth: request({**chat(), f"gen_ai.prompt.0.{_long(nth)}": "x"}),
    "finish reason": lambda n: request({**chat(), "gen_ai.response.finish_reasons": [_long(n)]}),
    "gen_ai.response.model": _with("gen_ai.response.model"),
    "gen_ai.provider.name": _with("gen_ai.provider.name"),
    "gen_ai.response.id": _with("gen_ai.response.id"),
    "openai.response.service_tier": _with("openai.response.service_tier"),
    "error.type": _with("error.type"),
}


@pytest.mark.parametrize("make", SENT.values(), ids=SENT)
def test_what_is_long_is_not_remembered(make):
    change = ResourceConfig((ActionConfig(key="a", action="upsert", value="b"),))
    processors = {
        "resource": ResourceProcessor(change),
        "normalize": NormalizeProcessor(),
        "cost": CostProcessor(),
        "quality": QualityProcessor(),
    }
    pipeline = TracePipeline(processors, {"totals": Totals()}, lambda signal, payload: None)
    pipeline.consume(request(chat()))

    gc.collect()
    tracemalloc.start()
    try:
        for nth in range(REQUESTS):
            pipeline.consume(make(nth))
        gc.collect()
        remembered, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert remembered < MOST_BYTES
