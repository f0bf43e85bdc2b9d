"""How a value changes on its way from an old name to a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from otel_llm import semconv
from otel_llm.semconv import own

from .messages import as_map, as_messages, dumped, maps, parsed, tool_definition
from .table import PROVIDERS
from .work import Work

_PROVIDER_NAMES = frozenset(PROVIDERS.values()) | {"gcp.gen_ai"}
_WHOLE = frozenset({semconv.REQUEST_TOP_K, semconv.REQUEST_MAX_TOKENS, semconv.RETRIEVAL_TOP_K})
PARAMETERS = {
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "maxTokens": semconv.REQUEST_MAX_TOKENS,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "topP": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "topK": semconv.REQUEST_TOP_K,
    "stop": semconv.REQUEST_STOP_SEQUENCES,
    "stop_sequences": semconv.REQUEST_STOP_SEQUENCES,
    "seed": semconv.REQUEST_SEED,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
}
_USAGE = {
    "input": semconv.USAGE_INPUT_TOKENS,
    "prompt_tokens": semconv.USAGE_INPUT_TOKENS,
    "input_tokens": semconv.USAGE_INPUT_TOKENS,
    "output": semconv.USAGE_OUTPUT_TOKENS,
    "completion_tokens": semconv.USAGE_OUTPUT_TOKENS,
    "output_tokens": semconv.USAGE_OUTPUT_TOKENS,
    "input_cached_tokens": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "input_cache_read": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "cache_read_input_tokens": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "input_cache_creation": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "cache_creation_input_tokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "output_reasoning_tokens": semconv.USAGE_REASONING_OUTPUT_TOKENS,
    "output_reasoning": semconv.USAGE_REASONING_OUTPUT_TOKENS,
}
_ASKED, _ANSWERED = ("prompt", "input"), ("completion", "output")
_DETAILS = {
    (_ASKED, "cached_tokens"): semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    (_ASKED, "audio_tokens"): semconv.USAGE_AUDIO_INPUT_TOKENS,
    (_ANSWERED, "reasoning_tokens"): semconv.USAGE_REASONING_OUTPUT_TOKENS,
    (_ANSWERED, "audio_tokens"): semconv.USAGE_AUDIO_OUTPUT_TOKENS,
}
_PARTS = {
    semconv.USAGE_INPUT_TOKENS: (
        semconv.USAGE_CACHE_READ_INPUT_TOKENS,
        semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    ),
    semconv.USAGE_OUTPUT_TOKENS: (semconv.USAGE_REASONING_OUTPUT_TOKENS,),
}


def _typed(new: str, value: Any) -> Any:
    if new.startswith("gen_ai.usage.") or new in _WHOLE:
        return _whole(value)
    if new.endswith((".version", ".id")) and not isinstance(value, str):
        return str(value)
    return value


def _whole(value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -(1 << 63) <= number < 1 << 63 else None


def _same(work: Work, old: str, new: str) -> bool:
    return _put(work, new, _typed(new, work.span.value(old)))


def _put(work: Work, new: str, value: Any) -> bool:
    """Write what OTLP has a type for."""
    if isinstance(value, list):
        texts = [item for item in cast("list[object]", value) if isinstance(item, str)]
        return len(texts) == len(cast("list[object]", value)) and work.put(new, texts)
    return isinstance(value, str | bool | int | float) and work.put(new, value)


def _copy(work: Work, old: str, new: str) -> bool:
    work.put(new, work.span.integer(old))
    return False


def _provider(work: Work, old: str, new: str) -> bool:
    """``OpenAI`` or ``openai.chat`` is ``openai``."""
    said = (work.span.text(old) or "").lower()
    if said not in _PROVIDER_NAMES:
        first = said.partition(".")[0]
        said = PROVIDERS.get(said) or PROVIDERS.get(first, first)
    return work.put(new, said or None)


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


def _tools(work: Work, old: str, new: str) -> bool:
    value = parsed(work.span.value(old))
    if not isinstance(value, list):
        return _json(work, old, new)
    tools = [parsed(item) for item in cast("list[object]", value)]
    return work.put(new, dumped([tool_definition(tool) for tool in tools]))


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
        return work.put_messages(new, as_messages(value, role))

    return convert


def _parameters(work: Work, old: str, new: str) -> bool:
    given = parsed(work.span.value(old))
    if not isinstance(given, dict):
        return False
    parameters = cast("dict[str, Any]", given)
    return all([_parameter(work, name, value) for name, value in parameters.items()])


def _parameter(work: Work, name: str, value: Any) -> bool:
    known = PARAMETERS.get(name)
    if known == semconv.REQUEST_STOP_SEQUENCES and isinstance(value, str):
        value = [value]
    if known is None or value is None:
        return value is None
    return _put(work, known, _typed(known, value))


def _usage(work: Work, old: str, new: str) -> bool:
    given = parsed(work.span.value(old))
    counts = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    known = {_USAGE[name]: _whole(count) for name, count in counts.items() if name in _USAGE}
    details = _details(counts)
    said = {**known, **details} if details else _with_parts(counts, known)
    done = [work.put(name, count) for name, count in said.items()]
    return all(done) and counts.keys() <= _USAGE.keys() | {"total"}


def _details(counts: Mapping[str, Any]) -> Mapping[str, int]:
    """Return the parts that OpenAI's usage has in maps of their own."""
    return {
        new: count
        for (sides, name), new in _DETAILS.items()
        for side in sides
        if (count := _whole(as_map(counts.get(f"{side}_tokens_details")).get(name))) is not None
    }


def _with_parts(
    counts: Mapping[str, Any], known: Mapping[str, int | None]
) -> Mapping[str, int | None]:
    """Add parts to what they are part of where they were counted apart.

    Langfuse takes each kind for tokens of their own, and so does Anthropic, whose counts many hand
    on; what OpenAI calls ``prompt_tokens`` is all of them, and a total of input and output says so.
    """
    whole = [known.get(name) or 0 for name in _PARTS]
    if "prompt_tokens" in counts or _whole(counts.get("total")) == sum(whole):
        return known
    sums = {
        name: count + sum(known.get(part) or 0 for part in _PARTS[name])
        for name in _PARTS
        if (count := known.get(name)) is not None
    }
    return {**known, **sums}


def _cost(work: Work, old: str, new: str) -> bool:
    """Note what the sender says it cost. Its own name stays: backends read it."""
    amount = work.span.number(old)
    if amount is not None and not work.span.has(own.COST_TOTAL):
        work.put(new, float(amount))
    return False


def _cost_details(work: Work, old: str, new: str) -> bool:
    given = parsed(work.span.value(old))
    if isinstance(given, dict) and not work.span.has(own.COST_TOTAL):
        parts = cast("dict[str, Any]", given)
        amounts = [parts["total"]] if "total" in parts else [*parts.values()]
        known = [float(a) for a in amounts if isinstance(a, int | float)]
        work.put(new, sum(known) if known else None)
    return False


def _milliseconds(work: Work, old: str, new: str) -> bool:
    value = work.span.number(old)
    return value is not None and work.put(new, value / 1000)


def _model(work: Work, old: str, new: str) -> bool:
    """The one model that a dialect names: what was asked for, else what answered."""
    said, asked = work.span.value(old), work.span.text(new)
    return _put(work, new if asked in (None, said) else semconv.RESPONSE_MODEL, said)


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
    seconds = first.timestamp() - work.span.start_ns / 1e9
    return seconds >= 0 and first.tzinfo is not None and work.put(new, seconds)


def _drop(work: Work, old: str, new: str) -> bool:
    return True


def _output_type(work: Work, old: str, new: str) -> bool:
    return work.put(new, "json" if "json" in str(work.span.value(old)) else "text")


def _json_type(work: Work, old: str, new: str) -> bool:
    work.put(new, "json")
    return False


def _events(work: Work, old: str, new: str) -> bool:
    """Pydantic AI's list of what used to be events: questions first, ``gen_ai.choice`` last."""
    given = parsed(work.span.value(old))
    if not isinstance(given, list):
        return False
    events = maps(cast("list[Any]", given))
    answers = [event for event in events if event.get("event.name") == "gen_ai.choice"]
    questions = [event for event in events if event not in answers]
    asked = work.put_messages(semconv.INPUT_MESSAGES, as_messages(questions, "user"))
    said = as_messages(answers, "assistant") if answers else []
    return asked and (not said or work.put_messages(semconv.OUTPUT_MESSAGES, said))


HOW: Mapping[str, Callable[[Work, str, str], bool]] = {
    "same": _same,
    "copy": _copy,
    "provider": _provider,
    "list": _list,
    "json": _json,
    "tools": _tools,
    "input": _messages("user"),
    "output": _messages("assistant"),
    "parameters": _parameters,
    "usage": _usage,
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
