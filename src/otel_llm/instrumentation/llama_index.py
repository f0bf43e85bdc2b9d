"""LlamaIndex (``llama-index-core``): query engines as workflows, retrievers, tools.

Each is wrapped where it really runs, so that model calls and searches of a vector store nest
inside; those spans come from the instrumentors of their SDKs. Not covered: model calls of SDKs
that are not instrumented, and agents, whose steps run in tasks of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from otel_llm import semconv

from .core import Hook, LLMInstrumentor
from .core.activity import RETRIEVAL, TOOL, WORKFLOW, Activity
from .core.around import Around, around
from .core.telemetry import Telemetry
from .shapes.values import field, integer, items, known, number, text


def _query(telemetry: Telemetry, engine: Any, _: Mapping[str, Any]) -> Around:
    return Around(Activity(telemetry, WORKFLOW, {semconv.WORKFLOW_NAME: type(engine).__name__}))


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
    about = tool.metadata
    activity = Activity(
        telemetry,
        TOOL,
        {
            semconv.TOOL_NAME: text(field(about, "name")) or type(tool).__name__,
            semconv.TOOL_DESCRIPTION: text(field(about, "description")),
            semconv.TOOL_TYPE: "function",
        },
    )
    activity.put_content(semconv.TOOL_CALL_ARGUMENTS, dict(arguments))
    return Around(activity, result=_result)


def _result(activity: Activity, output: Any) -> None:
    activity.put_content(semconv.TOOL_CALL_RESULT, {"result": field(output, "content")})


def _telemetry() -> Telemetry | None:
    return LlamaIndexInstrumentor.telemetry


_BASE, _TOOLS = "llama_index.core.base", "llama_index.core.tools"
_AROUND = (
    (f"{_BASE}.base_query_engine", "BaseQueryEngine", ("query", "aquery"), _query, ()),
    (
        f"{_BASE}.base_retriever",
        "BaseRetriever",
        ("retrieve", "aretrieve"),
        _retriever,
        ("str_or_query_bundle",),
    ),
    (f"{_TOOLS}.function_tool", "FunctionTool", ("call", "acall"), _tool, ("input",)),
    (f"{_TOOLS}.query_engine", "QueryEngineTool", ("call", "acall"), _tool, ("input",)),
    (f"{_TOOLS}.retriever_tool", "RetrieverTool", ("call", "acall"), _tool, ("input",)),
)


class LlamaIndexInstrumentor(LLMInstrumentor):
    """Traces LlamaIndex."""

    requires = ("llama-index-core >= 0.14, < 0.15",)
    patches = ()
    hooks = tuple(
        Hook(module, f"{kind}.{name}", around(_telemetry, begin, positional))
        for module, kind, names, begin, positional in _AROUND
        for name in names
    )
