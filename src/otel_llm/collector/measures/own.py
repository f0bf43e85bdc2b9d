"""What the collector counts about itself, as an OTLP metrics request: the same numbers and names
as on ``/metrics``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from otel_llm.version import __version__

from .samples import Family, Sample

SERVICE = "otel-llm-collector"
_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


def metrics_request(families: Iterable[Family], start_ns: int, now_ns: int, instance: str) -> bytes:
    """Return the request. ``start_ns``: since when is counted; ``instance``: which process."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(
        _attributes(
            {
                "service.name": SERVICE,
                "service.version": __version__,
                "service.instance.id": instance,
            }
        )
    )
    scope = group.scope_metrics.add()
    scope.scope.name = "otel_llm.collector"
    scope.metrics.extend(_metric(family, start_ns, now_ns) for family in families if family.samples)
    return request.SerializeToString()


def _metric(family: Family, start_ns: int, now_ns: int) -> Metric:
    metric = Metric(name=family.name, description=family.help)
    if family.kind == "histogram":
        metric.histogram.aggregation_temporality = _CUMULATIVE
        for samples in _by_labels(family.samples):
            metric.histogram.data_points.append(_histogram(samples, start_ns, now_ns))
    elif family.kind == "counter":
        metric.sum.aggregation_temporality, metric.sum.is_monotonic = _CUMULATIVE, True
        metric.sum.data_points.extend(_number(s, start_ns, now_ns) for s in family.samples)
    else:
        metric.gauge.data_points.extend(_number(s, 0, now_ns) for s in family.samples)
    return metric


def _number(sample: Sample, start_ns: int, now_ns: int) -> NumberDataPoint:
    point = NumberDataPoint(
        start_time_unix_nano=start_ns,
        time_unix_nano=now_ns,
        attributes=_attributes(sample.labels),
    )
    if isinstance(sample.value, int):
        point.as_int = sample.value
    else:
        point.as_double = sample.value
    return point


def _by_labels(samples: Sequence[Sample]) -> Iterable[list[Sample]]:
    """Put together what belongs to one histogram: buckets, count and sum."""
    groups: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        groups.setdefault(labels, []).append(sample)
    return groups.values()


def _histogram(samples: Sequence[Sample], start_ns: int, now_ns: int) -> HistogramDataPoint:
    buckets = [s for s in samples if s.suffix == "_bucket"]
    others = {s.suffix: s.value for s in samples if s.suffix != "_bucket"}
    upto = [int(bucket.value) for bucket in buckets]
    bounds = [float(bucket.labels["le"]) for bucket in buckets]
    labels = {name: value for name, value in buckets[0].labels.items() if name != "le"}
    return HistogramDataPoint(
        start_time_unix_nano=start_ns,
        time_unix_nano=now_ns,
        attributes=_attributes(labels),
        count=int(others.get("_count", 0)),
        sum=others.get("_sum", 0.0),
        explicit_bounds=bounds[:-1],  # the last is without end
        bucket_counts=[n - before for before, n in zip([0, *upto], upto, strict=False)],
    )


def _attributes(labels: Mapping[str, str]) -> list[KeyValue]:
    found: list[KeyValue] = []
    for name, value in labels.items():
        attribute = KeyValue(key=name)
        attribute.value.string_value = value
        found.append(attribute)
    return found
