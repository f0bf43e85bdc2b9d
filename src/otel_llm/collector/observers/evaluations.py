"""Evaluation results that come as events (``gen_ai.evaluation.result``) become scores of the store.

They may be of our own judge, of an application (``record_feedback``) or of another evaluator. An
event is taken in one thread of our own: whoever sends logs never waits for the store.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from otel_llm import semconv
from otel_llm.genai import Call
from otel_llm.semconv import own
from otel_llm.store import Score

from ..measures.samples import Family, counter
from ..wire.values import Decoded, as_number, decode

_log = logging.getLogger(__name__)
_EVENT = "gen_ai.evaluation.result"
_NEEDLE = _EVENT.encode()
_HUMAN = frozenset({"user_feedback", "rating"})
"""Names under which people's opinions come (``otel_llm.record_feedback`` and others)."""
_MAX_WAITING = 1_000
_REMEMBERED = 10_000
_LONGEST_COMMENT = 4_000
_LATEST_NS = 2**63 - 1
"""In the year 2262: a store that has no later times would take none of its neighbours either."""

AddScores = Callable[[Sequence[Score]], object]
FindResponse = Callable[[str], Call | None]
Labels = Mapping[str, str]
Watch = Callable[[Score, Labels], object]
"""Gets every automatic score with the model and prompt that it is about."""


class ScoreKeeper:
    """Reads scores out of log requests and keeps them. ``take`` from any thread."""

    def __init__(self, add: AddScores, find: FindResponse, watch: Watch | None = None) -> None:
        """``add`` and ``find`` are the store's, for scores and for calls by response id."""
        self._add = add
        self._find = find
        self._watch = watch
        self._waiting: deque[bytes] = deque()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="otel-llm-scores", daemon=True)
        self.kept = 0
        """Scores that were kept."""
        self.lost = 0
        """Results that were not: of no known call, out of range, or no room."""

    def start(self) -> None:
        """Begin to keep."""
        self._thread.start()

    def take(self, payload: bytes) -> None:
        """Look at one logs request. Cheap when there is no result in it; never blocks."""
        if _NEEDLE not in payload:
            return
        with self._changed:
            if len(self._waiting) < _MAX_WAITING and not self._stopping:
                self._waiting.append(payload)
                self._changed.notify()
            else:
                self.lost += 1

    def stop(self, grace_s: float) -> None:
        """Keep what waits, within ``grace_s`` seconds. Safe to call twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(grace_s)

    def measure(self) -> Iterator[Family]:
        """Give what became of results, for ``/metrics``."""
        yield counter("otel_llm_evaluation_scores", "Scores that came as events", self.kept)
        help = "Evaluation results of no known call, out of range, or without room"
        yield counter("otel_llm_evaluation_lost_scores", help, self.lost)

    def _run(self) -> None:
        while (payload := self._next()) is not None:
            try:
                self._keep(payload)
            except Exception as error:  # noqa: BLE001  # one odd request must not end the thread
                self.lost += 1
                _log.error("scores could not be kept: %s", type(error).__name__)

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            return self._waiting.popleft() if self._waiting else None

    def _keep(self, payload: bytes) -> None:
        scores: list[Score] = []
        for record, said in _results(payload):
            score = self._score(record, said)
            if score is None:
                self.lost += semconv.ERROR_TYPE not in said
                continue
            if self._is_new(score.id):
                scores.append(score)
                if self._watch and score.source == "automatic":
                    self._watch(score, _labels(said))
        if scores:
            self._add(scores)
            self.kept += len(scores)

    def _is_new(self, score_id: str) -> bool:
        """Whether the event was not seen before: several pipelines may take the same one."""
        if score_id in self._seen:
            return False
        self._seen[score_id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _score(self, record: LogRecord, said: Mapping[str, Decoded]) -> Score | None:
        value = as_number(said.get(semconv.EVALUATION_SCORE_VALUE))
        name = _text(said, semconv.EVALUATION_NAME)
        trace_id, span_id = self._where(record, said)
        if name is None or trace_id is None or value is None or not 0 <= value <= 1:
            return None
        rater = _text(said, own.EVALUATION_EVALUATOR) or _text(said, own.USER_ID)
        at_ns = min(record.time_unix_nano or record.observed_time_unix_nano, _LATEST_NS)
        return Score(
            id=_id(trace_id, span_id, name, rater, at_ns),
            trace_id=trace_id,
            span_id=span_id,
            name=name,
            value=float(value),
            source="human" if name in _HUMAN else "automatic",
            at_ns=at_ns,
            rater=rater,
            comment=(_text(said, semconv.EVALUATION_EXPLANATION) or "")[:_LONGEST_COMMENT] or None,
        )

    def _where(
        self, record: LogRecord, said: Mapping[str, Decoded]
    ) -> tuple[str | None, str | None]:
        """Return the span that was judged: the event's parent, else that of the response.

        A person clicks in a request of its own, so that feedback goes by the response first.
        """
        response = _text(said, semconv.RESPONSE_ID)
        here = (record.trace_id.hex() or None, record.span_id.hex() or None)
        if response is None or (here[0] and _text(said, semconv.EVALUATION_NAME) not in _HUMAN):
            return here
        call = self._find(response)
        return (call.trace_id, call.span_id) if call else here


def _results(payload: bytes) -> Iterator[tuple[LogRecord, Mapping[str, Decoded]]]:
    try:
        request = ExportLogsServiceRequest.FromString(payload)
    except DecodeError:
        return
    for group in request.resource_logs:
        for scope in group.scope_logs:
            for record in scope.log_records:
                said = {a.key: decode(a.value.SerializeToString()) for a in record.attributes}
                if _EVENT in (record.event_name, said.get("event.name")):
                    yield record, said


def _labels(said: Mapping[str, Decoded]) -> Labels:
    names = {
        "model": semconv.RESPONSE_MODEL,
        "prompt": semconv.PROMPT_NAME,
        "prompt_version": semconv.PROMPT_VERSION,
    }
    return {label: text for label, name in names.items() if (text := _text(said, name))}


def _text(said: Mapping[str, Decoded], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) and value else None


def _id(trace_id: str, span_id: str | None, name: str, rater: str | None, at_ns: int) -> str:
    """Return the same id when an event is delivered twice."""
    parts = repr((trace_id, span_id, name, rater, at_ns)).encode()
    return f"event:{hashlib.sha256(parts).hexdigest()[:32]}"
