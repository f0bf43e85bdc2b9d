"""The processors of a collector and what they own: content stores, waiting traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.collector.component import Processor
from otel_llm.collector.components import PROCESSORS
from otel_llm.collector.processors.content_store import ContentStoreProcessor
from otel_llm.store.content import ContentStore


class Processing:
    """Every processor once, whichever pipelines it is in."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Make them from their settings, by name. Raises ``OSError`` and ``ValueError`` as they
        do."""
        self.processors: dict[str, Processor] = {
            name: PROCESSORS[name.partition("/")[0]].make(config)
            for name, config in settings.items()
        }
        self._stores = [
            part.store
            for part in self.processors.values()
            if isinstance(part, ContentStoreProcessor)
        ]

    @property
    def content(self) -> ContentStore | None:
        """What the API reads content from; of several stores the first that has readers."""
        return next((store for store in self._stores if store.token_file), None)

    def start(self) -> None:
        """Begin whatever they do beside the data."""
        for store in self._stores:
            store.start()

    def stop(self) -> None:
        """End it, after the receivers and before the rest."""
        for store in self._stores:
            store.close()
