"""OpenAI Agents over LiteLLM over a provider: one span per call, from whom knows most of it."""

from __future__ import annotations

import pytest

from otel_llm.instrumentation.anthropic import AnthropicInstrumentor
from otel_llm.instrumentation.litellm import LiteLLMInstrumentor
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from otel_llm.testing import FakeProvider, anthropic, openai

from .trees import tree

pytest.importorskip("litellm")
pytest.importorskip("agents.extensions.models.litellm_model", exc_type=ImportError)

import agents
from agents.extensions.models.litellm_model import LitellmModel
from agents.tracing import set_trace_processors

EVERYTHING = (
    AnthropicInstrumentor,
    LiteLLMInstrumentor,
    OpenAIAgentsInstrumentor,
    OpenAIInstrumentor,
)


@pytest.fixture(params=["everything", "agents"])
def traced(request, telemetry):
    """Every SDK is traced, or only the framework."""
    set_trace_processors([])
    kinds = EVERYTHING if request.param == "everything" else (OpenAIAgentsInstrumentor,)
    for kind in kinds:
        kind().instrument(**telemetry.providers)
    yield request.param
    for kind in kinds:
        kind().uninstrument()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("name", "wire", "path"), [("openai/m", openai, "/v1"), ("anthropic/m", anthropic, "")]
)
async def test_a_call_of_an_agent_is_one_span_with_the_tokens_of_its_provider(
    name, wire, path, streamed, traced, telemetry
):
    with FakeProvider(wire.ROUTES) as provider:
        model = LitellmModel(name, base_url=f"{provider.url}{path}", api_key="k")
        settings = agents.ModelSettings(include_usage=True)
        helper = agents.Agent("helper", model=model, model_settings=settings)
        if streamed:
            result = agents.Runner.run_streamed(helper, "hello")
            async for _ in result.stream_events():
                pass
        else:
            await agents.Runner.run(helper, "hello")

    model_of = name.partition("/")[2] if traced == "everything" else name
    assert tree(telemetry) == [("invoke_agent helper", [(f"chat {model_of}", [])])]
    chat = telemetry.spans()[0]
    assert chat["gen_ai.usage.input_tokens"] > 0
    assert chat["gen_ai.usage.output_tokens"] > 0
    above = LiteLLMInstrumentor if traced == "everything" else OpenAIAgentsInstrumentor
    assert telemetry.finished[0].instrumentation_scope.name == above.__module__
