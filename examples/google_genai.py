"""Ask Gemini, which asks a Python function back, with the spans printed.

    GEMINI_API_KEY=... python examples/google_genai.py

``GOOGLE_GEMINI_BASE_URL`` points it somewhere else. The call with the function makes two requests
and one span, whose tokens are those of both. An application needs none of the lines about
OpenTelemetry: ``opentelemetry-instrument python app.py`` does them.
"""

from google import genai
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from otel_llm.instrumentation.google_genai import GoogleGenAIInstrumentor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
GoogleGenAIInstrumentor().instrument()

MODEL = "gemini-3.1-flash"


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


with genai.Client() as client:
    chat = client.chats.create(model=MODEL, config={"tools": [add]})
    print(chat.send_message("What is two plus two?").text)

    for chunk in client.models.generate_content_stream(model=MODEL, contents="And three?"):
        print(chunk.text, end="", flush=True)
    print()
