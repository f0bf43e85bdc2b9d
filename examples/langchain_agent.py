"""Run an agent of LangChain with a tool, with the spans printed: agent, model calls, tool.

    OPENAI_API_KEY=... python examples/langchain_agent.py

``OPENAI_BASE_URL`` points it somewhere else. The model calls are spans of the OpenAI SDK below,
which knows the most about them. An application needs none of the lines about OpenTelemetry:
``opentelemetry-instrument python app.py`` does them.
"""

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from otel_llm.instrumentation.langchain import LangChainInstrumentor
from otel_llm.instrumentation.openai import OpenAIInstrumentor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
LangChainInstrumentor().instrument()
OpenAIInstrumentor().instrument()


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


agent = create_agent(ChatOpenAI(model="gpt-5-mini"), [add], name="calculator")
answer = agent.invoke({"messages": [{"role": "user", "content": "What is 2 plus 3?"}]})
print(answer["messages"][-1].content)
