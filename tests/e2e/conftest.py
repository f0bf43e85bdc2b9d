"""An instrumented program that runs as one of its own, and what it sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_llm.testing import FakeProvider, OtlpSink
from otel_llm.testing import openai as wire

CALL = """
import openai, os, signal, sys
client = openai.OpenAI(base_url=os.environ["PROVIDER"], api_key="sk-planted", max_retries=0)
def ask():
    client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "two plus two"}]
    )
def terminate():
    os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.fixture
def run(tmp_path):
    """Runs a program after ``CALL`` under ``opentelemetry-instrument``; gives what it sent too."""

    def run(program, protocol="grpc", modules=None, **environ):
        for name, text in {"app.py": CALL + program, **(modules or {})}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
        with FakeProvider(wire.ROUTES) as provider, OtlpSink() as sink:
            instrument = Path(sys.executable).with_name("opentelemetry-instrument")
            sent_to = {
                # Python 3.12 warns of every fork beside threads, which every exporter has.
                "PYTHONWARNINGS": "ignore:This process:DeprecationWarning",
                "OTEL_LLM_EXIT_TIMEOUT": "100",
                "OTEL_EXPORTER_OTLP_TIMEOUT": "100",
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                "OTEL_EXPORTER_OTLP_ENDPOINT": sink.grpc_endpoint
                if protocol == "grpc"
                else sink.http_endpoint,
            }
            done = subprocess.run(
                [instrument, sys.executable, "app.py"],
                env={**kept, "PROVIDER": f"{provider.url}/v1", **sent_to, **environ},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
            return done, sink

    return run
