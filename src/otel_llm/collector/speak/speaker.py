"""One span, said in another dialect.

A name that the dialect says is taken away, so that nothing is counted twice; what it has no word
for stays as it is. Names and their conversions are in ``semconv/dialects.json`` under ``outputs``;
what spreads over several names is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from otel_llm import semconv
from otel_llm.semconv import own

from ..normalize.json_values import as_map, dumped, listed, parsed
from ..normalize.parameters import PARAMETERS
from ..normalize.table import OUTPUT_OPERATIONS, OUTPUT_PROVIDERS, OUTPUTS
from . import numbered
from .chat import chat_messages

if TYPE_CHECKING:
    from ..data import SpanView

Convert = Callable[[Any, str], Any]
"""Takes a value and the dialect; returns what it says, or ``None`` when it cannot."""
_VARIABLE: Final = "gen_ai.prompt.variable."
_MODELS: Final = (semconv.RESPONSE_MODEL, semconv.REQUEST_MODEL)
_USD_PARTS: Final = {
    "total": own.COST_TOTAL,
    "input": own.COST_INPUT,
    "output": own.COST_OUTPUT,
    "cache_read": own.COST_CACHE_READ,
    "cache_write": own.COST_CACHE_WRITE,
    "tools": own.COST_TOOLS,
}


class Speaker:
    """Says spans in one dialect. Thread-safe."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._names = OUTPUTS.get(dialect, {})
        self._more = _MORE.get(dialect, ())
        self._operations = OUTPUT_OPERATIONS.get(dialect, {})

    def speak(self, span: SpanView) -> None:
        """Rewrite ``span`` in place."""
        operation = self._operations.get(span.text(semconv.OPERATION_NAME) or "")
        for say in self._more:
            say(span)
        for new, (old, how) in self._names.items():
            self._rename(span, new, old or "", how)
        if operation:
            span.set(*operation)

    def _rename(self, span: SpanView, new: str, old: str, how: str) -> None:
        if not span.has(new):
            return
        said = _HOW[how](span.value(new), self._dialect)
        if said is not None and not span.has(old):
            span.set(old, said)
            if how != "beside":
                span.remove(new)


def _same(value: Any, dialect: str) -> Any:
    """What no attribute can hold is said as JSON text; bytes are left where they are."""
    if isinstance(value, list):
        texts = all([isinstance(item, str) for item in cast("list[object]", value)])
        return cast("Any", value) if texts else dumped(value)
    return None if isinstance(value, bytes) else dumped(value) if isinstance(value, dict) else value


def _one(value: Any, dialect: str) -> Any:
    """A list of one is said as its element."""
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return _same(items[0] if len(items) == 1 else value, dialect)


def _chat(value: Any, dialect: str) -> str | None:
    messages = chat_messages(value)
    return None if messages is None else dumped(messages)


def _provider(value: Any, dialect: str) -> Any:
    return OUTPUT_PROVIDERS.get(dialect, {}).get(value, value) if isinstance(value, str) else None


def _response_format(value: Any, dialect: str) -> str | None:
    said = value if isinstance(value, str) else ""
    return {"json": "json_object", "text": "text"}.get(said)


_HOW: Final[Mapping[str, Convert]] = {
    "same": _same,
    "beside": _same,
    "one": _one,
    "chat": _chat,
    "json": lambda value, _: dumped(value),
    "provider": _provider,
    "milliseconds": lambda value, _: value * 1000 if isinstance(value, int | float) else None,
    "response_format": _response_format,
}


def _set_all(span: SpanView, named: Iterable[tuple[str, Any]], instead_of: str) -> None:
    said = [(name, value) for name, value in named if value is not None]
    for name, value in said:
        span.set(name, value if isinstance(value, str | int | float) else dumped(value))
    if said:
        span.remove(instead_of)


def _messages(say: Any, asked: str, answered: str) -> Callable[[SpanView], None]:
    """Instructions come first, as the message of the system."""

    def speak(span: SpanView) -> None:
        told = parsed(span.value(semconv.SYSTEM_INSTRUCTIONS))
        system = chat_messages([{"role": "system", "parts": told}]) if told else None
        inputs = chat_messages(span.value(semconv.INPUT_MESSAGES))
        if system and (inputs is not None or not span.has(semconv.INPUT_MESSAGES)):
            inputs = [*system, *(inputs or ())]
            span.remove(semconv.SYSTEM_INSTRUCTIONS)
        outputs = chat_messages(span.value(semconv.OUTPUT_MESSAGES))
        _set_all(span, say(asked, inputs or ()), semconv.INPUT_MESSAGES)
        _set_all(span, say(answered, outputs or ()), semconv.OUTPUT_MESSAGES)

    return speak


def _openllmetry(span: SpanView) -> None:
    tools = listed(span.value(semconv.TOOL_DEFINITIONS)) or []
    plain = tools if all(map(_is_function, tools)) else []
    _set_all(span, numbered.functions(plain), semconv.TOOL_DEFINITIONS)
    total = _total(span)
    if total is not None:
        span.set("llm.usage.total_tokens", total)
    for name in (semconv.AGENT_NAME, semconv.TOOL_NAME, semconv.WORKFLOW_NAME):
        if said := span.text(name):
            span.set("traceloop.entity.name", said)
    _move(span, semconv.TOOL_CALL_ARGUMENTS, "traceloop.entity.input")
    _move(span, semconv.TOOL_CALL_RESULT, "traceloop.entity.output")
    _variables(span, "traceloop.prompt.template_variables")


def _is_function(tool: Mapping[str, Any]) -> bool:
    return tool.get("type") == "function" and tool.keys() <= _FUNCTION


_FUNCTION: Final = {"type", "name", "description", "parameters"}


def _openinference(span: SpanView) -> None:
    model = next((text for name in _MODELS if (text := span.text(name))), None)
    if model:
        embeds = span.text(semconv.OPERATION_NAME) == "embeddings"
        span.set("embedding.model_name" if embeds else "llm.model_name", model)
    total = _total(span)
    if total is not None:
        span.set("llm.token_count.total", total)
    for places, name in (
        ((semconv.TOOL_CALL_ARGUMENTS, semconv.RETRIEVAL_QUERY_TEXT), "input.value"),
        ((semconv.TOOL_CALL_RESULT,), "output.value"),
    ):
        for place in places:
            _move(span, place, name)
    for place, name in (
        (semconv.INPUT_MESSAGES, "input"),
        (semconv.OUTPUT_MESSAGES, "output"),
    ):
        if span.has(place) and not span.has(f"{name}.value"):
            span.set(f"{name}.value", dumped(span.value(place)))
            span.set(f"{name}.mime_type", "application/json")
    _set_all(span, numbered.tools(span.value(semconv.TOOL_DEFINITIONS)), semconv.TOOL_DEFINITIONS)
    documents = numbered.documents(span.value(semconv.RETRIEVAL_DOCUMENTS))
    _set_all(span, documents, semconv.RETRIEVAL_DOCUMENTS)
    _parameters(span, "llm.invocation_parameters")
    _variables(span, "llm.prompt_template.variables")
    for part, amount in _dollars(span).items():
        if part in _OPENINFERENCE_COST:
            span.set(_OPENINFERENCE_COST[part], amount)


_OPENINFERENCE_COST: Final = {
    "total": "llm.cost.total",
    "input": "llm.cost.prompt",
    "output": "llm.cost.completion",
    "cache_read": "llm.cost.prompt_details.cache_read",
    "cache_write": "llm.cost.prompt_details.cache_write",
}


def _langfuse(span: SpanView) -> None:
    """Costs that are given are not computed again, from prices that may know less."""
    _parameters(span, "langfuse.observation.model.parameters")
    if costs := _dollars(span):
        span.set("langfuse.observation.cost_details", dumped(costs))
    first = span.number(semconv.RESPONSE_TIME_TO_FIRST_CHUNK)
    if first is not None:
        with suppress(ValueError, OverflowError, OSError):  # no calendar has such a day
            at = datetime.fromtimestamp(span.start_ns / 1e9 + first, UTC)
            span.set("langfuse.observation.completion_start_time", at.isoformat())
    for place in (semconv.RETRIEVAL_QUERY_TEXT, semconv.RETRIEVAL_DOCUMENTS):
        side = "input" if place == semconv.RETRIEVAL_QUERY_TEXT else "output"
        _move(span, place, f"langfuse.observation.{side}")


def _vercel(span: SpanView) -> None:
    """An answer comes in pieces: text, reasoning, tool calls."""
    answers = listed(span.value(semconv.OUTPUT_MESSAGES)) or []
    parts = (listed(answers[0].get("parts")) or []) if len(answers) == 1 else []
    kinds = [part.get("type") for part in parts]
    known = all([kind in ("text", "reasoning", "tool_call") for kind in kinds])
    if not parts or not known or kinds.count("text") > 1:
        return
    calls = [part for part in parts if part["type"] == "tool_call"]
    for part in parts:
        if part["type"] != "tool_call":
            name = "ai.response.text" if part["type"] == "text" else "ai.response.reasoning"
            span.set(name, dumped(part.get("content", "")))
    if calls:
        span.set("ai.response.toolCalls", dumped([_vercel_call(call) for call in calls]))
    span.remove(semconv.OUTPUT_MESSAGES)


def _vercel_call(part: Mapping[str, Any]) -> dict[str, Any]:
    names = {"id": "toolCallId", "name": "toolName", "arguments": "args"}
    return {names[key]: part[key] for key in names if key in part}


def _logfire(span: SpanView) -> None:
    if "total" in (costs := _dollars(span)):
        span.set("operation.cost", costs["total"])


def _proposed(span: SpanView) -> None:
    """Leaf and namespace of one name do not go together: ``gen_ai.usage.cost`` goes."""
    total = span.number(own.COST_TOTAL)
    if total is None:
        return
    by_provider = span.text(own.COST_PRICE_SOURCE) == "provider"
    span.remove(own.USAGE_COST)
    span.set("gen_ai.usage.cost.amount", float(total))
    span.set("gen_ai.usage.cost.currency", span.text(own.COST_CURRENCY) or "USD")
    span.set("gen_ai.usage.cost.source", "provider" if by_provider else "local")


def _move(span: SpanView, place: str, name: str) -> None:
    if span.has(place) and not span.has(name):
        span.set(name, dumped(span.value(place)))
        span.remove(place)


def _total(span: SpanView) -> int | None:
    asked = span.integer(semconv.USAGE_INPUT_TOKENS)
    answered = span.integer(semconv.USAGE_OUTPUT_TOKENS)
    return None if asked is None or answered is None else asked + answered


def _parameters(span: SpanView, name: str) -> None:
    """All parameters of the request, as one JSON text, with what is said there already."""
    said = {known: span.value(new) for new, known in _KNOWN.items() if span.has(new)}
    if said:
        span.set(name, dumped({**as_map(parsed(span.value(name))), **said}))
        for new in _KNOWN:
            span.remove(new)


_KNOWN: Final = {new: old for old, new in reversed(PARAMETERS.items())}
"""The first spelling of each."""


def _variables(span: SpanView, name: str) -> None:
    variables = [variable for variable in span.names() if variable.startswith(_VARIABLE)]
    if variables:
        said = {v.removeprefix(_VARIABLE): span.value(v) for v in variables}
        span.set(name, dumped(said))
        for variable in variables:
            span.remove(variable)


def _dollars(span: SpanView) -> dict[str, float]:
    """Return the cost and its parts; empty when they are in another currency."""
    if span.text(own.COST_CURRENCY) not in (None, "USD"):
        return {}
    amounts = {part: span.number(name) for part, name in _USD_PARTS.items()}
    return {part: float(amount) for part, amount in amounts.items() if amount is not None}


_MORE: Final[Mapping[str, tuple[Callable[[SpanView], None], ...]]] = {
    "openllmetry": (
        _openllmetry,
        _messages(numbered.openllmetry, "gen_ai.prompt", "gen_ai.completion"),
    ),
    "openinference": (
        _openinference,
        _messages(numbered.openinference, "llm.input_messages", "llm.output_messages"),
    ),
    "langfuse": (_langfuse,),
    "vercel-ai": (_vercel,),
    "logfire": (_logfire,),
    "cost-proposal": (_proposed,),
}
