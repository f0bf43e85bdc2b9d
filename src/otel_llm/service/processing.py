"""The processors of a collector and what they own: content stores, traces that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

from otel_llm.collector.component import Kept, Processor
from otel_llm.collector.components import PROCESSORS
from otel_llm.collector.journal import Journal
from otel_llm.collector.normalize.known_calls import KnownCalls
from otel_llm.collector.normalize.said_memory import SaidMemory
from otel_llm.collector.processors.batch import BatchProcessor
from otel_llm.collector.processors.content_store import ContentStoreProcessor
from otel_llm.collector.processors.normalize import NormalizeProcessor
from otel_llm.collector.processors.sample import SampleProcessor
from otel_llm.collector.sampling import Sampling
from otel_llm.collector.sampling.verdicts import OwnVerdicts, Verdicts
from otel_llm.store.content import ContentStore

HANDING_OVER_S: Final = 5.0
"""How long a processor whose settings changed may take to give on what it holds."""
_NONE: Mapping[str, Processor] = MappingProxyType({})


class Together(Protocol):
    """What the processes of one collector know together, for each processor by its name."""

    def verdicts(self, name: str) -> Verdicts:
        """For ``sample``."""
        ...

    def known_calls(self, name: str) -> KnownCalls:
        """For ``normalize``: the calls it has seen."""
        ...

    def said(self, name: str) -> SaidMemory | None:
        """For ``normalize``: what was said apart from spans; ``None`` where each remembers its
        own."""
        ...


class Processing:
    """Every processor once, whichever pipelines it is in."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        going_on: Mapping[str, Processor] = _NONE,
        together: Together | None = None,
    ) -> None:
        """Make them from their settings, by name, but for those that are ``going_on``. Raises
        ``OSError`` and ``ValueError`` as they do."""
        self.processors: dict[str, Processor] = {
            name: going_on.get(name) or _made(name, config, together)
            for name, config in settings.items()
        }

    @property
    def content(self) -> ContentStore | None:
        """What the API reads content from; of several stores the first that has readers."""
        parts = self.processors.values()
        stores = [part.store for part in parts if isinstance(part, ContentStoreProcessor)]
        return next((store for store in stores if store.token_file), None)

    def verdicts(self) -> Iterator[tuple[str, OwnVerdicts]]:
        """Yield what this process itself knows of waiting traces, by the processor's name."""
        for name, part in self.processors.items():
            if isinstance(part, SampleProcessor) and isinstance(part.verdicts, OwnVerdicts):
                yield name, part.verdicts

    def destination(self, names: Sequence[str], exporter: Any) -> Any:
        """Return the settings of an exporter for a pipeline with the processors ``names``."""
        for name in names:
            part = self.processors[name]
            if isinstance(part, BatchProcessor):
                exporter = part.applied(exporter)
        return exporter

    def entrance(
        self,
        names: Sequence[str],
        put: Callable[[bytes], Kept],
        open_journal: Callable[[], Journal] | None,
    ) -> Callable[[bytes], Kept]:
        """Return what takes the data of a pipeline with the processors ``names``: ``put``, or where
        traces wait to be sampled before they are put. It takes data once it was started."""
        for name in names:
            part = self.processors[name]
            if isinstance(part, SampleProcessor):
                part.room.forward = put
                part.room.open_journal = open_journal
                return part.room.put
        return put

    def open(self) -> None:
        """Open what traces wait in. Raises ``OSError`` for files that cannot be used."""
        for part in self.processors.values():
            if isinstance(part, SampleProcessor):
                part.room.open()

    def start(self, before: Processing | None = None) -> None:
        """Begin whatever they do beside the data. ``before`` are those that were running: what is
        not going on among them ends. Raises ``OSError`` for files that cannot be used."""
        going_on = self.processors.values()
        if before is not None:
            _end([part for part in before.processors.values() if part not in going_on])
        for part in going_on:
            for owned in _owned(part):
                owned.start()

    def discard(self, running: Processing) -> None:
        """Let go of those that are not among the ``running``: they are not needed after all."""
        going_on = running.processors.values()
        _end([part for part in self.processors.values() if part not in going_on])

    def stop(self, grace_s: float = HANDING_OVER_S) -> None:
        """End it, after the receivers and before the senders."""
        _end(self.processors.values(), grace_s)


def _made(name: str, config: Any, together: Together | None) -> Processor:
    part = PROCESSORS[name.partition("/")[0]].make(config)
    if together and isinstance(part, SampleProcessor):
        part.verdicts = together.verdicts(name)
    if together and isinstance(part, NormalizeProcessor):
        part.duplicates.known = together.known_calls(name)
        if (said := together.said(name)) is not None:  # an empty one is false
            part.apart.memory = said
    return part


def _end(parts: Iterable[Processor], grace_s: float = HANDING_OVER_S) -> None:
    for part in parts:
        for owned in _owned(part):
            owned.stop(grace_s)


def _owned(part: Processor) -> Iterator[Sampling | ContentStore]:
    """Yield what runs beside the data."""
    if isinstance(part, SampleProcessor):
        yield part.room
    if isinstance(part, ContentStoreProcessor):
        yield part.store
