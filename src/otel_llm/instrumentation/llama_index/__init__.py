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

from collections.abc import Callable, Mapping
from typing import Any

from ..core import Hook, LLMInstrumentor, Origin
from ..core.families import Family, members_of
from ..core.telemetry import Telemetry
from ..core.unseen_importlib_bootstrap.around import around
from ..core.unseen_importlib_bootstrap.wrapper import wrapper_for
from .agents import running, step, tool_step
from .engines import engine, plan, retriever, streaming
from .models import LLMS, MODEL_METHODS, embedding, in_place, model, origin_of
from .tools import tool


def _telemetry() -> Telemetry | None:
    return LlamaIndexInstrumentor.telemetry


def _model(name: str) -> Callable[[Any], Any]:
    """Return what wraps the method ``name`` of a class of models."""
    patch = model(name)

    def made(original: Any) -> Callable[..., Any]:
        wrapper = wrapper_for(LlamaIndexInstrumentor(), patch, original)
        return in_place(wrapper, _telemetry) if "stream" in name else wrapper

    return made


_BASE = "llama_index.core.base"
_AGENTS = "llama_index.core.agent.workflow"
_FAMILIES = (
    Family(
        LLMS,
        "BaseLLM",
        {name: _model(name) for name in MODEL_METHODS},
        namespaces=("llama_index.llms",),
    ),
    Family(
        "llama_index.core.chat_engine.types",
        "BaseChatEngine",
        {
            f"{prefix}{name}": lambda _: around(_telemetry, engine)
            for prefix in ("", "a")
            for name in ("chat", "stream_chat")
        },
    ),
    Family(
        "llama_index.core.question_gen.types",
        "BaseQuestionGenerator",
        {name: lambda _: around(_telemetry, plan) for name in ("generate", "agenerate")},
    ),
    Family(
        "llama_index.core.tools.types",
        "AsyncBaseTool",
        {name: lambda _: around(_telemetry, tool, ("input",)) for name in ("call", "acall")},
    ),
)


_AROUND = (
    (f"{_BASE}.base_query_engine", "BaseQueryEngine", ("query", "aquery"), engine, ()),
    (
        f"{_BASE}.base_retriever",
        "BaseRetriever",
        ("retrieve", "aretrieve"),
        retriever,
        ("str_or_query_bundle",),
    ),
    (
        f"{_AGENTS}.multi_agent_workflow",
        "AgentWorkflow",
        ("run_agent_step", "parse_agent_output"),
        step,
        ("ctx", "ev"),
    ),
    (
        f"{_AGENTS}.multi_agent_workflow",
        "AgentWorkflow",
        ("call_tool",),
        tool_step,
        ("ctx", "ev"),
    ),
    (f"{_AGENTS}.base_agent", "BaseWorkflowAgent", ("call_tool",), tool_step, ("ctx", "ev")),
)


class LlamaIndexInstrumentor(LLMInstrumentor):
    """Traces LlamaIndex."""

    requires = ("llama-index-core >= 0.14, < 0.15",)
    patches = tuple(
        embedding(f"{prefix}get_{name}")
        for prefix in ("", "a")
        for name in ("query_embedding", "text_embedding", "text_embedding_batch")
    )
    hooks = (
        Hook(
            "llama_index_instrumentation",
            "DispatcherSpanMixin.__init_subclass__",
            members_of(*_FAMILIES),
        ),
        Hook("workflows.workflow", "Workflow.run", running(_telemetry)),
        Hook(
            "llama_index.core.chat_engine.types",
            "StreamingAgentChatResponse.__init__",
            streaming,
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
        return origin_of(instance)
