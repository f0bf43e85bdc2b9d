"""What data passes through, from receivers to destinations, and how it changes while data flows.

A component whose settings are the same stays what it is: a receiver keeps its sockets, a
destination its queue and its place in the journal, a processor what it remembers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock, Thread
from typing import Any, cast

from otel_llm.collector import components
from otel_llm.collector.component import (
    Arrival,
    Consume,
    Kept,
    Observer,
    Processor,
    Receiver,
    Signal,
)
from otel_llm.collector.counters import Counters
from otel_llm.collector.dead_letter import DeadLetter
from otel_llm.collector.errors import NotServed, Refused
from otel_llm.collector.journal import Journal, JournalConfig
from otel_llm.collector.outbox import Destinations, JournalOutbox, MemoryOutbox, Outbox, stop_all
from otel_llm.collector.pipeline import RecordPipeline, TracePipeline
from otel_llm.collector.rejects import Rejects
from otel_llm.collector.samples import Family, Measure, merged
from otel_llm.collector.sending import Sender

from .files import stamps
from .processing import Processing, Together
from .settings import PipelineConfig, Settings

logger = logging.getLogger(__name__)

_LOOK_S = 0.5

Pipeline = TracePipeline | RecordPipeline


@dataclass(frozen=True, slots=True)
class Beside:
    """What looks at the data on its way."""

    observers: Mapping[str, Observer]
    """See every GenAI call."""
    judging: Processor | None = None
    """Comes after the processors of every traces pipeline."""
    logs: Callable[[bytes], object] | None = None
    """Sees every logs request that went out."""
    spans: Processor | None = None
    """Comes last of all in every traces pipeline, and changes nothing."""


@dataclass(slots=True)
class Parts:
    """The components of one configuration, and what was true of their files."""

    settings: Settings
    exporters: dict[str, Any]
    processing: Processing
    receivers: dict[str, Receiver]
    dead_letter: DeadLetter | None
    known: dict[str, dict[str, tuple[Any, object]]]
    """By family and name: the settings of each component, and the stamps of its files."""


class Flow:
    """The pipelines of a collector. Changed by one thread; data comes from others."""

    def __init__(
        self,
        settings: Settings,
        counters: Counters,
        follow: Callable[[Journal], object] = lambda _: None,
        together: Together | None = None,
    ) -> None:
        """Make the components, bind nothing. Raises ``OSError`` and ``ValueError`` as they do.
        ``follow`` gets every journal of traces before anything of it is released; ``together`` is
        what the processors of several processes know."""
        self._follow = follow
        self._together = together
        self._counters = counters
        self._parts = _made(settings, None, together)
        self._rejects = Rejects(lambda: self._parts.dead_letter)
        self.outboxes: dict[str, Outbox] = {}
        self._pipelines: dict[str, Pipeline] = {}
        self._routes: dict[tuple[str, str], list[Pipeline]] = {}
        self._turn = Lock()
        self._paused = False
        self._unfinished: list[Callable[[float], object]] = []
        self._serving: dict[str, Receiver] = {}
        self._leaving: list[Outbox] = []

    # --- from start to end ---

    def connect(self, beside: Beside) -> None:
        """Put the components together, the first time."""
        for name, pipeline in self._parts.settings.sections.service.pipelines.items():
            self.outboxes[name] = self._outbox(name, pipeline)
        self._route(beside)

    def open(self) -> None:
        """Open what traces wait in. Raises ``OSError`` as journals do."""
        self.processing.open()

    def start_sending(self) -> None:
        """Begin to send what is there."""
        for outbox in self.outboxes.values():
            outbox.start()
        self.processing.start()

    def start_receiving(self) -> None:
        """Bind and serve. Raises ``OSError`` for a taken address."""
        for name, receiver in self._parts.receivers.items():
            self._serve(name, receiver)

    def stop_receiving(self, grace_s: float) -> None:
        """Refuse new data."""
        for receiver in self._serving.values():
            receiver.stop(grace_s)

    def stop_sending(self, grace_s: float) -> None:
        """Deliver what was accepted within ``grace_s`` seconds, close."""
        self._rejects.close()
        self.processing.stop(grace_s)
        stop_all([*self.outboxes.values(), *self._leaving], grace_s)
        for exporter in self._parts.exporters.values():
            exporter.close()

    # --- change ---

    def prepare(self, settings: Settings) -> Parts:
        """Make what another configuration needs and this one has not, touching nothing. Raises as
        the constructor does."""
        return _made(settings, self._parts, self._together)

    @contextmanager
    def paused(self) -> Generator[None]:
        """Ask all senders to come back while the block runs; nothing is under way in it."""
        with self._turn:
            self._paused = True
        try:
            yield
        finally:
            self._paused = False

    def change(self, parts: Parts, beside: Beside) -> Parts:
        """Go on with other components; return those before, for ``finish``. To be called while
        paused."""
        before, self._parts = self._parts, parts
        configs = parts.settings.sections.service.pipelines
        for name in [name for name in self.outboxes if name not in configs]:
            self._retire(self.outboxes.pop(name))
        for name, pipeline in configs.items():
            self._change_outbox(name, pipeline, before)
        self._route(beside)
        parts.processing.start(before.processing)
        return before

    def finish(self, before: Parts, grace_s: float) -> None:
        """Serve what is new, end what is no more. What cannot be served as it should be is said,
        and served as it was if it was served."""
        self._change_receivers(before.settings, grace_s)
        for end in self._unfinished:
            end(grace_s)
        self._unfinished = []
        for name, exporter in before.exporters.items():
            if self._parts.exporters.get(name) is not exporter and not self._leaving:
                exporter.close()

    def _change_outbox(self, name: str, pipeline: PipelineConfig, before: Parts) -> None:
        now, then = self._parts.settings.sections, before.settings.sections
        outbox, destinations = self.outboxes.get(name), self._destinations(pipeline)
        journaled = bool(now.journal and destinations)
        same = now.journal == then.journal and journaled == isinstance(outbox, JournalOutbox)
        if outbox is not None and same:
            self._unfinished.append(outbox.change(destinations, self._parts.dead_letter))
            return
        if outbox is not None:
            self._retire(outbox)
        self.outboxes[name] = self._outbox(name, pipeline)
        self.outboxes[name].start()

    def _retire(self, outbox: Outbox) -> None:
        """Let an outbox go. One with a journal in the directory that is still ours ends at once,
        for the next one goes on with its files; another one goes on until it has nothing left."""
        journal = self._parts.settings.sections.journal
        if not isinstance(outbox, JournalOutbox):
            self._unfinished.append(outbox.stop)
        elif journal and outbox.journal.directory.parent == journal.directory:
            stop_all([outbox], 0.0)
        else:
            self._leaving.append(outbox)
            Thread(target=self._see_off, args=(outbox,), name="leaving", daemon=True).start()

    def _see_off(self, outbox: Outbox) -> None:
        while any(sender.queue.size_bytes for sender in outbox.senders):
            time.sleep(_LOOK_S)
        if outbox in self._leaving:
            self._leaving.remove(outbox)
            outbox.stop(0.0)

    def _change_receivers(self, before: Settings, grace_s: float) -> None:
        receivers = self._parts.receivers
        # The address of one that goes may be that of one that comes.
        for name in [n for n, r in self._serving.items() if receivers.get(n) is not r]:
            self._serving.pop(name).stop(grace_s)
        for name in [name for name in receivers if name not in self._serving]:
            try:
                self._serve(name, receivers[name])
            except OSError as error:
                logger.error("receivers.%s: %s", name, error)
                self._serve_as_before(name, before)

    def _serve_as_before(self, name: str, before: Settings) -> None:
        config = before.receivers.get(name)
        if config is None:
            return
        try:
            self._serve(name, _make(name, config, components.RECEIVERS))
        except OSError as error:
            logger.error("receivers.%s is not served any more: %s", name, error)
        else:
            logger.warning("receivers.%s is served as before", name)

    def _serve(self, name: str, receiver: Receiver) -> None:
        receiver.start(self.consumer(name), partial(self._rejects.bury, name))
        self._serving[name] = receiver

    # --- the way of a request ---

    def consumer(self, receiver: str) -> Consume:
        """Return what a receiver gives its data to: every pipeline that names it."""

        def consume(signal: Signal, payload: bytes, arrival: Arrival | None = None) -> Kept:
            with self._turn:
                if self._paused:
                    raise Refused("the configuration is being changed")
                pipelines = self._routes.get((receiver, signal), ())
                if not pipelines:
                    raise NotServed(f"no pipeline takes {signal}")
                arrival = arrival or Arrival()
                arrival.receiver = receiver
                return _into(pipelines, payload, arrival)

        return consume

    def send_own(self, signal: Signal, payload: bytes) -> bool:
        """Let every pipeline of ``signal`` take what this collector itself has to tell; return
        whether there is one."""
        pipelines = [p for name, p in self._pipelines.items() if name.partition("/")[0] == signal]
        if pipelines:
            _into(pipelines[::-1], payload, Arrival())
        return bool(pipelines)

    def _route(self, beside: Beside) -> None:
        configs = self._parts.settings.sections.service.pipelines
        pipelines = {name: self._pipeline(name, c, beside) for name, c in configs.items()}
        self._pipelines = pipelines
        self._routes = dict(_routes(configs, pipelines))

    def _pipeline(self, name: str, config: PipelineConfig, beside: Beside) -> Pipeline:
        signal = cast("Signal", name.partition("/")[0])
        put = self.outboxes[name].put
        if signal == "traces":
            put = self.processing.entrance(config.processors, put, self._waiting(name))

        def forward(_: Signal, payload: bytes) -> Kept:
            kept = put(payload)
            if signal == "logs" and beside.logs:
                beside.logs(payload)
            return kept

        processors = {name: self.processing.processors[name] for name in config.processors}
        if signal != "traces":
            return RecordPipeline(signal, processors, forward, self._counters)
        if beside.judging:
            processors["evaluation"] = beside.judging
        if beside.spans:
            processors["trace spans"] = beside.spans
        return TracePipeline(processors, beside.observers, forward, counters=self._counters)

    # --- what it is made of ---

    @property
    def processing(self) -> Processing:
        """The processors."""
        return self._parts.processing

    @property
    def receivers(self) -> Mapping[str, Receiver]:
        """Those that serve, by name."""
        return self._serving

    @property
    def senders(self) -> list[Sender[Any]]:
        """One for each signal and destination."""
        return [sender for outbox in self.outboxes.values() for sender in outbox.senders]

    def measure(self) -> Iterable[Family]:
        """What receivers and processors count for themselves, those of one kind together."""
        parts = [*self._serving.values(), *self.processing.processors.values()]
        measures: list[Measure] = [m for p in parts if (m := getattr(p, "measure", None))]
        return merged(family for measure in measures for family in measure())

    def _destinations(self, config: PipelineConfig) -> Destinations:
        settings, used = self._parts.settings.exporters, config.processors
        return {
            name: (self._parts.exporters[name], self.processing.destination(used, settings[name]))
            for name in config.exporters
        }

    def _waiting(self, name: str) -> Callable[[], Journal] | None:
        """Return what opens the journal of the traces of a pipeline that wait to be sampled."""
        config = self._parts.settings.sections.journal
        return config and partial(self._followed, config, f"{name.replace('/', '-')}-sample")

    def _followed(self, config: JournalConfig, name: str) -> Journal:
        journal = Journal(config, name)
        self._follow(journal)
        return journal

    def _outbox(self, name: str, config: PipelineConfig) -> Outbox:
        signal = cast("Signal", name.partition("/")[0])
        destinations, letter = self._destinations(config), self._parts.dead_letter
        journal = self._parts.settings.sections.journal
        if journal is None or not destinations:
            return MemoryOutbox(signal, destinations, letter)
        make = self._followed if signal == "traces" else Journal
        return JournalOutbox(signal, destinations, make(journal, name.replace("/", "-")), letter)


def _made(settings: Settings, before: Parts | None, together: Together | None) -> Parts:
    """Make the components of ``settings`` that are not in ``before`` already."""
    now: dict[str, dict[str, tuple[Any, object]]] = {
        "exporters": {name: (c, stamps(c)) for name, c in settings.exporters.items()},
        "processors": {name: (c, stamps(c)) for name, c in settings.processors.items()},
        # Receivers look after their files themselves.
        "receivers": {name: (c, None) for name, c in settings.receivers.items()},
    }
    known = before.known if before else {}

    def same(family: str) -> set[str]:
        return {n for n, was in known.get(family, {}).items() if now[family].get(n) == was}

    def parts(family: str, there: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
        kept = same(family)
        return {
            name: there[name] if name in kept else _make(name, config, table)
            for name, (config, _) in now[family].items()
        }

    letters = settings.sections.dead_letter
    if before and letters == before.settings.sections.dead_letter:
        dead_letter = before.dead_letter
    else:
        dead_letter = DeadLetter(letters) if letters else None
    there = before.processing.processors if before else {}
    going_on = {name: there[name] for name in same("processors")}
    return Parts(
        settings,
        parts("exporters", before.exporters if before else {}, components.EXPORTERS),
        Processing(settings.processors, going_on, together),
        parts("receivers", before.receivers if before else {}, components.RECEIVERS),
        dead_letter,
        now,
    )


def _make(name: str, config: Any, table: Mapping[str, components.Entry]) -> Any:
    return table[name.partition("/")[0]].make(config)


def _into(pipelines: Sequence[Pipeline], payload: bytes, arrival: Arrival) -> Kept:
    *others, first = pipelines
    kept = [pipeline.consume(payload, arrival, others=None) for pipeline in others]
    return first.consume(payload, arrival, others=kept)


def _routes(
    configs: Mapping[str, PipelineConfig], pipelines: Mapping[str, Pipeline]
) -> Iterator[tuple[tuple[str, str], list[Pipeline]]]:
    """Give every receiver its pipelines. Where several take the same data, the first one in the
    file shows it to the observers, and comes last: what another one refuses will come again."""
    routes: dict[tuple[str, str], list[Pipeline]] = {}
    for name, config in reversed(list(configs.items())):
        for receiver in config.receivers:
            routes.setdefault((receiver, name.partition("/")[0]), []).append(pipelines[name])
    yield from routes.items()
