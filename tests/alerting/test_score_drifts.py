"""Judges and suites that think less of a model than last week are heard, chance is not."""

from __future__ import annotations

import json
import random

import pytest

from otel_llm.alerting.drifts import DriftLimits, FoundDrift
from otel_llm.alerting.score_drifts import ScoreDrifts

LABELS = {"model": "gpt-4o", "prompt_version": "7"}
LAST = 8 * 24


def lived(today: float, *, seed: int = 1, per_hour: int = 1) -> ScoreDrifts:
    """A week of scores around 0.8, and a day around ``today``."""
    drifts, chance = ScoreDrifts(DriftLimits()), random.Random(seed)
    for hour in range(1, LAST + 1):
        mean = today if hour > LAST - 24 else 0.8
        for _ in range(per_hour):
            drifts.add("relevance", min(1.0, max(0.0, chance.gauss(mean, 0.05))), LABELS, hour)
    return drifts


def test_a_day_of_bad_scores_is_told_with_what_it_is_about():
    [found] = lived(0.6).found(LAST)

    assert found == FoundDrift(
        "score",
        {"score": "relevance", **LABELS},
        pytest.approx(0.8, abs=0.01),
        pytest.approx(0.6, abs=0.03),
        found.size,
        found.distance,
        (LAST - 23) * 3_600.0,
    )
    assert found.size >= 1
    assert (found.distance or 0) <= -3


def test_usual_days_are_silent():
    assert [one for seed in range(50) for one in lived(0.8, seed=seed).found(LAST)] == []


def test_better_scores_are_no_drift():
    assert list(lived(0.95).found(LAST)) == []


def test_what_is_known_survives_as_json_and_old_hours_are_forgotten():
    whole, again = lived(0.6), ScoreDrifts(DriftLimits())

    again.restore(json.loads(json.dumps(whole.export())))
    assert list(again.found(LAST)) == list(whole.found(LAST))

    again.forget(LAST + 1)
    assert again.export() == []


def test_hours_of_a_clock_that_was_ahead_are_not_of_today():
    drifts = lived(0.8)
    for _ in range(100):
        drifts.add("relevance", 0.1, LABELS, LAST + 24 * 365)

    assert list(drifts.found(LAST)) == []
