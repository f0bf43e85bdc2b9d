"""Loops that nobody stops: noticed within a minute, denied, told once, forgotten when quiet."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from otel_llm.alerting import AlertingConfig, AlertService
from otel_llm.alerting.budgets import BudgetConfig
from otel_llm.alerting.runaway import RunawayConfig, Runaways
from otel_llm.alerting.spending import VALID_S, SpendingFile
from otel_llm.stats.denial import Denial, read
from tests.stats.calls import call

from .world import START, Clock

LIMITS = RunawayConfig(calls_per_minute=10, tokens_per_minute=1_000, tool_repeats=5)


def _tool(at: float, name: str = "search", **more: object):
    return call(at, operation="execute_tool", tool_name=name, tokens=None, cost=None, **more)


def _denied(runaways: Runaways, now: float) -> list[tuple[str, dict[str, str]]]:
    return sorted(((d.name, dict(d.labels)) for d in runaways.denials(now)), key=str)


def test_a_session_that_calls_too_often_is_denied_and_another_is_not():
    runaways = Runaways(LIMITS)
    for number in range(11):
        at = START + number * 5
        runaways.observe([call(at, conversation_id="s1", trace_id=f"t{number}")], at)
    runaways.observe([call(START + 50, conversation_id="s2")], START + 50)

    assert _denied(runaways, START + 50) == [
        ("calls_per_minute", {"session": "s1"}),
        ("calls_per_minute", {"trace": "t10"}),
    ]
    assert [(dict(labels), factor) for labels, factor in runaways.told(START + 50)] == [
        ({"scope": "session", "id": "s1", "limit": "calls_per_minute"}, 1.1)
    ]


def test_the_same_number_of_calls_over_a_longer_time_is_none():
    runaways = Runaways(LIMITS)
    for number in range(40):
        at = START + number * 7
        runaways.observe([call(at, trace_id="t")], at)

    assert _denied(runaways, at) == []


def test_tokens_of_one_trace_are_added_up():
    runaways = Runaways(LIMITS)
    runaways.observe([call(START, trace_id="t", tokens=(900, 101))], START)

    assert _denied(runaways, START) == [("tokens_per_minute", {"trace": "t"})]


def test_a_trace_and_its_session_are_both_denied_and_told_as_one():
    runaways = Runaways(LIMITS)
    runaways.observe([call(START, trace_id="t", conversation_id="s", tokens=(2_000, 0))], START)

    assert _denied(runaways, START) == [
        ("tokens_per_minute", {"session": "s"}),
        ("tokens_per_minute", {"trace": "t"}),
    ]
    ((labels, factor),) = runaways.told(START)
    assert (labels["scope"], factor, runaways.example(labels)) == ("session", 2.0, "t")


def test_the_same_tool_again_and_again_is_a_loop():
    runaways = Runaways(LIMITS)
    runaways.observe([_tool(START + n, trace_id="t") for n in range(6)], START + 6)

    assert _denied(runaways, START + 6) == [("tool_repeats", {"trace": "t"})]


@pytest.mark.parametrize(
    "tools",
    [
        [_tool(START + n, "search" if n % 3 else "open", trace_id="t") for n in range(30)],
        [_tool(START + n * 61, trace_id="t") for n in range(30)],
        [_tool(START + n, trace_id=f"t{n}") for n in range(30)],
    ],
    ids=["another in between", "a pause in between", "in other traces"],
)
def test_this_is_no_loop(tools):
    runaways = Runaways(LIMITS)
    for one in tools:
        runaways.observe([one], one.end_ns / 1e9)

    assert _denied(runaways, START) == []


def test_it_is_over_a_minute_after_it_was_last_too_fast():
    runaways = Runaways(LIMITS)
    runaways.observe([call(START, trace_id="t", tokens=(2_000, 0))], START)

    assert [len(_denied(runaways, START + after)) for after in (60, 61)] == [1, 0]


def test_what_arrives_late_tells_nothing_about_now():
    runaways = Runaways(LIMITS)
    runaways.observe([call(START, trace_id="t") for _ in range(50)], START + 60)

    assert _denied(runaways, START + 60) == []


def test_agents_repeat_their_calls_and_do_not_count():
    runaways = Runaways(LIMITS)
    runaways.observe(
        [call(START, trace_id="t", operation="invoke_agent") for _ in range(50)], START
    )

    assert _denied(runaways, START) == []


def test_a_limit_of_zero_is_none():
    runaways = Runaways(RunawayConfig(0, 0, 0))
    runaways.observe([call(START, trace_id="t") for _ in range(500)], START)

    assert _denied(runaways, START) == []


def test_memory_is_bounded():
    runaways = Runaways(LIMITS)
    runaways.observe([call(START, conversation_id=f"s{n}") for n in range(20_000)], START)

    assert len(runaways._paces) == 10_000


def test_counting_from_many_threads_misses_none():
    runaways = Runaways(RunawayConfig(calls_per_minute=799))
    calls = [call(START, conversation_id="s") for _ in range(800)]
    threads = [
        threading.Thread(target=lambda n=n: [runaways.observe([c], START) for c in calls[n::8]])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ("calls_per_minute", {"session": "s"}) in _denied(runaways, START)


def test_a_runaway_is_an_alert_with_a_link_and_resolves():
    clock = Clock()
    service = AlertService(AlertingConfig(runaway=LIMITS, notifiers={}), clock=clock)
    service.observe([call(START, trace_id="a" * 32, conversation_id="s") for _ in range(11)])
    service.evaluate()
    (alert,) = [a for a in service.alerts() if a.rule == "Runaway"]
    asked = [not service.denied_to({"session": s}) for s in ("s", "other")]
    clock.now += 61
    service.evaluate()
    (over,) = [a for a in service.alerts() if a.rule == "Runaway"]
    service.stop()

    assert (alert.state, alert.value, alert.trace_id) == ("firing", 1.1, "a" * 32)
    assert alert.annotations["summary"] == (
        "The session s is 1.1 times over its limit calls_per_minute"
    )
    assert asked == [False, True]
    assert (over.state, service.denied_to({"session": "s"})) == ("resolved", ())


def _until(holds) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_applications_read_in_a_file_who_is_to_stop(tmp_path: Path):
    file = tmp_path / "new" / "spending.json"
    config = AlertingConfig(
        runaway=LIMITS,
        budgets=(BudgetConfig("each", 1, group_by=("user",), hard=True),),
        notifiers={},
        spending_file=str(file),
    )
    service = AlertService(config)
    service.start()
    _until(file.exists)
    before = read(file.read_bytes())[1]
    now = time.time()
    service.observe([call(now, cost=2.0, user_id="ann", trace_id="t", tokens=(2_000, 0))])
    _until(lambda: read(file.read_bytes())[1])
    until, denied = read(file.read_bytes())
    service.stop()

    assert before == ()
    assert denied == (
        Denial("budget", "each", {"user": "ann"}),
        Denial("runaway", "tokens_per_minute", {"trace": "t"}),
    )
    assert now < until < now + VALID_S + 60
    assert os.listdir(file.parent) == ["spending.json"]


def test_the_file_is_written_when_there_is_news_and_before_it_expires(tmp_path: Path):
    file = SpendingFile(tmp_path / "f")
    written = []
    for after, denials in ((0, []), (1, []), (61, []), (62, [Denial("budget", "b", {})])):
        file.say(denials, START + after)
        written.append(json.loads((tmp_path / "f").read_bytes())["until"] - START)

    assert written == [120, 120, 181, 182]


def test_a_clock_that_was_set_back_lets_the_file_hold_no_longer(tmp_path: Path):
    file = SpendingFile(tmp_path / "f")
    denied = [Denial("budget", "b", {})]
    file.say(denied, START)

    file.say(denied, START - 3_600)

    assert read((tmp_path / "f").read_bytes()) == (START - 3_600 + VALID_S, tuple(denied))


def test_the_file_is_readable_for_all_and_written_through_no_link(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f".f.{os.getpid()}").symlink_to(victim)

    SpendingFile(tmp_path / "f").say([], START)

    assert victim.read_text() == "mine"
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o644


def test_a_file_that_cannot_be_written_is_said_once_and_stops_nothing(tmp_path: Path, caplog):
    folder = tmp_path / "spending.json"
    folder.mkdir()
    service = AlertService(AlertingConfig(notifiers={}, spending_file=str(folder)))

    for _ in range(3):
        service._publish()

    assert caplog.text.count("spending_file could not be written") == 1
    service.stop()


def test_a_clock_that_was_hours_ahead_denies_nobody_any_longer_and_hides_nobody():
    runaways, ahead = Runaways(LIMITS), START + 36_000
    for now in (ahead, START):
        runaways.observe([call(now, trace_id="t") for _ in range(10)], now)
    assert _denied(runaways, START) == []

    runaways.observe([call(ahead, trace_id="t") for _ in range(11)], ahead)
    assert _denied(runaways, START) == []

    runaways.observe([call(START, trace_id="t") for _ in range(11)], START)
    assert _denied(runaways, START) == [("calls_per_minute", {"trace": "t"})]
