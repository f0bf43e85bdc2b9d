"""One finished GenAI operation as the collector knows it: read from a span, priced and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .usage import Usage

TOO_DEAR: Final = 1e12
"""No call costs so much: what says so is a mistake, and would drown every sum that it is in."""


@dataclass(slots=True)  # not frozen, as it is made for every call: that would triple its price
class Cost:
    """What one call cost, in ``currency``, with where the price came from.

    The parts are disjoint and add up to ``total``. A part that does not apply is ``None``.
    """

    total: float
    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    currency: str = "USD"
    source: str | None = None
    """``genai-prices``, ``custom``, ``provider`` or ``local``."""
    tier: str | None = None
    """Under which service tier, ``standard``, ``batch``, …, ``+above_200000`` for long prompts."""
    tools: float | None = None
    """Fees for what the provider's own tools did: searches."""

    @property
    def usd(self) -> float | None:
        """``total`` where it counts in a sum: US dollars, and so few that a call can cost them."""
        return self.total if self.currency == "USD" and abs(self.total) < TOO_DEAR else None


@dataclass(frozen=True, slots=True)
class Document:
    """One document that a retrieval found: which, and how well it fits. Never its text."""

    id: str | None = None
    score: float | None = None
    """As the index gave it: whether more is better is its affair."""


@dataclass(slots=True)
class Call:
    """One GenAI span. Ids are lower-case hex, times Unix nanoseconds, ``None`` is unknown.

    Holds no message content: what is stored, counted and alerted on cannot leak any.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start_ns: int
    end_ns: int
    service: str | None = None
    environment: str | None = None
    operation: str | None = None
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    error_type: str | None = None
    usage: Usage = field(default_factory=Usage)
    time_to_first_chunk_s: float | None = None
    streamed: bool | None = None
    conversation_id: str | None = None
    user_id: str | None = None
    feature: str | None = None
    team: str | None = None
    agent_name: str | None = None
    tool_name: str | None = None
    workflow_name: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    server_address: str | None = None
    cost: Cost | None = None
    reported_cost: float | None = None
    """What the provider itself said the call cost, in US dollars."""
    flags: tuple[str, ...] | None = None
    """Quality checks that fired; ``()`` when all were silent, ``None`` when none could look."""
    output_chars: int | None = None
    """Length of the answer's text; ``None`` when content was not captured."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    max_tokens: int | None = None
    """How long the answer was allowed to be."""
    documents: tuple[Document, ...] | None = None
    """What a retrieval found, in its order; ``None`` when it was not captured."""
    score: float | None = None
    """How good the answer looks by rules of thumb, from 0 to 1; only some calls are scored."""
    content_reference: str | None = None
    """Where what was said is kept apart, for who may read it; ``None`` when it is not."""
    sentiment: float | None = None
    """The tone of the answer, from -1 (negative) to 1; only some calls are looked at."""
    service_tier: str | None = None
    """The tier that served, else the one that was asked for, in the provider's word; ``@us`` behind
    it where that is what the rates depend on. ``None``: the span names none, so the plain one."""
    tenant: str | None = None
    """Whose data it is, by the token or the header that it came with."""
    score_relevance: float | None = None
    score_coherence: float | None = None
    score_completeness: float | None = None
    score_safety: float | None = None
    score_format: float | None = None
    """The parts of ``score``; ``None`` where a part cannot be told."""

    @property
    def model(self) -> str | None:
        """The model that served, else the one that was asked for."""
        return self.response_model or self.request_model

    @property
    def duration_s(self) -> float:
        """Wall time of the span in seconds."""
        return (self.end_ns - self.start_ns) / 1e9

    @property
    def billed(self) -> bool:
        """Whether tokens of this span count: agents and workflows only repeat their children's."""
        return self.operation in BILLED_OPERATIONS

    @property
    def tokens(self) -> int | None:
        """Input plus output; ``None`` when the provider said neither."""
        known = [n for n in (self.usage.input_tokens, self.usage.output_tokens) if n is not None]
        return sum(known) if known else None

    @property
    def unpriced(self) -> bool:
        """Whether it cost something nobody knows: billed, without a price, and not one that
        failed before a token was used."""
        ran = self.error_type is None or self.tokens is not None
        return self.billed and self.cost is None and ran


BILLED_OPERATIONS = frozenset({"chat", "generate_content", "text_completion", "embeddings"})
