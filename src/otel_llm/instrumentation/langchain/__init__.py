"""LangChain and LangGraph (``langchain-core`` 1 with ``langchain`` 1 and ``langgraph`` 1).

Traced: agents (``create_agent``, ``create_react_agent``, ``AgentExecutor``), graphs and the
outermost chain as workflows, tools, retrievers, models, decision models (since core 1.8) and
embeddings. A chain is also what is tried again or falls back, what branches, and a function. Each
is wrapped where it really runs, so threads, tasks and streams nest as they ran; no callback handler
is added to anything. Embeddings are wrapped in every class that implements them, the user's own
too; they do not say what they cost.

One call, one inference span: where the model's package calls an SDK that is traced too, that
span stands for the call, since the SDK knows the wire (host, service tier, retries). It comes from
here where it does not: packages with an HTTP client of their own, models of the user's own, and
SDKs that are not instrumented. Agents and workflows carry no tokens, so nothing counts twice.

A graph is an agent when ``create_agent`` made it, or when its nodes are those of a ReAct agent. A
graph inside another one is a workflow of its own only if it was given a name. A node called
``planner``, as in LangGraph's own plan-and-execute agents, or alike is a plan. The template of a
prompt puts its name, its version and, where content is captured, its variables on the model calls
after it in the same run of a chain. Not covered: chains inside chains; templates in batches. An
answer out of LangChain's cache counts no tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..core import Hook, LLMInstrumentor, Origin
from ..core.families import Family, members_of
from ..core.telemetry import Telemetry
from ..core.unseen_importlib_bootstrap.around import around
from ..core.unseen_importlib_bootstrap.wrapper import wrapper_for
from . import prompts
from .models import (
    CHAT,
    EMBEDDING_METHODS,
    EMBEDDINGS,
    TEXT,
    decision,
    embedding,
    origin_of,
    patch,
)
from .runs import batch, chain, classic, graph, node, retriever, sequence, tool


def _telemetry() -> Telemetry | None:
    return LangChainInstrumentor.telemetry


def _embedding(name: str) -> Callable[[Any], Any]:
    return lambda original: wrapper_for(LangChainInstrumentor(), embedding(name), original)


_FAMILY = Family(EMBEDDINGS, "Embeddings", {name: _embedding(name) for name in EMBEDDING_METHODS})
_RUNNABLES = "langchain_core.runnables"
_CHAINS = f"{_RUNNABLES}.base"
_CLASSIC = "langchain_classic"
_NODES = "langgraph.pregel._runner"
_INVOKE, _STREAM, _BATCH = (("invoke", "ainvoke"), ("stream", "astream"), ("batch", "abatch"))
_ALL = (*_INVOKE, *_STREAM, *_BATCH)
_AROUND = (
    ("langchain_core.tools.base", "BaseTool", ("run", "arun"), tool, ("tool_input",)),
    ("langchain_core.retrievers", "BaseRetriever", _INVOKE, retriever, ("input",)),
    (_CHAINS, "RunnableSequence", (*_INVOKE, *_STREAM), sequence, ("input", "config")),
    (_CHAINS, "RunnableSequence", _BATCH, batch, ("input", "config")),
    (_CHAINS, "RunnableParallel", (*_INVOKE, *_STREAM), chain, ("input", "config")),
    (_CHAINS, "RunnableLambda", (*_INVOKE, *_STREAM), chain, ("input", "config")),
    (f"{_RUNNABLES}.branch", "RunnableBranch", (*_INVOKE, *_STREAM), chain, ("input", "config")),
    (f"{_RUNNABLES}.fallbacks", "RunnableWithFallbacks", _ALL, chain, ("input", "config")),
    (f"{_RUNNABLES}.retry", "RunnableRetry", (*_INVOKE, *_BATCH), chain, ("input", "config")),
)
_AROUND_OTHERS = (
    ("langgraph.pregel.main", "Pregel", _STREAM, graph, ("input", "config")),
    (_NODES, "", ("run_with_retry", "arun_with_retry"), node, ("task",)),
    (f"{_CLASSIC}.chains.base", "Chain", _INVOKE, classic, ("input", "config")),
    (f"{_CLASSIC}.agents.agent", "AgentExecutor", _STREAM, classic, ("input", "config")),
)
"""Of packages that are not needed by ``langchain-core``."""


def _hooks() -> Iterator[Hook]:
    for optional, table in ((False, _AROUND), (True, _AROUND_OTHERS)):
        for module, kind, names, begin, positional in table:
            for name in names:
                wrapper = around(_telemetry, begin, positional)
                yield Hook(module, f"{kind}.{name}".lstrip("."), wrapper, optional)


_RENDER = prompts.rendering(_telemetry)


class LangChainInstrumentor(LLMInstrumentor):
    """Traces LangChain and LangGraph."""

    requires = ("langchain-core >= 1, < 2",)
    hooks = (
        *_hooks(),
        *(
            Hook("langchain_core.prompts.base", f"BasePromptTemplate.{name}", _RENDER)
            for name in _INVOKE
        ),
        Hook(EMBEDDINGS, "Embeddings.__init_subclass__", members_of(_FAMILY)),
    )
    patches = (
        patch("chat_models", "BaseChatModel._generate_with_cache", CHAT, ("messages", "stop")),
        patch("chat_models", "BaseChatModel._agenerate_with_cache", CHAT, ("messages", "stop")),
        patch("chat_models", "BaseChatModel.stream", CHAT, ("input", "config")),
        patch("chat_models", "BaseChatModel.astream", CHAT, ("input", "config")),
        patch("llms", "BaseLLM._generate_helper", TEXT, ("prompts", "stop")),
        patch("llms", "BaseLLM._agenerate_helper", TEXT, ("prompts", "stop")),
        patch("llms", "BaseLLM.stream", TEXT, ("input", "config")),
        patch("llms", "BaseLLM.astream", TEXT, ("input", "config")),
        decision("invoke"),
        decision("ainvoke"),
    )
    families = (_FAMILY,)

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the provider by what the model says of itself, the server by its base URL."""
        return origin_of(instance)
