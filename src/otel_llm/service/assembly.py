"""A collector made from settings: every part once, started from the far end, stopped in reverse."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from otel_llm.alerting.service import AlertService
from otel_llm.api import ApiServer, create_app
from otel_llm.collector import components
from otel_llm.collector.alert_measures import alert_measures
from otel_llm.collector.component import Observer, Receiver, Signal
from otel_llm.collector.counters import Counters
from otel_llm.collector.dead_letter import DeadLetter
from otel_llm.collector.errors import NotServed
from otel_llm.collector.evaluations import ScoreKeeper
from otel_llm.collector.journal import Journal
from otel_llm.collector.outbox import Destinations, JournalOutbox, MemoryOutbox, Outbox, stop_all
from otel_llm.collector.pipeline import RecordPipeline, TracePipeline
from otel_llm.collector.samples import Family, Measure
from otel_llm.collector.sending import Sender, SenderStatus
from otel_llm.collector.sending_measures import measure as sending_measure
from otel_llm.collector.sending_measures import measure_journals
from otel_llm.collector.store_measures import store_measures
from otel_llm.collector.totals import Totals
from otel_llm.genai import Call
from otel_llm.pricing import PriceBook
from otel_llm.store import CallWriter, open_store
from otel_llm.ui import pages

from .evaluation import Evaluation
from .prices import book_of, table_age
from .processing import Processing
from .settings import PipelineConfig, Settings

logger = logging.getLogger(__name__)


Pipeline = TracePipeline | RecordPipeline


class Service:
    """A whole collector. ``start`` and ``stop`` are called once each, by one thread."""

    def __init__(self, settings: Settings) -> None:
        """Build everything, bind nothing. Raises ``OSError`` for files that cannot be used and
        ``ValueError`` for settings that only their component can judge."""
        sections = settings.sections
        self._grace_s = sections.service.drain_timeout
        self._running = False
        self.counters = Counters()
        self.totals = Totals()
        self.store = open_store(sections.store) if sections.store else None
        self.writer = CallWriter(self.store) if self.store else None
        self.alerts = AlertService(sections.alerting) if sections.alerting else None
        self.scores = self._score_keeper()
        self.evaluation = self._make_evaluation(settings)
        self._dead_letter = DeadLetter(sections.dead_letter) if sections.dead_letter else None
        self._journal = sections.journal
        self._exporters = _made(settings.exporters, components.EXPORTERS)
        self._processing = Processing(settings.processors)
        self._processors = self._processing.processors
        self._receivers: Mapping[str, Receiver] = _made(settings.receivers, components.RECEIVERS)
        self.outboxes: dict[str, Outbox] = {}
        self._pipelines = {
            name: self._pipeline(name, pipeline, settings)
            for name, pipeline in sections.service.pipelines.items()
        }
        self._routes = dict(_routes(sections.service.pipelines, self._pipelines))
        self._api = self._make_api(settings)
        self._report_losses()

    def start(self) -> None:
        """Start downstream first, receivers last. Raises ``OSError`` for a taken address; what
        was started by then is stopped again."""
        try:
            for start in self._starts():
                start()
        except BaseException:
            self.stop()
            raise
        self._running = True
        logger.info("collector is ready")

    def stop(self) -> None:
        """Refuse new data, deliver what was accepted within the drain timeout, close."""
        self._running = False
        for receiver in self._receivers.values():
            receiver.stop(self._grace_s)
        if self.evaluation:
            self.evaluation.stop(self._grace_s)
        self._processing.stop()
        stop_all(self.outboxes.values(), self._grace_s)
        for exporter in self._exporters.values():
            exporter.close()
        if self.writer:
            self.writer.close(self._grace_s)
        if self.scores:
            self.scores.stop(self._grace_s)
        if self.alerts:
            self.alerts.stop()
        if self._api:
            self._api.stop()
        if self.store:
            self.store.close()

    def _starts(self) -> Iterator[Callable[[], None]]:
        if self.writer:
            yield self.writer.start
        if self.scores:
            yield self.scores.start
        if self.alerts:
            yield self._remember
            yield self.alerts.start
        yield self._processing.start
        for outbox in self.outboxes.values():
            yield outbox.start
        if self.evaluation:
            yield self.evaluation.start
        if self._api:
            yield self._api.start
        for name, receiver in self._receivers.items():
            yield lambda r=receiver, n=name: r.start(self._consumer(n))

    def _remember(self) -> None:
        """Give the alert windows what the store has of them: a restart forgets nothing."""
        if self.alerts and self.store:
            since = time.time() - self.alerts.longest_window_s
            self.alerts.remember(self.store.history(int(since * 1e9)), since)

    def _consumer(self, receiver: str) -> Callable[[Signal, bytes], None]:
        """Return what a receiver gives its data to: every pipeline that names it."""

        def consume(signal: Signal, payload: bytes) -> None:
            pipelines = self._routes.get((receiver, signal), ())
            if not pipelines:
                raise NotServed(f"no pipeline takes {signal}")
            *others, first = pipelines
            for pipeline in others:
                pipeline.consume(payload, observe=False)
            first.consume(payload)

        return consume

    def _pipeline(self, name: str, config: PipelineConfig, settings: Settings) -> Pipeline:
        signal = cast("Signal", name.partition("/")[0])
        destinations = {
            exporter: (self._exporters[exporter], settings.exporters[exporter])
            for exporter in config.exporters
        }
        outbox = self.outboxes[name] = self._outbox(name, signal, destinations)

        def forward(_: Signal, payload: bytes) -> None:
            outbox.put(payload)
            if signal == "logs" and self.scores:
                self.scores.take(payload)

        processors = {processor: self._processors[processor] for processor in config.processors}
        if signal == "traces" and self.evaluation and self.evaluation.judging:
            processors["evaluation"] = self.evaluation.judging
        if signal != "traces":
            return RecordPipeline(signal, processors, forward, self.counters)
        return TracePipeline(processors, self._observers(), forward, counters=self.counters)

    def _outbox(self, name: str, signal: Signal, destinations: Destinations) -> Outbox:
        if self._journal is None or not destinations:
            return MemoryOutbox(signal, destinations, self._dead_letter)
        journal = Journal(self._journal, name.replace("/", "-"))
        return JournalOutbox(signal, destinations, journal, self._dead_letter)

    def _score_keeper(self) -> ScoreKeeper | None:
        """Make what turns evaluation events into scores of the store."""
        if self.store is None:
            return None
        watch = self.alerts.watch_score if self.alerts else None
        return ScoreKeeper(self.store.add_scores, self.store.find_response, watch)

    def _make_evaluation(self, settings: Settings) -> Evaluation | None:
        config = settings.sections.evaluation
        if config is None:
            return None
        book = book_of(settings) if config.judge or config.embeddings else PriceBook()
        return Evaluation(
            config,
            book,
            lambda payload: self._send_own("traces", payload),
            lambda payload: self._send_own("logs", payload),
        )

    def _send_own(self, signal: Signal, payload: bytes) -> None:
        """Let every pipeline of ``signal`` take what this collector itself has to tell."""
        pipelines = [p for name, p in self._pipelines.items() if name.partition("/")[0] == signal]
        for number, pipeline in enumerate(pipelines):
            pipeline.consume(payload, observe=not number)
        if signal == "logs" and not pipelines and self.scores:
            self.scores.take(payload)

    def _observers(self) -> Mapping[str, Observer]:
        observers = {"totals": self.totals, "store": self.writer, "alerting": self.alerts}
        return {name: observer for name, observer in observers.items() if observer is not None}

    def _observe_reported(self, calls: Sequence[Call]) -> None:
        for observer in self._observers().values():
            observer.observe(calls)

    def _make_api(self, settings: Settings) -> ApiServer | None:
        config = settings.sections.api
        if config is None or self.store is None or self.writer is None:
            return None
        app = create_app(
            self.store,
            config,
            measures=[
                self.totals.families,
                self.counters.measure,
                self._sending,
                store_measures(self.writer),
                *([alert_measures(self.alerts)] if self.alerts else []),
                self._components,
                *(part.measure for part in (self.scores, self.evaluation) if part),
            ],
            alerts=self.alerts,
            observe=self._observe_reported,
            content=self._processing.content,
            pages=pages(self.store, alerts=self.alerts, links=config.trace_links),
            ready=lambda: self._running,
        )
        return ApiServer(app, config)

    def _components(self) -> Iterable[Family]:
        """What receivers and processors count for themselves, one family per name."""
        parts = [*self._receivers.values(), *self._processors.values()]
        measures: list[Measure] = [m for p in parts if (m := getattr(p, "measure", None))]
        given = [family for measure in measures for family in measure()]
        for name in dict.fromkeys(family.name for family in given):
            same = [family for family in given if family.name == name]
            yield replace(same[0], samples=[sample for f in same for sample in f.samples])

    def _sending(self) -> Iterable[Family]:
        yield from sending_measure(self._senders())
        yield from measure_journals(self.outboxes)

    def _senders(self) -> list[Sender[Any]]:
        return [sender for outbox in self.outboxes.values() for sender in outbox.senders]

    def _report_losses(self) -> None:
        """Let the alert rules look at what this collector itself loses."""
        if self.alerts is None:
            return
        self.alerts.report("lost_spans", lambda: self._by_exporter(lambda s: s.failed))
        self.alerts.report("queue_age", lambda: self._by_exporter(lambda s: s.oldest_s or 0.0))
        self.alerts.report("queue_use", lambda: self._by_exporter(_use))
        if self.evaluation:
            self.alerts.report("suite_pass_rate", self.evaluation.suites_passed)
        if any(name.partition("/")[0] == "cost" for name in self._processors):
            self.alerts.report("price_table_age", table_age())

    def _by_exporter(
        self, read: Callable[[SenderStatus], float]
    ) -> list[tuple[Mapping[str, str], float]]:
        return [
            ({"exporter": s.name, "signal": s.signal}, read(s.status())) for s in self._senders()
        ]


def _use(status: SenderStatus) -> float:
    return status.queue_bytes / status.queue_capacity_bytes


def _made(settings: Mapping[str, Any], table: Mapping[str, components.Entry]) -> dict[str, Any]:
    return {name: table[name.partition("/")[0]].make(config) for name, config in settings.items()}


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
