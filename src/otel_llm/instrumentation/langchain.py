"""LangChain and LangGraph (``langchain-core`` 1 with ``langchain`` 1 and ``langgraph`` 1).

Traced: agents (``create_agent``, ``create_react_agent``), graphs and the outermost chain as
workflows, tools, retrievers, and models. Each is wrapped where it really runs, so threads, tasks
and streams nest as they ran; no callback handler is added to anything.

One call, one inference span: where the model's package calls an SDK that is traced too, that
span stands for the call, since the SDK knows the wire (host, service tier, retries). It comes from
here where it does not: packages with an HTTP client of their own, models of the user's own, and
SDKs that are not instrumented. Agents and workflows carry no tokens, so nothing counts twice.

A graph is an agent when ``create_agent`` made it, or when its nodes are those of a ReAct agent. A
graph inside another one is a workflow of its own only if it was given a name. A node called
``planner``, as in LangGraph's own plan-and-execute agents, or alike is a plan. Not covered:
embeddings, which have no common method (their SDKs are traced), chains inside chains, and
``AgentExecutor``. An answer out of LangChain's cache counts no tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from opentelemetry.context import Context, create_key, get_current, get_value, set_value

from otel_llm import semconv
from otel_llm.genai import Request

from .core import Content, Endpoint, Hook, LLMInstrumentor, Origin, Patch
from .core.activity import AGENT, PLAN, RETRIEVAL, TOOL, WORKFLOW, Activity, Kind
from .core.around import Around, around
from .core.operation import type_name
from .core.said import said, saying
from .core.telemetry import Telemetry
from .core.traced import traced
from .shapes import chat_messages
from .shapes import langchain as shape
from .shapes.hosts import server_at
from .shapes.sampling import sampling
from .shapes.values import field, fields, integer, items, number, text, texts

_SDKS = {
    "langchain_anthropic": "anthropic",
    "langchain_aws": "botocore",
    "langchain_cohere": "cohere",
    "langchain_groq": "groq",
    "langchain_litellm": "litellm",
    "langchain_ollama": "ollama",
    "langchain_openai": "openai",
}
"""The SDK that a package of models calls."""

_PROVIDERS = {
    "amazon_bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""``ls_provider`` to the names of the conventions, where they differ."""

_INSIDE = create_key("otel-llm-langchain")
"""Set inside whatever of LangChain is being traced: chains in there are no workflows."""

_REACT = frozenset(
    {"agent", "model", "tools", "generate_structured_response", "pre_model_hook", "post_model_hook"}
)


def _sdk(model: Any) -> str | None:
    """Return the SDK that a model calls, by the package that its class comes from."""
    # Version 4 of this package calls the SDK, the ones before call Google's gRPC client.
    if type(field(model, "client")).__module__.startswith("google.genai"):
        return "google.genai"
    packages = (kind.__module__.partition(".")[0] for kind in type(model).__mro__)
    return next((_SDKS[package] for package in packages if package in _SDKS), None)


def _request(model: Any, stream: bool | None, arguments: Mapping[str, Any]) -> Request:
    """Read the call's arguments, over what the model was made with."""
    told = fields(model._get_ls_params(stop=arguments.get("stop"), **_parameters(arguments)))
    chosen = {**fields(model), **arguments}
    choices = integer(chosen.get("n"))
    return Request(
        model=text(told.get("ls_model_name")),
        stream=stream,
        temperature=number(told.get("ls_temperature")),
        max_tokens=integer(told.get("ls_max_tokens")),
        stop_sequences=texts(told.get("ls_stop")),
        **sampling(chosen),
        choice_count=None if choices == 1 else choices,
    )


def _parameters(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in _NO_PARAMETERS}


_NO_PARAMETERS = frozenset(
    {"messages", "prompts", "input", "config", "stop", "run_manager", "run_managers"}
)


def _error_type(error: BaseException) -> str:
    """Name the provider's own error where LangChain raised one of its own for it."""
    cause = error.__cause__
    ours = type(error).__module__.startswith("langchain")
    return type_name(cause if ours and cause is not None else error)


_CONTENT = Content(
    shape.input_messages,
    shape.output_messages,
    shape.system_instructions,
    lambda arguments: chat_messages.tool_definitions(arguments.get("tools")),
)
_CHAT = Endpoint(
    "chat",
    lambda _: Request(),
    shape.response,
    shape.ChunkStream,
    _CONTENT,
    error_type=_error_type,
)
_TEXT = replace(_CHAT, operation="text_completion")


def _patch(module: str, name: str, endpoint: Endpoint, positional: tuple[str, ...]) -> Patch:
    stream = True if name.endswith("stream") else None

    def choose(model: Any, _: Mapping[str, Any]) -> Endpoint | None:
        sdk = _sdk(model)
        if sdk is not None and traced(sdk):
            return None
        return replace(endpoint, request=partial(_request, model, stream))

    return Patch(
        f"langchain_core.language_models.{module}", name, endpoint, positional, choose=choose
    )


def _telemetry() -> Telemetry | None:
    return LangChainInstrumentor.telemetry


def _begin(telemetry: Telemetry, kind: Kind, attributes: Mapping[str, Any]) -> Around:
    activity = Activity(telemetry, kind, attributes)
    inside = set_value(_INSIDE, True, activity.context)
    return Around(activity, inside, no_error=_steers)


def _steers(error: BaseException) -> bool:
    """Return whether LangGraph steers by it: an interrupt, a command to the parent graph."""
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)


def _tool(telemetry: Telemetry, tool: Any, arguments: Mapping[str, Any]) -> Around:
    about = {
        semconv.TOOL_NAME: text(field(tool, "name")) or type(tool).__name__,
        semconv.TOOL_DESCRIPTION: text(field(tool, "description")),
        semconv.TOOL_TYPE: "function",
        semconv.TOOL_CALL_ID: text(arguments.get("tool_call_id")),
    }
    run = _begin(telemetry, TOOL, about)
    if run.activity is not None and run.activity.captures:
        given = arguments.get("tool_input")
        run.activity.put_content(semconv.TOOL_CALL_ARGUMENTS, _object(given, "input"))
        run.result = _tool_result
    return run


def _tool_result(activity: Activity, result: Any) -> None:
    content = field(result, "content") if field(result, "type") == "tool" else result
    activity.put_content(semconv.TOOL_CALL_RESULT, _object(content, "result"))


def _object(value: Any, name: str) -> Any:
    """Return a mapping; the conventions want one for arguments and results."""
    return value if isinstance(value, Mapping) else {name: value}  # pyright: ignore[reportUnknownVariableType] - any JSON


def _retriever(telemetry: Telemetry, retriever: Any, arguments: Mapping[str, Any]) -> Around:
    asked = fields(field(retriever, "search_kwargs")).get("k")
    about = {semconv.RETRIEVAL_TOP_K: integer(asked) or integer(field(retriever, "k"))}
    run = _begin(telemetry, RETRIEVAL, about)
    if run.activity is not None and run.activity.captures:
        run.activity.put_content(semconv.RETRIEVAL_QUERY_TEXT, text(arguments.get("input")))
        run.result = _documents
    return run


def _documents(activity: Activity, result: Any) -> None:
    activity.put_content(semconv.RETRIEVAL_DOCUMENTS, shape.documents(result))


def _chain(telemetry: Telemetry, chain: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin a workflow around the outermost chain; its class's name would say nothing."""
    if get_value(_INSIDE):
        return Around()
    configs = items(arguments.get("config")) or (arguments.get("config"),)
    name = text(fields(configs[0]).get("run_name")) or text(field(chain, "name"))
    return _begin(telemetry, WORKFLOW, {semconv.WORKFLOW_NAME: name})


def _graph(telemetry: Telemetry, graph: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin an agent or a workflow, in the conversation that the thread's id names."""
    name = text(field(graph, "name"))
    name = None if name == "LangGraph" else name
    agent = _is_agent(graph)
    if not agent and name is None and get_value(_INSIDE):
        return Around()
    kind = AGENT if agent else WORKFLOW
    thread = _conversation(arguments)
    run = _begin(telemetry, kind, {kind.subject: name, semconv.CONVERSATION_ID: thread})
    if thread is not None and run.inside is not None:
        run.inside = saying(run.inside, {semconv.CONVERSATION_ID: thread}, ())
    return run


def _node(telemetry: Telemetry, _: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin a plan around a node that plans, which only its name can tell."""
    name = text(field(arguments.get("task"), "name")) or ""
    return _begin(telemetry, PLAN, {}) if name.lower() in _PLANS else Around()


_PLANS = frozenset({"plan", "planner", "planning", "replan", "replanner"})


def _is_agent(graph: Any) -> bool:
    about = fields(fields(field(graph, "config")).get("metadata"))
    if about.get("ls_integration") == "langchain_create_agent":
        return True
    nodes = {name for name in fields(field(graph, "nodes")) if not name.startswith("__")}
    # The node of the model is "model" in ``create_agent`` of langchain 1.0, which leaves no mark.
    return not nodes.isdisjoint({"agent", "model"}) and nodes <= _REACT


def _conversation(arguments: Mapping[str, Any], outer: Context | None = None) -> str | None:
    """Return the thread's id, unless the program said which conversation this is."""
    if semconv.CONVERSATION_ID in said(outer or get_current(), AGENT.operation, ()):
        return None
    chosen = fields(fields(arguments.get("config")).get("configurable"))
    thread = chosen.get("thread_id")
    return None if thread is None else str(thread)


_CHAINS = "langchain_core.runnables.base"
_NODES = "langgraph.pregel._runner"
_AROUND = (
    ("langchain_core.tools.base", "BaseTool", ("run", "arun"), _tool, ("tool_input",)),
    ("langchain_core.retrievers", "BaseRetriever", ("invoke", "ainvoke"), _retriever, ("input",)),
    ("langgraph.pregel.main", "Pregel", ("stream", "astream"), _graph, ("input", "config")),
    *(
        (
            _CHAINS,
            chain,
            ("invoke", "ainvoke", "stream", "astream", *batches),
            _chain,
            ("input", "config"),
        )
        for chain, batches in (("RunnableSequence", ("batch", "abatch")), ("RunnableParallel", ()))
    ),
)


class LangChainInstrumentor(LLMInstrumentor):
    """Traces LangChain and LangGraph."""

    requires = ("langchain-core >= 1, < 2",)
    hooks = (
        *(
            Hook(module, f"{kind}.{name}", around(_telemetry, begin, positional), kind == "Pregel")
            for module, kind, names, begin, positional in _AROUND
            for name in names
        ),
        *(
            Hook(_NODES, f"{prefix}run_with_retry", around(_telemetry, _node, ("task",)), True)
            for prefix in ("", "a")
        ),
    )
    patches = (
        _patch("chat_models", "BaseChatModel._generate_with_cache", _CHAT, ("messages", "stop")),
        _patch("chat_models", "BaseChatModel._agenerate_with_cache", _CHAT, ("messages", "stop")),
        _patch("chat_models", "BaseChatModel.stream", _CHAT, ("input", "config")),
        _patch("chat_models", "BaseChatModel.astream", _CHAT, ("input", "config")),
        _patch("llms", "BaseLLM._generate_helper", _TEXT, ("prompts", "stop")),
        _patch("llms", "BaseLLM._agenerate_helper", _TEXT, ("prompts", "stop")),
        _patch("llms", "BaseLLM.stream", _TEXT, ("input", "config")),
        _patch("llms", "BaseLLM.astream", _TEXT, ("input", "config")),
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the provider by what the model says of itself, the server by its base URL."""
        named = text(fields(instance._get_ls_params()).get("ls_provider")) or "_OTHER"
        bases = (text(field(instance, name)) for name in _BASES)
        base = next((base for base in bases if base and "://" in base), None)
        host, port = server_at(base) if base else (None, None)
        return Origin(_PROVIDERS.get(named, named), host, port)


_BASES = ("base_url", "openai_api_base", "anthropic_api_url", "endpoint", "endpoint_url")
