"""Beside the instrumentations of others, of the same SDK: one call, one span. By ``tests.sdks``.

Each in a process of its own: not all of them can be undone.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from otel_llm.testing import FakeProvider
from otel_llm.testing import openai as wire

OFFICIAL = "opentelemetry.instrumentation.genai.openai"
OPENLLMETRY = "opentelemetry.instrumentation.openai"  # has no mark for those inside
PROGRAM = """
import sys
from importlib import import_module
import openai
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import captured

url, vendor, inside = sys.argv[1:]
both = [OpenAIInstrumentor(), import_module(vendor).OpenAIInstrumentor()]
with captured() as telemetry:
    for instrumentor in both if inside == "ours" else reversed(both):
        instrumentor.instrument(skip_dep_check=True, tracer_provider=telemetry.tracer_provider)
    asked = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        client.chat.completions.create(**asked)
        list(client.chat.completions.create(**asked, stream=True))
        client.embeddings.create(model="e", input="a")
    print([span["name"] for span in telemetry.spans()])
"""


@pytest.mark.parametrize(
    ("vendor", "inside"), [(OFFICIAL, "ours"), (OFFICIAL, "theirs"), (OPENLLMETRY, "theirs")]
)
def test_a_call_is_one_span_whoever_wrapped_it_last(vendor, inside):
    pytest.importorskip("openai")
    with FakeProvider(wire.ROUTES) as provider:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, f"{provider.url}/v1", vendor, inside],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    if "No module named 'opentelemetry.instrumentation" in done.stderr:
        pytest.skip(f"{vendor} is not installed")
    assert (done.returncode, done.stdout) == (0, "['chat m', 'chat m', 'embeddings e']\n")
