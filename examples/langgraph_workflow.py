"""Run a graph of LangGraph that plans, then answers, with the spans printed.

    OPENAI_API_KEY=... python examples/langgraph_workflow.py

``OPENAI_BASE_URL`` points it somewhere else. The graph is a workflow, its node ``planner`` a plan,
and each model call the one span of the OpenAI SDK below. An application needs none of the lines
about OpenTelemetry: ``opentelemetry-instrument python app.py`` does them.
"""

from typing import TypedDict

from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from otel_llm.instrumentation.langchain import LangChainInstrumentor
from otel_llm.instrumentation.openai import OpenAIInstrumentor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
LangChainInstrumentor().instrument()
OpenAIInstrumentor().instrument()
model = ChatOpenAI(model="gpt-5-mini")


class State(TypedDict, total=False):
    question: str
    steps: str
    answer: str


def planner(state: State) -> State:
    return {"steps": str(model.invoke(f"Which steps answer this? {state['question']}").content)}


def answer(state: State) -> State:
    return {"answer": str(model.invoke(f"{state['question']} Follow: {state['steps']}").content)}


graph = StateGraph(State)
graph.add_node("planner", planner)
graph.add_node("writer", answer)
graph.add_edge(START, "planner")
graph.add_edge("planner", "writer")
graph.add_edge("writer", END)
print(graph.compile(name="trip").invoke({"question": "How do I get to Oslo?"})["answer"])
