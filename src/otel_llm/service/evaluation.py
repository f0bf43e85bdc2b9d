"""The evaluation section at work: one judge, its budget, what it sees and where its words go."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from otel_llm.collector.measures.samples import Family, Sample, gauge
from otel_llm.collector.observers.judging import Chosen, Judging, judged
from otel_llm.evaluation import EvaluationConfig, Result, Subject
from otel_llm.evaluation.config import ScheduledSuite
from otel_llm.evaluation.endpoint import Endpoint, EndpointConfig
from otel_llm.evaluation.history import History
from otel_llm.evaluation.judge import Judge
from otel_llm.evaluation.live import LiveJudge
from otel_llm.evaluation.otlp import result_events
from otel_llm.evaluation.paid import PaidEndpoint
from otel_llm.evaluation.runner import Asker, SuiteOutcome, run
from otel_llm.evaluation.sampling import Sampler
from otel_llm.evaluation.schedule import Schedule
from otel_llm.evaluation.semantic import SemanticRelevance
from otel_llm.evaluation.spending import Spending
from otel_llm.evaluation.suite import read_suite
from otel_llm.pricing import PriceBook

Send = Callable[[bytes], object]
"""Takes an export request of our own into the pipelines."""

logger = logging.getLogger(__name__)


class Evaluation:
    """What judges in this collector. ``start`` and ``stop`` once each."""

    def __init__(
        self, config: EvaluationConfig, book: PriceBook, send_traces: Send, send_logs: Send
    ) -> None:
        """Raises ``OSError`` for a state file that cannot be used."""
        state = Path(config.state_path) if config.state_path else None
        self._stopping = threading.Event()
        self._send_traces, self._send_logs = send_traces, send_logs
        self._book = book
        self._spending = Spending(state, config.daily_budget)
        self._endpoints: list[PaidEndpoint] = []
        self.judge = self._make_judge(config)
        self._semantic = (
            SemanticRelevance(self._paid(config.embeddings)) if config.embeddings else None
        )
        self._live: LiveJudge | None = None
        self.judging: Judging | None = None
        if config.judge and self.judge:
            self._live = LiveJudge(config.judge, self.judge, self.deliver, self._semantic)
            self.judging = Judging(Sampler(config.judge.sample), self.offer)
        self._schedule = (
            Schedule(config.suites, state, self._run_suite) if state and config.suites else None
        )

    def start(self) -> None:
        """Begin to judge."""
        if self._live:
            self._live.start()
        if self._schedule:
            self._schedule.start()

    def stop(self, grace_s: float) -> None:
        """Judge no more; what is under way has ``grace_s`` seconds. Safe to call twice."""
        self._stopping.set()
        if self._live:
            self._live.stop(grace_s)
        if self._schedule:
            self._schedule.stop(grace_s)
        for endpoint in self._endpoints:
            endpoint.close()
        self._spending.close()

    def offer(self, chosen: Chosen) -> None:
        """Leave a call to the judge, if there is one. Never waits; one that comes again is judged
        once."""
        if self._live:
            self._live.offer(chosen.trace_id + chosen.span_id, chosen.subject)

    def deliver(self, results: Sequence[Result], subject: Subject) -> None:
        """Send results into the logs pipelines, as events of the span that was judged."""
        self._send_logs(result_events(results, subject))

    def measure(self) -> Iterator[Family]:
        """Give what the judge did and spent, for ``/metrics``."""
        if self._live:
            yield from judged(self._live)
        if not self._stopping.is_set():
            help = "US dollars that judge and embeddings have cost today"
            yield gauge("otel_llm_evaluation_spent_usd", help, float(self._spending.spent()))
        samples = [Sample(passed, labels) for labels, passed in self.suites_passed()]
        if samples:
            help = "Share of a suite's cases that passed when it was last run"
            yield Family("otel_llm_evaluation_suite_pass_rate", "gauge", help, samples)

    def suites_passed(self) -> Iterable[tuple[Mapping[str, str], float]]:
        """Return the share of cases that passed, by suite and model, as of the last runs."""
        outcomes = self._schedule.outcomes.values() if self._schedule else ()
        return [({"suite": one.suite.name, "model": one.model}, one.pass_rate) for one in outcomes]

    @property
    def history(self) -> History | None:
        """How suites on a schedule went, case by case; ``None`` without any."""
        return self._schedule.history if self._schedule else None

    def _run_suite(self, scheduled: ScheduledSuite) -> SuiteOutcome:
        asker = Asker(self.judge, self._semantic, self._book, self._send_traces, self._send_logs)
        with closing(Endpoint(scheduled.target, sleep=self._stopping.wait)) as target:
            suite = read_suite(Path(scheduled.file))
            return run(suite, target, asker, halted=self._stopping)

    def _make_judge(self, config: EvaluationConfig) -> Judge | None:
        if config.judge is None:
            return None
        return Judge(self._paid(config.judge.model), explained=config.judge.explanations)

    def _paid(self, config: EndpointConfig) -> PaidEndpoint:
        endpoint = PaidEndpoint(
            Endpoint(config, sleep=self._stopping.wait),
            book=self._book,
            spending=self._spending,
            trace=self._send_traces,
        )
        self._endpoints.append(endpoint)
        return endpoint
