"""Where calls that pass by are chosen to be judged: after all processors, so that the judge sees
what redaction has left and what cost and flags say.

Costs a look at a few attributes; what was said is decoded in the judge's own threads. Where a
collector is several processes, each chooses, and one of them judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from otel_llm import semconv
from otel_llm.evaluation import Subject
from otel_llm.evaluation.live import LiveJudge
from otel_llm.evaluation.sampling import Sampler
from otel_llm.quality import Content
from otel_llm.semconv import own

from ..measures.samples import Family, Sample, counter
from ..wire.values import decode

if TYPE_CHECKING:
    from ..data import Batch, SpanView

_ANSWERING = frozenset({"chat", "generate_content", "text_completion"})
_SUBJECT = (
    semconv.RESPONSE_ID,
    semconv.RESPONSE_MODEL,
    semconv.REQUEST_MODEL,
    semconv.PROMPT_NAME,
    semconv.PROMPT_VERSION,
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A call that is to be judged. Holds what was said, encoded as it came."""

    trace_id: str
    span_id: str
    response_id: str | None
    service: str | None
    model: str | None
    prompt_name: str | None
    prompt_version: str | None
    asked: bytes
    answered: bytes

    def subject(self) -> Subject | None:
        """Decode it; ``None`` for a turn that asks or answers nothing in words."""
        question = Content(self.asked, partial(decode, self.asked)).question
        answer = Content(self.answered, partial(decode, self.answered)).text
        if not question.strip() or not answer.strip():
            return None
        return Subject(
            question,
            answer,
            trace_id=self.trace_id,
            span_id=self.span_id,
            response_id=self.response_id,
            service=self.service,
            model=self.model,
            prompt_name=self.prompt_name,
            prompt_version=self.prompt_version,
        )


Offer = Callable[[Chosen], object]
"""Takes a call that was chosen. Never waits."""


class Judging:
    """The last ``Processor`` of every traces pipeline. Changes nothing."""

    def __init__(self, sampler: Sampler, offer: Offer) -> None:
        self._sampler = sampler
        self._offer = offer

    def process(self, batch: Batch) -> None:
        """Leave the chosen calls of ``batch`` to the judge."""
        for span in batch.genai():
            if self._chosen(span) and _judgeable(span) and (chosen := _chosen(span)):
                self._offer(chosen)

    def _chosen(self, span: SpanView) -> bool:
        sampler = self._sampler
        if sampler.by_rate(span.trace_id, span.span_id):
            return True
        if sampler.by_rate_alone:
            return False
        usd = span.text(own.COST_CURRENCY) in (None, "USD")
        cost = span.number(own.COST_TOTAL) if usd else None
        return sampler.by_what_it_was(span.texts(own.QUALITY_FLAGS), cost)


def _chosen(span: SpanView) -> Chosen | None:
    asked, answered = span.raw(semconv.INPUT_MESSAGES), span.raw(semconv.OUTPUT_MESSAGES)
    if asked is None or answered is None:
        return None
    response, served, requested, prompt, version = map(span.text, _SUBJECT)
    return Chosen(
        span.trace_id,
        span.span_id,
        response,
        span.resource_text(own.SERVICE_NAME),
        served or requested,
        prompt,
        version,
        asked,
        answered,
    )


def _judgeable(span: SpanView) -> bool:
    return (
        span.text(semconv.OPERATION_NAME) in _ANSWERING
        and not span.is_error
        and not span.has(own.EVALUATION_PURPOSE)
        and not span.has(own.DUPLICATE_OF)
    )


def judged(live: LiveJudge) -> Iterator[Family]:
    """Give what a judge did, for ``/metrics``."""
    yield counter("otel_llm_evaluation_judged_calls", "Calls that were judged", live.judged)
    help = "Calls that found no room to wait for the judge"
    yield counter("otel_llm_evaluation_dropped_calls", help, live.dropped)
    samples = [Sample(n, {"reason": why}, "_total") for why, n in {**live.failed}.items()]
    if samples:
        help = "Judgements without a score, by why"
        yield Family("otel_llm_evaluation_failures", "counter", help, samples)
