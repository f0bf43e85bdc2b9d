"""A collector made from settings: every part once, started from the far end, stopped in reverse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Protocol, cast

from otel_llm.api import ApiServer, create_app
from otel_llm.collector.component import Signal
from otel_llm.collector.components import EXPORTERS
from otel_llm.collector.measures.counters import Counters
from otel_llm.collector.measures.process import process_measures
from otel_llm.collector.measures.samples import Family, Measure
from otel_llm.collector.measures.sending import measure as sending_measure
from otel_llm.collector.measures.sending import measure_journals
from otel_llm.collector.pipeline_status import PipelineStatus
from otel_llm.collector.sending.status import SenderStatus
from otel_llm.ui import pages

from .changed import affected, different, versions
from .flow import Flow
from .handover import Handover
from .office import PARTS, Office
from .prices import Prices, measured_age, table_age
from .settings import PipelineConfig, Settings
from .shown import shown
from .telling import Telling

logger = logging.getLogger(__name__)


_SETTLE_S = 5.0
"""How long somebody who asks about what has just arrived may wait for it."""


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
        self._price_age = table_age()
        self.office = Office(handover, self._send_own)
        self.telling: Telling | None = None
        self._api: ApiServer | None = None
        self.flow = Flow(settings, self.counters, self.office.keeper.follow, handover)
        self._versions = versions(settings)
        self._make(settings, PARTS | {"telling"})
        self.flow.connect(self.office.beside())
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
        logger.info("collector is ready%s", self._where(self._api.url) if self._api else "")

    def _where(self, url: str) -> str:
        if self.office.store is None:
            return f"; its state: {url}/status; no dashboard, as nothing is stored"
        return f"; dashboard and API: {url}"

    def stop(self, grace_s: float | None = None) -> None:
        """Refuse new data, deliver what was accepted within ``grace_s``, by default the drain
        timeout, close."""
        grace_s = self.grace_s if grace_s is None else grace_s
        self._running = False
        self.flow.stop_receiving(grace_s)
        self.office.end({"evaluation"}, grace_s)
        self.office.keeper.stop()
        self.flow.stop_sending(grace_s)
        self._end(PARTS - {"evaluation"} | {"telling", "api"})
        if self._api:
            self._api.stop()

    def change(self, settings: Settings) -> None:
        """Go on with other settings; what they say the same stays as it is, and no data that was
        answered for is lost.

        Raises ``OSError``, ``ValueError`` or ``StoreError`` when they cannot be used; then
        everything is as before. A receiver that cannot have its new address is logged, and served
        as before.
        """
        plan = self.flow.prepare(settings)
        now = versions(settings)
        sections = different(self._versions, now)
        if plan.parts.processing.content is not self.flow.processing.content:
            sections.add("content")
        changed = affected(sections)
        with self.flow.paused():
            try:
                self._renew(settings, changed)
            except BaseException:
                self.flow.discard(plan)
                self.flow.show(self.office.beside())  # what was put back is another one
                self._report_losses()
                raise
            before = self.flow.change(plan, self.office.beside())
            if "api" in changed:
                self._api = self._make_api(settings)
            self._begin(changed)
        self._settings, self._versions = settings, now
        self._report_losses()
        self.flow.finish(before, self.grace_s)

    def _renew(self, settings: Settings, changed: Set[str]) -> None:
        """Replace what changed beside the data; put it back when that fails."""
        try:
            self._end(changed)
            self._make(settings, changed)
        except BaseException:
            if "store" in changed and self.office.store:
                self.office.store.close()
            self._make(self._settings, changed)
            if "api" in changed:
                self._api = self._make_api(self._settings)
            self._begin(changed)
            raise

    def _starts(self) -> Iterator[Callable[[], None]]:
        yield self.flow.open
        yield lambda: self.office.catch_up(self._settings.sections.journal)
        yield lambda: self._begin(PARTS - {"evaluation"} | {"telling"})
        yield self.flow.start_sending
        yield self.office.keeper.start
        yield lambda: self._begin({"evaluation", "api"})
        yield self.flow.start_receiving

    @property
    def grace_s(self) -> float:
        """How long an end may take."""
        return self._settings.sections.service.drain_timeout

    def _make(self, settings: Settings, names: Set[str]) -> None:
        self.office.make(settings, names)
        if "telling" in names:
            self.telling = self._make_telling(settings)

    def _begin(self, names: Set[str]) -> None:
        self.office.begin(names)
        if "telling" in names and self.telling:
            self.telling.start()
        if "api" in names and self._api:
            self._api.start()

    def _end(self, names: Set[str]) -> None:
        if "telling" in names and self.telling:
            self.telling.stop()
        if "api" in names and self._api:
            self._api.pause()
        self.office.end(names, self.grace_s)

    def _send_own(self, signal: Signal, payload: bytes) -> bool:
        """Let the pipelines take what this collector itself has to tell."""
        return (self._workers or self.flow).send_own(signal, payload)

    def _make_api(self, settings: Settings) -> ApiServer | None:
        config, office = settings.sections.api, self.office
        if config is None or self._handover:
            if self._api:
                self._api.stop()
            return None
        own = self._own_measures()
        book = Prices(lambda: self._settings)
        app = create_app(
            office.store,
            config,
            measures=[office.totals.families, *own],
            alerts=office.alerts,
            observe=office.report,
            settle=self._settle,
            content=self.flow.processing.content,
            book=book,
            pages=pages(
                office.store,
                alerts=office.alerts,
                links=config.trace_links,
                measures=lambda: [family for measure in own for family in measure()],
                book=book,
                history=lambda: office.evaluation.history if office.evaluation else None,
                root=config.prefix,
            )
            if office.store
            else (),
            ready=lambda: self._running and (self._workers is None or self._workers.ready),
            status=self._pipelines,
            configuration=lambda: shown(self._settings),
        )
        return ApiServer(app, config, before=self._api)

    def _settle(self) -> None:
        """Wait until what has arrived is stored."""
        self.flow.settle(_SETTLE_S)
        if self.office.writer:
            self.office.writer.flush()

    def _own_measures(self) -> list[Measure]:
        """What is counted, but for the calls."""
        flow = self._workers.measure if self._workers else self.measure
        return [process_measures, flow, *self.office.measures()]

    def _make_telling(self, settings: Settings) -> Telling | None:
        config = settings.sections.service.telemetry.metrics
        if config is None or self._handover:
            return None
        kind = EXPORTERS[config.exporter.partition("/")[0]]
        measures = [self.office.totals.families, *self._own_measures()]
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
        yield from measure_journals(self.flow.outboxes)
        yield from self.flow.measure()
        if self._has_prices():
            yield measured_age(self._price_age())

    def senders(self) -> Sequence[SenderStatus]:
        """How each destination does."""
        return [sender.status() for sender in self.flow.senders]

    def _report_losses(self) -> None:
        """Let the alert rules look at what this collector itself loses."""
        alerts, evaluation = self.office.alerts, self.office.evaluation
        if alerts is None:
            return
        alerts.report("lost_spans", lambda: self._by_exporter(lambda s: s.failed))
        alerts.report("queue_age", lambda: self._by_exporter(lambda s: s.oldest_s or 0.0))
        alerts.report("queue_use", lambda: self._by_exporter(_use))
        if evaluation:
            alerts.report("suite_pass_rate", evaluation.suites_passed)
        if self._has_prices():
            alerts.report("price_table_age", self._price_age)

    def _has_prices(self) -> bool:
        return any(name.partition("/")[0] == "cost" for name in self.flow.processing.processors)

    def _by_exporter(
        self, read: Callable[[SenderStatus], float]
    ) -> list[tuple[Mapping[str, str], float]]:
        senders = self._workers.senders() if self._workers else self.senders()
        return [({"exporter": s.name, "signal": s.signal}, read(s)) for s in senders]


def _use(status: SenderStatus) -> float:
    return status.queue_bytes / status.queue_capacity_bytes
