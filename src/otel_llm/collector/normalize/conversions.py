"""How a value changes on its way from an old name to a new one."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from otel_llm import semconv
from otel_llm.genai.call import BILLED_OPERATIONS, TOO_DEAR
from otel_llm.semconv import own

from .counts import USAGE, counts_of, usage, whole_number
from .exchanges import request, response
from .json_values import as_map, dumped, maps, parsed
from .messages import as_messages, says_no_more
from .parameters import put_parameters, put_typed, typed
from .parts import tool_definitions
from .spelling import provider_name
from .work import Work

if TYPE_CHECKING:
    from ..data import SpanView


def _same(work: Work, old: str, new: str) -> bool:
    said = work.span.value(old)
    return said == "" or put_typed(work, new, typed(new, said))  # nothing is said of nothing


def _copy(work: Work, old: str, new: str) -> bool:
    work.put(new, work.span.integer(old))
    return False


def _provider(work: Work, old: str, new: str) -> bool:
    """``OpenAI`` or ``openai.chat`` is ``openai``."""
    said = parsed(work.span.text(old))
    return work.put(new, provider_name(said) if isinstance(said, str) and said else None)


def _unquoted(work: Work, old: str, new: str) -> bool:
    """MLflow writes every value as JSON."""
    return put_typed(work, new, typed(new, parsed(work.span.value(old))))


def _shown(work: Work, old: str, new: str) -> bool:
    """Claude Code says ``<REDACTED>`` where it does not tell."""
    said = work.span.text(old)
    if not said or said == "<REDACTED>":
        return False
    if new not in _MESSAGES:
        return work.put(new, said)
    return work.put_messages(new, as_messages(said, _MESSAGES[new]))


_MESSAGES = {semconv.INPUT_MESSAGES: "user", semconv.OUTPUT_MESSAGES: "assistant"}


def _genkit_name(work: Work, old: str, new: str) -> bool:
    """``googleai/gemini-2.5-flash`` of a model; of others the name alone. It stays: it is the name
    of a span's action."""
    said, operation = work.span.text(old) or "", work.span.text(semconv.OPERATION_NAME) or ""
    if operation in ("chat", "embeddings"):
        plugin, _, model = said.rpartition("/")
        work.put(semconv.REQUEST_MODEL, model or None)
        work.put(semconv.PROVIDER_NAME, provider_name(plugin) if plugin else None)
    elif operation in _NAMED:
        work.put(_NAMED[operation], said or None)
    return False


_NAMED = {
    "execute_tool": semconv.TOOL_NAME,
    "invoke_agent": semconv.AGENT_NAME,
    "invoke_workflow": semconv.WORKFLOW_NAME,
}


def _unless_null(work: Work, old: str, new: str) -> bool:
    """Logfire writes nothing as JSON does."""
    return work.span.text(old) != "null" and _same(work, old, new)


def _called(work: Work, old: str, new: str) -> bool:
    """The name of what the span is about, whatever that is."""
    place = _NAMED.get(work.span.text(semconv.OPERATION_NAME) or "")
    return place is not None and work.put(place, work.span.text(old))


def _routed(work: Work, old: str, new: str) -> bool:
    """``openai/gpt-4o-mini`` of ADK over LiteLLM, whose output holds what was thought: ADK adds
    that once more."""
    span = work.span
    router, _, model = (span.text(old) or "").partition("/")
    provider = span.text(semconv.PROVIDER_NAME) or span.text("gen_ai.system")
    if model and provider and provider_name(router) == provider_name(provider):
        span.set(new, model)
        thought = span.integer(semconv.USAGE_REASONING_OUTPUT_TOKENS) or 0
        output = span.integer(semconv.USAGE_OUTPUT_TOKENS) or 0
        if 0 < thought <= output - thought:
            span.set(semconv.USAGE_OUTPUT_TOKENS, output - thought)
    return False


def _lasted(work: Work, old: str, new: str) -> bool:
    """How long it took what Logfire logs at its end."""
    span = work.span
    seconds = span.number(old)
    if seconds and 0 < seconds < span.end_ns / 1e9 and span.start_ns == span.end_ns:
        span.start_at(span.end_ns - int(seconds * 1e9))
    return False


def _too(convert: Callable[[Work, str, str], bool]) -> Callable[[Work, str, str], bool]:
    """Leave what is read where it is: it is metadata of the user's."""

    def read(work: Work, old: str, new: str) -> bool:
        convert(work, old, new)
        return False

    return read


def _boolean(work: Work, old: str, new: str) -> bool:
    """LiteLLM writes ``False`` as text."""
    said = work.span.value(old)
    spelled = {"true": True, "false": False}.get(said.lower()) if isinstance(said, str) else said
    return isinstance(spelled, bool) and work.put(new, spelled)


def _details(work: Work, old: str, new: str) -> bool:
    """LangSmith and LiteLLM write a usage, or its parts, as Python does: it is read, and stays."""
    try:
        given = literal_eval((work.span.text(old) or "")[:4000])
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    _some_counts(work, as_map(given))
    for name, count in counts_of(as_map(given)).items():
        work.put(name, count)
    return False


def _metadata(work: Work, old: str, new: str) -> bool:
    """What providers say beside their answer, through the AI SDK: it stays, for it is more."""
    for said in maps(as_map(parsed(work.span.value(old))).values()):
        usage = as_map(said.get("usage"))
        _some_counts(work, {**said, **usage, **as_map(usage.get("server_tool_use"))})
        queries = as_map(said.get("groundingMetadata")).get("webSearchQueries")
        if queries and isinstance(queries, list):
            work.put(own.WEB_SEARCHES, len(cast("list[Any]", queries)))
    return False


_METADATA = {
    "cachedPromptTokens": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "cacheCreationInputTokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "reasoningTokens": semconv.USAGE_REASONING_OUTPUT_TOKENS,
}


def _some_counts(work: Work, given: Mapping[str, Any]) -> None:
    """Write the parts of input and output, and not those themselves."""
    for said, value in given.items():
        name = _METADATA.get(said) or USAGE.get(said)
        whole = name in (None, semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS)
        if name and not whole and (count := whole_number(value)):
            work.put(name, count)


def _usage_too(work: Work, old: str, new: str) -> bool:
    """Of a call; of what is around calls it would be their sum. It stays: it is more."""
    if work.span.text(semconv.OPERATION_NAME) in BILLED_OPERATIONS:
        usage(work, old, new)
    return False


def _list(work: Work, old: str, new: str) -> bool:
    value = parsed(work.span.value(old))
    given = cast("list[object]", value) if isinstance(value, list) else [value]
    texts = [item for item in given if isinstance(item, str)]
    return len(texts) == len(given) and work.put(new, texts)


def _json(work: Work, old: str, new: str) -> bool:
    value = work.span.value(old)
    if isinstance(value, list):
        value = [parsed(item) for item in cast("list[object]", value)]
    return value is not None and work.put(new, dumped(value))


def _arguments(work: Work, old: str, new: str) -> bool:
    """What OpenInference calls a tool's parameters is their schema or what it was called with,
    which ``input.value`` says where there is one."""
    given = work.span.text("input.value")
    if given is None:
        return _json(work, old, new)
    return parsed(given) == parsed(work.span.value(old))


def _tools(work: Work, old: str, new: str) -> bool:
    tools = tool_definitions(parsed(work.span.value(old)))
    return _json(work, old, new) if tools is None else work.put(new, tools)


def _messages(role: str) -> Callable[[Work, str, str], bool]:
    """What goes in and out is something else on the span of a tool or a retrieval."""
    if role == "user":
        instead = {
            "execute_tool": semconv.TOOL_CALL_ARGUMENTS,
            "retrieval": semconv.RETRIEVAL_QUERY_TEXT,
        }
    else:
        instead = {
            "execute_tool": semconv.TOOL_CALL_RESULT,
            "retrieval": semconv.RETRIEVAL_DOCUMENTS,
        }

    def convert(work: Work, old: str, new: str) -> bool:
        value, operation = work.span.value(old), work.span.text(semconv.OPERATION_NAME) or ""
        if operation in instead:
            return work.put(instead[operation], dumped(value))
        return work.put_messages(new, as_messages(value, role)) and says_no_more(value)

    return convert


def _parameters(work: Work, old: str, new: str) -> bool:
    given = parsed(work.span.value(old))
    if not isinstance(given, dict):
        return False
    parameters = cast("dict[str, Any]", given)
    return parameters.keys() <= put_parameters(work, parameters)


def _cost(work: Work, old: str, new: str) -> bool:
    """Note what the sender says it cost. Its own name stays: backends read it. What is no price
    goes, so that they read ours."""
    amount = work.span.number(old)
    if amount == 0 and _says_nothing_of_costs(work.span):
        work.span.remove(old)
    elif amount is not None and not work.span.has(own.COST_TOTAL):
        work.put(new, float(amount))
    return False


def _says_nothing_of_costs(span: SpanView) -> bool:
    """Whether 0 is what its sender says of a model without a price: OpenLIT does, of all models
    where its price list is out of reach."""
    scope = span.scope_name or ""
    return scope.startswith("openlit.") or span.text("telemetry.sdk.name") == "openlit"


def _cost_details(work: Work, old: str, new: str) -> bool:
    given = parsed(work.span.value(old))
    if isinstance(given, dict) and not work.span.has(own.COST_TOTAL):
        parts = cast("dict[str, Any]", given)
        total = parts.get("total", parts.get("total_cost"))
        amounts = [*parts.values()] if total is None else [total]
        known = [float(a) for a in amounts if isinstance(a, int | float) and abs(a) < TOO_DEAR]
        work.put(new, sum(known) if known and (any(known) or _counted(work)) else None)
    return False


def _counted(work: Work) -> bool:
    """Whether tokens are known: where none are, nothing is what nobody reckoned (Langfuse)."""
    return any(map(work.span.has, (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS)))


def _milliseconds(work: Work, old: str, new: str) -> bool:
    value = work.span.number(old)
    return value is not None and work.put(new, value / 1000)


def _model(work: Work, old: str, new: str) -> bool:
    """The one model that a dialect names: what was asked for, else what answered."""
    said, asked = parsed(work.span.value(old)), work.span.text(new)
    return put_typed(work, new if asked in (None, said) else semconv.RESPONSE_MODEL, said)


def _variables(work: Work, old: str, new: str) -> bool:
    given = parsed(work.span.value(old))
    if not isinstance(given, dict):
        return False
    said = {
        f"gen_ai.prompt.variable.{name}": value if isinstance(value, str) else dumped(value)
        for name, value in cast("dict[str, Any]", given).items()
    }
    return all([work.put(name, value) for name, value in said.items()])


def _cost_parts(work: Work, old: str, new: str) -> bool:
    """The parts of a sender who names no total."""
    asked, answered = work.span.number(old), work.span.number("llm.cost.completion")
    if asked is not None and answered is not None and not work.span.has(own.COST_TOTAL):
        work.put(new, float(asked + answered))
    return False


def _since_start(work: Work, old: str, new: str) -> bool:
    said = parsed(work.span.text(old))
    try:
        first = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return False
    if first.tzinfo is None:
        return False
    seconds = first.timestamp() - work.span.start_ns / 1e9
    return seconds >= 0 and work.put(new, seconds)


def _drop(work: Work, old: str, new: str) -> bool:
    return True


def _output_type(work: Work, old: str, new: str) -> bool:
    return work.put(new, "json" if "json" in str(work.span.value(old)) else "text")


def _json_type(work: Work, old: str, new: str) -> bool:
    work.put(new, "json")
    return False


def _events(work: Work, old: str, new: str) -> bool:
    """A list of what used to be events: questions first; ``gen_ai.choice`` last, or the messages of
    the assistant."""
    given = parsed(work.span.value(old))
    if not isinstance(given, list):
        return False
    events = maps(cast("list[Any]", given))
    answers = [event for event in events if event.get("event.name") == "gen_ai.choice"]
    questions = [event for event in events if event.get("event.name") != "gen_ai.choice"]
    if not answers:
        last = len(events)
        while last and events[last - 1].get("event.name") == "gen_ai.assistant.message":
            last -= 1
        questions, answers = events[:last], events[last:]
    asked = work.put_messages(semconv.INPUT_MESSAGES, as_messages(questions, "user"))
    said = as_messages(answers, "assistant") if answers else []
    return asked and (not said or work.put_messages(semconv.OUTPUT_MESSAGES, said))


HOW: Mapping[str, Callable[[Work, str, str], bool]] = {
    "same": _same,
    "copy": _copy,
    "provider": _provider,
    "list": _list,
    "json": _json,
    "arguments": _arguments,
    "tools": _tools,
    "input": _messages("user"),
    "output": _messages("assistant"),
    "parameters": _parameters,
    "usage": usage,
    "request": request,
    "response": response,
    "unquoted": _unquoted,
    "unquoted_too": _too(_unquoted),
    "boolean": _boolean,
    "details": _details,
    "metadata": _metadata,
    "shown": _shown,
    "genkit_name": _genkit_name,
    "too": _too(_same),
    "provider_too": _too(_provider),
    "called": _called,
    "unless_null": _unless_null,
    "routed": _routed,
    "lasted": _lasted,
    "usage_too": _usage_too,
    "cost": _cost,
    "cost_details": _cost_details,
    "milliseconds": _milliseconds,
    "since_start": _since_start,
    "drop": _drop,
    "output_type": _output_type,
    "json_type": _json_type,
    "events": _events,
    "model": _model,
    "variables": _variables,
    "cost_parts": _cost_parts,
}
"""By the word in ``dialects.json``: takes the work, the old name and the new one; returns
whether the new name now says all that the old one did."""
