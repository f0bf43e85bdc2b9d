"""AWS Bedrock through botocore (boto3) and aiobotocore.

Patched: ``_make_api_call``, which every call of every AWS service goes through; other services and
operations pass untouched. Read are, of ``bedrock-runtime``, Converse, ConverseStream, InvokeModel
(chats, completions, embeddings, reranking, pictures) and InvokeModelWithResponseStream; of
``bedrock-agent-runtime``, InvokeAgent, InvokeInlineAgent, InvokeFlow (to its caller an agent that
somebody else runs), Retrieve, AgenticRetrieveStream, Rerank, RetrieveAndGenerate and its stream.
ApplyGuardrail calls no model and has no span. The body of InvokeModel is never read before the
caller reads it: the span ends when it was read, closed or dropped.

The GenAI part of ``opentelemetry-instrumentation-botocore`` makes a span of the same call; it is
left out while this instrumentor is on, and its plain RPC span remains. Errors are named by the
code that AWS gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response

from .core import Content, Endpoint, Hook, LLMInstrumentor, Message, Origin, Patch, StreamReader
from .shapes import bedrock_agents as agents
from .shapes import (
    chat_messages,
    cohere_v1,
    converse,
    converse_blocks,
    invoke_model,
    message_blocks,
)
from .shapes import invoke_model_others as others
from .shapes.hosts import origin_at
from .shapes.invoke_model_stream import InvokeModelStream
from .shapes.parts import Part, text_part
from .shapes.rerank import nothing
from .shapes.values import field, fields, items, text

_Parameters = Mapping[str, Any]


def _parameters(arguments: Mapping[str, Any]) -> _Parameters:
    return fields(arguments.get("api_params"))


def _error_type(error: BaseException) -> str | None:
    """Return the code of a ``ClientError``, also of one in the middle of a stream."""
    return text(field(field(getattr(error, "response", None), "Error"), "Code"))


def _endpoint(
    operation: str,
    request: Callable[[_Parameters], Request],
    response: Callable[[Any], Response],
    content: Content | None = None,
    *,
    stream: Callable[[bool], StreamReader] | None = None,
    pending: str | None = None,
    subject: str | None = None,
    model: Callable[[Mapping[str, Any]], Any] | None = None,
    measured: Callable[[Any], Response] | None = None,
) -> Endpoint:
    """Return an endpoint whose readers get the parameters of the AWS operation."""

    def read(arguments: Mapping[str, Any]) -> Request:
        asked = request(_parameters(arguments))
        asked.stream = True if stream is not None and operation == "chat" else None
        return asked

    return Endpoint(
        operation,
        read,
        response,
        stream,
        content,
        error_type=_error_type,
        pending=pending,
        subject=subject,
        model=model,
        measured=measured,
    )


def _model(arguments: Mapping[str, Any]) -> Any:
    return _parameters(arguments).get("modelId")


def _system(said: Any) -> list[Part] | None:
    return [part for block in items(said) for part in text_part(field(block, "text"))] or None


_CONVERSE_CONTENT = Content(
    input_messages=lambda a: converse_blocks.input_messages(_parameters(a).get("messages")),
    output_messages=converse.output_messages,
    system_instructions=lambda a: _system(_parameters(a).get("system")),
    tool_definitions=lambda a: converse_blocks.tool_definitions(_parameters(a).get("toolConfig")),
)


def _asked(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    return invoke_model.body_of(_parameters(arguments).get("body"))


def _invoke_input(arguments: Mapping[str, Any]) -> Sequence[Message]:
    body = _asked(arguments)
    if "chat_history" in body or "tool_results" in body:
        return cohere_v1.input_messages(body)
    if "messages" not in body:
        said = next((body[name] for name in _PROMPTS if name in body), "")
        parts = text_part(said)
        return [{"role": "user", "parts": parts}] if parts else []
    sent = body["messages"]
    if "anthropic_version" in body:
        return message_blocks.input_messages(sent)
    if "inferenceConfig" in body or "schemaVersion" in body:
        return converse_blocks.input_messages(sent)
    return chat_messages.input_messages(sent)


_PROMPTS = ("prompt", "inputText", "message", "inputPrompt")


def _invoke_system(arguments: Mapping[str, Any]) -> Sequence[Part] | None:
    body = _asked(arguments)
    said = body.get("system", body.get("preamble"))  # Cohere's
    return text_part(said) or None if isinstance(said, str) else _system(said)


def _invoke_tools(arguments: Mapping[str, Any]) -> Sequence[Part] | None:
    body = _asked(arguments)
    if "anthropic_version" in body:
        return message_blocks.tool_definitions(body.get("tools"))
    if "toolConfig" in body:
        return converse_blocks.tool_definitions(body["toolConfig"])
    return chat_messages.tool_definitions(body.get("tools"))


_INVOKE_CONTENT = Content(
    input_messages=_invoke_input,
    output_messages=invoke_model.output_messages,
    system_instructions=_invoke_system,
    tool_definitions=_invoke_tools,
)
_AGENT_CONTENT = Content(
    input_messages=lambda a: agents.agent_input(_parameters(a)), output_messages=lambda _: []
)
_FLOW_CONTENT = Content(
    input_messages=lambda a: agents.flow_input(_parameters(a)), output_messages=lambda _: []
)


def _searched(
    query: Callable[[_Parameters], str | None], found: Callable[[Any], Sequence[Message]]
) -> Content:
    return Content(nothing, found, query=lambda arguments: query(_parameters(arguments)))


_GENERATE_CONTENT = Content(
    input_messages=lambda a: agents.generate_input(_parameters(a)),
    output_messages=agents.generate_output,
)


def _no_response(_: Any) -> Response:
    return Response()


_INVOKE = _endpoint(
    "chat",
    invoke_model.request,
    invoke_model.response,
    _INVOKE_CONTENT,
    pending="body",
    model=_model,
)
_INVOKE_STREAM = _endpoint(
    "chat",
    invoke_model.request,
    invoke_model.response,
    _INVOKE_CONTENT,
    stream=InvokeModelStream,
    pending="body",
    model=_model,
)
_INVOCATIONS = {
    ("InvokeModel", "chat"): _INVOKE,
    ("InvokeModel", "text_completion"): replace(_INVOKE, operation="text_completion"),
    ("InvokeModel", "embeddings"): _endpoint(
        "embeddings", others.embed_request, others.embed_response, pending="body"
    ),
    ("InvokeModel", "retrieval"): _endpoint(
        "retrieval",
        others.rerank_request,
        _no_response,
        _searched(others.rerank_query, others.reranked),
        pending="body",
        subject=semconv.DATA_SOURCE_ID,
    ),
    ("InvokeModel", "generate_content"): _endpoint(
        "generate_content",
        others.picture_request,
        others.picture_response,
        Content(lambda a: others.picture_input(_parameters(a)), nothing),
        pending="body",
    ),
    ("InvokeModelWithResponseStream", "chat"): _INVOKE_STREAM,
    ("InvokeModelWithResponseStream", "text_completion"): replace(
        _INVOKE_STREAM, operation="text_completion"
    ),
}
_CONVERSE = _endpoint(
    "chat",
    converse.request,
    converse.response,
    _CONVERSE_CONTENT,
    model=_model,
    measured=converse.measured,
)
_OPERATIONS = {
    "Converse": _CONVERSE,
    "ConverseStream": _endpoint(
        "chat",
        converse.request,
        _no_response,
        _CONVERSE_CONTENT,
        stream=converse.ConverseStream,
        pending="stream",
        model=_model,
    ),
    "InvokeAgent": _endpoint(
        "invoke_agent",
        agents.agent_request,
        _no_response,
        _AGENT_CONTENT,
        stream=agents.AgentStream,
        pending="completion",
        subject=semconv.AGENT_NAME,
    ),
    "InvokeFlow": _endpoint(
        "invoke_agent",
        agents.flow_request,
        _no_response,
        _FLOW_CONTENT,
        stream=agents.FlowStream,
        pending="responseStream",
        subject=semconv.AGENT_NAME,
    ),
    "Retrieve": _endpoint(
        "retrieval",
        agents.retrieve_request,
        _no_response,
        _searched(agents.retrieve_query, agents.found),
        subject=semconv.DATA_SOURCE_ID,
    ),
    "AgenticRetrieveStream": _endpoint(
        "retrieval",
        agents.agentic_request,
        _no_response,
        _searched(agents.agentic_query, nothing),
        stream=agents.AgenticStream,
        pending="stream",
        subject=semconv.DATA_SOURCE_ID,
    ),
    "Rerank": _endpoint(
        "retrieval",
        agents.rerank_request,
        _no_response,
        _searched(agents.rerank_query, agents.reranked),
        subject=semconv.DATA_SOURCE_ID,
    ),
    "RetrieveAndGenerate": _endpoint(
        "chat", agents.generate_request, agents.generate_response, _GENERATE_CONTENT
    ),
    "RetrieveAndGenerateStream": _endpoint(
        "chat",
        agents.generate_request,
        agents.generate_response,
        _GENERATE_CONTENT,
        stream=agents.GenerateStream,
        pending="stream",
    ),
}
_OPERATIONS["InvokeInlineAgent"] = _OPERATIONS["InvokeAgent"]
_SERVICES = {
    "bedrock-runtime": frozenset({"Converse", "ConverseStream", *(n for n, _ in _INVOCATIONS)}),
    "bedrock-agent-runtime": frozenset(_OPERATIONS) - {"Converse", "ConverseStream"},
}


def _choose(client: Any, arguments: Mapping[str, Any]) -> Endpoint | None:
    """Return the endpoint of a call of Bedrock's; ``None`` for everything else of AWS."""
    known = _SERVICES.get(client._service_model.service_name)
    name = arguments.get("operation_name")
    if known is None or name not in known:
        return None
    if name in _OPERATIONS:
        return _OPERATIONS[name]
    kind = others.operation(_parameters(arguments))
    return _INVOCATIONS.get((str(name), kind), _INVOKE_STREAM)


def _plain_extension(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Give the botocore instrumentation its extension, for Bedrock the one that makes RPC spans."""
    extension = wrapped(*args, **kwargs)
    plain = type(extension).__mro__[-2]
    bedrock = getattr(extension, "_call_context", None)
    if getattr(bedrock, "service", None) != "bedrock-runtime" or type(extension) is plain:
        return extension
    return plain(bedrock)


_POSITIONAL = ("operation_name", "api_params")
_RPC = "opentelemetry.instrumentation.botocore"


class BedrockInstrumentor(LLMInstrumentor):
    """Traces AWS Bedrock through botocore and aiobotocore."""

    requires = ("botocore >= 1.35, < 2",)
    provider = "aws.bedrock"
    hooks = (
        Hook(
            f"{_RPC}.extensions.registry",
            "ExtensionRegistry.get_extension",
            _plain_extension,
            optional=True,
        ),
        Hook(_RPC, "_find_extension", _plain_extension, optional=True),
    )
    patches = (
        Patch(
            "botocore.client", "BaseClient._make_api_call", _CONVERSE, _POSITIONAL, choose=_choose
        ),
        Patch(
            "aiobotocore.client",
            "AioBaseClient._make_api_call",
            _CONVERSE,
            _POSITIONAL,
            optional=True,
            choose=_choose,
        ),
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the region's host, or the endpoint the caller chose."""
        return origin_at(self.provider, text(instance.meta.endpoint_url) or "")
