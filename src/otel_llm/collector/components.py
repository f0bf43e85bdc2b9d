"""The table of components: what a configuration may name, its settings class and what it makes.

A new component is one file and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .exporters.debug import DebugExporter, DebugExporterConfig
from .exporters.otlp import OtlpExporter, OtlpExporterConfig
from .exporters.otlphttp import OtlpHttpExporter, OtlpHttpExporterConfig
from .processors.attributes import AttributesConfig, AttributesProcessor
from .processors.batch import BatchConfig, BatchProcessor
from .processors.content_store import ContentStoreConfig, ContentStoreProcessor
from .processors.cost import CostConfig, CostProcessor
from .processors.drop_content import DropContentConfig, DropContentProcessor
from .processors.filter import FilterConfig, FilterProcessor
from .processors.normalize import NormalizeConfig, NormalizeProcessor
from .processors.quality import QualityConfig, QualityProcessor
from .processors.redact import RedactConfig, RedactProcessor
from .processors.resource import ResourceConfig, ResourceProcessor
from .processors.sample import SampleConfig, SampleProcessor
from .receivers.otlp import OtlpConfig, OtlpReceiver


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of component."""

    config: type
    """What an operator writes."""
    make: Callable[[Any], Any]
    """Makes the component from it."""


RECEIVERS: Mapping[str, Entry] = {
    "otlp": Entry(OtlpConfig, OtlpReceiver),
}
PROCESSORS: Mapping[str, Entry] = {
    "attributes": Entry(AttributesConfig, AttributesProcessor),
    "batch": Entry(BatchConfig, BatchProcessor),
    "content_store": Entry(ContentStoreConfig, ContentStoreProcessor),
    "cost": Entry(CostConfig, CostProcessor),
    "drop_content": Entry(DropContentConfig, DropContentProcessor),
    "filter": Entry(FilterConfig, FilterProcessor),
    "normalize": Entry(NormalizeConfig, NormalizeProcessor),
    "quality": Entry(QualityConfig, QualityProcessor),
    "redact": Entry(RedactConfig, RedactProcessor),
    "resource": Entry(ResourceConfig, ResourceProcessor),
    "sample": Entry(SampleConfig, SampleProcessor),
}
_GRPC = Entry(OtlpExporterConfig, OtlpExporter)
_HTTP = Entry(OtlpHttpExporterConfig, OtlpHttpExporter)
EXPORTERS: Mapping[str, Entry] = {
    # The OpenTelemetry Collector renamed its own two; both names are in use there.
    "otlp": _GRPC,
    "otlp_grpc": _GRPC,
    "otlphttp": _HTTP,
    "otlp_http": _HTTP,
    "debug": Entry(DebugExporterConfig, DebugExporter),
}
TABLES: Mapping[str, Mapping[str, Entry]] = {
    "receivers": RECEIVERS,
    "processors": PROCESSORS,
    "exporters": EXPORTERS,
}
