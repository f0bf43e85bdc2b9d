"""Where pipelines end: an outbox for each, in memory or in front of a journal, and how it goes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TypeAlias, cast

from otel_llm.collector.component import Signal
from otel_llm.collector.journal import Journal, JournalConfig
from otel_llm.collector.journal.queue import left_behind
from otel_llm.collector.outbox import Destinations, JournalOutbox, MemoryOutbox, Outbox

from .parts import Parts
from .settings import PipelineConfig, Settings

logger = logging.getLogger(__name__)

Follow: TypeAlias = Callable[[Journal], Callable[[], object]]
"""Gets every journal of traces before anything of it is released; returns what lets go of it."""

_LOOK_S = 0.5


def follow_none(_: Journal) -> Callable[[], object]:
    """Follow no journal."""
    return lambda: None


class Outboxes:
    """Makes them and lets them go. One that still has data when its pipeline is no more, or has
    another journal, goes on by itself until it has nothing left, or is wanted again."""

    def __init__(self, follow: Follow) -> None:
        self._follow = follow
        self._unfollow: dict[Path, Callable[[], object]] = {}
        self.leaving: list[Outbox] = []
        """Those that go on by themselves."""

    def make(self, name: str, config: PipelineConfig, parts: Parts) -> Outbox:
        """Make that of the pipeline ``name``. Raises ``OSError`` as journals do."""
        signal = cast("Signal", name.partition("/")[0])
        letter, journal = parts.dead_letter, parts.settings.sections.journal
        if journal is None or not is_kept(name, config, parts.settings):
            return MemoryOutbox(signal, destinations(config, parts), letter)
        opened = (self._followed if signal == "traces" else Journal)(journal, _log_of(name))
        return JournalOutbox(signal, destinations(config, parts), opened, letter)

    def waiting(self, name: str, settings: Settings) -> Callable[[], Journal] | None:
        """Return what opens the journal of the traces of a pipeline that wait to be sampled."""
        config = settings.sections.journal
        return config and partial(self._followed, config, f"{_log_of(name)}-sample")

    def back(self, name: str, config: PipelineConfig, settings: Settings) -> Outbox | None:
        """Return one that was about to leave, if it is wanted again."""
        for outbox in [o for o in self.leaving if fits(o, name, config, settings)]:
            with suppress(ValueError):  # it has gone
                self.leaving.remove(outbox)
                return outbox
        return None

    def leave(self, outbox: Outbox) -> None:
        """Let it go on until it has nothing left."""
        self.leaving.append(outbox)
        Thread(target=self._see_off, args=(outbox,), name="leaving", daemon=True).start()

    def close(self, outbox: Outbox) -> None:
        """End it; what it still has stays in its journal."""
        if isinstance(outbox, JournalOutbox):
            self._unfollow.pop(outbox.journal.directory, lambda: None)()
        outbox.stop(0.0)

    def _see_off(self, outbox: Outbox) -> None:
        while any(sender.queue.size_bytes for sender in outbox.senders):
            time.sleep(_LOOK_S)
        with suppress(ValueError):  # it was called back
            self.leaving.remove(outbox)
            self.close(outbox)

    def _followed(self, config: JournalConfig, name: str) -> Journal:
        journal = Journal(config, name)
        try:
            self._unfollow[journal.directory] = self._follow(journal)
        except BaseException:
            journal.close()
            raise
        return journal


def destinations(config: PipelineConfig, parts: Parts) -> Destinations:
    """Return the exporters of a pipeline by name, each with its settings there."""
    settings, used = parts.settings.exporters, config.processors
    return {
        name: (parts.exporters[name], parts.processing.destination(used, settings[name]))
        for name in config.exporters
    }


def fits(outbox: Outbox, name: str, config: PipelineConfig, settings: Settings) -> bool:
    """Whether ``outbox`` is where the pipeline ends by these settings, as it is."""
    journal = settings.sections.journal
    if journal is None or not is_kept(name, config, settings):
        return isinstance(outbox, MemoryOutbox)
    wanted = journal.directory / _log_of(name)
    return isinstance(outbox, JournalOutbox) and outbox.journal.directory == wanted


def tell_left_behind(settings: Settings) -> None:
    """Say where data waits that no pipeline will send: one was renamed, perhaps."""
    sections = settings.sections
    if sections.journal:
        logs = [_log_of(name) for name in sections.service.pipelines]
        backlogs = [backlog_of(name) for name in settings.receivers]
        used = [*logs, *(f"{log}-sample" for log in logs), *backlogs]
        tell_waiting(sections.journal.directory, used)


def tell_waiting(journals: Path, used: Iterable[str]) -> None:
    """Say in which journals, but for those ``used``, something waits for a destination."""
    with suppress(OSError):  # it is only said
        for directory, size in left_behind(journals, [journals / name for name in used]):
            logger.warning("%s: nobody sends the %d bytes that wait here", directory, size)


def backlog_of(receiver: str) -> str:
    """Return the name of the journal of what a receiver has answered for."""
    return f"received-{_log_of(receiver)}"


def _log_of(component: str) -> str:
    """Return the name of the journal of a pipeline, which is that of a directory."""
    return component.replace("/", "-")


def is_kept(name: str, config: PipelineConfig, settings: Settings) -> bool:
    """Whether anybody reads a journal of this pipeline: a destination, or the store."""
    stored = settings.sections.store is not None and name.partition("/")[0] == "traces"
    return stored or bool(config.exporters)
