"""LlamaIndex (``llama-index-core``): models, embeddings, agents, workflows, engines, tools.

Each is wrapped where it really runs, so threads, tasks and streams nest as they ran. Models are
wrapped in every class that implements one, the user's own too. Agents and workflows start with
``run`` and end with its result; in a workflow of several agents each has a span for as long as it
is its turn. The outermost engine is a workflow without a name, since its class says nothing. What
divides a question into others is a plan.

One call, one inference span: where the package of a model calls an SDK that is traced too, that
span stands for the call, since the SDK knows the wire (host, service tier, cached tokens). It
comes from here where it does not. Agents and workflows carry no tokens, so nothing counts twice.

A stream starts with the call, though most packages send the request with the first read; wherever
it is read, it belongs where it was asked for. A query engine that streams lasts until its text is
read, a chat engine until its model has said everything: LlamaIndex reads that in a thread or a task
of its own. Not covered: images in embeddings, and multi-modal classes apart from models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from opentelemetry.context import create_key, get_current, get_value, set_value
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otel_llm import semconv
from otel_llm.genai import Request

from .core import Content, Endpoint, Hook, LLMInstrumentor, Origin, Patch, guarded
from .core.activation import activate, release
from .core.activity import AGENT, PLAN, RETRIEVAL, TOOL, WORKFLOW, Activity, Kind
from .core.families import Family, members_of
from .core.operation import type_name
from .core.telemetry import Telemetry
from .core.traced import traced
from .core.turns import Turns
from .core.unseen_importlib_bootstrap.around import Around, around
from .core.unseen_importlib_bootstrap.generators import is_generator
from .core.unseen_importlib_bootstrap.wrapper import wrapper_for
from .shapes import chat_messages, vectors
from .shapes import llama_index as shape
from .shapes.hosts import provider_of, server_at
from .shapes.values import field, fields, integer, items, known, number, text

_SDKS = {
    "anthropic": ("anthropic", "anthropic"),
    "azure_inference": (None, "azure.ai.inference"),
    "azure_openai": ("openai", "azure.ai.openai"),
    "bedrock": ("botocore", "aws.bedrock"),
    "bedrock_converse": ("botocore", "aws.bedrock"),
    "cohere": ("cohere", "cohere"),
    "deepseek": ("openai", "deepseek"),
    "gemini": (None, "gcp.gemini"),
    "google_genai": ("google.genai", "gcp.gemini"),
    "groq": ("openai", "groq"),
    "ibm": (None, "ibm.watsonx.ai"),
    "litellm": ("litellm", "_OTHER"),
    "mistralai": ("mistralai", "mistral_ai"),
    "ollama": ("ollama", "ollama"),
    "openai": ("openai", "openai"),
    "openai_like": ("openai", "_OTHER"),
    "perplexity": (None, "perplexity"),
    "vertex": (None, "gcp.vertex_ai"),
    "xai": ("openai", "x_ai"),
}
"""By the package of models: the SDK that it calls, and the provider."""

_INSIDE = create_key("otel-llm-llama-index")
"""Set inside whatever is being run, to the ``Around`` of an engine: others in there are no
workflows of their own."""

_TURNS = create_key("otel-llm-llama-index-turns")
"""The ``Turns`` of the agents of the workflow that is running."""

_CALL = create_key("otel-llm-llama-index-call")
"""Id of the tool call that an agent is about to make."""

_TOOL = create_key("otel-llm-llama-index-tool")
"""The tool that is running: ``acall`` of many is their own ``call`` in a thread."""


def _packages(model: Any) -> Iterator[str]:
    """Yield the names of the packages that a model's classes come from, its own first."""
    for kind in type(model).__mro__:
        if kind.__module__.startswith(("llama_index.llms.", "llama_index.embeddings.")):
            yield kind.__module__.split(".")[2]


def _sdk(model: Any) -> str | None:
    return next((_SDKS[name][0] for name in _packages(model) if name in _SDKS), None)


_CONTENT = Content(
    shape.input_messages,
    shape.output_messages,
    shape.system_instructions,
    lambda arguments: chat_messages.tool_definitions(arguments.get("tools")),
)
_CHAT = Endpoint("chat", lambda _: Request(), shape.response, shape.AnswerStream, _CONTENT)
_EMBEDDINGS = Endpoint("embeddings", lambda _: Request(), vectors.embedded)


def _model(name: str) -> Callable[[Any], Any]:
    """Return what wraps the method ``name`` of a class of models."""
    asked = "prompt" if name.endswith("complete") else "messages"
    stream = True if "stream" in name else None

    def choose(model: Any, _: Mapping[str, Any]) -> Endpoint | None:
        if type(model).__name__ == "StructuredLLM" or _traced(model):
            return None
        chat = asked == "messages" or field(field(model, "metadata"), "is_chat_model") is True
        operation = "chat" if chat else "text_completion"
        return replace(_CHAT, operation=operation, request=partial(shape.request, model, stream))

    patch = Patch(_LLMS, f"BaseLLM.{name}", _CHAT, (asked,), choose=choose)

    def made(original: Any) -> Callable[..., Any]:
        wrapper = wrapper_for(LlamaIndexInstrumentor(), patch, original)
        return wrapper if stream is None else _in_place(wrapper)

    return made


def _in_place(wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``wrapper`` for a stream that belongs where it was asked for, wherever it is read.

    Most packages have the SDK send the request with the first read, and make its span there.
    """
    placed = around(_telemetry, _here)

    def stream(
        wrapped: Callable[..., Any], model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if _traced(model):
            return placed(wrapped, model, args, kwargs)
        return wrapper(wrapped, model, args, kwargs)

    return stream


def _here(_: Telemetry, __: Any, ___: Mapping[str, Any]) -> Around:
    return Around(inside=get_current())


def _traced(model: Any) -> bool:
    sdk = _sdk(model)
    return sdk is not None and traced(sdk)


def _embedding(model: Any, arguments: Mapping[str, Any]) -> Endpoint | None:
    nothing = arguments.get("texts") == []  # an index asks so when every node has its vector
    if nothing or _traced(model):
        return None
    return replace(_EMBEDDINGS, request=partial(_embedding_request, model))


def _embedding_request(model: Any, _: Mapping[str, Any]) -> Request:
    return Request(model=shape.name_of(field(model, "model_name")))


def _telemetry() -> Telemetry | None:
    return LlamaIndexInstrumentor.telemetry


def _engine(telemetry: Telemetry, _: Any, __: Mapping[str, Any]) -> Around:
    if get_value(_INSIDE):
        return Around()
    activity = Activity(telemetry, WORKFLOW, {})
    engine = Around(activity, streamed="response_gen")
    engine.inside = set_value(_INSIDE, engine, activity.context)
    return engine


def _streaming(
    wrapped: Callable[..., Any], answer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Let the engine that makes an answer go on until its stream was read, by whom it may be."""
    result = wrapped(*args, **kwargs)
    engine = get_value(_INSIDE)
    if isinstance(engine, Around):
        with guarded("following the stream of a chat engine"):
            for name in ("chat_stream", "achat_stream"):
                if is_generator(stream := getattr(answer, name, None)):
                    setattr(answer, name, engine.hold(stream))
    return result


def _plan(telemetry: Telemetry, _: Any, __: Mapping[str, Any]) -> Around:
    return Around(Activity(telemetry, PLAN, {}))


def _retriever(telemetry: Telemetry, retriever: Any, arguments: Mapping[str, Any]) -> Around:
    top_k = integer(getattr(retriever, "similarity_top_k", None))
    activity = Activity(telemetry, RETRIEVAL, {semconv.RETRIEVAL_TOP_K: top_k})
    asked = arguments.get("str_or_query_bundle")
    activity.put_content(semconv.RETRIEVAL_QUERY_TEXT, text(field(asked, "query_str") or asked))
    return Around(activity, result=_documents)


def _documents(activity: Activity, nodes: Any) -> None:
    activity.put_content(semconv.RETRIEVAL_DOCUMENTS, list(_found(nodes)) or None)


def _found(nodes: Any) -> Iterator[dict[str, Any]]:
    for one in items(nodes):
        yield known(id=text(field(one, "node_id")), score=number(field(one, "score")))


def _tool(telemetry: Telemetry, tool: Any, arguments: Mapping[str, Any]) -> Around:
    if get_value(_TOOL) is tool or _is_output(tool):
        return Around()
    about = tool.metadata
    activity = Activity(
        telemetry,
        TOOL,
        {
            semconv.TOOL_NAME: text(field(about, "name")) or type(tool).__name__,
            semconv.TOOL_DESCRIPTION: text(field(about, "description")),
            semconv.TOOL_TYPE: "function",
            semconv.TOOL_CALL_ID: text(get_value(_CALL)),
        },
    )
    given = {name: value for name, value in arguments.items() if name != _context_of(tool)}
    activity.put_content(semconv.TOOL_CALL_ARGUMENTS, given)
    inside = set_value(_TOOL, tool, set_value(_CALL, None, activity.context))
    return Around(activity, inside, result=_result, no_error=_waits, outcome=_outcome)


def _is_output(tool: Any) -> bool:
    """Return whether it is no tool at all but the form in which a model is to answer."""
    function = field(tool, "_real_fn") or field(tool, "_fn")
    made_by = "llama_index.core.program.function_program"
    return getattr(function, "__module__", None) == made_by


def _context_of(tool: Any) -> str | None:
    """Return the argument that is the workflow's context and nothing the model gave."""
    return text(field(tool, "ctx_param_name"))


def _result(activity: Activity, output: Any) -> None:
    activity.put_content(semconv.TOOL_CALL_RESULT, {"result": field(output, "content")})


def _outcome(output: Any) -> str | None:
    """Return the error of a tool that says of it and raises nothing."""
    if field(output, "is_error") is not True:
        return None
    error = getattr(output, "exception", None) or getattr(output, "_exception", None)
    return type_name(error) if isinstance(error, BaseException) else "tool_error"


def _waits(error: BaseException) -> bool:
    """Return whether a step stops to wait for an event, to be run again when it comes."""
    return type(error).__name__ == "WaitingForEvent"


def _run(
    wrapped: Callable[..., Any], workflow: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Start what runs from now on in tasks of its own, and end it with the handler's result."""
    turns: Turns | None = None
    with guarded("starting a workflow"):
        turns = _begin(workflow)
    if turns is None:
        return wrapped(*args, **kwargs)
    token = activate(turns.context)
    try:
        handler = wrapped(*args, **kwargs)
    except BaseException as error:
        release(token)
        turns.end(error)
        raise
    release(token)
    with guarded("following a workflow"):
        # A future itself before version 2.12 of llama-index-workflows.
        turns.end_with(getattr(handler, "_result_task", handler))
    return handler


def _begin(workflow: Any) -> Turns | None:
    telemetry = _telemetry()
    if telemetry is None or not is_instrumentation_enabled():
        return None
    agents = list(fields(field(workflow, "agents")).values())
    agent = agents[0] if len(agents) == 1 else workflow
    if _is_agent(agent):
        return _turns(telemetry, AGENT, _about(agent))
    name = text(field(workflow, "_workflow_name"))
    if name is None and not agents and get_value(_INSIDE):
        return None
    return _turns(telemetry, WORKFLOW, {semconv.WORKFLOW_NAME: name})


def _is_agent(workflow: Any) -> bool:
    return any(kind.__name__ == "BaseWorkflowAgent" for kind in type(workflow).__mro__)


def _turns(telemetry: Telemetry, kind: Kind, about: Mapping[str, Any]) -> Turns:
    activity = Activity(telemetry, kind, about)
    turns = Turns(telemetry, activity)
    inside = set_value(_INSIDE, True, set_value(_TOOL, None, activity.context))
    turns.context = set_value(_TURNS, turns if kind is WORKFLOW else None, inside)
    return turns


def _about(agent: Any) -> dict[str, Any]:
    """Describe an agent, without the name and description of one that nobody named."""
    name, description = text(field(agent, "name")), text(field(agent, "description"))
    model = field(field(agent, "llm"), "metadata")
    return {
        semconv.AGENT_NAME: None if name == "Agent" else name,
        semconv.AGENT_DESCRIPTION: None if description == _NO_DESCRIPTION else description,
        semconv.REQUEST_MODEL: shape.name_of(field(model, "model_name")),
    }


_NO_DESCRIPTION = "An agent that can perform a task"


def _step(_: Telemetry, workflow: Any, arguments: Mapping[str, Any]) -> Around:
    """Run a step of an agent in its turn, which starts with its first."""
    turns, event = get_value(_TURNS), arguments.get("ev")
    if not isinstance(turns, Turns):
        return Around()
    name = text(field(event, "current_agent_name"))
    agent = fields(field(workflow, "agents")).get(name or "")
    return Around(inside=turns.of(name, _about(agent)) if name and agent else turns.now)


def _tool_step(_: Telemetry, workflow: Any, arguments: Mapping[str, Any]) -> Around:
    turns = get_value(_TURNS)
    now = turns.now if isinstance(turns, Turns) else get_current()
    return Around(inside=set_value(_CALL, field(arguments.get("ev"), "tool_id"), now))


_BASE = "llama_index.core.base"
_LLMS = f"{_BASE}.llms.base"
_AGENTS = "llama_index.core.agent.workflow"
_MODEL_METHODS = tuple(
    f"{prefix}{stream}{name}"
    for prefix in ("", "a")
    for stream in ("", "stream_")
    for name in ("chat", "complete")
)
_FAMILIES = (
    Family(
        _LLMS,
        "BaseLLM",
        {name: _model(name) for name in _MODEL_METHODS},
        namespaces=("llama_index.llms",),
    ),
    Family(
        "llama_index.core.chat_engine.types",
        "BaseChatEngine",
        {
            f"{prefix}{name}": lambda _: around(_telemetry, _engine)
            for prefix in ("", "a")
            for name in ("chat", "stream_chat")
        },
    ),
    Family(
        "llama_index.core.question_gen.types",
        "BaseQuestionGenerator",
        {name: lambda _: around(_telemetry, _plan) for name in ("generate", "agenerate")},
    ),
    Family(
        "llama_index.core.tools.types",
        "AsyncBaseTool",
        {name: lambda _: around(_telemetry, _tool, ("input",)) for name in ("call", "acall")},
    ),
)


_AROUND = (
    (f"{_BASE}.base_query_engine", "BaseQueryEngine", ("query", "aquery"), _engine, ()),
    (
        f"{_BASE}.base_retriever",
        "BaseRetriever",
        ("retrieve", "aretrieve"),
        _retriever,
        ("str_or_query_bundle",),
    ),
    (
        f"{_AGENTS}.multi_agent_workflow",
        "AgentWorkflow",
        ("run_agent_step", "parse_agent_output"),
        _step,
        ("ctx", "ev"),
    ),
    (
        f"{_AGENTS}.multi_agent_workflow",
        "AgentWorkflow",
        ("call_tool",),
        _tool_step,
        ("ctx", "ev"),
    ),
    (f"{_AGENTS}.base_agent", "BaseWorkflowAgent", ("call_tool",), _tool_step, ("ctx", "ev")),
)


class LlamaIndexInstrumentor(LLMInstrumentor):
    """Traces LlamaIndex."""

    requires = ("llama-index-core >= 0.14, < 0.15",)
    patches = tuple(
        Patch(
            f"{_BASE}.embeddings.base",
            f"BaseEmbedding.{prefix}get_{name}",
            _EMBEDDINGS,
            ("texts" if name.endswith("batch") else "text",),
            choose=_embedding,
        )
        for prefix in ("", "a")
        for name in ("query_embedding", "text_embedding", "text_embedding_batch")
    )
    hooks = (
        Hook(
            "llama_index_instrumentation",
            "DispatcherSpanMixin.__init_subclass__",
            members_of(*_FAMILIES),
        ),
        Hook("workflows.workflow", "Workflow.run", _run),
        Hook(
            "llama_index.core.chat_engine.types",
            "StreamingAgentChatResponse.__init__",
            _streaming,
        ),
        *(
            Hook(module, f"{kind}.{name}", around(_telemetry, begin, positional))
            for module, kind, names, begin, positional in _AROUND
            for name in names
        ),
    )

    families = _FAMILIES

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the provider by the package or the host, the server by the base URL."""
        named = next((name for name in _packages(instance)), "_OTHER")
        provider = _SDKS[named][1] if named in _SDKS else named
        bases = (text(field(instance, name)) for name in _BASES)
        base = next((base for base in bases if base and "://" in base), None)
        if base is None:
            return Origin(provider)
        host, port = server_at(base)
        return Origin(provider_of(instance.__class__, host or "", provider), host, port)


_BASES = ("api_base", "base_url", "azure_endpoint", "endpoint", "endpoint_url")
