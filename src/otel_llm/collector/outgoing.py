"""What becomes of the data for one destination alone, between its queue and the wire."""

from __future__ import annotations

import logging
from typing import Literal, Protocol

from .component import Signal
from .content import take_content
from .data import Batch, SpanView
from .records import Records, each
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
            if self._drops_content:
                each(batch, take_content)
                batch.drop_unreadable()
            for span in batch.genai() if self._speaker else ():
                self._speak(span)
            return batch.to_bytes()
        if signal == "logs" and self._drops_content:
            records = Records(signal, payload)
            each(records, take_content)
            return records.to_bytes()
        return payload

    def _speak(self, span: SpanView) -> None:
        assert self._speaker is not None
        try:
            self._speaker.speak(span)
        except Exception as error:  # noqa: BLE001 - better in other words than not at all
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Say it once, and nothing of what was said on the span."""
        if not self._said:
            self._said = True
            logger.error("a span stays in the words it came in: %s", type(error).__name__)
