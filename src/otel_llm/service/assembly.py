"""A collector made from settings: every part once, started from the far end, stopped in reverse."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Final, Protocol, cast

from otel_llm.alerting.service import AlertService
from otel_llm.api import ApiServer, create_app
from otel_llm.collector.calls.once import Once
from otel_llm.collector.component import Observer, Signal
from otel_llm.collector.components import EXPORTERS
from otel_llm.collector.measures.alerts import alert_measures
from otel_llm.collector.measures.counters import Counters
from otel_llm.collector.measures.process import process_measures
from otel_llm.collector.measures.samples import Family, Measure
from otel_llm.collector.measures.sending import measure as sending_measure
from otel_llm.collector.measures.sending import measure_journals
from otel_llm.collector.measures.store import store_measures
from otel_llm.collector.observers.evaluations import ScoreKeeper
from otel_llm.collector.observers.judging import Judging
from otel_llm.collector.observers.store_keeper import StoreKeeper
from otel_llm.collector.observers.totals import Totals
from otel_llm.collector.observers.trace_spans import TraceSpans
from otel_llm.collector.outbox import Outbox
from otel_llm.collector.pipeline_status import PipelineStatus
from otel_llm.collector.sending.status import SenderStatus
from otel_llm.evaluation.sampling import Sampler
from otel_llm.genai import Call
from otel_llm.pricing import PriceBook
from otel_llm.store import (
    CallWriter,
    Filter,
    SpanWriter,
    Store,
    StoreConfig,
    StoreError,
    open_store,
)
from otel_llm.ui import pages

from .evaluation import Evaluation
from .files import stamps
from .flow import Beside, Flow
from .handover import Handover
from .incidents import IncidentLog
from .prices import Prices, book_of, measured_age, table_age
from .settings import PipelineConfig, Settings
from .shown import shown
from .telling import Telling

logger = logging.getLogger(__name__)


OFFICE: Final = frozenset({"store", "alerting", "scores", "evaluation", "telling", "api"})
"""What stands beside the data."""
_AFFECTS: Final[Mapping[str, Set[str]]] = {
    "store": {"store", "scores", "telling", "api"},
    "alerting": {"alerting", "scores", "telling", "api"},
    "evaluation": {"evaluation", "telling", "api"},
    "telling": {"telling"},
    "content": {"api"},
    "api": {"api"},
}
"""Section to what is made from it."""


class Workers(Protocol):
    """What is known of the processes that receive."""

    @property
    def ready(self) -> bool:
        """Whether all of them receive."""
        ...

    def measure(self) -> Iterable[Family]:
        """What they have counted, together."""
        ...

    def senders(self) -> Sequence[SenderStatus]:
        """How the destinations of each of them do."""
        ...

    @property
    def full(self) -> Set[str]:
        """Names of the pipelines of which one of them takes nothing."""
        ...

    @property
    def pipelines(self) -> Mapping[str, PipelineConfig]:
        """What data passes through in each of them."""
        ...

    def send_own(self, signal: Signal, payload: bytes) -> bool:
        """Let one of them take what this process has to tell; return whether one did."""
        ...


class Service:
    """A whole collector. ``start`` and ``stop`` are called once each, ``change`` between them, by
    one thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        handover: Handover | None = None,
        workers: Workers | None = None,
    ) -> None:
        """Build everything, bind nothing. Raises ``OSError`` for files that cannot be used and
        ``ValueError`` for settings that only their component can judge.

        Where a collector is several processes: ``handover`` is where a worker gives its calls,
        ``workers`` are what the process beside them knows of them.
        """
        self._settings = settings
        self._handover, self._workers = handover, workers
        self._running = False
        self.counters = Counters()
        self.totals = Totals()
        self._price_age = table_age()
        self._once = Once()
        self.store: Store | None = None
        self.writer: CallWriter | None = None
        self.spans: SpanWriter | None = None
        self._whole: TraceSpans | None = None
        self.alerts: AlertService | None = None
        self.scores: ScoreKeeper | None = None
        self.evaluation: Evaluation | None = None
        self._choosing: Judging | None = None
        self.incidents: IncidentLog | None = None
        self.telling: Telling | None = None
        self._api: ApiServer | None = None
        self._keeper = StoreKeeper(self._keep, self._is_kept, self._missed)
        self.flow = Flow(settings, self.counters, self._keeper.follow, handover)
        self._known = _versions(settings)
        self._make(settings, OFFICE)
        self.flow.connect(self._beside())
        self._api = self._make_api(settings)
        self._report_losses()

    @property
    def outboxes(self) -> Mapping[str, Outbox]:
        """Where each pipeline ends, by its name."""
        return self.flow.outboxes

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
        where = f"; dashboard and API: {self._api.url}" if self._api else ""
        logger.info("collector is ready%s", where)

    def stop(self, grace_s: float | None = None) -> None:
        """Refuse new data, deliver what was accepted within ``grace_s``, by default the drain
        timeout, close."""
        grace_s = self.grace_s if grace_s is None else grace_s
        self._running = False
        self.flow.stop_receiving(grace_s)
        if self.evaluation:
            self.evaluation.stop(grace_s)
        self._keeper.stop()
        self.flow.stop_sending(grace_s)
        self._end(OFFICE - {"evaluation"})

    def change(self, settings: Settings) -> None:
        """Go on with other settings; what they say the same stays as it is, and no data that was
        answered for is lost.

        Raises ``OSError``, ``ValueError`` or ``StoreError`` when they cannot be used; then
        everything is as before. A receiver that cannot have its new address is logged, and served
        as before.
        """
        parts = self.flow.prepare(settings)
        known = _versions(settings)
        different = {name for name in known if known[name] != self._known[name]}
        if parts.processing.content is not self.flow.processing.content:
            different.add("content")
        changed = _affected(different)
        with self.flow.paused():
            try:
                self._renew(settings, changed)
            except BaseException:
                self.flow.discard(parts)
                raise
            before = self.flow.change(parts, self._beside())
            if "api" in changed:
                self._api = self._make_api(settings)
            self._begin(changed)
        self._settings, self._known = settings, known
        self._report_losses()
        self.flow.finish(before, self.grace_s)

    def _renew(self, settings: Settings, changed: Set[str]) -> None:
        """Replace what changed beside the data; put it back when that fails."""
        self._end(changed)
        try:
            self._make(settings, changed)
        except BaseException:
            if "store" in changed and self.store:
                self.store.close()
            self._make(self._settings, changed)
            if "api" in changed:
                self._api = self._make_api(self._settings)
            self._begin(changed)
            raise

    def _starts(self) -> Iterator[Callable[[], None]]:
        yield self.flow.open
        yield lambda: self._catch_up(self._keeper.catch_up)
        yield lambda: self._begin(OFFICE - {"api", "evaluation"})
        yield self.flow.start_sending
        yield self._keeper.start
        yield lambda: self._begin({"evaluation", "api"})
        yield self.flow.start_receiving

    @property
    def grace_s(self) -> float:
        """How long an end may take."""
        return self._settings.sections.service.drain_timeout

    # --- what stands beside the data ---

    def _make(self, settings: Settings, names: Set[str]) -> None:
        sections = settings.sections
        if "store" in names:
            self._make_store(sections.store)
        if "alerting" in names:
            self.alerts = AlertService(sections.alerting) if sections.alerting else None
        if "scores" in names:
            self.scores = self._score_keeper()
        if "evaluation" in names:
            self.evaluation = self._make_evaluation(settings)
        if "telling" in names:
            self.telling = self._make_telling(settings)

    def _make_store(self, config: StoreConfig | None) -> None:
        """Open the store; a worker has the one of the process beside it."""
        self.store = open_store(config) if config and not self._handover else None
        self.writer = CallWriter(self.store) if self.store else None
        whole = config is not None and config.spans == "traces"
        self.spans = SpanWriter(self.store) if self.store and whole else None
        taker = self._handover.spans if self._handover else self.spans and self.spans.observe
        self._whole = TraceSpans(taker) if taker and whole else None

    def read_again(self, journals: Iterable[Path]) -> None:
        """Give the store what it may not have of journals that nobody has open: those of workers.
        To be called before ``start``, which gives the alerts what the store has."""
        self._catch_up(lambda: sum([self._keeper.read_again(journal) for journal in journals]))

    def _catch_up(self, read: Callable[[], int]) -> None:
        """Give the store what the journals have and it has not."""
        try:
            if found := read() if self.store else 0:
                logger.info("%d calls of the journals were looked at for the store", found)
        except (OSError, StoreError) as error:
            logger.error("the store does not have all that the journals have: %s", error)

    def _keep(self, calls: Sequence[Call]) -> int:
        return self.store.write(calls) if self.store else 0

    def _missed(self) -> int:
        return self.writer.missed if self.writer else 0

    def _is_kept(self) -> bool:
        if self._handover:
            return self._handover.stored()
        return self.writer is None or self.writer.flush()

    def _begin(self, names: Set[str]) -> None:
        for writer in (self.writer, self.spans) if "store" in names else ():
            if writer:
                writer.start()
        if "scores" in names and self.scores:
            self.scores.start()
        if "alerting" in names and self.alerts:
            self._remember()
            self.alerts.start()
        if names & {"alerting", "store"} and self.alerts and self.store:
            self.incidents = IncidentLog(self.alerts, self.store)
            self.incidents.start()
        if "evaluation" in names and self.evaluation:
            self.evaluation.start()
        if "telling" in names and self.telling:
            self.telling.start()
        if "api" in names and self._api:
            self._api.start()

    def _end(self, names: Set[str]) -> None:
        if "telling" in names and self.telling:
            self.telling.stop()
        if names & {"alerting", "store"} and self.incidents:
            self.incidents.stop()
        if "evaluation" in names and self.evaluation:
            self.evaluation.stop(self.grace_s)
        for writer in (self.writer, self.spans) if "store" in names else ():
            if writer:
                writer.close(self.grace_s)
        if "scores" in names and self.scores:
            self.scores.stop(self.grace_s)
        if "alerting" in names and self.alerts:
            self.alerts.stop()
        if "api" in names and self._api:
            self._api.stop()
        if "store" in names and self.store:
            self.store.close()

    def _beside(self) -> Beside:
        judging = self.evaluation.judging if self.evaluation else self._choosing
        logs = self.scores.take if self.scores else None
        logs = self._handover.logs if self._handover else logs
        once = None if self._handover else self._once  # who takes it over has seen the others'
        return Beside(self._observers(), once, judging, logs, self._whole)

    def _remember(self) -> None:
        """Give the alert windows what the store has of them: a restart forgets nothing."""
        if self.alerts and self.store:
            store, since = self.store, time.time() - self.alerts.past.longest_s
            before = Filter(until_ns=int(since * 1e9))
            self.alerts.past.remember(store.history(int(since * 1e9)), since)
            self.alerts.past.remember_older(lambda oldest: store.history(int(oldest * 1e9), before))

    def _score_keeper(self) -> ScoreKeeper | None:
        """Make what turns evaluation events into scores of the store."""
        if self.store is None:
            return None
        watch = self.alerts.watch_score if self.alerts else None
        return ScoreKeeper(self.store.add_scores, self.store.find_response, watch)

    def _make_evaluation(self, settings: Settings) -> Evaluation | None:
        config = settings.sections.evaluation
        self._choosing = None
        if config is None:
            return None
        if self._handover:
            if config.judge:
                self._choosing = Judging(Sampler(config.judge.sample), self._handover.chosen)
            return None
        book = book_of(settings) if config.judge or config.embeddings else PriceBook()
        return Evaluation(
            config,
            book,
            lambda payload: self._send_own("traces", payload),
            lambda payload: self._send_own("logs", payload),
        )

    def _send_own(self, signal: Signal, payload: bytes) -> None:
        """Let the pipelines take what this collector itself has to tell."""
        sent = (self._workers or self.flow).send_own(signal, payload)
        if signal == "logs" and not sent and self.scores:
            self.scores.take(payload)

    def _observers(self) -> Mapping[str, Observer]:
        if self._handover:
            return {"handover": self._handover}
        observers = {"totals": self.totals, "store": self.writer, "alerting": self.alerts}
        return {name: observer for name, observer in observers.items() if observer is not None}

    def observe(self, calls: Sequence[Call]) -> None:
        """Take calls that did not come through a pipeline of this process."""
        for observer in self._observers().values():
            observer.observe(calls)

    def _make_api(self, settings: Settings) -> ApiServer | None:
        config = settings.sections.api
        if config is None or self.store is None or self.writer is None:
            return None
        own = self._own_measures()
        book = Prices(lambda: self._settings)
        app = create_app(
            self.store,
            config,
            measures=[self.totals.families, *own],
            alerts=self.alerts,
            observe=self.observe,
            settle=lambda: self.writer and self.writer.flush(),
            content=self.flow.processing.content,
            book=book,
            pages=pages(
                self.store,
                alerts=self.alerts,
                links=config.trace_links,
                measures=lambda: [family for measure in own for family in measure()],
                book=book,
                history=lambda: self.evaluation.history if self.evaluation else None,
                root=config.prefix,
            ),
            ready=lambda: self._running and (self._workers is None or self._workers.ready),
            status=self._pipelines,
            configuration=lambda: shown(self._settings),
        )
        return ApiServer(app, config)

    def _own_measures(self) -> list[Measure]:
        """What is counted, but for the calls."""
        return [
            process_measures,
            self._workers.measure if self._workers else self.measure,
            *([store_measures(self.writer, self._keeper)] if self.writer else []),
            *([alert_measures(self.alerts)] if self.alerts else []),
            *(part.measure for part in (self.scores, self.evaluation) if part),
        ]

    def _make_telling(self, settings: Settings) -> Telling | None:
        config = settings.sections.service.telemetry.metrics
        if config is None or self._handover:
            return None
        kind = EXPORTERS[config.exporter.partition("/")[0]]
        measures = [self.totals.families, *self._own_measures()]
        return Telling(
            kind.make(settings.exporters[config.exporter]),
            config.interval,
            lambda: [family for measure in measures for family in measure()],
        )

    def _pipelines(self) -> list[PipelineStatus]:
        senders = self._workers.senders() if self._workers else self.senders()
        configs = (self._workers or self._settings.sections.service).pipelines
        full = (self._workers or self.flow).full
        return [
            PipelineStatus(
                name,
                signal := cast("Signal", name.partition("/")[0]),
                config.receivers,
                config.processors,
                [s for s in senders if s.signal == signal and s.name in config.exporters],
                self._running and name not in full,
            )
            for name, config in configs.items()
        ]

    def measure(self) -> Iterable[Family]:
        """What is counted where data passes through: a ``Measure``."""
        yield from self.counters.measure()
        yield from sending_measure(self.flow.senders)
        yield from measure_journals(self.outboxes)
        yield from self.flow.measure()
        if self._has_prices():
            yield measured_age(self._price_age())

    def senders(self) -> Sequence[SenderStatus]:
        """How each destination does."""
        return [sender.status() for sender in self.flow.senders]

    def _report_losses(self) -> None:
        """Let the alert rules look at what this collector itself loses."""
        if self.alerts is None:
            return
        self.alerts.report("lost_spans", lambda: self._by_exporter(lambda s: s.failed))
        self.alerts.report("queue_age", lambda: self._by_exporter(lambda s: s.oldest_s or 0.0))
        self.alerts.report("queue_use", lambda: self._by_exporter(_use))
        if self.evaluation:
            self.alerts.report("suite_pass_rate", self.evaluation.suites_passed)
        if self._has_prices():
            self.alerts.report("price_table_age", self._price_age)

    def _has_prices(self) -> bool:
        return any(name.partition("/")[0] == "cost" for name in self.flow.processing.processors)

    def _by_exporter(
        self, read: Callable[[SenderStatus], float]
    ) -> list[tuple[Mapping[str, str], float]]:
        senders = self._workers.senders() if self._workers else self.senders()
        return [({"exporter": s.name, "signal": s.signal}, read(s)) for s in senders]


def _use(status: SenderStatus) -> float:
    return status.queue_bytes / status.queue_capacity_bytes


def _versions(settings: Settings) -> dict[str, object]:
    """Return what decides whether a part has to be made anew."""
    sections, processors = settings.sections, settings.processors
    kinds = {name: name.partition("/")[0] for name in processors}
    return {
        "store": sections.store,
        "alerting": (
            sections.alerting,
            stamps(sections.alerting.rule_files) if sections.alerting else (),
        ),
        "evaluation": (
            sections.evaluation,
            [config for name, config in processors.items() if kinds[name] == "cost"]
            if sections.evaluation
            else (),
        ),
        "telling": (sections.service.telemetry.metrics, _told_to(settings)),
        "api": sections.api,
    }


def _told_to(settings: Settings) -> object:
    metrics = settings.sections.service.telemetry.metrics
    return metrics and settings.exporters[metrics.exporter]


def _affected(changed: Set[str]) -> frozenset[str]:
    return frozenset[str]().union(*(_AFFECTS[name] for name in changed))
