"""Counts of tokens as the conventions have them: what came from the provider's cache, or went into
it, is part of the input; what was thought is part of the output.

Many hand on what Anthropic, Bedrock and Gemini count apart. Where a sender names a total, it tells
which it is; where it names none, what is known of the sender does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_llm import semconv
from otel_llm.semconv import own

from .json_values import as_map, parsed
from .work import Work

if TYPE_CHECKING:
    from ..data import SpanView

_IN: Final = semconv.USAGE_INPUT_TOKENS
_OUT: Final = semconv.USAGE_OUTPUT_TOKENS
_READ: Final = semconv.USAGE_CACHE_READ_INPUT_TOKENS
_WRITTEN: Final = semconv.USAGE_CACHE_WRITE_INPUT_TOKENS
_THOUGHT: Final = semconv.USAGE_REASONING_OUTPUT_TOKENS
_NAMES: Final = {
    _IN: ("input", "prompt_tokens", "input_tokens", "inputTokens", "prompt_token_count",
          "promptTokenCount"),
    _OUT: ("output", "completion_tokens", "output_tokens", "outputTokens",
           "candidates_token_count", "candidatesTokenCount"),
    _READ: ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens", "cache_read",
            "cacheReadInputTokens", "cached_content_token_count", "cachedContentTokenCount",
            "cachedContentTokens"),
    _WRITTEN: ("input_cache_creation", "cache_creation_input_tokens", "cache_creation",
               "cacheWriteInputTokens"),
    own.CACHE_WRITE_5M_TOKENS: ("input_cache_creation_5m",),
    own.CACHE_WRITE_1H_TOKENS: ("input_cache_creation_1h", "cache_creation_input_tokens_above_1hr"),
    _THOUGHT: ("output_reasoning_tokens", "output_reasoning", "thoughtsTokens", "reasoning",
               "thoughts_token_count", "thoughtsTokenCount"),
    own.WEB_SEARCHES: ("web_search_requests", "num_search_queries"),
}  # fmt: skip
USAGE: Final = {name: new for new, names in _NAMES.items() for name in names}
"""What the parts of a usage are called by providers and by those who hand it on."""
TOTALS: Final = frozenset(
    {"total", "total_tokens", "totalTokens", "total_token_count", "totalTokenCount"}
)
_WITHIN: Final = frozenset(
    {"prompt_tokens", "cached_content_token_count", "cachedContentTokenCount",
     "cachedContentTokens"}
)  # fmt: skip
"""Who says these means all of the input."""
_ASKED, _ANSWERED = ("prompt", "input"), ("completion", "output")
_DETAILS: Final = {
    (_ASKED, "cached_tokens"): _READ,
    (_ASKED, "cache_write_tokens"): _WRITTEN,
    (_ASKED, "audio_tokens"): semconv.USAGE_AUDIO_INPUT_TOKENS,
    (_ANSWERED, "reasoning_tokens"): _THOUGHT,
    (_ANSWERED, "audio_tokens"): semconv.USAGE_AUDIO_OUTPUT_TOKENS,
}
_SAID_TOTALS: Final = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens",
                       "llm.token_count.total", "ai.usage.totalTokens")  # fmt: skip
_VERCEL: Final = ("ai.usage.inputTokens", "ai.usage.promptTokens")
_WHOLE: Final = tuple(f"ai.usage.inputTokenDetails.{kind}Tokens"
                      for kind in ("noCache", "cacheRead", "cacheWrite"))  # fmt: skip
"""What the AI SDK says from version 6 on, whose input is all of it."""
_OPENLIT: Final = "gen_ai.client.token.usage"
"""The name of a metric, as an attribute: the sum of input and output."""
_GEMINI: Final = ("gemini", "google", "vertex")
_OPENLLMETRY_BEDROCK: Final = "opentelemetry.instrumentation.bedrock"
"""Its total is the sum of input and output too."""
_BEDROCK: Final = "opentelemetry.instrumentation.genai.bedrock"
"""OpenTelemetry's own says what Bedrock's Converse does, and no total."""
_CLAUDE_CODE: Final = ("com.anthropic.claude_code.tracing", "com.anthropic.claude_code.traces")
_BARE: Final = ("input_tokens",)
_BY_TIME: Final = (own.CACHE_WRITE_5M_TOKENS, own.CACHE_WRITE_1H_TOKENS)

_PARTS_OF_USAGE: Final = ("input_token_details", "output_token_details", "server_tool_use")
"""Maps within a usage: LangChain's, and Anthropic's of what its own tools did."""

Counts = Mapping[str, int]


def whole_number(value: Any) -> int | None:
    """Return what fits into an attribute."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -(1 << 63) <= number < 1 << 63 else None


def counts_of(given: Mapping[str, Any]) -> Counts:
    """Return the counts that a usage of any provider tells, under their current names."""
    said: dict[str, int] = {}
    for side in _PARTS_OF_USAGE:
        given = {**given, **as_map(given.get(side))}
    for name, value in given.items():
        if name in USAGE and (count := whole_number(value)) is not None:
            said.setdefault(USAGE[name], count)
    lasting = [said[name] for name in _BY_TIME if name in said]
    if lasting:
        said.setdefault(_WRITTEN, sum(lasting))
    if details := _details(given):
        return {**said, **details}
    total = next((n for name in TOTALS if (n := _number(given, name)) is not None), None)
    cache = _WITHIN.isdisjoint(given)
    return {**said, **completed(said, total, cache=cache, thought="prompt_tokens" not in given)}


def _number(given: Mapping[str, Any], name: str) -> int | None:
    return whole_number(given.get(name))


def _details(counts: Mapping[str, Any]) -> Counts:
    """Return the parts that OpenAI's usage has in maps of their own."""
    return {
        new: count
        for (sides, name), new in _DETAILS.items()
        for side in sides
        if (count := _number(as_map(counts.get(f"{side}_tokens_details")), name)) is not None
    }


def completed(said: Counts, total: int | None, *, cache: bool, thought: bool) -> Counts:
    """Return input and output with the parts that were counted apart from them.

    A total of both says which parts those are. Where none does: ``cache``, ``thought`` whether what
    the cache held, and what was thought, are.
    """
    given, taken = said.get(_IN), said.get(_OUT)
    cached = said.get(_READ, 0) + said.get(_WRITTEN, 0)
    reasoned = said.get(_THOUGHT, 0)
    ways = {(0, 0), (cached, 0), (0, reasoned), (cached, reasoned)}
    if total is not None and given is not None and taken is not None:
        fitting = {way for way in ways if given + taken + sum(way) == total}
        ways = fitting or ways
    told = len(ways) == 1 and ways.pop()
    more_in, more_out = told or (cached * cache, reasoned * thought)
    sums = {_IN: (given, more_in), _OUT: (taken, more_out)}
    return {name: count + more for name, (count, more) in sums.items() if count is not None}


class Sender(NamedTuple):
    """What is known of how a sender counts, from names that are taken away when they are read."""

    total: int | None
    apart: bool
    """Whether it counts the cache apart, whatever its total,"""
    thinks: bool
    """and what was thought."""


def sender(span: SpanView) -> Sender:
    """Look at who sent ``span``."""
    total = next((n for name in _SAID_TOTALS if (n := span.integer(name)) is not None), None)
    return Sender(total, _counts_apart(span, total), _thinks_apart(span))


def _counts_apart(span: SpanView, total: int | None) -> bool:
    """Claude Code does; so do the AI SDK before version 6, OpenLIT, OpenLLMetry and OpenTelemetry's
    own over Bedrock, of those who do."""
    if span.scope_name == _BEDROCK:
        return not span.has(own.INPUT_WHOLE)
    names = () if any(map(span.has, _WHOLE)) else _VERCEL
    names = _BARE if span.scope_name in _CLAUDE_CODE else names
    bare = next((n for name in names if (n := span.integer(name)) is not None), None)
    if bare is not None:  # where both names are kept, input may be whole already
        return span.integer(_IN) in (None, bare) and (names is _BARE or _is_apart(span))
    sum_of_both = total if span.scope_name == _OPENLLMETRY_BEDROCK else span.integer(_OPENLIT)
    return _adds_up(span, sum_of_both) and _is_apart(span)


def _thinks_apart(span: SpanView) -> bool:
    """OpenLIT does, over Gemini."""
    return _adds_up(span, span.integer(_OPENLIT)) and _is_apart(span, _GEMINI)


def _adds_up(span: SpanView, total: int | None) -> bool:
    both = span.integer(_IN), span.integer(_OUT)
    return None not in both and total == sum(filter(None, both))


def _is_apart(span: SpanView, those: tuple[str, ...] = ("anthropic", "bedrock")) -> bool:
    said = map(span.text, ("ai.model.provider", "gen_ai.system", semconv.PROVIDER_NAME))
    provider = next(filter(None, said), "").lower()
    return any(name in provider for name in those)


def settle_counts(span: SpanView, sender: Sender) -> None:
    """Make input and output whole."""
    said = {name: count for name in _PARTS if (count := span.integer(name)) is not None}
    if said.get(_IN) == said.get(_OUT) == 0 and not any(said.values()):
        said = _forget(span, said)
    if sender == _UNKNOWN or not said.keys() & {_READ, _WRITTEN, _THOUGHT}:
        return
    total = None if sender.apart or sender.thinks else sender.total
    whole = completed(said, total, cache=sender.apart, thought=sender.thinks)
    for name, count in whole.items():
        if said[name] != count:
            span.set(name, count)
    if span.scope_name == _BEDROCK and whole != said:
        span.set(own.INPUT_WHOLE, True)


def _forget(span: SpanView, said: Counts) -> dict[str, int]:
    """Take away what nobody counted: no call has neither a question nor an answer."""
    for name in said:
        span.remove(name)
    return {}


_UNKNOWN: Final = Sender(None, apart=False, thinks=False)
_PARTS: Final = (_IN, _OUT, _READ, _WRITTEN, _THOUGHT)


def usage(work: Work, old: str, new: str) -> bool:
    """Read a whole usage (see ``conversions.HOW``)."""
    given = as_map(parsed(work.span.value(old)))
    done = [work.put(name, count) for name, count in counts_of(given).items()]
    return all(done) and given.keys() <= USAGE.keys() | TOTALS
