"""What data passes through, from receivers to destinations, and how it changes while data flows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast

from otel_llm.collector import components
from otel_llm.collector.backlog import Backlog
from otel_llm.collector.calls.once import Once
from otel_llm.collector.component import (
    Arrival,
    Consume,
    Kept,
    Observer,
    Processor,
    Receiver,
    Signal,
)
from otel_llm.collector.errors import NotServed, Refused
from otel_llm.collector.kept import all_of, then
from otel_llm.collector.measures.counters import Counters
from otel_llm.collector.measures.samples import Family, Measure, merged
from otel_llm.collector.outbox import JournalOutbox, Outbox, stop_all
from otel_llm.collector.pipeline import RecordPipeline, TracePipeline, count_arrived
from otel_llm.collector.protocol import SIGNALS
from otel_llm.collector.sending import Sender
from otel_llm.collector.sending.rejects import Rejects
from otel_llm.collector.wire.envelope import checked_count
from otel_llm.collector.wire.pieces import in_pieces

from .backlogs import Backlogs, Prepared
from .outboxes import (
    Follow,
    Outboxes,
    destinations,
    fits,
    follow_none,
    tell_left_behind,
)
from .parts import Parts, make_part, make_parts
from .processing import Processing, Together
from .settings import PipelineConfig, Settings

logger = logging.getLogger(__name__)

_RELEASE_S = 0.05
"""Between two attempts at an address that is about to be released."""
_CATCH_UP_S = 10.0
"""How long a start or a change may wait for what was answered for and is not processed yet."""

Pipeline = TracePipeline | RecordPipeline
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Beside:
    """What looks at the data on its way."""

    observers: Mapping[str, Observer]
    """See every GenAI call."""
    once: Once | None = None
    """Keeps from them what they have seen."""
    judging: Processor | None = None
    """Comes after the processors of every traces pipeline."""
    logs: Callable[[bytes], object] | None = None
    """Sees every logs request that went out."""
    spans: Processor | None = None
    """Comes last of all in every traces pipeline, and changes nothing."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a pipeline of a new configuration will end."""

    outbox: Outbox
    prepared: Sequence[Sender[Any]] | None
    """What it has to add; ``None`` when it is new itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Another configuration, with what it needs and the one that holds has not."""

    parts: Parts
    endings: dict[str, Ending]
    """By pipeline."""
    backlogs: Prepared = field(default_factory=dict[Path, tuple[str, Backlog]])
    """Those that are new."""


class Flow:
    """The pipelines of a collector. Changed by one thread; data comes from others."""

    def __init__(
        self,
        settings: Settings,
        counters: Counters,
        follow: Follow = follow_none,
        together: Together | None = None,
    ) -> None:
        """Make the components, bind nothing. Raises ``OSError`` and ``ValueError`` as they do.
        ``follow`` is for the journals of traces; ``together`` is what the processors of several
        processes know."""
        self._together = together
        self._counters = counters
        self._parts = make_parts(settings, None, together)
        self._rejects = Rejects(lambda: self._parts.dead_letter)
        self._ends = Outboxes(follow)
        self.outboxes: Mapping[str, Outbox] = {}
        """By pipeline. Replaced and never changed: others look at them meanwhile."""
        self._pipelines: dict[str, Pipeline] = {}
        self._routes: dict[tuple[str, str], list[Pipeline]] = {}
        self._shared: Mapping[str, Sequence[Outbox]] = {}
        """Behind the pipelines that take the same traces, by receiver."""
        self._backlogs = Backlogs(self._process, self._bury)
        self._turns: dict[Signal, Lock] = {signal: Lock() for signal in SIGNALS}
        """A request has that of its signal while it is processed."""
        self._refusing = self._paused = self._unseen = False
        self._unfinished: list[Callable[[float], object]] = []
        self._serving: dict[str, Receiver] = {}
        self._served: dict[str, Any] = {}
        """By receiver, the configuration that it was served by last: that which holds may be one
        that it could not be served by."""
        self._going: Kept = None
        """When all receivers that are no more have answered their last request."""

    # --- from start to end ---

    def connect(self, beside: Beside) -> None:
        """Put the components together, the first time."""
        for name, pipeline in self._parts.settings.sections.service.pipelines.items():
            outbox = self._ends.make(name, pipeline, self._parts)
            self.outboxes = {**self.outboxes, name: outbox}
        self._route(beside)
        tell_left_behind(self._parts.settings)

    def open(self) -> None:
        """Open what traces wait in, and process what an earlier process did not. Raises ``OSError``
        as journals do."""
        self.processing.open()
        settings = self._parts.settings
        self._backlogs.change(settings, self._backlogs.prepare(settings))
        # The store finds it in the journals, as what was there already, and the alerts find it in
        # the store; but those of a worker are elsewhere.
        self._unseen = self._together is None
        self._backlogs.start()
        self._backlogs.settle(_CATCH_UP_S)
        self._unseen = False

    def start_sending(self) -> None:
        """Begin to send what is there."""
        for outbox in self.outboxes.values():
            outbox.start()
        self.processing.start()

    def start_receiving(self) -> None:
        """Bind and serve. Raises ``OSError`` for a taken address."""
        for name, receiver in self._parts.receivers.items():
            self._serve_anew(name, receiver)

    def stop_receiving(self, grace_s: float) -> None:
        """Refuse new data; process what was answered for within ``grace_s`` seconds."""
        endings = [receiver.leave(grace_s) for receiver in self._serving.values()]
        if (ending := all_of([self._going, *endings])) is not None:
            ending.result()
        self._backlogs.stop(grace_s)

    def stop_sending(self, grace_s: float) -> None:
        """Deliver what was accepted within ``grace_s`` seconds, close."""
        self._rejects.close()
        self.processing.stop(grace_s)
        stop_all([*self.outboxes.values(), *self._ends.leaving], grace_s)
        for exporter in self._parts.exporters.values():
            exporter.close()

    # --- change ---

    def prepare(self, settings: Settings) -> Plan:
        """Make what another configuration needs and this one has not, touching nothing. Raises as
        the constructor does. What comes of it is for ``change`` or ``discard``."""
        plan = Plan(make_parts(settings, self._parts, self._together), {})
        try:
            for name, pipeline in settings.sections.service.pipelines.items():
                plan.endings[name] = self._ending(name, pipeline, plan.parts)
            plan.backlogs.update(self._backlogs.prepare(settings))
        except BaseException:
            self.discard(plan)
            raise
        return plan

    def discard(self, plan: Plan) -> None:
        """Let go of what ``prepare`` made."""
        self._backlogs.discard(plan.backlogs)
        for name, ending in plan.endings.items():
            if ending.prepared is None:
                self._ends.close(ending.outbox)
                continue
            ending.outbox.discard(ending.prepared)
            if self.outboxes.get(name) is not ending.outbox:
                self._ends.leave(ending.outbox)
        plan.parts.processing.discard(self.processing)
        for name, exporter in plan.parts.exporters.items():
            if self._parts.exporters.get(name) is not exporter:
                exporter.close()

    @contextmanager
    def paused(self) -> Generator[None]:
        """Ask all senders to come back while the block runs; nothing is under way in it. What was
        answered for before goes where it would have gone."""
        self._refusing = True
        try:
            self._backlogs.settle(_CATCH_UP_S)
            with ExitStack() as turns:
                for turn in self._turns.values():
                    turns.enter_context(turn)
                self._paused = True
            yield
        finally:
            self._refusing = self._paused = False

    def change(self, plan: Plan, beside: Beside) -> Parts:
        """Go on with other components; return those before, for ``finish``. To be called while
        paused."""
        before, self._parts = self._parts, plan.parts
        gone = [outbox for n, outbox in self.outboxes.items() if not _stays(outbox, n, plan)]
        self.outboxes = {name: ending.outbox for name, ending in plan.endings.items()}
        for outbox in gone:
            self._retire(outbox)
        for name, ending in plan.endings.items():
            self._end(name, ending)
        self._route(beside)
        self._backlogs.change(plan.parts.settings, plan.backlogs)
        self._backlogs.start(plan.backlogs)
        try:
            self.processing.start(before.processing)
        except OSError as error:
            logger.error("senders are asked to come back, for traces cannot wait: %s", error)
        tell_left_behind(self._parts.settings)
        return before

    def show(self, beside: Beside) -> None:
        """Go on with the same components, and let others look at the data. To be called while
        paused."""
        self._route(beside)

    def finish(self, before: Parts, grace_s: float) -> None:
        """Serve what is new, end what is no more. What cannot be served as it should be is said,
        and served as it was if it was served."""
        self._change_receivers(grace_s)
        for end in self._unfinished:
            end(grace_s)
        self._unfinished = []
        for name, exporter in before.exporters.items():
            if self._parts.exporters.get(name) is not exporter and not self._ends.leaving:
                exporter.close()

    def _ending(self, name: str, pipeline: PipelineConfig, parts: Parts) -> Ending:
        outbox = self.outboxes.get(name)
        if outbox is None or not fits(outbox, name, pipeline, parts.settings):
            outbox = self._ends.back(name, pipeline, parts.settings)
        if outbox is None:
            return Ending(self._ends.make(name, pipeline, parts), None)
        return Ending(outbox, outbox.prepare(destinations(pipeline, parts), parts.dead_letter))

    def _end(self, name: str, ending: Ending) -> None:
        outbox = ending.outbox
        if ending.prepared is None:
            outbox.start()
            return
        sections = self._parts.settings.sections
        if sections.journal and isinstance(outbox, JournalOutbox):
            outbox.journal.change(sections.journal)
        ways = destinations(sections.service.pipelines[name], self._parts)
        self._unfinished.append(outbox.change(ways, self._parts.dead_letter, ending.prepared))

    def _retire(self, outbox: Outbox) -> None:
        """Let an outbox go. One with a journal in the directory that is still ours ends at once,
        for the next one goes on with its files; another one goes on until it has nothing left."""
        journal = self._parts.settings.sections.journal
        if not isinstance(outbox, JournalOutbox):
            self._unfinished.append(outbox.stop)
        elif journal and outbox.journal.directory.parent == journal.directory:
            self._ends.close(outbox)
        else:
            self._ends.leave(outbox)

    def _change_receivers(self, grace_s: float) -> None:
        receivers = self._parts.receivers
        going = [n for n, r in self._serving.items() if receivers.get(n) is not r]
        endings = all_of([self._serving.pop(name).leave(grace_s) for name in going])
        self._going = all_of([self._going, endings])
        for name in [name for name in self._served if name not in receivers]:
            del self._served[name]
        for name in [name for name in receivers if name not in self._serving]:
            try:
                self._serve_when_free(name, receivers[name])
            except OSError as error:
                logger.error("receivers.%s: %s", name, error)
                self._serve_as_before(name)

    def _serve_as_before(self, name: str) -> None:
        config = self._served.get(name)
        if config is None:
            return
        try:
            self._serve(name, make_part(name, config, components.RECEIVERS))
        except OSError as error:
            logger.error("receivers.%s is not served any more: %s", name, error)
        else:
            logger.warning("receivers.%s is served as before", name)

    def _serve_when_free(self, name: str, receiver: Receiver) -> None:
        """Serve at an address that may be that of one that goes: it gives up the address at once,
        but is not gone before its last request is answered, and senders shall not wait for that."""
        while self._going is not None and not self._going.done():
            with suppress(OSError):
                self._serve_anew(name, receiver)
                return
            time.sleep(_RELEASE_S)
        self._serve_anew(name, receiver)

    def _serve_anew(self, name: str, receiver: Receiver) -> None:
        self._serve(name, receiver)
        self._served[name] = self._parts.settings.receivers[name]

    def _serve(self, name: str, receiver: Receiver) -> None:
        receiver.start(self.consumer(name), partial(self._rejects.bury, name))
        self._serving[name] = receiver

    # --- the way of a request ---

    def consumer(self, receiver: str) -> Consume:
        """Return what a receiver gives its data to: every pipeline that names it."""

        def consume(signal: Signal, payload: bytes, arrival: Arrival | None = None) -> Kept:
            if self._refusing:
                raise Refused("the configuration is being changed")
            arrival = arrival or Arrival()
            arrival.receiver = receiver
            if signal == "traces" and (backlog := self._backlogs.get(receiver)):
                return self._answer(backlog, payload, arrival)
            return self._through(signal, payload, arrival)

        return consume

    def _answer(self, backlog: Backlog, payload: bytes, arrival: Arrival) -> Kept:
        """Answer for traces, and process them in their turn."""
        items = checked_count("traces", payload)
        count = partial(count_arrived, self._counters, "traces", arrival, items)
        try:
            kept = backlog.take(payload)
        except Refused:
            count(taken=False)
            raise
        then(kept, lambda taken: count(taken=taken))
        return kept

    def _process(self, receiver: str, payload: bytes) -> Kept:
        """Process traces that were answered for. Where one of several pipelines has no room, none
        gets them: it would again with every try."""
        if not all(outbox.has_room for outbox in self._shared.get(receiver, ())):
            raise Refused("a pipeline has no room")
        try:
            arrival = Arrival(receiver, is_counted=True, is_shown=lambda: not self._unseen)
            return self._through("traces", payload, arrival)
        except NotServed as error:  # till there is a pipeline again
            raise Refused(str(error)) from None

    def _bury(self, receiver: str, payload: bytes, reason: str) -> None:
        """Keep what cannot be processed though it was answered for."""
        letter = self._parts.dead_letter
        if letter is None:
            raise Refused("there is no dead letter")
        letter.bury(f"received-{receiver}", "traces", payload, reason)

    def _through(self, signal: Signal, payload: bytes, arrival: Arrival) -> Kept:
        with self._turns[signal]:
            if self._paused:
                raise Refused("the configuration is being changed")
            pipelines = self._routes.get((arrival.receiver, signal), ())
            if not pipelines:
                raise NotServed(f"no pipeline takes {signal}")
            return _into(pipelines, payload, arrival)

    def settle(self, timeout_s: float) -> bool:
        """Wait until what was answered for by now has been processed; return whether it was."""
        return self._backlogs.settle(timeout_s)

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
        behind = _routes(configs, self.outboxes)
        self._shared = {r: boxes for (r, of), boxes in behind if of == "traces" and len(boxes) > 1}

    def _pipeline(self, name: str, config: PipelineConfig, beside: Beside) -> Pipeline:
        signal = cast("Signal", name.partition("/")[0])
        put = self.outboxes[name].put
        if signal == "traces":
            waiting = self._ends.waiting(name, self._parts.settings)
            put = self.processing.entrance(config.processors, put, waiting)

        def forward(_: Signal, payload: bytes) -> Kept:
            kept = put(payload)
            if signal == "logs" and beside.logs:
                for piece in in_pieces(payload):
                    beside.logs(piece)
            return kept

        processors = {name: self.processing.processors[name] for name in config.processors}
        if signal != "traces":
            return RecordPipeline(signal, processors, forward, self._counters)
        if beside.judging:
            processors["evaluation"] = beside.judging
        if beside.spans:
            processors["trace spans"] = beside.spans
        return TracePipeline(
            processors, beside.observers, forward, counters=self._counters, once=beside.once
        )

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
    def full(self) -> frozenset[str]:
        """Names of the pipelines that take nothing, be it that no receiver of theirs serves."""
        full = {name for name, outbox in self.outboxes.items() if not outbox.has_room}
        serving = self._serving.keys()
        pipelines = self._parts.settings.sections.service.pipelines.items()
        full.update(n for n, p in pipelines if serving.isdisjoint(p.receivers))
        refusing = self._backlogs.full.union(
            name for name, p in self.processing.processors.items() if not getattr(p, "has_room", 1)
        )
        return frozenset(
            full | {n for n, p in pipelines if refusing.intersection((*p.receivers, *p.processors))}
        )

    @property
    def senders(self) -> list[Sender[Any]]:
        """One for each signal and destination."""
        return [sender for outbox in self.outboxes.values() for sender in outbox.senders]

    def measure(self) -> Iterable[Family]:
        """What receivers and processors count for themselves, those of one kind together."""
        yield from self._backlogs.measure()
        parts = [*self._serving.values(), *self.processing.processors.values()]
        measures: list[Measure] = [m for p in parts if (m := getattr(p, "measure", None))]
        yield from merged(family for measure in measures for family in measure())


def _stays(outbox: Outbox, name: str, plan: Plan) -> bool:
    return name in plan.endings and plan.endings[name].outbox is outbox


def _into(pipelines: Sequence[Pipeline], payload: bytes, arrival: Arrival) -> Kept:
    *others, first = pipelines
    kept = [pipeline.consume(payload, arrival, others=None) for pipeline in others]
    return first.consume(payload, arrival, others=kept)


def _routes(
    configs: Mapping[str, PipelineConfig], parts: Mapping[str, P]
) -> Iterator[tuple[tuple[str, str], list[P]]]:
    """Give every receiver its pipelines, or what else there is one of for each. Where several take
    the same data, the first one in the file shows it to the observers, and comes last: what another
    one refuses will come again."""
    routes: dict[tuple[str, str], list[P]] = {}
    for name, config in reversed(list(configs.items())):
        for receiver in config.receivers:
            routes.setdefault((receiver, name.partition("/")[0]), []).append(parts[name])
    yield from routes.items()
