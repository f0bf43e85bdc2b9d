"""What the process itself takes, in the OpenTelemetry Collector's names."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..intake.memory import resident
from .samples import Family, counter, gauge

_STARTED = time.monotonic()


def process_measures() -> Iterator[Family]:
    """Give the present values: a ``Measure``."""
    yield counter("otelcol_process_uptime", "Seconds since the start", time.monotonic() - _STARTED)
    yield counter("otelcol_process_cpu_seconds", "Processor time used", time.process_time())
    yield gauge("otelcol_process_memory_rss", "Bytes in memory", resident())
