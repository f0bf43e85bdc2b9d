"""The examples of the providers' own SDKs run as their first lines say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_llm.testing import FakeProvider, anthropic, bedrock, gemini

EXAMPLES = Path("examples")
KEYS = {
    "ANTHROPIC_API_KEY": "k",
    "GEMINI_API_KEY": "k",
    "AWS_ACCESS_KEY_ID": "k",
    "AWS_SECRET_ACCESS_KEY": "k",
    "AWS_REGION": "eu-north-1",
    "AWS_DEFAULT_REGION": "eu-north-1",
}


@pytest.mark.parametrize(
    ("example", "routes", "address", "calls"),
    [
        ("anthropic_messages.py", anthropic.ROUTES, "ANTHROPIC_BASE_URL", 2),
        ("google_genai.py", gemini.ROUTES, "GOOGLE_GEMINI_BASE_URL", 2),
        ("bedrock.py", bedrock.ROUTES, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", 3),
    ],
)
def test_the_example_answers_and_prints_one_span_per_call(example, routes, address, calls):
    with FakeProvider(routes) as provider:
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / example)],
            env={**os.environ, **KEYS, address: provider.url},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert done.stdout.count(anthropic.TEXT) == calls
    assert done.stdout.count('"gen_ai.usage.input_tokens"') == calls
