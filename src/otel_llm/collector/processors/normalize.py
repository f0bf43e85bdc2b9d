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
from ..normalize.plan import Plans
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
    cache_write: Literal["cache_write", "cache_creation", "as_sent"] = "cache_write"
    """Name of the tokens written to the provider's cache: the current one; the older one, which
    most senders use and most backends expect; or ``as_sent``, which costs nothing: ``cost`` and the
    store understand both."""
    deduplicate: bool = True
    """Mark spans that repeat a call which another instrumentation also saw."""


class NormalizeProcessor:
    """Rewrites GenAI spans in place."""

    reads_dialects: ClassVar[bool] = True
    """The pipeline then also looks for spans that have no current name at all."""

    def __init__(self, config: NormalizeConfig | None = None) -> None:
        self._config = config or NormalizeConfig()
        self._duplicates = Duplicates()
        as_sent = self._config.cache_write != "cache_write"
        self._plans = Plans([_CACHE_CREATION] if as_sent else ())

    def process(self, batch: Batch) -> None:
        """Rewrite every span that does not speak the current conventions."""
        spans = batch.genai()
        for span in spans:
            plan = self._plans.of(span)
            work = translate if plan.foreign else settle
            work(span, plan, keep=self._config.keep_originals)
            if self._config.cache_write == "cache_creation":
                _older_cache_name(span)
        if self._config.deduplicate:
            self._duplicates.mark(spans)


def _older_cache_name(span: SpanView) -> None:
    written = span.integer(semconv.USAGE_CACHE_WRITE_INPUT_TOKENS)
    if written is not None:
        span.set(_CACHE_CREATION, written)
        span.remove(semconv.USAGE_CACHE_WRITE_INPUT_TOKENS)
