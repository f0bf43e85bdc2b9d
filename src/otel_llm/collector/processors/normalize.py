"""``normalize``: older and foreign dialects of GenAI telemetry in current names.

Understands OpenTelemetry's own older states, OpenLLMetry, OpenInference, the Vercel AI SDK,
Pydantic AI and Logfire, Langfuse, OpenLIT, MLflow, Genkit, LangSmith, LiteLLM, Strands, Google ADK,
Gemini CLI, Claude Code and the Anthropic SDK's own tracing: names, units, values of provider,
operation and finish reason, and messages. What a sender says in current words is not overwritten,
but for its spelling and shape, and for input that leaves out what the cache held. A span that
failed and does not say by what gets the class of its exception as ``error.type``, or ``_OTHER``.
Put it before the processors that read: ``cost``, ``quality``, ``redact``.

In a pipeline of logs, it remembers messages that come as records of their own (``gen_ai.*.message``
and ``gen_ai.choice``, until version 1.36 of the conventions) and puts them on their spans, which
come later: what is on the spans then goes where traces go. The records go on as they came.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from otel_llm import semconv
from otel_llm.config.units import Size

from ..component import Signal
from ..data.facts import PROFILE
from ..data.records import Records
from ..measures.samples import Family, counter
from ..normalize.duplicates import Duplicates
from ..normalize.failures import name_failure
from ..normalize.plan import Plans
from ..normalize.said_apart import SaidApart
from ..normalize.translate import is_current, settle, translate

if TYPE_CHECKING:
    from ..data import Batch, SpanView

_log = logging.getLogger(__name__)

_CACHE_CREATION = "gen_ai.usage.cache_creation.input_tokens"
"""What the conventions called ``cache_write`` until September 2026."""
_KNOWN = 8192
"""Bound of what is remembered: values come from the outside."""


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
    event_memory: Size = 32 * 2**20
    """Bytes of messages that came as log records and are remembered for their spans; the oldest are
    forgotten first. ``0``: none. Used where the processor is in a pipeline of logs as well. With
    ``--workers``, what all of them remember together, as it was configured at the start."""


class NormalizeProcessor:
    """Rewrites GenAI spans in place."""

    signals: ClassVar[frozenset[Signal]] = frozenset({"traces", "logs"})
    reads_dialects: ClassVar[bool] = True
    """The pipeline then also looks for spans that have no current name at all."""

    def __init__(self, config: NormalizeConfig | None = None) -> None:
        self._config = config or NormalizeConfig()
        self.duplicates = Duplicates()
        """What is remembered of calls."""
        self.apart = SaidApart(self._config.event_memory)
        """What was said apart from spans."""
        self._older = self._config.cache_write == "cache_creation"
        self._failed = 0
        as_sent = self._config.cache_write != "cache_write"
        self._plans = Plans([_CACHE_CREATION] if as_sent else ())
        self._current: dict[object, bool] = {}

    def process(self, batch: Batch | Records) -> None:
        """Rewrite every span that does not speak the current conventions. Of log records, remember
        what is for spans."""
        if isinstance(batch, Records):
            self.apart.note(batch)
        else:
            self._rewrite(batch)

    def measure(self) -> Iterator[Family]:
        """Give what became of log records, and of odd spans, for ``/metrics``."""
        help = "Spans that were given messages which came as log records"
        yield counter("otel_llm_normalize_joined_spans", help, self.apart.joined)
        help = "Spans that were too odd to be rewritten and went on as far as they were understood"
        yield counter("otel_llm_normalize_failed_spans", help, self._failed)

    def _rewrite(self, batch: Batch) -> None:
        spans = batch.genai()
        for change in (self._translate, self.apart.join) if self.apart else (self._translate,):
            for span in spans:
                try:
                    change(span)
                except Exception as error:  # noqa: BLE001 - its neighbours did nothing wrong
                    self._complain(error)
        if self._config.deduplicate:
            self.duplicates.mark(spans)

    def _translate(self, span: SpanView) -> None:
        plan, keep = self._plans.of(span), self._config.keep_originals
        if plan.foreign:
            translate(span, plan, keep=keep)
        elif not (plan.settled and self._is_current(span)):
            settle(span, plan, keep=keep)
        name_failure(span)
        if self._older:
            _older_cache_name(span)

    def _complain(self, error: Exception) -> None:
        """Say it once, and nothing of what was said on the span."""
        self._failed += 1
        if self._failed == 1:
            _log.error("a span stays in the words it came in: %s", type(error).__name__)

    def _is_current(self, span: SpanView) -> bool:
        """Whether the values too are those of the conventions: worked out once for all spans that
        have them in common."""
        known = span.facts
        profile = known[PROFILE]
        if profile is None or span.has_events:
            return False
        current = self._current.get(profile)
        if current is None:
            current = is_current(known)
            if len(self._current) >= _KNOWN:
                self._current = {}
            self._current[profile] = current
        return current


def _older_cache_name(span: SpanView) -> None:
    written = span.integer(semconv.USAGE_CACHE_WRITE_INPUT_TOKENS)
    if written is not None:
        span.set(_CACHE_CREATION, written)
        span.remove(semconv.USAGE_CACHE_WRITE_INPUT_TOKENS)
