"""Weeks of calls on a virtual clock: what is unusual or has drifted is told, and nothing else."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_llm.alerting import AlertingConfig, AlertService
from otel_llm.alerting.anomalies import DetectorName
from otel_llm.alerting.drifts import DriftLimits
from otel_llm.alerting.watch import Watch, WatchConfig
from otel_llm.genai import Call
from otel_llm.stats import Windows
from otel_llm.stats.anomaly import Severities
from tests.stats.calls import call

from .world import START, Clock

HOUR = 3600.0
Mood = Callable[[random.Random, int], dict[str, Any]]


class Watched(Watch):
    """A watch that follows windows of its own."""

    def __init__(self, config: WatchConfig) -> None:
        super().__init__(config)
        self.windows = Windows()
        self.follow(self.windows)

    def observe(self, calls: list[Call], now: float) -> None:
        self.windows.observe(calls, now)
        self.windows.advance(now)


def _usual(chance: random.Random, hour: int) -> dict[str, Any]:
    failed = chance.random() < 0.02
    return {
        "took_s": chance.lognormvariate(0, 0.5),
        "cost": chance.lognormvariate(-4, 0.3),
        "tokens": (round(chance.lognormvariate(6, 0.3)), 100),
        "error_type": "timeout" if failed else None,
        "flags": tuple(
            name for name, p in (("refusal", 0.03), ("hedging", 0.1)) if chance.random() < p
        ),
        "output_chars": round(chance.lognormvariate(6, 0.6)),
        "score": min(1.0, chance.gauss(0.85, 0.05)),
        "response_model": "gpt-4o-2024-08-06",
        "service": "search",
        "prompt_version": "7",
    }


def _calls(chance: random.Random, hour: int, mood: Mood = _usual, count: int = 40) -> list[Call]:
    busy = round(count * (1 + 0.5 * math.sin(hour / 24 * 2 * math.pi)) * chance.uniform(0.9, 1.1))
    ended = START + hour * HOUR
    return [call(ended + 3599 * chance.random(), **mood(chance, hour)) for _ in range(busy)]


def _live(watch: Watched, hours: range, mood: Mood = _usual, seed: int = 1) -> None:
    chance = random.Random(seed)
    for hour in hours:
        watch.observe(_calls(chance, hour, mood), START + (hour + 1) * HOUR)
        watch.advance(START + (hour + 1) * HOUR + 700)


def test_two_usual_weeks_hold_next_to_no_anomaly_and_no_drift():
    watch = Watched(WatchConfig())

    _live(watch, range(14 * 24))

    grave = [one for one in watch.anomalies() if one.severity in ("error", "critical")]
    assert len(watch.anomalies()) <= 20  # of 2,688 judgements; 2.7 in 1,000 are by chance
    assert len(grave) <= 2
    assert watch.drift() == ()


@pytest.mark.parametrize(
    ("detector", "sees"),
    [("z_score", False), ("median_score", True), ("ewma", False), ("combined", False)],
)
def test_odd_hours_of_the_past_do_not_make_medians_blind(detector: DetectorName, sees: bool):
    watch = Watched(WatchConfig(detector=detector))
    _live(watch, range(48))
    _live(watch, range(48, 51), lambda chance, hour: {**_usual(chance, hour), "took_s": 900.0})
    _live(watch, range(51, 60))

    _live(watch, range(60, 61), lambda chance, hour: {**_usual(chance, hour), "took_s": 40.0})

    last = START + 60 * HOUR
    assert any(one.signal == "duration_p95" and one.at == last for one in watch.anomalies()) == sees


@pytest.mark.parametrize(
    ("signal", "change"),
    [
        ("duration_p95", {"took_s": 30.0}),
        ("cost", {"cost": 1.0}),
        ("mean_tokens", {"tokens": (20_000, 9_000)}),
        ("error_rate", {"error_type": "timeout"}),
        ("refusal_rate", {"flags": ("refusal",)}),
    ],
)
def test_an_hour_far_from_usual_is_critical(signal: str, change: dict[str, Any]):
    watch = Watched(WatchConfig())
    _live(watch, range(5 * 24))

    _live(watch, range(5 * 24, 5 * 24 + 1), lambda c, h: {**_usual(c, h), **change}, seed=9)

    found = {one.signal: one for one in watch.anomalies() if one.at == START + 5 * 24 * HOUR}
    assert found[signal].severity == "critical"
    assert found[signal].labels == {"service": "search", "model": "gpt-4o-2024-08-06"}
    assert found[signal].value > 3 * found[signal].usual
    told = {labels["signal"]: value for labels, value in watch.anomaly_reading()}
    assert told[signal] == found[signal].distance


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        (Severities(info=2.0, warning=1e6, error=1e6, critical=1e6), "info"),
        (Severities(info=1e6, warning=1e6, error=1e6, critical=1e6), None),
        (Severities(info=3.0, warning=3.0, error=3.0, critical=1e6), "error"),
    ],
)
def test_how_grave_a_distance_is_can_be_set(severities: Severities, expected: str | None):
    watch = Watched(WatchConfig(severities=severities))
    _live(watch, range(5 * 24))

    _live(watch, range(5 * 24, 5 * 24 + 1), lambda c, h: {**_usual(c, h), "cost": 1.0}, seed=9)

    last = START + 5 * 24 * HOUR
    found = {one.signal: one.severity for one in watch.anomalies() if one.at == last}
    assert found.get("cost") == expected


def test_one_failure_after_days_without_any_is_no_anomaly():
    watch = Watched(WatchConfig())
    _live(watch, range(72), lambda c, h: {**_usual(c, h), "error_type": None})
    chance = random.Random(2)
    calls = [
        call(START + 72 * HOUR, **{**_usual(chance, 0), "error_type": None if i else "timeout"})
        for i in range(40)
    ]

    watch.observe(calls, START + 73 * HOUR)
    watch.advance(START + 74 * HOUR)

    assert "error_rate" not in {one.signal for one in watch.anomalies()}


def test_few_calls_are_not_judged():
    watch = Watched(WatchConfig(min_calls=20))
    _live(watch, range(72))

    watch.observe([call(START + 72 * HOUR, took_s=900.0) for _ in range(19)], START + 73 * HOUR)
    watch.advance(START + 74 * HOUR)

    assert all(one.at < START + 72 * HOUR for one in watch.anomalies())


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("refusal_rate", lambda c: {"flags": ("refusal",) if c.random() < 0.3 else ()}),
        ("hedging_rate", lambda c: {"flags": ("hedging",) if c.random() < 0.4 else ()}),
        ("output_length", lambda c: {"output_chars": round(c.lognormvariate(6.6, 0.6))}),
        ("quality", lambda c: {"score": c.gauss(0.65, 0.05)}),
    ],
)
def test_a_day_unlike_the_week_before_has_drifted(kind: str, change: Callable[..., dict[str, Any]]):
    watch = Watched(WatchConfig())
    _live(watch, range(7 * 24))

    _live(watch, range(7 * 24, 8 * 24), lambda c, h: {**_usual(c, h), **change(c)}, seed=9)

    found = {one.kind: one for one in watch.drift()}
    assert found[kind].labels == {"model": "gpt-4o-2024-08-06", "prompt_version": "7"}
    assert found[kind].size > 1
    assert found[kind].since == pytest.approx(START + 7 * 24 * HOUR, abs=2 * HOUR)
    assert ({**found[kind].labels, "kind": kind}, found[kind].size) in watch.drift_reading()


def test_the_limits_are_the_operators():
    watch = Watched(WatchConfig(drift=DriftLimits(refusal_rate=0.9)))
    _live(watch, range(48))

    _live(watch, range(48, 72), lambda c, h: {**_usual(c, h), "flags": ("refusal",) * (h % 2)})

    assert "refusal_rate" not in {one.kind for one in watch.drift()}


def test_a_model_that_answers_under_a_new_name_is_told_for_a_day():
    watch = Watched(WatchConfig())
    _live(watch, range(48))
    _live(watch, range(48, 50), lambda c, h: {**_usual(c, h), "response_model": "gpt-4o-mini"})

    first = [one for one in watch.drift() if one.kind == "served_model"]
    _live(watch, range(50, 74))

    assert [one.labels for one in first] == [{"request_model": "gpt-4o", "model": "gpt-4o-mini"}]
    assert [one.since for one in first] == [START // HOUR * HOUR + 48 * HOUR]
    assert [one for one in watch.drift() if one.kind == "served_model"] == []


def test_what_a_clock_told_that_was_days_ahead_is_not_of_today():
    watch, odd = Watched(WatchConfig()), {"response_model": "other", "flags": ("refusal",)}
    _live(watch, range(8 * 24))
    _live(watch, range(18 * 24, 19 * 24), lambda c, h: {**_usual(c, h), **odd})
    _live(watch, range(8 * 24, 8 * 24 + 2))

    assert watch.drift() == ()


def test_what_is_known_survives_as_json():
    whole, half = Watched(WatchConfig()), Watched(WatchConfig())
    _live(whole, range(100))
    _live(half, range(60))
    again = Watched(WatchConfig())
    again.restore(json.loads(json.dumps(half.export())))
    chance = random.Random(1)
    for hour in range(60):
        _calls(chance, hour)
    for hour in range(60, 100):
        again.observe(_calls(chance, hour), START + (hour + 1) * HOUR)
        again.advance(START + (hour + 1) * HOUR + 700)

    assert half.export() == {}
    assert (again.anomalies(), again.drift()) == (whole.anomalies(), whole.drift())


def test_unusual_hours_and_drift_are_alerts_like_any_other(tmp_path: Path):
    clock = Clock()
    config = AlertingConfig(notifiers={}, state_path=str(tmp_path / "alerts.db"))
    service = AlertService(config, clock=clock)
    chance = random.Random(1)
    for hour in range(73):
        clock.now = START + (hour + 1) * HOUR
        mood = _usual if hour < 72 else lambda c, h: {**_usual(c, h), "flags": ("refusal",)}
        service.observe(_calls(chance, hour, mood))
        clock.now += 700
        service.evaluate()
    service.stop()
    again = AlertService(config, clock=clock)

    fired = {alert.rule: alert for alert in service.alerts() if alert.state == "firing"}
    assert {"UnusualHour"} <= set(fired)
    assert fired["UnusualHour"].labels["signal"] == "refusal_rate"
    assert (
        "refusal_rate of gpt-4o-2024-08-06 was unusual"
        in fired["UnusualHour"].annotations["summary"]
    )
    assert again.anomalies() == service.anomalies()
    again.stop()


def test_switched_off_it_keeps_nothing():
    watch = Watched(WatchConfig(enabled=False))

    _live(watch, range(3))

    assert watch.export() == {}
