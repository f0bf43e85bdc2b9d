"""The hook that official instrumentations call. Where they are not installed, stand-ins call it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Literal

import pytest

from otel_llm.instrumentation.api import set_prompt, set_session, set_tags, set_user
from otel_llm.instrumentation.completion_hook import CompletionHook
from otel_llm.testing import FakeProvider
from otel_llm.testing import openai as wire
from tests.instrumentation import toy

KEY = "sk-proj-8fK2mQ9xLw4ZtR7vNc3Yb6Hj1Ds5Gp0A"
VARIABLES = {
    "OTEL_LLM_CAPTURE": "hash,preview,flags",
    "OTEL_LLM_HASH_KEY": "k",
    "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK": "otel_llm",
}


@dataclass
class Text:
    content: str
    type: Literal["text"] = "text"


@dataclass
class Message:
    role: str
    parts: list[Any]
    name: str | None = None


@dataclass
class Answered(Message):
    finish_reason: str = field(default="stop", kw_only=True)


@pytest.fixture(autouse=True)
def _asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def complete(telemetry: Any, hook: Any = None, **more: Any) -> dict[str, Any]:
    tracer = telemetry.providers["tracer_provider"].get_tracer("official")
    with tracer.start_as_current_span("chat m", attributes={"gen_ai.operation.name": "chat"}) as s:
        (hook or CompletionHook()).on_completion(
            **{
                "inputs": [Message("user", [Text("hello")])],
                "outputs": [Answered("assistant", [Text(f"The key is {KEY}.")])],
                "system_instruction": [],
                "span": s,
                "log_record": None,
            }
            | more
        )
    return telemetry.spans()[-1]


def test_the_entry_point_is_found_by_its_name():
    (found,) = entry_points(group="opentelemetry_genai_completion_hook", name="otel_llm")

    assert found.load() is CompletionHook


def test_what_was_derived_and_said_is_on_the_span(telemetry):
    with set_user("u-1"), set_session("s-1"), set_tags(tier="gold"), set_prompt("greet", "3"):
        span = complete(telemetry)

    hashed = span.pop("otel_llm.input.hash")
    assert span == {
        "name": "chat m",
        "kind": "INTERNAL",
        "status": "UNSET",
        "gen_ai.operation.name": "chat",
        "gen_ai.prompt.name": "greet",
        "gen_ai.prompt.version": "3",
        "gen_ai.conversation.id": "s-1",
        "session.id": "s-1",
        "user.id": "u-1",
        "otel_llm.tags": ("tier=gold",),
        "otel_llm.output.length": len(f"The key is {KEY}."),
        "otel_llm.output.preview": "The key is [openai_key].",
        "otel_llm.quality.flags": ("secrets",),
    }
    assert len(hashed) == 64


def test_the_same_words_hash_as_they_do_in_our_own_instrumentors(telemetry):
    for sdk in toy.install():
        toy.Toy().instrument(**telemetry.providers)
        sdk.Client().call("m", "hello")
        toy.Toy().uninstrument()

    assert complete(telemetry)["otel_llm.input.hash"] == telemetry.spans()[0]["otel_llm.input.hash"]


def test_what_the_other_instrumentation_knows_better_stays(telemetry):
    tracer = telemetry.providers["tracer_provider"].get_tracer("official")
    with (
        set_user("u-1"),
        tracer.start_as_current_span("chat", attributes={"user.id": "theirs"}) as s,
    ):
        CompletionHook().on_completion(span=s)

    assert telemetry.spans()[-1]["user.id"] == "theirs"


def test_nothing_is_derived_that_was_not_asked_for(telemetry, monkeypatch):
    monkeypatch.delenv("OTEL_LLM_CAPTURE")

    span = complete(telemetry)

    assert not [name for name in span if name.startswith("otel_llm.")]


@pytest.mark.parametrize("span", [None, "not recording"])
def test_without_a_span_that_records_nothing_is_done(span):
    from opentelemetry.trace import INVALID_SPAN

    CompletionHook().on_completion(inputs=[object()], span=span and INVALID_SPAN)


@pytest.mark.guards_may_swallow
def test_odd_content_costs_the_other_instrumentation_nothing(telemetry):
    span = complete(telemetry, inputs=[1, None, object()], outputs=[b"\xff", {"parts": 3}])

    assert span["gen_ai.operation.name"] == "chat"


def test_the_official_helper_package_calls_it(telemetry):
    genai = pytest.importorskip("opentelemetry.util.genai.types")
    from opentelemetry.util.genai.completion_hook import load_completion_hook
    from opentelemetry.util.genai.handler import TelemetryHandler

    handler = TelemetryHandler(**telemetry.providers, completion_hook=load_completion_hook())
    with set_user("u-1"), handler.inference("openai", request_model="m") as call:
        call.input_messages = [genai.InputMessage("user", [genai.TextPart("hello")])]
        call.output_messages = [genai.OutputMessage("assistant", [genai.TextPart("hi")], "stop")]

    (span,) = telemetry.spans()
    own = {name: value for name, value in span.items() if name[:3] in ("ote", "use")}
    assert own == {
        "otel_llm.input.hash": complete(telemetry)["otel_llm.input.hash"],
        "otel_llm.output.length": 2,
        "otel_llm.output.preview": "hi",
        "otel_llm.quality.flags": (),
        "user.id": "u-1",
    }


def test_the_official_openai_instrumentation_calls_it(telemetry):
    official = pytest.importorskip("opentelemetry.instrumentation.genai.openai")
    openai = pytest.importorskip("openai")
    instrumentor = official.OpenAIInstrumentor()
    instrumentor.instrument(skip_dep_check=True, **telemetry.providers)
    with (
        FakeProvider(wire.ROUTES) as provider,
        set_user("u-1"),
        openai.OpenAI(base_url=f"{provider.url}/v1", api_key=KEY, max_retries=0) as client,
    ):
        asked = [{"role": "user", "content": "hello"}]
        client.chat.completions.create(model="m", messages=asked)
    instrumentor.uninstrument()

    (span,) = telemetry.spans()
    assert span["user.id"] == "u-1"
    assert span["otel_llm.input.hash"] == complete(telemetry)["otel_llm.input.hash"]
    assert "hello" not in str(span)
