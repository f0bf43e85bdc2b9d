"""``normalize``: older and foreign dialects of GenAI telemetry in current names.

Understands OpenTelemetry's own older states, OpenLLMetry, OpenInference, the Vercel AI SDK,
Pydantic AI and Logfire, Langfuse, OpenLIT and the Anthropic SDK's own tracing: names, units, values
of provider, operation and finish reason, and messages. What a sender says in current words is never
overwritten. Put it before the processors that read: ``cost``, ``quality``, ``redact``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from otel_llm import semconv

from ..normalize.duplicates import Duplicates
from ..normalize.table import FOREIGN_SCOPES, SIGNS
from ..normalize.translate import settle, translate

if TYPE_CHECKING:
    from ..data import Batch, SpanView

_CACHE_CREATION = "gen_ai.usage.cache_creation.input_tokens"
"""What the conventions called ``cache_write`` until September 2026."""


@dataclass(frozen=True, slots=True)
class NormalizeConfig:
    """Settings of the ``normalize`` processor."""

    keep_originals: bool = False
    """Keep the old names beside the new ones, for a destination that reads only those. Content is
    then on the span twice, and ``redact`` sees only the current names."""
    cache_write: Literal["cache_write", "cache_creation"] = "cache_write"
    """Name of the tokens written to the provider's cache: the current one, or the older one that
    some backends still expect."""
    deduplicate: bool = True
    """Mark spans that repeat a call which another instrumentation also saw."""


class NormalizeProcessor:
    """Rewrites GenAI spans in place."""

    reads_dialects: ClassVar[bool] = True
    """The pipeline then also looks for spans that have no current name at all."""

    def __init__(self, config: NormalizeConfig | None = None) -> None:
        self._config = config or NormalizeConfig()
        self._duplicates = Duplicates()

    def process(self, batch: Batch) -> None:
        """Rewrite every span that does not speak the current conventions."""
        spans = batch.genai()
        for span in spans:
            if SIGNS.isdisjoint(span.attributes) and span.scope_name not in FOREIGN_SCOPES:
                settle(span)
            else:
                translate(span, keep=self._config.keep_originals)
            if self._config.cache_write == "cache_creation":
                _older_cache_name(span)
        if self._config.deduplicate:
            self._duplicates.mark(spans)


def _older_cache_name(span: SpanView) -> None:
    written = span.integer(semconv.USAGE_CACHE_WRITE_INPUT_TOKENS)
    if written is not None:
        span.set(_CACHE_CREATION, written)
        span.remove(semconv.USAGE_CACHE_WRITE_INPUT_TOKENS)
