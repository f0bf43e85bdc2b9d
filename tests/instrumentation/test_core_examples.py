"""The examples of the public API do what they show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from examples import own_code

import otel_llm
from otel_llm.instrumentation.core import runs

EXAMPLES = Path(own_code.__file__).parent


def test_your_own_code_becomes_one_trace(telemetry, monkeypatch):
    monkeypatch.setattr(runs, "_telemetry", None)
    otel_llm.configure(**telemetry.providers)

    own_code.answer("where lies oslo")

    assert [s["name"] for s in telemetry.spans()] == [
        "retrieval facts",
        "execute_tool rounded",
        "chat my-model",
        "invoke_agent geographer",
        "invoke_workflow answer",
    ]
    assert len({s.context.trace_id for s in telemetry.finished}) == 1
    assert [e.log_record.event_name for e in telemetry.events()] == ["gen_ai.evaluation.result"]


def test_without_opentelemetry_running_the_example_runs_just_the_same():
    done = subprocess.run(
        [sys.executable, EXAMPLES / "own_code.py"], capture_output=True, text=True, timeout=180
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 call, 1 tool, 10 tokens out")
