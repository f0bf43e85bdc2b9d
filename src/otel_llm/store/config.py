"""What an operator may say about the store (``store:``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from otel_llm.config.address import is_http_url, without_login
from otel_llm.config.units import Duration, Size

_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClickHouseConfig:
    """A ClickHouse server as the store, for more than one machine holds."""

    endpoint: str
    """``http://host:8123`` or ``https://host:8443``."""
    database: str = "otel_llm"
    """Made when it is missing."""
    user: str = "default"
    """Who asks and writes."""
    password: str = field(default="", repr=False)
    """What this user knows."""
    timeout: Duration = 30.0
    """For one question or one block of calls."""
    ca_file: str | None = None
    """Certificates to trust beside those of the system."""

    def __post_init__(self) -> None:
        if not is_http_url(self.endpoint):
            shown = without_login(self.endpoint)
            raise ValueError(f"endpoint: expected http://host:port, found {shown!r}")
        if not _NAME.fullmatch(self.database):
            raise ValueError("database: only letters, digits and _")


@dataclass(frozen=True, slots=True)
class KeepConfig:
    """How long sums are kept, also of calls that have gone; 0 keeps them for ever."""

    minutes: Duration = 2 * 86_400.0
    """Those by minute."""
    hours: Duration = 90 * 86_400.0
    """Those by hour."""
    days: Duration = 0.0
    """Those by day."""


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Settings of the embedded store."""

    path: str | None = None
    """Database file, owned by this process alone; without one everything is kept in
    memory and gone with the process."""
    retain_for: Duration = 30 * 86_400.0
    """Calls that started longer ago than this are removed; 0 keeps them for ever."""
    aggregates: KeepConfig = field(default_factory=KeepConfig)
    """Sums of the calls by minute, hour and day. A range that begins before the oldest call is
    answered from them. In a file, or in memory; ClickHouse keeps calls alone."""
    max_size: Size = 4 * 2**30
    """When the data grows beyond this, the oldest calls go; 0 sets no limit."""
    spans: Literal["genai", "traces"] = "genai"
    """``traces``: the other spans of traces are kept too, without content, so that a trace is shown
    whole. In a file or in memory, and not with ``--workers``."""
    retain_spans_for: Duration = 2 * 86_400.0
    """Other spans that started longer ago than this are removed; 0 keeps them as long as calls."""
    flush_interval: Duration = 1.0
    """A call is readable at most about this long after it was seen."""
    max_pending_calls: int = 50_000
    """Calls waiting to be written, each about 1.5 kB. When it is full, further calls are left out
    and counted; those that are in a journal are read from there when there is room again."""
    good_enough: float = 0.75
    """Scores below it are counted, marked and listed as low: on the pages, and as ``below`` in the
    API. When an alert fires is for its rule to say."""
    memory_limit: Size = 128 * 2**20
    """With a file: what the engine may use before it spills to disk. Without one: how much the
    calls may take before the oldest go."""

    clickhouse: ClickHouseConfig | None = None
    """Keep the calls in ClickHouse instead of a file; ``retain_for`` holds there, ``path``,
    ``max_size`` and ``memory_limit`` do not. Needs the extra ``clickhouse``."""

    def __post_init__(self) -> None:
        if self.clickhouse and self.path:
            raise ValueError("path: goes with the embedded store; take it or clickhouse away")
        if self.clickhouse and self.spans == "traces":
            raise ValueError("spans: only the embedded store keeps the other spans of traces")
        if self.max_pending_calls < 1:
            raise ValueError("max_pending_calls: must be at least 1")
        if not 0 < self.good_enough <= 1:
            raise ValueError("good_enough: must be above 0 and at most 1")
        if self.memory_limit < 64 * 2**20:
            raise ValueError("memory_limit: must be at least 64MiB")
