"""A key planted wherever a program or a provider can put one, under every mode of capture."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import openai
import pytest

import otel_llm
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import FakeProvider, captured, json_answer
from otel_llm.testing import openai as wire

SECRET = "sk-proj-abcdefghijklmnop1234567890ABCDEFGHIJ"
PICTURE = base64.b64encode(b"\x89PNG" + SECRET.encode() * 40).decode()
CALL = {"name": "f", "arguments": f'{{"key": "{SECRET}"}}'}
ASK = {
    "model": "m",
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": SECRET},
                {"type": "image_url", "image_url": {"url": f"https://u:{SECRET}@h/?s={SECRET}"}},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
            ],
        },
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": CALL}]},
        {"role": "tool", "tool_call_id": "c", "content": SECRET},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "description": SECRET}}],
    "user": SECRET,
    "metadata": {"k": SECRET},
    "extra_headers": {"y": SECRET},
    "extra_query": {"z": SECRET},
    "extra_body": {"w": SECRET},
}
MODES = [
    {"capture": "NO_CONTENT"},
    {"derive": frozenset({"hash", "preview", "flags"}), "hash_key": SECRET},
    {"capture": "SPAN_AND_EVENT", "redact": ("secrets", "pii")},
    {
        "capture": "EVENT_ONLY",
        "redact": ("secrets",),
        "derive": frozenset({"hash", "preview", "flags"}),
        "hash_key": SECRET,
    },
]


@otel_llm.tool
def use(key, picture):
    """Take a key and give it back."""
    return {"key": key}


def fail():
    try:
        raise KeyError(SECRET)
    except KeyError as cause:
        error = ValueError(SECRET)
        error.add_note(SECRET)
        raise error from cause


def program(provider):
    """Do all that a program may do with a key."""
    client = openai.OpenAI(
        base_url=provider.url.replace("://", f"://user:{SECRET}@") + f"/v1?key={SECRET}",
        api_key=SECRET,
        organization=SECRET,
        max_retries=0,
        default_headers={"x-key": SECRET},
        default_query={"k": SECRET},
    )
    provider.queue(json_answer(wire.completion(wire.choice(SECRET))), wire.error(400, SECRET))
    with client:
        client.chat.completions.create(**ASK)
        with suppress(openai.BadRequestError):
            client.chat.completions.create(**ASK)
    with suppress(ValueError), otel_llm.tool("failing"):
        fail()
    use(SECRET, PICTURE)
    with otel_llm.llm_call("m") as call:
        call.set_input(SECRET)
        call.set_output(SECRET)
    otel_llm.record_feedback(1.0, f"see {SECRET}", run=call)


def everything(telemetry):
    """Return all that was emitted, as one text."""
    spans = [span.to_json() for span in telemetry.finished]
    events = [event.to_json() for event in telemetry.events()]
    return "\n".join([*spans, *events, *(metric.to_json() for metric in telemetry.metrics())])


def run(provider: FakeProvider, settings: dict[str, Any]) -> None:
    OpenAIInstrumentor().instrument(**settings)
    otel_llm.configure(**settings)
    try:
        program(provider)
    finally:
        OpenAIInstrumentor().uninstrument()
        otel_llm.configure()


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: " ".join(mode))
@pytest.mark.parametrize("exceptions", ["off", "type", "message"])
def test_a_planted_key_leaves_nowhere(mode, exceptions, caplog):
    with captured() as telemetry, FakeProvider(wire.ROUTES) as provider:
        settings = {**telemetry.providers, **mode, "exceptions": exceptions}
        run(provider, settings)

        said = everything(telemetry)
        assert len(telemetry.finished) == 5
        assert SECRET not in said + caplog.text
        assert ("redact" in mode) == ("gen_ai.input.messages" in said)


def test_without_any_of_it_the_key_would_have_been_seen():
    """So that the test above can fail."""
    with captured() as telemetry, FakeProvider(wire.ROUTES) as provider:
        settings = {**telemetry.providers, "capture": "SPAN_AND_EVENT"}
        run(provider, settings)

        assert everything(telemetry).count(SECRET) > 10
