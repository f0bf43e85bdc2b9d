"""The client metrics of the conventions, under their pin names, their head names, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.trace import INVALID_SPAN, set_span_in_context

from otel_llm import semconv
from otel_llm.genai import Usage
from otel_llm.semconv import metrics
from otel_llm.semconv.metrics import Metric

from .attributes import TOO_MANY, tokens
from .ending import Ending
from .series import Points
from .settings import MetricNames
from .suppression import LAYERS

_NOWHERE = set_span_in_context(INVALID_SPAN, Context())
"""Durations and first chunks carry exemplars that lead to their trace. Counts and single chunks do
not: an exemplar costs a third of the record, and theirs would lead to the same trace."""


Record: TypeAlias = Callable[[Points, Ending, float, Context], None]
"""Records everything one ended operation says and nothing it does not: under which attributes, how
it ended, after how many seconds. The context has its span, so that a measurement can become an
exemplar."""


def recorder(meter: Meter, names: MetricNames) -> Record:
    """Return what records under the names that ``OTEL_LLM_METRICS`` asks for."""
    made: dict[str, type[Pin] | type[Head] | type[Both]] = {"pin": Pin, "head": Head, "both": Both}
    return made[names](meter).record


class Pin:
    """The names of August 2026, which the official packages still emit."""

    def __init__(self, meter: Meter) -> None:
        self._duration = histogram(meter, metrics.CLIENT_OPERATION_DURATION)
        self._tokens = histogram(meter, metrics.CLIENT_TOKEN_USAGE)
        self._first_chunk = histogram(meter, metrics.CLIENT_OPERATION_TIME_TO_FIRST_CHUNK)
        self._chunk = histogram(meter, metrics.CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK)

    def record(self, points: Points, ending: Ending, duration_s: float, context: Context) -> None:
        """Record one operation of any kind."""
        usage = ending.response.usage
        asked, wrote = usage.input_tokens, usage.output_tokens
        if (type(asked) is int and 0 <= asked < TOO_MANY) or (asked := tokens(asked)) is not None:
            self._tokens.record(asked, points.input, _NOWHERE)
        if (type(wrote) is int and 0 <= wrote < TOO_MANY) or (wrote := tokens(wrote)) is not None:
            self._tokens.record(wrote, points.output, _NOWHERE)
        if ending.first_chunk_s is not None and points.chunked:
            _record_chunks(self._first_chunk, self._chunk, points, ending, context)
        if ending.error_type is None:  # as ``_record_duration`` does, without the call
            self._duration.record(duration_s, points.detailed, context)
        else:
            _record_duration(self._duration, points, ending, duration_s, context)


class Head:
    """The names of October 2026, apart for inference, embeddings and the rest."""

    def __init__(self, meter: Meter) -> None:
        self._inference = _Inference(meter)
        self._embeddings = _Embeddings(meter)
        self._duration = histogram(meter, metrics.CLIENT_OPERATION_DURATION)

    def record(self, points: Points, ending: Ending, duration_s: float, context: Context) -> None:
        """Record one operation under the names of its kind."""
        match LAYERS.get(points.operation):
            case "inference":
                self._inference.record(points, ending, duration_s, context)
            case "embedding":
                self._embeddings.record(points, ending, duration_s, context)
            case _:
                _record_duration(self._duration, points, ending, duration_s, context)


class Both:
    """Both generations, for dashboards on their way from one to the other."""

    def __init__(self, meter: Meter) -> None:
        self._generations = Pin(meter), Head(meter)

    def record(self, points: Points, ending: Ending, duration_s: float, context: Context) -> None:
        """Record one operation under either."""
        for generation in self._generations:
            generation.record(points, ending, duration_s, context)


class _Inference:
    def __init__(self, meter: Meter) -> None:
        self._duration = histogram(meter, metrics.CLIENT_INFERENCE_DURATION)
        self._first_chunk = histogram(meter, metrics.CLIENT_INFERENCE_TIME_TO_FIRST_CHUNK)
        self._chunk = histogram(meter, metrics.CLIENT_INFERENCE_TIME_PER_OUTPUT_CHUNK)
        self._per_call = {
            "input_tokens": histogram(meter, metrics.CLIENT_INFERENCE_OPERATION_INPUT_TOKENS),
            "output_tokens": histogram(meter, metrics.CLIENT_INFERENCE_OPERATION_OUTPUT_TOKENS),
        }
        self._totals = {field: counter(meter, metric) for field, metric in _TOTALS.items()}

    def record(self, points: Points, ending: Ending, duration_s: float, context: Context) -> None:
        usage = ending.response.usage
        for field, per_call in self._per_call.items():
            if (amount := tokens(getattr(usage, field))) is not None:
                per_call.record(amount, points.detailed, _NOWHERE)
        for field, total in self._totals.items():
            for modality, amount in _by_modality(usage, field).items():
                typed = {**points.detailed, semconv.TOKEN_MODALITY: modality}
                total.add(amount, typed, _NOWHERE)
        if ending.first_chunk_s is not None:
            _record_chunks(self._first_chunk, self._chunk, points, ending, context)
        _record_duration(self._duration, points, ending, duration_s, context)


class _Embeddings:
    def __init__(self, meter: Meter) -> None:
        self._duration = histogram(meter, metrics.CLIENT_EMBEDDINGS_DURATION)
        self._tokens = histogram(meter, metrics.CLIENT_EMBEDDINGS_OPERATION_INPUT_TOKENS)

    def record(self, points: Points, ending: Ending, duration_s: float, context: Context) -> None:
        if (amount := tokens(ending.response.usage.input_tokens)) is not None:
            self._tokens.record(amount, points.detailed, _NOWHERE)
        _record_duration(self._duration, points, ending, duration_s, context)


_TOTALS = {
    "input_tokens": metrics.CLIENT_INFERENCE_USAGE_INPUT_TOKENS,
    "output_tokens": metrics.CLIENT_INFERENCE_USAGE_OUTPUT_TOKENS,
    "cache_read": metrics.CLIENT_INFERENCE_USAGE_CACHE_READ_INPUT_TOKENS,
    "cache_write": metrics.CLIENT_INFERENCE_USAGE_CACHE_WRITE_INPUT_TOKENS,
    "reasoning": metrics.CLIENT_INFERENCE_USAGE_REASONING_OUTPUT_TOKENS,
}
_MODALITIES: Mapping[str, Mapping[str, str]] = {
    "input_tokens": {"text": "text_input", "audio": "audio_input", "image": "image_input"},
    "output_tokens": {"text": "text_output", "audio": "audio_output", "image": "image_output"},
    "cache_read": {
        "text": "text_cache_read",
        "audio": "audio_cache_read",
        "image": "image_cache_read",
    },
}


def _by_modality(usage: Usage, field: str) -> dict[str, int]:
    """Return the parts the provider named; what it named no modality for is ``unknown``."""
    total = tokens(getattr(usage, field))
    if total is None:
        return {}
    named = {k: tokens(getattr(usage, part)) for k, part in _MODALITIES.get(field, {}).items()}
    parts = {kind: amount for kind, amount in named.items() if amount}
    rest = total - sum(parts.values())
    return {**parts, "unknown": rest} if rest > 0 or not parts else parts


def _record_duration(
    duration: Histogram, points: Points, ending: Ending, duration_s: float, context: Context
) -> None:
    attributes = points.detailed
    if ending.error_type is not None:
        attributes = {**attributes, semconv.ERROR_TYPE: ending.error_type}
    duration.record(duration_s, attributes, context)


def _record_chunks(
    first: Histogram, later: Histogram, points: Points, ending: Ending, context: Context
) -> None:
    if ending.first_chunk_s is not None:
        first.record(ending.first_chunk_s, points.attributes, context)
    for gap in ending.chunk_gaps_s:
        later.record(gap, points.attributes, _NOWHERE)


def histogram(meter: Meter, metric: Metric) -> Histogram:
    """Make a histogram with the buckets the conventions advise."""
    return meter.create_histogram(
        metric.name,
        metric.unit,
        metric.description,
        explicit_bucket_boundaries_advisory=metric.buckets,
    )


def counter(meter: Meter, metric: Metric) -> Counter:
    """Make a counter."""
    return meter.create_counter(metric.name, metric.unit, metric.description)


def gauge(meter: Meter, metric: Metric) -> Any:
    """Make a gauge, whose type the API keeps to itself."""
    return meter.create_gauge(metric.name, metric.unit, metric.description)
