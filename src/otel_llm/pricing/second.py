"""A second price source to hold the first against: a price file in LiteLLM's format.

Nobody publishes prices for machines to read, so every open table is typed in by people, and they
differ. A price that two of them agree on is probably right; the rest is worth a look. Fetching the
file (``model_prices_and_context_window.json`` of BerriAI/litellm) is up to the operator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, cast

from .book import PriceBook
from .card import Band, Card, Unpriced
from .lookup import per_million
from .names import reference
from .rates import FEES, ZERO, Rates
from .service_tiers import named

PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "gcp.gemini",
    "vertex_ai-language-models": "gcp.vertex_ai",
    "vertex_ai-anthropic_models": "gcp.vertex_ai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "mistral": "mistral_ai",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "groq": "groq",
    "deepseek": "deepseek",
    "xai": "x_ai",
    "perplexity": "perplexity",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "openrouter": "openrouter",
    "moonshot": "moonshot_ai",
    "cerebras": "cerebras",
    "voyage": "voyageai",
    "novita": "novita",
    "zai": "zai",
    "databricks": "databricks",
    "baseten": "baseten",
    "ovhcloud": "ovhcloud",
    "watsonx": "ibm.watsonx.ai",
}
"""LiteLLM's providers in the conventions' spelling."""

# rate: (its key, the rate it falls back to); a rate stands after what it falls back to
_KEYS: dict[str, tuple[str, str | None]] = {
    "input": ("input_cost_per_token", None),
    "output": ("output_cost_per_token", None),
    "cache_read": ("cache_read_input_token_cost", "input"),
    "cache_write": ("cache_creation_input_token_cost", "input"),
    "cache_write_1h": ("cache_creation_input_token_cost_above_1hr", "cache_write"),
    "audio_input": ("input_cost_per_audio_token", "input"),
    "image_input": ("input_cost_per_image_token", "input"),
    "audio_cache_read": ("cache_read_input_audio_token_cost", "cache_read"),
    "image_cache_read": ("cache_read_input_image_token_cost", "cache_read"),
    "reasoning": ("output_cost_per_reasoning_token", "output"),
    "audio_output": ("output_cost_per_audio_token", "output"),
    "image_output": ("output_cost_per_image_token", "output"),
}
_TIER_SUFFIX = {"batch": "_batches", "flex": "_flex", "priority": "_priority"}
_ABOVE = re.compile(r"input_cost_per_token_above_(\d+)k_tokens$")
_AMOUNTS = tuple(key for key, _ in _KEYS.values())
_COMPARED = frozenset(_KEYS) - {"audio_cache_read", "image_cache_read", "reasoning"}
"""The rest few entries have, and the two tables mean different things by them."""
_MODES = frozenset({"chat", "completion", "responses", "embedding"})
TOLERANCE = Decimal("0.005")

Verdict = Literal["agree", "differ", "unlisted"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model of the second source beside ours."""

    provider: str
    model: str
    theirs: dict[str, Decimal]
    """US dollars per million tokens by bucket."""
    ours: dict[str, Decimal] | None
    """``None`` when our book has no price."""
    source: str | None
    """Where the second source says it has the figure from."""

    @property
    def verdict(self) -> Verdict:
        """``differ`` when a bucket that both price is more than half a percent apart."""
        if self.ours is None:
            return "unlisted"
        return "differ" if self.differences() else "agree"

    def differences(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return (ours, theirs) of each bucket that both price and that is apart."""
        shared = (self.ours or {}).keys() & self.theirs.keys()
        pairs = {name: ((self.ours or {})[name], self.theirs[name]) for name in sorted(shared)}
        return {name: pair for name, pair in pairs.items() if _apart(*pair)}


def compare(book: PriceBook, prices: Path, at_ns: int) -> Iterator[Comparison]:
    """Yield every model that the file prices by token, beside what ``book`` says at ``at_ns``.

    Raises ``OSError`` when the file cannot be read and ``ValueError`` when it is not in the format.
    """
    for provider, model, entry in _entries(prices):
        theirs = _per_million(entry)
        card = book.quote(provider, model, at_ns)
        ours = per_million(card) if isinstance(card, Card) else None
        source = entry.get("source")
        yield Comparison(provider, model, theirs, ours, source if isinstance(source, str) else None)


def read_json(file: Path, number: Callable[[str], object] = Decimal) -> object:
    """Return what a table holds. Raises ``OSError``, and ``ValueError`` when it is no JSON."""
    try:
        return json.loads(file.read_text(encoding="utf-8"), parse_float=number)
    except RecursionError as error:
        raise ValueError(f"{file.name} is no price table: it is nested too deep") from error


def _entries(prices: Path) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    table = read_json(prices)
    entries = cast("dict[str, Any]", table).items() if isinstance(table, dict) else ()
    if not any(isinstance(entry, dict) for _, entry in entries):
        raise ValueError(f"{prices.name} is no price table in LiteLLM's format")
    for name, entry in entries:
        provider = PROVIDERS.get(str(entry["litellm_provider"])) if _is_by_token(entry) else None
        if provider:
            prefix, slash, rest = name.partition("/")
            own = slash and prefix in (entry["litellm_provider"], "vertex_ai", "bedrock")
            yield provider, rest if own else name, entry


def _is_by_token(entry: object) -> bool:
    """Return whether a line prices tokens, and every one of its amounts can be one."""
    if not isinstance(entry, dict):
        return False
    line = cast("dict[str, object]", entry)
    if "litellm_provider" not in line or str(line.get("mode")) not in _MODES:
        return False
    amounts = [value for key, value in line.items() if key.startswith(_AMOUNTS)]
    return bool(line.get("input_cost_per_token")) and all(map(_is_amount, amounts))


def _is_amount(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return value is None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return False
    return amount.is_finite() and 0 <= amount < 1


def _per_million(entry: Mapping[str, Any]) -> dict[str, Decimal]:
    return {
        bucket: (Decimal(str(entry[key])) * 1_000_000).normalize()
        for bucket, (key, _) in _KEYS.items()
        if entry.get(key) and bucket in _COMPARED
    }


def _apart(ours: Decimal, theirs: Decimal) -> bool:
    return abs(ours - theirs) > TOLERANCE * max(ours, theirs)


class SecondList:
    """The file as a price list of its own, for models that the first one does not have.

    It has no history: its prices are those of the day it was written.
    """

    def __init__(self, prices: Path) -> None:
        """Read the file. Raises ``OSError``, and ``ValueError`` when it is not in the format."""
        self._entries = {
            (who, name.lower()): entry
            for provider, model, entry in _entries(prices)
            for who, name in [reference(provider, model)]
        }

    def card(self, provider: str | None, model: str, tier: str | None) -> Card | Unpriced:
        """Return the rates of ``model``; ``provider`` is the price list's id (``names``)."""
        entry = self._entries.get((provider, model.lower()))
        if entry is None:
            return Unpriced("unknown_model")
        name = named(provider, tier)
        suffix = _TIER_SUFFIX.get(name, "")
        own = bool(suffix) and f"input_cost_per_token{suffix}" in entry
        return Card(
            bands=_bands(entry, suffix if own else ""),
            source="litellm",
            match=f"{provider}/{model}",
            tier=name if own else "standard",
            quality=None if own or not name else "unpriced_tier",
            output_priced=entry.get("output_cost_per_token") is not None,
            audio_priced="input_cost_per_audio_token" in entry,
            unknown_fees=frozenset(FEES) - _fees(entry).keys(),
        )


def _bands(entry: Mapping[str, Any], tier: str) -> tuple[Band, ...]:
    starts = sorted((int(m[1]) for key in entry if (m := _ABOVE.match(key))), reverse=True)
    above = [Band.of(n * 1000, _rates(entry, f"_above_{n}k_tokens", tier)) for n in starts]
    return (*above, Band.of(-1, _rates(entry, "", tier)))


def _rates(entry: Mapping[str, Any], above: str, tier: str) -> Rates[Decimal]:
    rates: dict[str, Decimal] = {}
    for name, (key, fallback) in _KEYS.items():
        keys = (f"{key}{above}{tier}", f"{key}{above}", f"{key}{tier}", key)
        written = next((entry[k] for k in keys if entry.get(k) is not None), None)
        inherited = rates[fallback] if fallback else ZERO
        rates[name] = inherited if written is None else Decimal(str(written))
    return Rates(**rates, **(dict.fromkeys(FEES, ZERO) | _fees(entry)))


def _fees(entry: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return what a search of the web costs with as much context as is usual, if that is said."""
    sizes = entry.get("search_context_cost_per_query")
    told = cast("dict[str, object]", sizes) if isinstance(sizes, dict) else {}
    cost = told.get("search_context_size_medium")
    return {} if cost is None or not _is_amount(cost) else {"web_search": Decimal(str(cost))}
