"""One span of another dialect, rewritten in the words of the conventions.

A name that was understood is taken away, so that content stays in one place, where redaction finds
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from otel_llm import semconv
from otel_llm.genai.call import BILLED_OPERATIONS
from otel_llm.semconv import own

from ..data import facts
from ..wire.slim import NotProtobuf
from . import counts
from .conversions import HOW
from .duplicates import TOLD_BY_LOG
from .events import told
from .exchanges import answered
from .json_values import as_map, listed, maps, parsed
from .lists import gather
from .messages import Message, as_messages
from .numbered import gathered
from .parts import text, tool_calls
from .plan import Plan
from .shape import reshape, retype
from .spelling import (
    known_provider,
    reasons_in,
    settled_operation,
    settled_provider,
    settled_reasons,
)
from .table import OPERATIONS, OVERRULES, SCOPED_OPERATIONS
from .work import Work

if TYPE_CHECKING:
    from ..data import SpanView
    from ..data.facts import Facts

_CALLED = {"com.anthropic.sdk.*": "anthropic."}
"""Scope -> how the names of its spans begin, which are to be those of the conventions."""
_PROVIDERS = {"gemini-cli": "gcp.gen_ai"}
"""Scope -> the one provider that it calls, and does not name."""
_OPENLIT = "openlit.instrumentation.*"
_STREAM_LOGGERS = ("logfire.openai", "logfire.anthropic")
_ANSWER_TEXTS = ("ai.response.text", "ai.response.object")
_ANSWER_TOOLS = ("ai.response.toolCalls", "gen_ai.response.tool_calls")
_REASONING = "ai.response.reasoning"
_ENTITY_NAMES = {
    "invoke_agent": semconv.AGENT_NAME,
    "execute_tool": semconv.TOOL_NAME,
    "invoke_workflow": semconv.WORKFLOW_NAME,
}
_NAMED_BY_SPAN = frozenset(
    {
        "langfuse.observation.type",
        "langsmith.span.kind",
        "mlflow.spanType",
        "openinference.span.kind",
    }
)
"""Markers of dialects whose agents, tools and workflows are called what their spans are."""
_INPUT = (semconv.TOOL_CALL_ARGUMENTS, semconv.RETRIEVAL_QUERY_TEXT, semconv.INPUT_MESSAGES)
_OUTPUT = (semconv.TOOL_CALL_RESULT, semconv.RETRIEVAL_DOCUMENTS, semconv.OUTPUT_MESSAGES)
_IN_AND_OUT = (
    ("traceloop.entity.input", *_INPUT),
    ("traceloop.entity.output", *_OUTPUT),
    ("input.value", *_INPUT),
    ("output.value", *_OUTPUT),
)
"""Name, and what it is on the span of a tool, of a retriever, of anything else."""


def translate(span: SpanView, plan: Plan, *, keep: bool) -> None:
    """Rewrite ``span`` in place. ``keep`` leaves the old names beside the new ones."""
    work, counted = Work(span, keep=keep), counts.sender(span)
    gather(work, plan.lists)
    _operation(work, plan)
    for old, rename in plan.renames:
        if HOW[rename.how](work, old, rename.new or ""):
            work.done(old)
    retype(span, plan.typed)
    counts.settle_counts(span, counted)
    if plan.answer:
        _answer(work)
    if plan.entity:
        _entity(work)
    if any(marker in _NAMED_BY_SPAN for marker in plan.markers):
        _named(work)
    if plan.scope in _CALLED:
        _name(work, _CALLED[plan.scope])
    elif plan.scope == _OPENLIT:
        _told_by_name(work)
    settle(span, plan, keep=keep)
    work.finish()
    if plan.scope in _STREAM_LOGGERS and _only_opens(span):
        span.set(own.DUPLICATE_OF, TOLD_BY_LOG)


def _only_opens(span: SpanView) -> bool:
    """Whether it is Logfire's span over the opening of a stream: the call is told by the log that
    follows, with its answer and tokens."""
    told = (
        semconv.USAGE_INPUT_TOKENS,
        semconv.USAGE_OUTPUT_TOKENS,
        semconv.OUTPUT_MESSAGES,
        own.DUPLICATE_OF,
    )
    calls = span.text(semconv.OPERATION_NAME) in ("chat", "text_completion")
    return calls and not span.is_error and not any(map(span.has, told))


def settle(span: SpanView, plan: Plan, *, keep: bool) -> None:
    """Spell values as the conventions do, also on spans that have only current names."""
    known = span.facts
    for place, name, settled in _SETTLED:
        said = known[place]
        if said and (spelled := settled(said)) != said:
            span.set(name, spelled)
    if plan.top_k or plan.foreign:
        _whole_top_k(span)
    for name in plan.said:
        reshape(span, name)
    if span.has_events:
        plan = plan._replace(unfinished=told(Work(span, keep=keep)) or plan.unfinished)
    if plan.unfinished:
        _finish(span)


def is_current(known: Facts) -> bool:
    """Whether provider, operation and finish reasons are spelled as the conventions do."""
    return all([not known[place] or settled(known[place]) == known[place]
                for place, _, settled in _SETTLED])  # fmt: skip


_SETTLED: Final[Sequence[tuple[int, str, Callable[[Any], Any]]]] = (
    (facts.OPERATION, semconv.OPERATION_NAME, settled_operation),
    (facts.PROVIDER, semconv.PROVIDER_NAME, settled_provider),
    (facts.FINISH_REASONS, semconv.RESPONSE_FINISH_REASONS, settled_reasons),
)


def _whole_top_k(span: SpanView) -> None:
    top_k = span.value(semconv.REQUEST_TOP_K) if span.has(semconv.REQUEST_TOP_K) else None
    if isinstance(top_k, float) and top_k.is_integer():
        span.set(semconv.REQUEST_TOP_K, int(top_k))


def _finish(span: SpanView) -> None:
    """How answers ended was said in their messages for a while."""
    messages = listed(span.value(semconv.OUTPUT_MESSAGES)) or []
    reasons = reasons_in(messages)
    if reasons and not span.has(semconv.RESPONSE_FINISH_REASONS):
        span.set(semconv.RESPONSE_FINISH_REASONS, settled_reasons(reasons))


def _operation(work: Work, plan: Plan) -> None:
    span, scoped = work.span, SCOPED_OPERATIONS.get(plan.scope or "", {})
    if "openinference.span.kind" in plan.markers and span.name == _COUNTING:
        return
    for marker in plan.markers:
        said = parsed(span.text(marker))
        values = {**OPERATIONS[marker], **scoped}
        found = isinstance(said, str) and (
            values.get(said) or values.get(said.upper()) or values.get(said.partition(" ")[0])
        )
        if found and marker in OVERRULES and span.text(semconv.OPERATION_NAME) != found:
            span.set(semconv.OPERATION_NAME, found)
        work.put(semconv.OPERATION_NAME, found or None)
    if scoped:
        name = span.name
        work.put(semconv.OPERATION_NAME, scoped.get(name) or scoped.get(name.partition(" ")[0]))
    if plan.scope in _PROVIDERS and span.text(semconv.OPERATION_NAME) in _CALLS:
        work.put(semconv.PROVIDER_NAME, _PROVIDERS[plan.scope])


_CALLS: Final = {"generate_content", "llm_call"}
_COUNTING: Final = "messages.count_tokens"
"""What OpenInference's of Anthropic calls a model's work, and is none."""


def _answer(work: Work) -> None:
    """Put an answer together whose text, reasoning and tool calls came under separate names."""
    span = work.span
    parts: dict[str, list[Any]] = {}
    if reasoning := span.text(_REASONING):
        parts[_REASONING] = [{"type": "reasoning", "content": reasoning}]
    for name in _ANSWER_TEXTS:
        if answer := span.text(name):
            parts[name] = [text(answer)]
    for name in _ANSWER_TOOLS:
        parts[name] = tool_calls(span.value(name))
    if span.has(_ANSWER_TEXTS[1]):
        work.put(semconv.OUTPUT_TYPE, "json")
    whole = [part for some in parts.values() for part in some]
    if whole and work.put_messages(semconv.OUTPUT_MESSAGES, [_finished(span, whole)]):
        for name in parts:
            work.done(name)


def _finished(span: SpanView, parts: list[Any]) -> dict[str, Any]:
    message = {"role": "assistant", "parts": parts}
    reasons = span.texts(semconv.RESPONSE_FINISH_REASONS)
    if reasons:
        message["finish_reason"] = settled_reasons(reasons)[0]
    return message


def _entity(work: Work) -> None:
    """What goes in and out of an agent, tool, retriever or chain, and its name."""
    operation = work.span.text(semconv.OPERATION_NAME) or ""
    if operation in _ENTITY_NAMES:
        work.put(_ENTITY_NAMES[operation], work.span.text("traceloop.entity.name"))
    for name, *places in _IN_AND_OUT:
        _move(work, name, *places)


def _named(work: Work) -> None:
    place = _ENTITY_NAMES.get(work.span.text(semconv.OPERATION_NAME) or "")
    if place:
        work.put(place, work.span.name or None)


def _move(work: Work, name: str, tool: str, retrieval: str, messages: str) -> None:
    value = work.span.text(name)
    operation = work.span.text(semconv.OPERATION_NAME)
    if value is None:
        return
    if operation in ("execute_tool", "retrieval"):
        understood = work.put(tool if operation == "execute_tool" else retrieval, value)
    elif operation == "embeddings" and messages == semconv.OUTPUT_MESSAGES:
        understood = False  # vectors: nobody said them
    else:
        role = "user" if messages == semconv.INPUT_MESSAGES else "assistant"
        said = as_messages(value, role)
        embedded = _embedded(work.span) if operation == "embeddings" and _is_raw(said) else []
        understood = work.put_messages(messages, embedded or said) and not embedded
    if name == "output.value" and operation in BILLED_OPERATIONS:
        answered(work, as_map(parsed(value)))
    if understood:
        work.done(name)
        if name.endswith(".value"):
            work.done(name.replace(".value", ".mime_type"))


def _embedded(span: SpanView) -> list[Message]:
    """Return the texts that OpenInference names beside a request as its SDK sends it."""
    names = [name for name in span.names() if name.startswith(f"{_EMBEDDED}.")]
    given = gathered({name: span.text(name) for name in names if name.endswith(".text")}, _EMBEDDED)
    found = [as_map(item.get("embedding")).get("text") for item in maps(given)]
    parts = [text(content) for content in found if content]
    return [{"role": "user", "parts": parts}] if parts else []


_EMBEDDED: Final = "embedding.embeddings"


def _is_raw(said: list[Message]) -> bool:
    """Whether nothing was found in a request, which then stands as a whole for its text."""
    parts = [part for message in said for part in message["parts"]]
    return len(parts) == 1 and str(parts[0].get("content")).startswith(("{", "["))


def _told_by_name(work: Work) -> None:
    """OpenLIT's calls that failed have a name alone (``chat claude-sonnet-4-5``), and in the scope
    whose SDK it was."""
    span = work.span
    operation, _, model = span.name.partition(" ")
    if span.is_error and operation in BILLED_OPERATIONS and not span.has(semconv.OPERATION_NAME):
        work.put(semconv.OPERATION_NAME, operation)
        work.put(semconv.REQUEST_MODEL, model or None)
        sdk = (span.scope_name or "").rpartition(".")[2]
        work.put(semconv.PROVIDER_NAME, known_provider(sdk))


def _name(work: Work, begins: str) -> None:
    """Call the span as the conventions do: by operation and model."""
    span = work.span
    operation, model = span.text(semconv.OPERATION_NAME), span.text(semconv.REQUEST_MODEL)
    if operation and model and span.name.startswith(begins):
        called = f"{operation} {model}"
        with suppress(NotProtobuf):  # broken inside: it goes on as it came
            span.rewrite_rest(lambda name, value: called if name == "name" else value)
