"""Run an agent of the OpenAI Agents SDK, with the spans printed: agent, model calls, tool.

    OPENAI_API_KEY=... python examples/openai_agents_run.py

``OPENAI_BASE_URL`` points it somewhere else. The SDK's own tracing is switched off here, which
makes no difference to ours. An application needs none of the lines about OpenTelemetry:
``opentelemetry-instrument python app.py`` does them.
"""

from agents import Agent, Runner, function_tool, set_tracing_disabled
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.instrumentation.openai_agents import OpenAIAgentsInstrumentor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
OpenAIAgentsInstrumentor().instrument()
OpenAIInstrumentor().instrument()
set_tracing_disabled(True)


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


agent = Agent("calculator", model="gpt-5-mini", tools=[add])
print(Runner.run_sync(agent, "What is 2 plus 3?").final_output)
