"""Metrics of the GenAI and MCP conventions: name, instrument, unit and advised buckets.

Source: open-telemetry/semantic-conventions-genai, ``metrics.yaml`` and ``token-metrics.yaml``.
Two states matter: ``PIN`` (August 2026, what the official packages emit) and ``HEAD`` (October
2026). A name that did not change is the same object in both.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One instrument of the conventions."""

    name: str
    instrument: Literal["histogram", "counter", "gauge"]
    unit: str
    description: str
    buckets: tuple[float, ...] = ()
    """Advised explicit bucket boundaries, in ``unit``; empty for counters and gauges."""


SECONDS_BUCKETS: Final = (
    0.01,
    0.02,
    0.04,
    0.08,
    0.16,
    0.32,
    0.64,
    1.28,
    2.56,
    5.12,
    10.24,
    20.48,
    40.96,
    81.92,
)
TOKENS_BUCKETS: Final = (
    1,
    4,
    16,
    64,
    256,
    1024,
    4096,
    16384,
    65536,
    262144,
    1048576,
    4194304,
    16777216,
    67108864,
)
AGENT_SECONDS_BUCKETS: Final = (
    0.1,
    0.2,
    0.4,
    0.8,
    1.6,
    3.2,
    6.4,
    12.8,
    25.6,
    51.2,
    102.4,
    204.8,
    409.6,
)
CALLS_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128)
WORKFLOW_SECONDS_BUCKETS: Final = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
PER_TOKEN_SECONDS_BUCKETS: Final = (
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.5,
    0.75,
    1.0,
    2.5,
)
FIRST_TOKEN_SECONDS_BUCKETS: Final = (
    0.001,
    0.005,
    0.01,
    0.02,
    0.04,
    0.06,
    0.08,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
)
MCP_SECONDS_BUCKETS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)

CLIENT_EMBEDDINGS_DURATION: Final = Metric(
    "gen_ai.client.embeddings.duration",
    "histogram",
    "s",
    "Duration of one embeddings call",
    SECONDS_BUCKETS,
)
CLIENT_EMBEDDINGS_OPERATION_INPUT_TOKENS: Final = Metric(
    "gen_ai.client.embeddings.operation.input_tokens",
    "histogram",
    "{token}",
    "Input tokens of one embeddings call",
    TOKENS_BUCKETS,
)
CLIENT_INFERENCE_DURATION: Final = Metric(
    "gen_ai.client.inference.duration",
    "histogram",
    "s",
    "Duration of one inference",
    SECONDS_BUCKETS,
)
CLIENT_INFERENCE_OPERATION_INPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.operation.input_tokens",
    "histogram",
    "{token}",
    "Input tokens of one inference",
    TOKENS_BUCKETS,
)
CLIENT_INFERENCE_OPERATION_OUTPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.operation.output_tokens",
    "histogram",
    "{token}",
    "Output tokens of one inference",
    TOKENS_BUCKETS,
)
CLIENT_INFERENCE_TIME_PER_OUTPUT_CHUNK: Final = Metric(
    "gen_ai.client.inference.time_per_output_chunk",
    "histogram",
    "s",
    "Time between two chunks of a streamed answer",
    SECONDS_BUCKETS,
)
CLIENT_INFERENCE_TIME_TO_FIRST_CHUNK: Final = Metric(
    "gen_ai.client.inference.time_to_first_chunk",
    "histogram",
    "s",
    "Time from the request to the first chunk of a streamed answer",
    SECONDS_BUCKETS,
)
CLIENT_INFERENCE_USAGE_CACHE_READ_INPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "counter",
    "{token}",
    "Input tokens read from the provider cache, used by inference",
)
CLIENT_INFERENCE_USAGE_CACHE_WRITE_INPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    "counter",
    "{token}",
    "Input tokens written to the provider cache, used by inference",
)
CLIENT_INFERENCE_USAGE_INPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.input_tokens",
    "counter",
    "{token}",
    "Input tokens used by inference",
)
CLIENT_INFERENCE_USAGE_OUTPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.output_tokens",
    "counter",
    "{token}",
    "Output tokens used by inference",
)
CLIENT_INFERENCE_USAGE_REASONING_OUTPUT_TOKENS: Final = Metric(
    "gen_ai.client.inference.usage.reasoning.output_tokens",
    "counter",
    "{token}",
    "Reasoning tokens used by inference",
)
CLIENT_OPERATION_DURATION: Final = Metric(
    "gen_ai.client.operation.duration",
    "histogram",
    "s",
    "Duration of one GenAI client operation",
    SECONDS_BUCKETS,
)
CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_per_output_chunk",
    "histogram",
    "s",
    "Time between two chunks of a streamed answer",
    SECONDS_BUCKETS,
)
CLIENT_OPERATION_TIME_TO_FIRST_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_to_first_chunk",
    "histogram",
    "s",
    "Time from the request to the first chunk of a streamed answer",
    SECONDS_BUCKETS,
)
CLIENT_TOKEN_USAGE: Final = Metric(
    "gen_ai.client.token.usage",
    "histogram",
    "{token}",
    "Input and output tokens of one operation",
    TOKENS_BUCKETS,
)
EXECUTE_TOOL_DURATION: Final = Metric(
    "gen_ai.execute_tool.duration",
    "histogram",
    "s",
    "Duration of one tool execution",
    SECONDS_BUCKETS,
)
INVOKE_AGENT_DURATION: Final = Metric(
    "gen_ai.invoke_agent.duration",
    "histogram",
    "s",
    "Duration of one agent invocation",
    AGENT_SECONDS_BUCKETS,
)
INVOKE_AGENT_INFERENCE_CALLS: Final = Metric(
    "gen_ai.invoke_agent.inference_calls",
    "histogram",
    "{inference_call}",
    "Inference calls made by one agent invocation",
    CALLS_BUCKETS,
)
INVOKE_AGENT_TOOL_CALLS: Final = Metric(
    "gen_ai.invoke_agent.tool_calls",
    "histogram",
    "{tool_call}",
    "Tool calls made by one agent invocation",
    CALLS_BUCKETS,
)
INVOKE_WORKFLOW_DURATION: Final = Metric(
    "gen_ai.invoke_workflow.duration",
    "histogram",
    "s",
    "Duration of one workflow",
    WORKFLOW_SECONDS_BUCKETS,
)
SERVER_REQUEST_DURATION: Final = Metric(
    "gen_ai.server.request.duration",
    "histogram",
    "s",
    "Duration of one request at the model server",
    SECONDS_BUCKETS,
)
SERVER_TIME_PER_OUTPUT_TOKEN: Final = Metric(
    "gen_ai.server.time_per_output_token",
    "histogram",
    "s",
    "Time per output token after the first, at the model server",
    PER_TOKEN_SECONDS_BUCKETS,
)
SERVER_TIME_TO_FIRST_TOKEN: Final = Metric(
    "gen_ai.server.time_to_first_token",
    "histogram",
    "s",
    "Time to the first token, at the model server",
    FIRST_TOKEN_SECONDS_BUCKETS,
)
WORKFLOW_DURATION: Final = Metric(
    "gen_ai.workflow.duration",
    "histogram",
    "s",
    "Duration of one workflow",
    WORKFLOW_SECONDS_BUCKETS,
)
MCP_CLIENT_OPERATION_DURATION: Final = Metric(
    "mcp.client.operation.duration",
    "histogram",
    "s",
    "Duration of one MCP request or notification as seen by its sender",
    MCP_SECONDS_BUCKETS,
)
MCP_CLIENT_SESSION_DURATION: Final = Metric(
    "mcp.client.session.duration",
    "histogram",
    "s",
    "Duration of one MCP session as seen by the client",
    MCP_SECONDS_BUCKETS,
)
MCP_SERVER_OPERATION_DURATION: Final = Metric(
    "mcp.server.operation.duration",
    "histogram",
    "s",
    "Duration of one MCP request or notification as seen by its receiver",
    MCP_SECONDS_BUCKETS,
)
MCP_SERVER_SESSION_DURATION: Final = Metric(
    "mcp.server.session.duration",
    "histogram",
    "s",
    "Duration of one MCP session as seen by the server",
    MCP_SECONDS_BUCKETS,
)
