"""Ask Claude, whole and streamed, with the spans printed.

    ANTHROPIC_API_KEY=... python examples/anthropic_messages.py

``ANTHROPIC_BASE_URL`` points it somewhere else. An application needs none of the lines about
OpenTelemetry: ``opentelemetry-instrument python app.py`` does them.
"""

import anthropic
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from otel_llm.instrumentation.anthropic import AnthropicInstrumentor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
AnthropicInstrumentor().instrument()

QUESTION = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "What is two plus two?"}],
}

with anthropic.Anthropic() as client:
    message = client.messages.create(**QUESTION)
    print("".join(block.text for block in message.content if block.type == "text"))

    with client.messages.stream(**QUESTION) as stream:
        for text in stream.text_stream:
            print(text, end="", flush=True)
    print()
