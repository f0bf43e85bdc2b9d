"""Where calls that pass by are chosen to be judged: after all processors, so that the judge sees
what redaction has left and what cost and flags say.

Costs a look at a few attributes; what was said is decoded in the judge's own threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from otel_llm import semconv
from otel_llm.evaluation import Subject
from otel_llm.evaluation.live import LiveJudge
from otel_llm.evaluation.sampling import Sampler
from otel_llm.quality import Content
from otel_llm.semconv import own

from .samples import Family, Sample, counter
from .values import decode

if TYPE_CHECKING:
    from .data import Batch, SpanView

_ANSWERING = frozenset({"chat", "generate_content", "text_completion"})
_SUBJECT = (
    semconv.RESPONSE_ID,
    semconv.RESPONSE_MODEL,
    semconv.REQUEST_MODEL,
    semconv.PROMPT_NAME,
    semconv.PROMPT_VERSION,
)


class Judging:
    """The last ``Processor`` of every traces pipeline. Changes nothing."""

    def __init__(self, sampler: Sampler, live: LiveJudge) -> None:
        self._sampler = sampler
        self._live = live

    def process(self, batch: Batch) -> None:
        """Leave the chosen calls of ``batch`` to the judge."""
        for span in batch.genai():
            if self._chosen(span) and _judgeable(span):
                self._offer(span)

    def _chosen(self, span: SpanView) -> bool:
        sampler = self._sampler
        if sampler.by_rate(span.trace_id, span.span_id):
            return True
        if sampler.by_rate_alone:
            return False
        usd = span.text(own.COST_CURRENCY) in (None, "USD")
        cost = span.number(own.COST_TOTAL) if usd else None
        return sampler.by_what_it_was(span.texts(own.QUALITY_FLAGS), cost)

    def _offer(self, span: SpanView) -> None:
        asked, answered = span.raw(semconv.INPUT_MESSAGES), span.raw(semconv.OUTPUT_MESSAGES)
        if asked is None or answered is None:
            return
        response, served, requested, prompt, version = map(span.text, _SUBJECT)
        made = partial(
            Subject,
            trace_id=span.trace_id,
            span_id=span.span_id,
            response_id=response,
            service=span.resource_text(own.SERVICE_NAME),
            model=served or requested,
            prompt_name=prompt,
            prompt_version=version,
        )
        self._live.offer(span.trace_id + span.span_id, partial(_read, made, asked, answered))

    def measure(self) -> Iterator[Family]:
        """Give what the judge did, for ``/metrics``."""
        live = self._live
        yield counter("otel_llm_evaluation_judged_calls", "Calls that were judged", live.judged)
        help = "Calls that found no room to wait for the judge"
        yield counter("otel_llm_evaluation_dropped_calls", help, live.dropped)
        samples = [Sample(n, {"reason": why}, "_total") for why, n in {**live.failed}.items()]
        if samples:
            help = "Judgements without a score, by why"
            yield Family("otel_llm_evaluation_failures", "counter", help, samples)


def _judgeable(span: SpanView) -> bool:
    return (
        span.text(semconv.OPERATION_NAME) in _ANSWERING
        and not span.is_error
        and not span.has(own.EVALUATION_PURPOSE)
        and not span.has(own.DUPLICATE_OF)
    )


def _read(made: partial[Subject], asked: bytes, answered: bytes) -> Subject | None:
    """Decode one call; ``None`` for a turn that asks or answers nothing in words."""
    question = Content(asked, partial(decode, asked)).question
    output = Content(answered, partial(decode, answered))
    if not question.strip() or not output.text.strip():
        return None
    return made(question, output.text)
