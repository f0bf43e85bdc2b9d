"""What becomes of the data for one destination alone, between its queue and the wire."""

from __future__ import annotations

import logging

from .component import Signal
from .content import take_content
from .data import Batch, SpanView
from .data.items import each
from .data.records import Records
from .sending.destination import DestinationConfig
from .speak.speaker import Speaker

logger = logging.getLogger(__name__)


class Outgoing:
    """Prepares requests for one destination. Thread-safe."""

    def __init__(self, config: DestinationConfig) -> None:
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
