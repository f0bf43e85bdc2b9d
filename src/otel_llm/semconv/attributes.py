"""Attribute names of the GenAI, MCP and OpenAI conventions, as of October 2026 ("head").

Source: open-telemetry/semantic-conventions-genai, ``model/gen-ai`` and ``model/mcp``. Nothing is
spelled out anywhere else: a module that needs a name imports it from ``otel_llm.semconv``.
"""

from typing import Final

AWS_BEDROCK_GUARDRAIL_ID: Final = "aws.bedrock.guardrail.id"
AWS_BEDROCK_KNOWLEDGE_BASE_ID: Final = "aws.bedrock.knowledge_base.id"

AZURE_RESOURCE_PROVIDER_NAMESPACE: Final = "azure.resource_provider.namespace"

CLIENT_ADDRESS: Final = "client.address"
CLIENT_PORT: Final = "client.port"

ERROR_TYPE: Final = "error.type"

EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
EXCEPTION_TYPE: Final = "exception.type"

AGENT_DESCRIPTION: Final = "gen_ai.agent.description"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_VERSION: Final = "gen_ai.agent.version"

CONVERSATION_COMPACTED: Final = "gen_ai.conversation.compacted"
CONVERSATION_ID: Final = "gen_ai.conversation.id"

DATA_SOURCE_ID: Final = "gen_ai.data_source.id"

EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"

EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"
EVALUATION_NAME: Final = "gen_ai.evaluation.name"
EVALUATION_SCORE_LABEL: Final = "gen_ai.evaluation.score.label"
EVALUATION_SCORE_VALUE: Final = "gen_ai.evaluation.score.value"

INPUT_MESSAGES: Final = "gen_ai.input.messages"

MAIN_AGENT_DESCRIPTION: Final = "gen_ai.main_agent.description"
MAIN_AGENT_ID: Final = "gen_ai.main_agent.id"
MAIN_AGENT_NAME: Final = "gen_ai.main_agent.name"

MEMORY_QUERY_TEXT: Final = "gen_ai.memory.query.text"
MEMORY_RECORD_COUNT: Final = "gen_ai.memory.record.count"
MEMORY_RECORD_ID: Final = "gen_ai.memory.record.id"
MEMORY_RECORDS: Final = "gen_ai.memory.records"
MEMORY_STORE_ID: Final = "gen_ai.memory.store.id"

OPERATION_NAME: Final = "gen_ai.operation.name"

OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
OUTPUT_TYPE: Final = "gen_ai.output.type"

PROMPT_NAME: Final = "gen_ai.prompt.name"
PROMPT_VARIABLE: Final = "gen_ai.prompt.variable"
PROMPT_VERSION: Final = "gen_ai.prompt.version"

PROVIDER_NAME: Final = "gen_ai.provider.name"

REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_STREAM_CURSOR: Final = "gen_ai.request.stream_cursor"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"

RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_STATUS: Final = "gen_ai.response.status"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"

RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
RETRIEVAL_QUERY_TEXT: Final = "gen_ai.retrieval.query.text"
RETRIEVAL_TOP_K: Final = "gen_ai.retrieval.top_k"

SKILL_DESCRIPTION: Final = "gen_ai.skill.description"
SKILL_NAME: Final = "gen_ai.skill.name"
SKILL_RESOURCE_NAME: Final = "gen_ai.skill.resource.name"
SKILL_SOURCE_URI: Final = "gen_ai.skill.source.uri"

SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"

TOKEN_MODALITY: Final = "gen_ai.token.modality"
TOKEN_TYPE: Final = "gen_ai.token.type"

TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"

USAGE_AUDIO_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.audio.cache_read.input_tokens"
USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_IMAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.image.cache_read.input_tokens"
USAGE_IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
USAGE_IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
USAGE_TEXT_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.text.cache_read.input_tokens"
USAGE_TEXT_INPUT_TOKENS: Final = "gen_ai.usage.text.input_tokens"
USAGE_TEXT_OUTPUT_TOKENS: Final = "gen_ai.usage.text.output_tokens"

WORKFLOW_NAME: Final = "gen_ai.workflow.name"

JSONRPC_PROTOCOL_VERSION: Final = "jsonrpc.protocol.version"
JSONRPC_REQUEST_ID: Final = "jsonrpc.request.id"

MCP_METHOD_NAME: Final = "mcp.method.name"
MCP_PROTOCOL_VERSION: Final = "mcp.protocol.version"
MCP_RESOURCE_URI: Final = "mcp.resource.uri"
MCP_SESSION_ID: Final = "mcp.session.id"

NETWORK_PROTOCOL_NAME: Final = "network.protocol.name"
NETWORK_PROTOCOL_VERSION: Final = "network.protocol.version"
NETWORK_TRANSPORT: Final = "network.transport"

OPENAI_API_TYPE: Final = "openai.api.type"
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_RESPONSE_SYSTEM_FINGERPRINT: Final = "openai.response.system_fingerprint"

PROCESS_EXECUTABLE_NAME: Final = "process.executable.name"
PROCESS_EXECUTABLE_PATH: Final = "process.executable.path"
PROCESS_EXIT_CODE: Final = "process.exit.code"

RPC_RESPONSE_STATUS_CODE: Final = "rpc.response.status_code"

SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"

__all__ = [
    "AGENT_DESCRIPTION",
    "AGENT_ID",
    "AGENT_NAME",
    "AGENT_VERSION",
    "AWS_BEDROCK_GUARDRAIL_ID",
    "AWS_BEDROCK_KNOWLEDGE_BASE_ID",
    "AZURE_RESOURCE_PROVIDER_NAMESPACE",
    "CLIENT_ADDRESS",
    "CLIENT_PORT",
    "CONVERSATION_COMPACTED",
    "CONVERSATION_ID",
    "DATA_SOURCE_ID",
    "EMBEDDINGS_DIMENSION_COUNT",
    "ERROR_TYPE",
    "EVALUATION_EXPLANATION",
    "EVALUATION_NAME",
    "EVALUATION_SCORE_LABEL",
    "EVALUATION_SCORE_VALUE",
    "EXCEPTION_MESSAGE",
    "EXCEPTION_STACKTRACE",
    "EXCEPTION_TYPE",
    "INPUT_MESSAGES",
    "JSONRPC_PROTOCOL_VERSION",
    "JSONRPC_REQUEST_ID",
    "MAIN_AGENT_DESCRIPTION",
    "MAIN_AGENT_ID",
    "MAIN_AGENT_NAME",
    "MCP_METHOD_NAME",
    "MCP_PROTOCOL_VERSION",
    "MCP_RESOURCE_URI",
    "MCP_SESSION_ID",
    "MEMORY_QUERY_TEXT",
    "MEMORY_RECORDS",
    "MEMORY_RECORD_COUNT",
    "MEMORY_RECORD_ID",
    "MEMORY_STORE_ID",
    "NETWORK_PROTOCOL_NAME",
    "NETWORK_PROTOCOL_VERSION",
    "NETWORK_TRANSPORT",
    "OPENAI_API_TYPE",
    "OPENAI_REQUEST_SERVICE_TIER",
    "OPENAI_RESPONSE_SERVICE_TIER",
    "OPENAI_RESPONSE_SYSTEM_FINGERPRINT",
    "OPERATION_NAME",
    "OUTPUT_MESSAGES",
    "OUTPUT_TYPE",
    "PROCESS_EXECUTABLE_NAME",
    "PROCESS_EXECUTABLE_PATH",
    "PROCESS_EXIT_CODE",
    "PROMPT_NAME",
    "PROMPT_VARIABLE",
    "PROMPT_VERSION",
    "PROVIDER_NAME",
    "REQUEST_CHOICE_COUNT",
    "REQUEST_ENCODING_FORMATS",
    "REQUEST_FREQUENCY_PENALTY",
    "REQUEST_MAX_TOKENS",
    "REQUEST_MODEL",
    "REQUEST_PRESENCE_PENALTY",
    "REQUEST_PREVIOUS_RESPONSE_ID",
    "REQUEST_REASONING_LEVEL",
    "REQUEST_SEED",
    "REQUEST_STOP_SEQUENCES",
    "REQUEST_STREAM",
    "REQUEST_STREAM_CURSOR",
    "REQUEST_TEMPERATURE",
    "REQUEST_TOP_K",
    "REQUEST_TOP_P",
    "RESPONSE_FINISH_REASONS",
    "RESPONSE_ID",
    "RESPONSE_MODEL",
    "RESPONSE_STATUS",
    "RESPONSE_TIME_TO_FIRST_CHUNK",
    "RETRIEVAL_DOCUMENTS",
    "RETRIEVAL_QUERY_TEXT",
    "RETRIEVAL_TOP_K",
    "RPC_RESPONSE_STATUS_CODE",
    "SERVER_ADDRESS",
    "SERVER_PORT",
    "SKILL_DESCRIPTION",
    "SKILL_NAME",
    "SKILL_RESOURCE_NAME",
    "SKILL_SOURCE_URI",
    "SYSTEM_INSTRUCTIONS",
    "TOKEN_MODALITY",
    "TOKEN_TYPE",
    "TOOL_CALL_ARGUMENTS",
    "TOOL_CALL_ID",
    "TOOL_CALL_RESULT",
    "TOOL_DEFINITIONS",
    "TOOL_DESCRIPTION",
    "TOOL_NAME",
    "TOOL_TYPE",
    "USAGE_AUDIO_CACHE_READ_INPUT_TOKENS",
    "USAGE_AUDIO_INPUT_TOKENS",
    "USAGE_AUDIO_OUTPUT_TOKENS",
    "USAGE_CACHE_READ_INPUT_TOKENS",
    "USAGE_CACHE_WRITE_INPUT_TOKENS",
    "USAGE_IMAGE_CACHE_READ_INPUT_TOKENS",
    "USAGE_IMAGE_INPUT_TOKENS",
    "USAGE_IMAGE_OUTPUT_TOKENS",
    "USAGE_INPUT_TOKENS",
    "USAGE_OUTPUT_TOKENS",
    "USAGE_REASONING_OUTPUT_TOKENS",
    "USAGE_TEXT_CACHE_READ_INPUT_TOKENS",
    "USAGE_TEXT_INPUT_TOKENS",
    "USAGE_TEXT_OUTPUT_TOKENS",
    "WORKFLOW_NAME",
]
