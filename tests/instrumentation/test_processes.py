"""Processes that fork, and processes that end, with calls and generators still open."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, os, sys
import openai, otel_llm
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import Captured, FakeProvider
from otel_llm.testing import openai as wire

telemetry = Captured()
otel_llm.configure(**telemetry.providers)
OpenAIInstrumentor().instrument(**telemetry.providers)
provider = FakeProvider(wire.ROUTES).start()
client = openai.OpenAI(base_url=provider.url + "/v1", api_key="k")

@otel_llm.workflow("decorated")
def decorated():
    yield 1
    yield 2

@otel_llm.tool("later")
async def later():
    yield 1
    yield 2

@otel_llm.workflow("returned")
def returned():
    return (n for n in (1, 2))

def block():
    with otel_llm.agent("block"):
        yield 1
        yield 2

ask = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}], "stream": True}
stream = client.chat.completions.create(**ask)
raw = client.chat.completions.with_streaming_response.create(**ask).__enter__()
generators = [decorated(), returned(), block()]
for one in [stream, *generators]:
    next(one)
"""

LEFT = """
loop = asyncio.new_event_loop()
waiting = later()
loop.run_until_complete(anext(waiting))
scope = otel_llm.agent("never left")
scope.__enter__()
cycle = [stream, waiting, *generators]
cycle.append(cycle)
"""

FORKED = """
with otel_llm.workflow("outer"):
    child = os.fork()
for generator in generators:
    list(generator)
stream.close()
raw.close()
names = sorted(span["name"] for span in telemetry.spans())
if child == 0:
    os._exit(len(names))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), names)
provider.stop()
client.close()
"""


def run(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("openai")
    command = [sys.executable, *options, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.skipif(sys.version_info[:3] == (3, 13, 0), reason="crashes without us as well")
@pytest.mark.parametrize("options", [(), ("-O",), ("-W", "error", "-W", "ignore::ResourceWarning")])
@pytest.mark.parametrize("end", ["", "sys.exit(3)", "for chunk in stream: sys.exit(3)"])
def test_a_program_that_ends_with_calls_open_ends_as_without_us(options, end):
    done = run(PROGRAM + LEFT + end, *options)

    assert (done.returncode, done.stdout, done.stderr) == (3 if end else 0, "", "")


def test_what_a_process_began_ends_in_it_and_not_in_the_processes_it_forked():
    done = run(PROGRAM + FORKED)

    names = [
        *("chat m", "chat m", "invoke_agent block"),
        *("invoke_workflow decorated", "invoke_workflow outer", "invoke_workflow returned"),
    ]
    assert done.stdout == f"0 {names}\n", done.stderr
