"""The evaluation section at work: one judge, its budget, what it sees and where its words go."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from otel_llm.collector.judging import Judging
from otel_llm.collector.samples import Family
from otel_llm.evaluation import EvaluationConfig, Result, Subject
from otel_llm.evaluation.endpoint import Endpoint, EndpointConfig
from otel_llm.evaluation.judge import Judge
from otel_llm.evaluation.live import LiveJudge
from otel_llm.evaluation.otlp import result_events
from otel_llm.evaluation.paid import PaidEndpoint
from otel_llm.evaluation.sampling import Sampler
from otel_llm.evaluation.semantic import SemanticRelevance
from otel_llm.evaluation.spending import Spending
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
            self.judging = Judging(Sampler(config.judge.sample), self._live)

    def start(self) -> None:
        """Begin to judge."""
        if self._live:
            self._live.start()

    def stop(self, grace_s: float) -> None:
        """Judge no more; what is under way has ``grace_s`` seconds. Safe to call twice."""
        self._stopping.set()
        if self._live:
            self._live.stop(grace_s)
        for endpoint in self._endpoints:
            endpoint.close()
        self._spending.close()

    def deliver(self, results: Sequence[Result], subject: Subject) -> None:
        """Send results into the logs pipelines, as events of the span that was judged."""
        self._send_logs(result_events(results, subject))

    def measure(self) -> Iterator[Family]:
        """Give what the judge did and spent, for ``/metrics``."""
        if self.judging:
            yield from self.judging.measure()

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
