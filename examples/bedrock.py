"""Ask a model on AWS Bedrock through Converse and InvokeModel, with the spans printed.

    AWS_REGION=eu-north-1 python examples/bedrock.py

``AWS_ENDPOINT_URL_BEDROCK_RUNTIME`` points it somewhere else. An application needs none of the
lines about OpenTelemetry: ``opentelemetry-instrument python app.py`` does them.
"""

import json

import boto3
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from otel_llm.instrumentation.bedrock import BedrockInstrumentor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
BedrockInstrumentor().instrument()

MODEL = "anthropic.claude-sonnet-4-6-v1:0"
QUESTION = "What is two plus two?"

client = boto3.client("bedrock-runtime")

answer = client.converse(
    modelId=MODEL, messages=[{"role": "user", "content": [{"text": QUESTION}]}]
)
print(answer["output"]["message"]["content"][0]["text"])

body = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": QUESTION}],
}
invoked = client.invoke_model(modelId=MODEL, body=json.dumps(body))
print(json.loads(invoked["body"].read())["content"][0]["text"])

stream = client.converse_stream(
    modelId=MODEL, messages=[{"role": "user", "content": [{"text": QUESTION}]}]
)["stream"]
for event in stream:
    print(event.get("contentBlockDelta", {}).get("delta", {}).get("text", ""), end="", flush=True)
print()
client.close()
