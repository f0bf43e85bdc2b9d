"""What is wanted of every GenAI span, read all at once: ``SpanView.facts``.

The facts of a span are a list, one place for each name of the table below; what the span does not
say, or says in another type, is ``None``. Model, provider, operation and the like come again and
again in the same company, so that their bytes are decoded once for many spans; counts come again
one by one; ids and measured times do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from otel_llm import semconv
from otel_llm.genai import Usage
from otel_llm.genai.usage import COUNTS
from otel_llm.pricing.service_tiers import located
from otel_llm.semconv import own

from ..wire.values import as_integer, as_number, boolean_of, decode, texts_of

Facts: TypeAlias = list[Any]
Read: TypeAlias = Callable[[Any], Any]
"""Takes a decoded attribute and returns it in the type that is wanted, or ``None``."""


class _Fact(NamedTuple):
    name: str
    read: Read
    comes: Literal["together", "once"] = "together"
    """Whether the same value is on many spans, and with the same others."""


def _each(read: Read, *names: str) -> tuple[_Fact, ...]:
    return tuple(_Fact(name, read) for name in names)


def _anything(value: object) -> object:
    return value


_LONGEST_TEXT: Final = 1000
_MOST_TEXTS: Final = 64
"""What names and ids are cut to: facts are remembered here and there, and come from the outside."""


def as_short_text(value: object) -> str | None:
    """Return a name or an id; ``None`` when it is no text, or an empty one, which says nothing."""
    return value[:_LONGEST_TEXT] or None if isinstance(value, str) else None


def _texts(value: object) -> tuple[str, ...] | None:
    texts = texts_of(value)
    return texts and tuple([text[:_LONGEST_TEXT] for text in texts[:_MOST_TEXTS]])


COUNT_NAMES: Final = (
    semconv.USAGE_INPUT_TOKENS,
    semconv.USAGE_OUTPUT_TOKENS,
    semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    own.CACHE_WRITE_5M_TOKENS,
    own.CACHE_WRITE_1H_TOKENS,
    semconv.USAGE_REASONING_OUTPUT_TOKENS,
    semconv.USAGE_TEXT_INPUT_TOKENS,
    semconv.USAGE_AUDIO_INPUT_TOKENS,
    semconv.USAGE_IMAGE_INPUT_TOKENS,
    semconv.USAGE_TEXT_OUTPUT_TOKENS,
    semconv.USAGE_AUDIO_OUTPUT_TOKENS,
    semconv.USAGE_IMAGE_OUTPUT_TOKENS,
    semconv.USAGE_TEXT_CACHE_READ_INPUT_TOKENS,
    semconv.USAGE_AUDIO_CACHE_READ_INPUT_TOKENS,
    semconv.USAGE_IMAGE_CACHE_READ_INPUT_TOKENS,
    own.WEB_SEARCHES,
    own.FILE_SEARCHES,
)
"""In the order of ``COUNTS``."""
COUNTED: Final = {
    # what the conventions called ``cache_write`` until September 2026, and most still do; before
    # the name of today, which counts where a span has both
    "gen_ai.usage.cache_creation.input_tokens": "cache_write",
    **dict(zip(COUNT_NAMES, COUNTS, strict=True)),
}
"""Name of an attribute to the field of ``Usage``."""
SPELLED: Final = {
    count: tuple(name for name, other in COUNTED.items() if other == count) for count in COUNTS
}
"""Field of ``Usage`` to the names that say it, that of today last."""

# In the order in which ``Call`` wants them: whole stretches are handed over at once.
_TABLE: Final = (
    *_each(
        as_short_text,
        semconv.OPERATION_NAME,
        semconv.PROVIDER_NAME,
        semconv.REQUEST_MODEL,
        semconv.RESPONSE_MODEL,
    ),
    _Fact(semconv.RESPONSE_ID, as_short_text, "once"),
    _Fact(semconv.RESPONSE_FINISH_REASONS, _texts),
    _Fact(semconv.ERROR_TYPE, as_short_text),
    _Fact(semconv.RESPONSE_TIME_TO_FIRST_CHUNK, as_number, "once"),
    _Fact(semconv.REQUEST_STREAM, boolean_of),
    _Fact(semconv.CONVERSATION_ID, as_short_text, "once"),
    _Fact(own.USER_ID, as_short_text, "once"),
    *_each(
        as_short_text,
        own.FEATURE,
        own.TEAM,
        semconv.AGENT_NAME,
        semconv.TOOL_NAME,
        semconv.WORKFLOW_NAME,
        semconv.PROMPT_NAME,
        semconv.PROMPT_VERSION,
        semconv.SERVER_ADDRESS,
    ),
    _Fact(own.COST_TOTAL, as_number, "once"),
    _Fact(own.COST_INPUT, as_number, "once"),
    _Fact(own.COST_OUTPUT, as_number, "once"),
    _Fact(own.COST_CACHE_READ, as_number, "once"),
    _Fact(own.COST_CACHE_WRITE, as_number, "once"),
    *_each(as_short_text, own.COST_CURRENCY, own.COST_PRICE_SOURCE, own.COST_PRICE_TIER),
    _Fact(own.COST_TOOLS, as_number, "once"),
    _Fact(own.COST_REPORTED, as_number, "once"),
    _Fact(own.QUALITY_FLAGS, _texts),
    _Fact(own.OUTPUT_LENGTH, as_integer, "once"),
    _Fact(own.TAGS, _anything, "once"),
    _Fact(semconv.REQUEST_MAX_TOKENS, as_integer),
    _Fact(semconv.RETRIEVAL_DOCUMENTS, _anything, "once"),
    _Fact(own.QUALITY_SCORE, as_number, "once"),
    _Fact(own.CONTENT_REFERENCE, as_short_text, "once"),
    _Fact(own.QUALITY_SENTIMENT, as_number, "once"),
    _Fact(own.QUALITY_RELEVANCE, as_number, "once"),
    _Fact(own.QUALITY_COHERENCE, as_number, "once"),
    _Fact(own.QUALITY_COMPLETENESS, as_number, "once"),
    _Fact(own.QUALITY_SAFETY, as_number, "once"),
    _Fact(own.QUALITY_FORMAT, as_number, "once"),
    *_each(  # service tiers, the served before the requested one
        as_short_text,
        semconv.OPENAI_RESPONSE_SERVICE_TIER,
        own.RESPONSE_SERVICE_TIER,
        "gen_ai.openai.response.service_tier",
        "gen_ai.response.service_tier",
        semconv.OPENAI_REQUEST_SERVICE_TIER,
        own.REQUEST_SERVICE_TIER,
        "gen_ai.openai.request.service_tier",
        "gen_ai.request.service_tier",
    ),
    *_each(as_short_text, "gen_ai.system", own.DUPLICATE_OF, semconv.OUTPUT_TYPE),
    _Fact(own.INFERENCE_GEO, as_short_text),
    _Fact(own.USAGE_COST, _anything, "once"),
)
NAMES: Final = tuple(fact.name for fact in _TABLE)
AT: Final = {name: place for place, name in enumerate(NAMES)}
"""Name to place."""
READ: Final = tuple(fact.read for fact in _TABLE)

OPERATION: Final = AT[semconv.OPERATION_NAME]
PROVIDER: Final = AT[semconv.PROVIDER_NAME]
REQUEST_MODEL: Final = AT[semconv.REQUEST_MODEL]
RESPONSE_MODEL: Final = AT[semconv.RESPONSE_MODEL]
FINISH_REASONS: Final = AT[semconv.RESPONSE_FINISH_REASONS]
ERROR_TYPE: Final = AT[semconv.ERROR_TYPE]
SERVER_ADDRESS: Final = AT[semconv.SERVER_ADDRESS]
COST_TOTAL: Final = AT[own.COST_TOTAL]
COST_REPORTED: Final = AT[own.COST_REPORTED]
FLAGS: Final = AT[own.QUALITY_FLAGS]
TAGS: Final = AT[own.TAGS]
SYSTEM: Final = AT["gen_ai.system"]
DUPLICATE_OF: Final = AT[own.DUPLICATE_OF]
OUTPUT_TYPE: Final = AT[semconv.OUTPUT_TYPE]
INFERENCE_GEO: Final = AT[own.INFERENCE_GEO]
USAGE_COST: Final = AT[own.USAGE_COST]
TIERS: Final = slice(AT[semconv.OPENAI_RESPONSE_SERVICE_TIER], SYSTEM)

PROFILE: Final = len(NAMES)
"""Behind the names: what facts that come together have in common, an object to remember things by.
``None`` once they were changed."""
USAGE: Final = PROFILE + 1
"""The last place: all counts, as a ``Usage`` that many may share: to be read only."""
UNNAMED_FAILURE: Final = "_OTHER"
"""``error.type`` of what failed and does not say by what, as the conventions have it."""

_MEMORY = 32_768
_MOST_KNOWN = 8192
_LONGEST = 200
"""Bounds of what is remembered: values come from the outside."""


def service_tier(facts: Facts) -> str | None:
    """Return the tier that served, else the one that was asked for, with where the model ran."""
    named = next((tier for tier in facts[TIERS] if tier is not None), None)
    return located(named, facts[INFERENCE_GEO])


class _Counts(dict[bytes, int | None]):
    """Counts by their bytes. Thread-safe: at worst something is decoded twice."""

    __slots__ = ()

    def __missing__(self, encoded: bytes) -> int | None:
        count = as_integer(decode(encoded))
        if len(encoded) <= _LONGEST:
            if len(self) >= _MEMORY:
                self.clear()
            self[encoded] = count
        return count


_counted = _Counts().__getitem__


class Plan:
    """How the facts are read from the values of one layout."""

    __slots__ = ("_company", "_counts", "_once")

    def __init__(self, at: Mapping[str, int]) -> None:
        """``at`` tells where the value of each name is."""
        here = [(place, fact) for place, fact in enumerate(_TABLE) if fact.name in at]
        together = [(place, fact) for place, fact in here if fact.comes == "together"]
        self._company = [(place, at[fact.name], fact.read) for place, fact in together]
        self._counts = [(at[name], count) for name, count in COUNTED.items() if name in at]
        self._once = [(p, at[fact.name], fact.read) for p, fact in here if fact.comes == "once"]

    def __call__(self, values: Sequence[bytes]) -> Facts:
        """Return the facts that ``values`` tell."""
        key = tuple([values[at] for _, at, _ in self._company])
        known = _known.get((self, key))
        facts = (self._decoded(key) if known is None else known).copy()
        facts[USAGE] = Usage.of({count: _counted(values[at]) for at, count in self._counts})
        for place, at, read in self._once:
            facts[place] = read(decode(values[at]))
        return facts

    def _decoded(self, key: tuple[bytes, ...]) -> Facts:
        facts: Facts = [None] * len(NAMES)
        for (place, _, read), encoded in zip(self._company, key, strict=True):
            facts[place] = read(decode(encoded))
        short = max(map(len, key), default=0) <= _LONGEST
        facts += object() if short else None, None
        if short:
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[self, key] = facts
        return facts


_known: dict[tuple[Plan, tuple[bytes, ...]], Facts] = {}
"""Facts that come together. Thread-safe: at worst they are decoded twice."""
