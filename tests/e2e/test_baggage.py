"""Who a call is for, over the border of a process: one asks the other over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from otel_llm.testing import FakeProvider, json_answer
from otel_llm.testing import openai as wire

ASKING = """
import sys, urllib.request
import otel_llm
from opentelemetry import propagate

otel_llm.configure()
with (
    otel_llm.set_user("u 1"),
    otel_llm.set_session("s1"),
    otel_llm.set_tags(team="blue", tier="gold"),
):
    headers = {}
    propagate.inject(headers)
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers=headers))
"""
ANSWERING = """
import json, sys
import openai
from opentelemetry import context, propagate
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import captured

url, headers = sys.argv[1], json.loads(sys.argv[2])
with captured() as telemetry:
    OpenAIInstrumentor().instrument(**telemetry.providers)
    token = context.attach(propagate.extract(headers))
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        client.chat.completions.create(model="m", messages=[])
    context.detach(token)
    told = telemetry.span()
    names = ("user.id", "session.id", "gen_ai.conversation.id", "otel_llm.team", "otel_llm.tags")
    print(json.dumps({name: told[name] for name in names if name in told}))
"""


def python(program: str, *arguments: str, allowed: str) -> str:
    known = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**known, "OTEL_LLM_BAGGAGE": allowed},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    ("sender", "receiver", "arrives"),
    [
        ("", "user.id", {}),
        ("user.id", "", {}),
        ("user.id", "user.id,session.id", {"user.id": "u 1"}),
        (
            "user.id,session.id,gen_ai.conversation.id,otel_llm.team,otel_llm.tags",
            "user.id,session.id,gen_ai.conversation.id,otel_llm.team,otel_llm.tags",
            {
                "user.id": "u 1",
                "session.id": "s1",
                "gen_ai.conversation.id": "s1",
                "otel_llm.team": "blue",
                "otel_llm.tags": ["tier=gold"],
            },
        ),
    ],
    ids=["not sent", "not taken", "only what both allow", "everything"],
)
def test_what_both_processes_allow_arrives(sender, receiver, arrives):
    pytest.importorskip("openai")
    with FakeProvider({**wire.ROUTES, r"^GET /ask$": lambda _: json_answer({})}) as border:
        python(ASKING, f"{border.url}/ask", allowed=sender)
        headers = {n: v for n, v in border.requests[0].headers.items() if n == "baggage"}
        told = python(ANSWERING, f"{border.url}/v1", json.dumps(headers), allowed=receiver)

    assert json.loads(told) == arrives
