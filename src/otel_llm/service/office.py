"""What stands beside the data: the store, the alerts, scores and evaluations.

Each part is made, begun and ended by its name, so that a change of settings touches no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Final

from otel_llm.alerting.service import AlertService
from otel_llm.collector.calls.once import Once
from otel_llm.collector.component import Observer, Signal
from otel_llm.collector.journal import JournalConfig
from otel_llm.collector.measures.alerts import alert_measures
from otel_llm.collector.measures.samples import Measure
from otel_llm.collector.measures.store import store_measures
from otel_llm.collector.observers.evaluations import ScoreKeeper
from otel_llm.collector.observers.judging import Judging
from otel_llm.collector.observers.store_keeper import StoreKeeper
from otel_llm.collector.observers.totals import Totals
from otel_llm.collector.observers.trace_spans import TraceSpans
from otel_llm.evaluation.sampling import Sampler
from otel_llm.genai import Call
from otel_llm.pricing import PriceBook
from otel_llm.store import (
    CallWriter,
    Filter,
    PlainSpan,
    SpanWriter,
    Store,
    StoreConfig,
    StoreError,
    open_store,
)

from .evaluation import Evaluation
from .flow import Beside
from .handover import Handover
from .incidents import IncidentLog
from .prices import book_of
from .settings import Settings

logger = logging.getLogger(__name__)

PARTS: Final = frozenset({"store", "alerting", "scores", "evaluation"})


class Office:
    """Changed by one thread; calls come from others. In a worker most of it is in the process
    beside it, behind ``handover``."""

    def __init__(
        self, handover: Handover | None, send_own: Callable[[Signal, bytes], object]
    ) -> None:
        """``send_own`` lets the pipelines take what is found out here, and says whether one did."""
        self._handover = handover
        self._send_own = send_own
        self.once = Once()
        """Knows what came already: a sender did not get our answer, or the process ended between
        keeping it and forgetting what it came from."""
        self.totals = Totals()
        self.store: Store | None = None
        self.writer: CallWriter | None = None
        self.spans: SpanWriter | None = None
        self.alerts: AlertService | None = None
        self.scores: ScoreKeeper | None = None
        self.evaluation: Evaluation | None = None
        self._incidents: IncidentLog | None = None
        self._whole: TraceSpans | None = None
        self._choosing: Judging | None = None
        self.keeper = StoreKeeper(
            self.keep, self.is_kept, self.missed, lambda: self._whole is not None
        )

    # --- from start to end ---

    def make(self, settings: Settings, names: Set[str]) -> None:
        """Make the parts ``names``. Raises ``OSError``, ``ValueError`` and ``StoreError``."""
        sections = settings.sections
        if "store" in names:
            self._make_store(sections.store)
        if "alerting" in names:
            self.alerts = AlertService(sections.alerting) if sections.alerting else None
        if "scores" in names:
            self.scores = self._score_keeper()
        if "evaluation" in names:
            self.evaluation = self._make_evaluation(settings)

    def begin(self, names: Set[str]) -> None:
        """Let the parts ``names`` work."""
        for writer in self._writers() if "store" in names else ():
            writer.start()
        if "scores" in names and self.scores:
            self.scores.start()
        if "alerting" in names and self.alerts:
            self._remember()
            self.alerts.start()
        if names & {"alerting", "store"} and self.alerts and self.store:
            self._incidents = IncidentLog(self.alerts, self.store)
            self._incidents.start()
        if "evaluation" in names and self.evaluation:
            self.evaluation.start()

    def end(self, names: Set[str], grace_s: float) -> None:
        """End the parts ``names``; each has ``grace_s`` for what it has begun."""
        if names & {"alerting", "store"} and self._incidents:
            self._incidents.stop()
        if "evaluation" in names and self.evaluation:
            self.evaluation.stop(grace_s)
        for writer in self._writers() if "store" in names else ():
            writer.close(grace_s)
        if "scores" in names and self.scores:
            self.scores.stop(grace_s)
        if "alerting" in names and self.alerts:
            self.alerts.stop()
        if "store" in names and self.store:
            self.store.close()

    # --- what the data passes ---

    def beside(self) -> Beside:
        """Return what looks at the data on its way."""
        judging = self.evaluation.judging if self.evaluation else self._choosing
        logs = self.scores.take if self.scores else None
        logs = self._handover.logs if self._handover else logs
        once = None if self._handover else self.once  # who takes it over has seen the others'
        return Beside(self._observers(), once, judging, logs, self._whole)

    def observe(self, calls: Sequence[Call]) -> None:
        """Take calls that did not come through a pipeline of this process."""
        for observer in self._observers().values():
            observer.observe(calls)

    def report(self, calls: Sequence[Call]) -> None:
        """Take calls that were told over HTTP; those that are told again count once."""
        self.observe(self.once.new(calls))

    def _observers(self) -> Mapping[str, Observer]:
        if self._handover:
            return {"handover": self._handover}
        # The alerts learn from the store what it has beside the calls that they were shown.
        observers = {"totals": self.totals, "alerting": self.alerts, "store": self.writer}
        return {name: observer for name, observer in observers.items() if observer is not None}

    def measures(self) -> list[Measure]:
        """Return what the parts count for themselves."""
        return [
            *([store_measures(self.writer, self.keeper, self.spans)] if self.writer else []),
            *([alert_measures(self.alerts)] if self.alerts else []),
            *(part.measure for part in (self.scores, self.evaluation) if part),
        ]

    # --- the store and the journals ---

    def catch_up(self, journals: JournalConfig | None) -> None:
        """Give the store what it may not have of the journals that are open, and of those below
        their directory that are not: those of workers, or of the one process that was there before
        them. To be called before anything begins, for the alerts get what the store
        has."""
        if self.store is None:
            return
        try:
            found = self.keeper.catch_up()
            found += self.keeper.read_again(journals.directory) if journals else 0
            if found:
                logger.info("%d calls of the journals were looked at for the store", found)
        except (OSError, StoreError) as error:
            logger.error("the store does not have all that the journals have: %s", error)

    def keep(self, calls: Sequence[Call], spans: Sequence[PlainSpan]) -> int:
        """Let the store have calls and other spans of a journal that it may lack; return how many
        calls it did. Raises ``StoreError``, and ``OSError`` where it is in another process."""
        if self._handover:
            return self._handover.keep(calls, spans)
        self.once.new(calls)  # the alerts have those of before from the store
        if self.store and self.spans:
            self.store.add_spans(spans)
        return self.store.write(calls) if self.store else 0

    def missed(self) -> int:
        """Return how many calls and spans were to be stored and are not."""
        if self._handover:
            return self._handover.missed
        return sum(writer.missed for writer in self._writers())

    def is_kept(self) -> bool:
        """Wait until nothing waits to be stored; return whether that is so."""
        if self._handover:
            return self._handover.stored()
        return all([writer.flush() for writer in self._writers()])

    def _writers(self) -> Sequence[CallWriter | SpanWriter]:
        return [writer for writer in (self.writer, self.spans) if writer]

    # --- how each part is made ---

    def _make_store(self, config: StoreConfig | None) -> None:
        """Open the store; a worker has the one of the process beside it."""
        self.store = open_store(config) if config and not self._handover else None
        self.writer = CallWriter(self.store) if self.store else None
        whole = config is not None and config.spans == "traces"
        self.spans = SpanWriter(self.store) if self.store and whole else None
        taker = self._handover.spans if self._handover else self.spans and self.spans.observe
        self._whole = TraceSpans(taker) if taker and whole else None

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
            config, book, lambda payload: self._send_own("traces", payload), self._send_scores
        )

    def _send_scores(self, payload: bytes) -> None:
        """Let the pipelines take evaluation events; the store has them also where none does."""
        if not self._send_own("logs", payload) and self.scores:
            self.scores.take(payload)

    def _remember(self) -> None:
        """Let the alerts learn what the store has: a restart forgets nothing."""
        if self.alerts and self.store:
            self.alerts.past.learn(self._history)

    def _history(self, since_ns: int, until_ns: int | None) -> Iterable[Call]:
        if until_ns is None and self.writer:
            self.writer.flush()  # the alerts before these were shown what is still to be written
        where = Filter(until_ns=until_ns, billed=None)
        return self.store.history(since_ns, where) if self.store else ()
