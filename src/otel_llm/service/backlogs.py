"""What lies between receivers of traces and their pipelines, where senders are answered first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread

from otel_llm.collector.backlog import Backlog
from otel_llm.collector.component import Kept
from otel_llm.collector.components import PROCESSORS
from otel_llm.collector.journal import Journal
from otel_llm.collector.journal.queue import waiting_in
from otel_llm.collector.measures.samples import Family, Sample

from .outboxes import backlog_of, is_kept
from .settings import PipelineConfig, Settings

Process = Callable[[str, bytes], Kept]
"""Takes a request of traces from the receiver of that name."""
Bury = Callable[[str, bytes, str], object]
"""Keeps one that cannot be processed, with the reason."""
Prepared = dict[Path, tuple[str, Backlog]]
"""Backlogs by directory, each with its receiver."""


class Backlogs:
    """One for each receiver whose traces are answered for before they are processed. Changed by one
    thread; data comes from others."""

    def __init__(self, process: Process, bury: Bury) -> None:
        """See ``Backlog``."""
        self._process, self._bury = process, bury
        self._open: Prepared = {}
        self._taking: dict[str, Backlog] = {}

    def get(self, receiver: str) -> Backlog | None:
        """Return that of a receiver, if it takes anything."""
        return self._taking.get(receiver)

    @property
    def full(self) -> frozenset[str]:
        """Receivers whose backlog has no room for what comes."""
        return frozenset(name for name, b in self._taking.items() if not b.has_room)

    def prepare(self, settings: Settings) -> Prepared:
        """Open those that ``settings`` want and that are not open, and those in which something
        waits from before they were not wanted any more. Raises ``OSError``."""
        made: Prepared = {}
        taking = _taking(settings)
        try:
            for name, directory in _directories(settings).items():
                is_open = directory in self._open
                if not is_open and (name in taking or waiting_in(directory)):
                    made[directory] = name, self._make(name, directory, settings)
        except BaseException:
            self.discard(made)
            raise
        return made

    def discard(self, prepared: Prepared) -> None:
        """Let go of what ``prepare`` made."""
        for _, backlog in prepared.values():
            backlog.stop(0.0)

    def change(self, settings: Settings, prepared: Prepared) -> None:
        """Go on with these. One that is not wanted any more takes nothing, and what it has is
        processed, as long as there is that receiver; without it, it stays on the disk."""
        self._taking = {}
        taking, directories = _taking(settings), _directories(settings)
        self._open |= prepared
        for directory, (name, backlog) in list(self._open.items()):
            is_wanted = name in taking and directories[name] == directory
            if is_wanted and settings.sections.journal:
                backlog.journal.change(settings.sections.journal)
                self._taking[name] = backlog
            backlog.is_ending = not is_wanted
            if not is_wanted and not (backlog.size_bytes and name in settings.receivers):
                del self._open[directory]
                backlog.stop(0.0)

    def start(self, of: Prepared | None = None) -> None:
        """Begin to process."""
        for _, backlog in (self._open if of is None else of).values():
            backlog.start()

    def settle(self, timeout_s: float) -> bool:
        """Wait until what is there now has been processed; return whether it was."""
        return all([backlog.settle(timeout_s) for _, backlog in self._open.values()])

    def stop(self, grace_s: float) -> None:
        """Process what is there within ``grace_s`` seconds, all at the same time."""
        ending = [Thread(target=b.stop, args=(grace_s,)) for _, b in self._open.values()]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()
        self._taking, self._open = {}, {}

    def measure(self) -> Iterable[Family]:
        """Give how much waits, and for how long: a ``Measure``."""
        of = self._by_receiver()
        size = [Sample(sum(b.size_bytes for b in bs), {"receiver": n}) for n, bs in of]
        age = [Sample(max(b.oldest_s for b in bs), {"receiver": n}) for n, bs in of]
        lost = [Sample(sum(b.corrupt_bytes for b in bs), {"receiver": n}, "_total") for n, bs in of]
        yield Family("otel_llm_backlog_size_bytes", "gauge", "Bytes to be processed", size)
        yield Family("otel_llm_backlog_oldest_seconds", "gauge", "Age of the oldest of them", age)
        yield Family("otel_llm_backlog_corrupt_bytes", "counter", "Lost on the disk before", lost)

    def _by_receiver(self) -> list[tuple[str, list[Backlog]]]:
        """A receiver has two for a while after its journal moved."""
        of: dict[str, list[Backlog]] = {}
        for name, backlog in list(self._open.values()):
            of.setdefault(name, []).append(backlog)
        return list(of.items())

    def _make(self, name: str, directory: Path, settings: Settings) -> Backlog:
        config = settings.sections.journal
        assert config  # or nothing is wanted
        journal = Journal(config, directory.name)
        try:
            return Backlog(
                journal,
                lambda payload: self._process(name, payload),
                lambda payload, reason: self._bury(name, payload, reason),
            )
        except BaseException:
            journal.close()
            raise


def _directories(settings: Settings) -> dict[str, Path]:
    """Return where the backlog of each receiver is, if it has one."""
    journal = settings.sections.journal
    names = settings.receivers if journal else ()
    return {name: journal.directory / backlog_of(name) for name in names if journal}


def _taking(settings: Settings) -> frozenset[str]:
    """Return the receivers whose traces are answered for before they are processed."""
    journal = settings.sections.journal
    if journal is None or journal.acknowledge != "received":
        return frozenset[str]()
    return frozenset(name for name in settings.receivers if _may_wait(name, settings))


def _may_wait(receiver: str, settings: Settings) -> bool:
    """Whether its traces may lie on the disk as they came, and all that they become is kept."""
    pipelines = settings.sections.service.pipelines.items()
    of = [(n, p) for n, p in pipelines if _is_traces(n) and receiver in p.receivers]
    return bool(of) and all(is_kept(n, p, settings) and _hides_nothing(p) for n, p in of)


def _is_traces(pipeline: str) -> bool:
    return pipeline.partition("/")[0] == "traces"


def _hides_nothing(pipeline: PipelineConfig) -> bool:
    parts = [PROCESSORS[name.partition("/")[0]].make for name in pipeline.processors]
    return not any(getattr(part, "fails_closed", False) for part in parts)
