"""What the collector counts about itself, by the OpenTelemetry Collector's names where it has them.

Counting happens at the edges, by those who run a component, so that no component counts for itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from threading import Lock
from typing import Final

from ..protocol import ITEMS
from .samples import Family, Sample

_HELP: Final = {
    **{f"otelcol_receiver_accepted_{i}": f"Accepted {i}" for i in ITEMS.values()},
    **{f"otelcol_receiver_refused_{i}": f"Refused {i}, to be sent again" for i in ITEMS.values()},
    **{f"otel_llm_receiver_rejected_{i}": f"{i}: rejected for good" for i in ITEMS.values()},
    "otel_llm_receiver_requests": "Requests by transport and outcome",
    "otel_llm_receiver_bytes": "Bytes received, decompressed",
    "otel_llm_receiver_refused_connections": "Connections that ended before a request, by reason",
    "otel_llm_receiver_handshakes": "TLS handshakes begun",
    "otel_llm_pipeline_malformed": "Requests that were no OTLP",
    "otel_llm_pipeline_genai_spans": "Spans with GenAI attributes",
    "otel_llm_pipeline_enriched_spans": "Spans that a processor wrote to",
    **{f"otel_llm_pipeline_dropped_{i}": f"{i} that a processor took out" for i in ITEMS.values()},
    "otel_llm_pipeline_unreadable_spans": "Spans passed on as they came, because they are broken",
    "otel_llm_processor_seconds": "Time that a processor worked",
    "otel_llm_observer_seconds": "Time that an observer looked",
    "otel_llm_processor_failures": "Batches that went on without this processor's work",
    "otel_llm_observer_failures": "Batches that this observer did not see",
}

_Key = tuple[str, tuple[tuple[str, str], ...]]


class Counters:
    """Counters by name and labels. Thread-safe."""

    def __init__(self) -> None:
        self._counts: defaultdict[_Key, float] = defaultdict(int)
        self._lock = Lock()

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add ``amount``. A counter begins to exist with its first call, also with zero."""
        key = name, tuple(labels.items())
        with self._lock:
            self._counts[key] += amount

    def get(self, name: str, **labels: str) -> float:
        """Return the count so far, summed over the labels that are not given."""
        wanted = set(labels.items())
        with self._lock:
            counts = list(self._counts.items())
        return sum(n for (known, given), n in counts if known == name and wanted <= set(given))

    def measure(self) -> Iterator[Family]:
        """Give the present values for ``/metrics``."""
        with self._lock:
            counts = list(self._counts.items())
        families: defaultdict[str, list[Sample]] = defaultdict(list)
        for (name, labels), count in counts:
            families[name].append(Sample(count, dict(labels), "_total"))
        for name, samples in families.items():
            yield Family(name, "counter", _HELP.get(name, name), samples)
