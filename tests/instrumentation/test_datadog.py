"""Beside Datadog's tracer where it sends by OTLP: its span of a call says which of ours it is.

The tracer itself by ``tests.sdks``, in a process of its own; elsewhere one that stands in for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from otel_llm.testing import FakeProvider
from otel_llm.testing import openai as wire

from .both import got
from .openai_sdk import (  # noqa: F401 - fixtures
    client_fixture,
    instrument_fixture,
    provider_fixture,
)

ASK = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}
PROGRAM = """
import sys
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import captured

capturing = captured()
telemetry = capturing.__enter__()
OpenAIInstrumentor().instrument(tracer_provider=telemetry.tracer_provider)
import ddtrace.auto
import openai
from ddtrace.trace import TraceFilter, tracer

found = []
class Keep(TraceFilter):
    def process_trace(self, trace):
        found.extend(trace)
        return None
tracer.configure(trace_processors=[Keep()])
asked = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
with openai.OpenAI(base_url=sys.argv[1], api_key="k", max_retries=0) as client:
    client.chat.completions.create(**asked)
    list(client.chat.completions.create(**asked, stream=True))
    client.embeddings.create(model="e", input="a")
ours = [f"{span.context.span_id:016x}" for span in telemetry.finished]
theirs = [span.get_tag("otel_llm.duplicate_of") for span in found if span.name == "openai.request"]
print(len(ours), theirs == ours)
"""


class Span:
    """One of Datadog's, as far as it is known here."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tags: dict[str, str] = {}

    def set_tag(self, name: str, value: str) -> None:
        self.tags[name] = value


@pytest.fixture
def around(monkeypatch):
    """Makes a span of Datadog's current."""

    def put(name: str | None) -> Span | None:
        span = name and Span(name)
        tracer = SimpleNamespace(current_span=lambda: span)
        monkeypatch.setitem(sys.modules, "ddtrace.trace", SimpleNamespace(tracer=tracer))
        return span

    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    return put


async def test_datadogs_span_around_a_call_says_that_it_repeats_ours(
    around, instrument_openai, openai_client, telemetry
):
    instrument_openai()
    theirs = around("openai.request")

    await got(openai_client.chat.completions.create(**ASK))

    (ours,) = telemetry.finished
    assert theirs.tags == {"otel_llm.duplicate_of": f"{ours.context.span_id:016x}"}


@pytest.mark.parametrize("name", ["flask.request", "anthropic.request"])
async def test_another_span_of_datadogs_is_left_as_it_is(
    around, instrument_openai, openai_client, telemetry, name
):
    instrument_openai()
    theirs = around(name)

    await got(openai_client.chat.completions.create(**ASK))

    assert (len(telemetry.finished), theirs.tags) == (1, {})


async def test_without_a_span_of_datadogs_the_call_is_traced(
    around, instrument_openai, openai_client, telemetry
):
    instrument_openai()
    around(None)

    await got(openai_client.chat.completions.create(**ASK))

    assert len(telemetry.finished) == 1


async def test_what_goes_to_datadogs_agent_is_left_as_it_is(
    around, instrument_openai, openai_client, telemetry, monkeypatch
):
    instrument_openai()
    theirs = around("openai.request")
    monkeypatch.delenv("OTEL_TRACES_EXPORTER")

    await got(openai_client.chat.completions.create(**ASK))

    assert (len(telemetry.finished), theirs.tags) == (1, {})


def test_the_tracer_itself_is_told_of_every_call():
    pytest.importorskip("ddtrace")
    known = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "DD_"))}
    off = {f"DD_{name}_ENABLED": "false" for name in ("INSTRUMENTATION_TELEMETRY", "CRASHTRACKING")}

    with FakeProvider(wire.ROUTES) as provider:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, f"{provider.url}/v1"],
            env={**known, **off, "OTEL_TRACES_EXPORTER": "otlp"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert (done.returncode, done.stdout) == (0, "3 True\n")
