"""Evaluation events of anybody become scores: once, by span or response, people apart."""

from __future__ import annotations

import time
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from otel_llm.collector.observers.evaluations import ScoreKeeper
from otel_llm.genai import Call
from otel_llm.store import DuckDBStore, Score
from tests.collector.calls import any_value
from tests.store.examples import NOON, a_call

TRACE, SPAN = "0a" * 16, "0b" * 8
SAID = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5}


def event(
    trace: str = TRACE, span: str = SPAN, name: str = "gen_ai.evaluation.result", **more: Any
):
    said = {**SAID, **{key.replace("__", "."): value for key, value in more.items()}}
    return LogRecord(
        event_name=name,
        time_unix_nano=NOON,
        trace_id=bytes.fromhex(trace),
        span_id=bytes.fromhex(span),
        attributes=[KeyValue(key=k, value=any_value(v)) for k, v in said.items() if v is not None],
    )


def payload(*records: LogRecord) -> bytes:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add(log_records=records)
    return request.SerializeToString()


class Kept:
    """A keeper whose scores stay here."""

    def __init__(self) -> None:
        self.scores: list[Score] = []
        self.watched: list[tuple[str, dict[str, str]]] = []
        self.keeper = ScoreKeeper(
            self.scores.extend,
            self.find,
            lambda score, labels: self.watched.append((score.name, dict(labels))),
        )
        self.keeper.start()

    def find(self, response_id: str) -> Call | None:
        return a_call(7) if response_id == "known" else None

    def take(self, *payloads: bytes) -> list[Score]:
        for one in payloads:
            self.keeper.take(one)
        self.keeper.stop(60)
        return self.scores


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_a_result_is_a_score_of_the_span_it_belongs_to(kept: Kept):
    record = event(otel_llm__evaluation__evaluator="gpt-4o", gen_ai__evaluation__explanation="fits")

    [score] = kept.take(payload(record))

    assert score == Score(
        id=score.id,
        trace_id=TRACE,
        span_id=SPAN,
        name="relevance",
        value=0.5,
        source="automatic",
        at_ns=NOON,
        rater="gpt-4o",
        comment="fits",
    )


def test_an_event_that_is_delivered_twice_is_one_score(kept: Kept):
    assert len(kept.take(payload(event()), payload(event(), event()))) == 1
    assert len(kept.watched) == 1


def test_feedback_of_people_is_kept_apart_and_goes_by_the_response(kept: Kept):
    """Who clicks on a thumb does so in a request of its own, with a trace of its own."""
    click = event(gen_ai__evaluation__name="user_feedback", gen_ai__response__id="known")

    [score] = kept.take(payload(click))

    assert (score.source, score.trace_id, score.span_id) == (
        "human",
        a_call(7).trace_id,
        a_call(7).span_id,
    )
    assert kept.watched == []


def test_a_result_without_a_span_is_found_by_its_response(kept: Kept):
    records = [event("", "", gen_ai__response__id=name) for name in ("known", "unknown")]

    [score] = kept.take(payload(*records))

    assert score.trace_id == a_call(7).trace_id
    assert kept.keeper.lost == 1


@pytest.mark.parametrize("value", [1.5, -0.1, "good", None, float("nan")])
def test_what_is_no_score_from_0_to_1_is_not_kept(kept: Kept, value):
    assert kept.take(payload(event(gen_ai__evaluation__score__value=value))) == []
    assert kept.keeper.lost == 1


def test_a_name_that_is_no_text_costs_no_other_result(kept: Kept):
    odd = event(gen_ai__evaluation__name=["a", "list"], gen_ai__response__id="known")

    assert len(kept.take(payload(odd, event()))) == 1


def test_a_time_that_no_store_has_costs_no_other_result():
    odd = event(gen_ai__evaluation__name="odd")
    odd.time_unix_nano = 2**64 - 1
    store = DuckDBStore()
    keeper = ScoreKeeper(store.add_scores, lambda _: None)
    keeper.start()

    keeper.take(payload(odd, event()))
    keeper.stop(60)

    assert [(s.name, s.at_ns) for s in store.scores(TRACE)] == [
        ("relevance", NOON),
        ("odd", 2**63 - 1),
    ]
    store.close()


def test_a_result_that_says_why_there_is_no_score_is_not_lost(kept: Kept):
    record = event(gen_ai__evaluation__score__value=None, error__type="timeout")

    assert kept.take(payload(record)) == []
    assert kept.keeper.lost == 0


def test_other_events_and_broken_requests_are_left_alone(kept: Kept):
    other = event(name="gen_ai.client.inference.operation.details")

    assert kept.take(payload(other), b"\xffgen_ai.evaluation.result") == []


def test_older_senders_name_the_event_in_an_attribute(kept: Kept):
    record = event(name="", event__name="gen_ai.evaluation.result")

    assert len(kept.take(payload(record))) == 1


def test_an_automatic_score_is_watched_with_the_model_it_is_about(kept: Kept):
    record = event(gen_ai__response__model="gpt-4o", gen_ai__prompt__version="7")
    kept.take(payload(record))

    assert kept.watched == [("relevance", {"model": "gpt-4o", "prompt_version": "7"})]


def test_a_store_that_fails_costs_the_scores_and_not_the_keeper(caplog: pytest.LogCaptureFixture):
    tried: list[int] = []

    def add(scores: Any) -> None:
        tried.append(len(scores))
        raise OSError("the disk is full of secrets")

    keeper = ScoreKeeper(add, lambda _: None)
    keeper.start()
    keeper.take(payload(event()))
    keeper.take(payload(event(gen_ai__evaluation__name="other")))
    until = time.monotonic() + 60
    while len(tried) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    keeper.stop(60)

    assert tried == [1, 1]
    assert "secrets" not in caplog.text
    assert keeper.lost == 2
