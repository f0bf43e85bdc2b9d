"""A second price source to hold the first against: a price file in LiteLLM's format.

Nobody publishes prices for machines to read, so every open table is typed in by people, and they
differ. A price that two of them agree on is probably right; the rest is worth a look. Fetching the
file (``model_prices_and_context_window.json`` of BerriAI/litellm) is up to the operator.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, cast

from .book import PriceBook
from .card import Card
from .lookup import per_million

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

_BUCKETS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
}
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


def _entries(prices: Path) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    table: object = json.loads(prices.read_text(encoding="utf-8"), parse_float=Decimal)
    if not isinstance(table, dict):
        raise ValueError(f"{prices.name} is no price table in LiteLLM's format")
    for name, entry in cast("dict[str, Any]", table).items():
        provider = PROVIDERS.get(str(entry.get("litellm_provider")))
        if provider and entry.get("mode") in _MODES and entry.get("input_cost_per_token"):
            prefix, slash, rest = name.partition("/")
            own = slash and prefix in (entry["litellm_provider"], "vertex_ai", "bedrock")
            yield provider, rest if own else name, entry


def _per_million(entry: Mapping[str, Any]) -> dict[str, Decimal]:
    return {
        bucket: (Decimal(str(entry[key])) * 1_000_000).normalize()
        for key, bucket in _BUCKETS.items()
        if entry.get(key)
    }


def _apart(ours: Decimal, theirs: Decimal) -> bool:
    return abs(ours - theirs) > TOLERANCE * max(ours, theirs)
