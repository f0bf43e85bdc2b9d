"""The engines of LlamaIndex: of queries and of chats, what plans for them and what retrieves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from opentelemetry.context import get_value, set_value

from otel_llm import semconv

from ..core import guarded
from ..core.activity import PLAN, RETRIEVAL, WORKFLOW, Activity
from ..core.telemetry import Telemetry
from ..core.unseen_importlib_bootstrap.around import Around
from ..core.unseen_importlib_bootstrap.generators import is_generator
from ..shapes.values import field, integer, items, known, number, text
from . import inside


def engine(telemetry: Telemetry, _: Any, __: Mapping[str, Any]) -> Around:
    """Run the outermost engine as a workflow."""
    if get_value(inside.RUN):
        return Around()
    activity = Activity(telemetry, WORKFLOW, {})
    around = Around(activity, streamed="response_gen")
    around.inside = set_value(inside.RUN, around, activity.context)
    return around


def streaming(
    wrapped: Callable[..., Any], answer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Let the engine that makes an answer go on until its stream was read, by whom it may be."""
    result = wrapped(*args, **kwargs)
    around = get_value(inside.RUN)
    if isinstance(around, Around):
        with guarded("following the stream of a chat engine"):
            for name in ("chat_stream", "achat_stream"):
                if is_generator(stream := getattr(answer, name, None)):
                    setattr(answer, name, around.hold(stream))
    return result


def plan(telemetry: Telemetry, _: Any, __: Mapping[str, Any]) -> Around:
    """Run what divides a question into others."""
    return Around(Activity(telemetry, PLAN, {}))


def retriever(telemetry: Telemetry, retriever: Any, arguments: Mapping[str, Any]) -> Around:
    """Run a retriever."""
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
