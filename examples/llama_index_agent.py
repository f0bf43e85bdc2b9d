"""Run an agent of LlamaIndex with a tool, with the spans printed: agent, model calls, tool.

    pip install llama-index-core llama-index-llms-openai
    OPENAI_API_KEY=... python examples/llama_index_agent.py

``OPENAI_API_BASE`` points it somewhere else. The model calls are spans of the OpenAI SDK below,
which knows the most about them. An application needs none of the lines about OpenTelemetry:
``opentelemetry-instrument python app.py`` does them.
"""

import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from otel_llm.instrumentation.llama_index import LlamaIndexInstrumentor
from otel_llm.instrumentation.openai import OpenAIInstrumentor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
LlamaIndexInstrumentor().instrument()
OpenAIInstrumentor().instrument()


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def main() -> None:
    model = OpenAI(model="gpt-4o")
    agent = FunctionAgent(name="calculator", tools=[add], llm=model, streaming=False)
    print(await agent.run("What is 2 plus 3?"))


asyncio.run(main())
