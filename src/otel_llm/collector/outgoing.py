"""What becomes of the data for one destination alone, between its queue and the wire."""

from __future__ import annotations

import logging
from typing import Literal, Protocol

from .component import Signal
from .content import take_content
from .data import Batch, SpanView
from .records import Records
from .speak.speaker import Speaker

logger = logging.getLogger(__name__)

Dialect = Literal[
    "current",
    "otel-2026-08",
    "otel-1.36",
    "openllmetry",
    "openinference",
    "vercel-ai",
    "logfire",
    "langfuse",
    "openlit",
    "cost-proposal",
]
"""In which words a destination is told about model calls."""


class OutgoingConfig(Protocol):
    """What the settings of every exporter to the outside hold."""

    @property
    def dialect(self) -> Dialect:
        """See ``Dialect``."""
        ...

    @property
    def drop_content(self) -> bool:
        """Whether what was said stays here."""
        ...


class Outgoing:
    """Prepares requests for one destination. Thread-safe."""

    def __init__(self, config: OutgoingConfig) -> None:
        self._speaker = None if config.dialect == "current" else Speaker(config.dialect)
        self._drops_content = config.drop_content
        self._said = False

    def __call__(self, signal: Signal, payload: bytes) -> bytes:
        """Return what to send. Raises ``Malformed`` when it cannot be looked into but must be."""
        if signal == "traces" and (self._speaker or self._drops_content):
            batch = Batch.open(payload)
            for span in batch.genai():
                self._prepare(span)
            if self._drops_content:
                batch.drop_unreadable()
            return batch.to_bytes()
        if signal == "logs" and self._drops_content:
            records = Records(signal, payload)
            for record in records.genai():
                take_content(record)
            return records.to_bytes()
        return payload

    def _prepare(self, span: SpanView) -> None:
        if self._drops_content:
            take_content(span)
        if self._speaker:
            try:
                self._speaker.speak(span)
            except Exception as error:  # noqa: BLE001 - better in other words than not at all
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Say it once, and nothing of what was said on the span."""
        if not self._said:
            self._said = True
            logger.error("a span stays in the words it came in: %s", type(error).__name__)
