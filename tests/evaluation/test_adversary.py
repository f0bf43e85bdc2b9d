"""Judges that answer garbage, odd suites, state files that fail: nothing is raised or made up."""

from __future__ import annotations

import json
import logging
import math
import socket
import sqlite3
import threading
import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from threading import Event

import pytest

from otel_llm.config import ConfigError
from otel_llm.evaluation.checks import check
from otel_llm.evaluation.config import SampleConfig, ScheduledSuite
from otel_llm.evaluation.endpoint import Endpoint, EndpointConfig
from otel_llm.evaluation.judge import Judge
from otel_llm.evaluation.otlp import result_events
from otel_llm.evaluation.parsing import Verdict, read_better, read_verdicts
from otel_llm.evaluation.report import case_line, to_json, to_junit
from otel_llm.evaluation.result import Result, Subject
from otel_llm.evaluation.runner import Asker, run
from otel_llm.evaluation.sampling import Sampler
from otel_llm.evaluation.schedule import Schedule
from otel_llm.evaluation.semantic import SemanticRelevance
from otel_llm.evaluation.spending import Spending
from otel_llm.evaluation.suite import Case, Suite, read_suite
from otel_llm.pricing import PriceBook
from otel_llm.testing import Answer, FakeProvider, json_answer

from .world import MODEL, PATIENCE_S, config, paid, said

HALF = "\ud83d"
"""Half of an emoji, as JSON may spell it."""
SUBJECT = Subject(f"How {HALF}?", f"So {HALF}.", trace_id="ab" * 16, span_id="cd" * 8)


def judge_of(provider: FakeProvider, **more: object) -> Judge:
    return Judge(paid(provider, **more), explained=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        '{"relevance": ' + "9" * 400 + "}",
        '{"relevance": -' + "9" * 400 + "}",
        '{"relevance": 1e999}',
        '{"relevance": [' * 5000,
        "```\n" + "\n" * 300_000,
        "```json\n" + "```\n" * 100_000,
        "\x00" * 1000,
        "{" * 100_000,
        HALF,
    ],
    ids=lambda text: repr(text[:24]),
)
def test_garbage_is_no_score_and_takes_no_time(text: str):
    started = time.process_time()

    assert (read_verdicts(text, ["relevance"]), read_better(text)) == ({}, None)
    assert time.process_time() - started < 2  # a quadratic search would take minutes


def test_a_reason_is_a_sentence_and_no_book():
    given = json.dumps({"relevance": {"score": 10, "reason": "because " * 10_000}})

    assert read_verdicts(given, ["relevance"]) == {"relevance": Verdict(1.0, "because " * 250)}


def test_half_an_emoji_is_judged_told_and_traced_like_any_text():
    given = said(json.dumps({"relevance": {"score": 10, "reason": f"Fine {HALF}."}}), id=HALF)
    spans: list[bytes] = []
    with FakeProvider() as provider:
        provider.queue(given)
        results = judge_of(provider, trace=spans.append).judge(SUBJECT, {"relevance": "Fits."})

    assert [(one.value, one.explanation) for one in results] == [(1.0, "Fine ?.")]
    assert len(spans) == 1
    assert b"Fine ?." in result_events(results, SUBJECT)


@pytest.mark.parametrize(
    "answer",
    [
        {"data": [{"index": 0, "embedding": [10**400]}, {"index": 1, "embedding": [1]}]},
        {"data": [{"index": 0, "embedding": {}}, {"index": 1, "embedding": [1]}]},
        {"data": {"index": 0}},
        {"data": [{"index": "x", "embedding": [1]}, {"index": 1, "embedding": [1]}]},
        {"data": None},
        [],
        "text",
    ],
    ids=lambda answer: json.dumps(answer)[:40],
)
def test_vectors_of_another_shape_are_no_score(answer: object):
    with FakeProvider() as provider:
        provider.queue(json_answer(answer))
        result = SemanticRelevance(paid(provider)).judge(SUBJECT)

    assert (result.value, result.error_type) == (None, "invalid_response")


@pytest.mark.parametrize("tokens", [10**400, 10**15, -1, 1.5, "7", None, True])
def test_a_count_of_tokens_that_cannot_be_is_none_and_the_most_is_booked(
    tokens: object, tmp_path: Path
):
    usage = {"prompt_tokens": tokens, "completion_tokens": tokens}
    spending = Spending(tmp_path / "state.sqlite", Decimal(1))
    with FakeProvider() as provider:
        provider.queue(said("{}", usage=usage))
        judge_of(provider, spending=spending, book=PriceBook()).judge(SUBJECT, {"x": "Fits."})

    assert Decimal("0.0006") < spending.spent() < Decimal("0.001")
    spending.close()


def test_a_server_that_hangs_in_its_answer_is_left_after_the_timeout():
    over = Event()
    with FakeProvider() as provider:
        provider.queue(Answer((b'{"choices": [', over)))
        judge = Judge(paid(provider, {"timeout": 0.5}))
        results = judge.judge(SUBJECT, {"x": "Fits."})
        over.set()

    assert [one.error_type for one in results] == ["timeout"]


def test_a_server_that_drips_its_headers_is_left_after_the_timeout():
    def drip() -> None:
        peer, _ = listening.accept()
        with peer, suppress(OSError):
            peer.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while True:
                peer.sendall(b"x")
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        asked = Endpoint(EndpointConfig(url, MODEL, timeout=0.5, retries=0))
        reply = asked.chat([{"role": "user", "content": "?"}])
        asked.close()
        thread.join(60)

    assert reply.error_type == "timeout"
    assert not thread.is_alive()


def test_without_a_state_file_that_can_be_written_nothing_is_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    spending = Spending(tmp_path / "state.sqlite", Decimal(1))
    spending.close()
    with FakeProvider() as provider:
        provider.queue(said("{}"))
        judge = judge_of(provider, spending=spending, book=PriceBook())
        results = judge.judge(SUBJECT, {"x": "Fits."})

    assert [one.error_type for one in results] == ["state_file"]
    assert provider.requests == []
    assert "nothing is asked" in caplog.text


def test_over_midnight_a_call_is_booked_on_the_day_it_was_begun(tmp_path: Path):
    now = [86_399.0]
    spending = Spending(tmp_path / "state.sqlite", Decimal(1), clock=lambda: now[0])
    reservation = spending.reserve(Decimal("0.9"))
    assert reservation is not None
    now[0] = 86_401.0

    spending.settle(reservation, Decimal("0.4"))

    assert (spending.spent(), spending.reserve(Decimal(1)) is None) == (Decimal(0), False)
    now[0] = 86_399.0  # a clock that was set back
    assert (spending.spent(), spending.reserve(Decimal("0.7"))) == (Decimal("0.4"), None)
    spending.close()


@pytest.mark.parametrize("cost", [math.nan, math.inf, -math.inf])
def test_a_cost_that_is_no_number_chooses_like_a_number(cost: float):
    sampler = Sampler(SampleConfig(rate=0, min_cost=Decimal(1)))

    assert sampler.by_what_it_was(None, cost) is (cost == math.inf)


ODD = [
    ("thresholds: {factual_acuracy: 0.7}", "did you mean 'factual_accuracy'"),
    ("thresholds: {relevance: .nan}", "expected a number from 0 to 1"),
    ("pass_rate: .nan", "expected a share from 0 to 1"),
    ("cases: [{query: a, name: '2'}, {query: b}]", "two are called '2'"),
    ("cases: [{query: a, thresholds: {keyword: 1}}]", "did you mean 'keywords'"),
    ("cases: [{query: a, json_schema: {type: 7}}]", "json_schema"),
    ("cases: [{query: a, pattern: '('}]", "pattern"),
    ("cases: [{query: ' '}]", "is empty"),
    ("cases: {query: a}", "cases"),
    ("cases: []", "there are none"),
]


@pytest.mark.parametrize(("text", "why"), ODD)
def test_an_odd_suite_is_a_mistake_with_its_place(text: str, why: str, tmp_path: Path):
    file = tmp_path / "suite.yaml"
    file.write_text(text if "cases:" in text else f"cases: [{{query: a}}]\n{text}")

    with pytest.raises(ConfigError) as mistake:
        read_suite(file)

    assert why in str(mistake.value)


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"$ref": "#"}, "1"),
        ({"multipleOf": 1e-300}, "1e308"),
        ({"properties": {"a": {"$ref": "#"}}}, '{"a":' * 900 + "1" + "}" * 900),
    ],
    ids=["endless", "number", "deep"],
)
def test_a_schema_that_cannot_be_followed_costs_its_case_alone(schema: dict, answer: str):
    (checked,) = check(Case("?", json_schema=schema), answer)

    assert checked.name == "json_schema"
    assert checked.value in (0.0, 1.0)


def test_a_suite_of_odd_names_and_answers_is_reported_in_every_way(tmp_path: Path):
    suite = Suite((Case(f"ask {HALF}", name=f"odd \x1b[31m{HALF}", keywords=("x\x07y",)),), "s")
    given = said(f"an answer {HALF}\x00", model=HALF * 500)
    taken: list[bytes] = []
    with FakeProvider() as provider:
        provider.queue(given)
        target = Endpoint(config(provider))
        outcome = run(suite, target, Asker(traces=taken.append, logs=taken.append))
        target.close()

    assert [case.verdict for case in outcome.cases] == ["failed"]
    assert len(taken) == 2
    assert "\x1b" not in case_line(outcome.cases[0])
    (tmp_path / "report.json").write_text(to_json(outcome), encoding="utf-8")
    (tmp_path / "report.xml").write_text(to_junit(outcome), encoding="utf-8")


def test_a_state_file_that_fails_keeps_suites_waiting_and_not_dead(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    file = tmp_path / "suite.yaml"
    file.write_text("cases: [{query: a}]")
    target = EndpointConfig("http://127.0.0.1:1/v1", MODEL)
    tried, times = Event(), [0.0]

    def clock() -> float:
        times.append(0.0)
        if len(times) > 2:
            tried.set()
        raise sqlite3.OperationalError("database or disk is full")

    schedule = Schedule([ScheduledSuite(str(file), target)], tmp_path / "s.sqlite", _never, clock)
    with caplog.at_level(logging.ERROR):
        assert schedule._turn() == 60.0
        assert schedule._turn() == 60.0

    assert tried.wait(PATIENCE_S)
    assert "suites wait" in caplog.text


def _never(_: ScheduledSuite) -> object:
    raise AssertionError("nothing is due")


def test_words_of_a_judge_do_not_steer_a_terminal():
    outcome = run_with(Result("tone", 0.1, "judge", 0, explanation="\x1b]0;owned\x07 no"))

    assert "\x1b" not in outcome
    assert "no" in outcome


def run_with(result: Result) -> str:
    class Fixed:
        def judge(self, subject: Subject, criteria: object) -> list[Result]:
            return [Result("relevance", 0.1, "j", 0, explanation=result.explanation)]

    with FakeProvider() as provider:
        provider.queue(said("hm"))
        target = Endpoint(config(provider))
        case = Case("q", name="c", judge=("relevance",), thresholds={"relevance": 0.5})
        outcome = run(Suite((case,), "s"), target, Asker(judge=Fixed()))  # type: ignore[arg-type]
        target.close()
    return case_line(outcome.cases[0])
