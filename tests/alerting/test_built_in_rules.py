"""Every built-in rule: data that wakes it, what it says then, and that it is over when that is."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from otel_llm.alerting.alert import Alert, Severity
from otel_llm.alerting.config import default_rules
from otel_llm.alerting.routing import Inhibitor
from otel_llm.alerting.rule_tests import (
    AlertRuleTest,
    Calls,
    ExpectedAlert,
    ReadingSeries,
    RuleTest,
    run_test,
)
from otel_llm.stats.dimensions import DIMENSIONS

RULES = default_rules().rules
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
WHO = {"service": "shop", "model": "gpt-4o"}


@dataclass(frozen=True)
class Story:
    """What happens, when the rule fires with which words, and from when on it is over."""

    says: str
    calls: tuple[Calls, ...] = ()
    reading: ReadingSeries | None = None
    labels: dict[str, str] = field(default_factory=dict)
    fires: float = 5 * MINUTE
    over: float = 15 * MINUTE
    interval: float = 15.0


def calls(to: float = 5 * MINUTE, *, since: float = 0.0, every: float = 15.0, **said) -> Calls:
    return Calls(from_=since, to=to, every=every, **WHO, **said)


def told(signal: str, value: float, /, **labels: str) -> ReadingSeries:
    """A value that is there for ten minutes."""
    return ReadingSeries(signal, {"0s": value, "10m": 0.0}, labels)


def of_model(says: str, to: float = 5 * MINUTE, **more) -> Story:
    story = {name: more.pop(name) for name in ("fires", "over", "interval") if name in more}
    return Story(says, (calls(to, **more),), labels={**WHO}, **story)


FAILED = calls(error_type="timeout")
BUDGET = {"budget": "everything", "period": "month"}
STORIES: dict[str, Story] = {
    "LatencyHigh": of_model("95 % of calls to gpt-4o took up to 7s (limit 5s)", duration=7.0),
    "LatencyCritical": of_model(
        "99 % of calls to gpt-4o took up to 12s (limit 10s)", duration=12.0
    ),
    "LatencyAboveBaseline": Story(
        "p95 duration of gpt-4o is 4.015 times that of the day before",
        (calls(DAY, every=300, duration=1.0), calls(DAY + 20 * MINUTE, since=DAY, duration=4.0)),
        labels={**WHO},
        fires=DAY + 10 * MINUTE,
        over=DAY + 90 * MINUTE,
        interval=MINUTE,
    ),
    "ErrorsWarning": Story(
        "2.703% of calls to gpt-4o failed (limit 2%)",
        (calls(count=9), calls(every=60, error_type="x")),
        labels={**WHO},
    ),
    "ErrorsHigh": Story(
        "7.692% of calls to gpt-4o failed (limit 5%)",
        (calls(count=9), calls(every=60, error_type="x", count=3)),
        labels={**WHO},
    ),
    "ErrorsCritical": Story(
        "50% of calls to gpt-4o failed (limit 10%)", (calls(), FAILED), labels={**WHO}
    ),
    "CostHigh": Story(
        "210 USD were spent within an hour (limit 100)", (calls(cost=10.0),), over=70 * MINUTE
    ),
    "CostAboveBaseline": Story(
        "The last day cost 2.928 times the mean of the 7 days before",
        (calls(7 * DAY, every=HOUR, cost=1.0), calls(8 * DAY, since=7 * DAY, every=HOUR, cost=3.0)),
        fires=8 * DAY,
        over=10 * DAY,
        interval=HOUR,
    ),
    "UnpricedCalls": Story(
        "50% of calls have no known price: costs are too low",
        (calls(cost=1.0), calls(input_tokens=1)),
        over=70 * MINUTE,
    ),
    "TokensHigh": of_model(
        "Calls to gpt-4o use 4.6k tokens on average (limit 4,000)",
        input_tokens=4_500,
        output_tokens=100,
        over=25 * MINUTE,
    ),
    "TokensVeryHigh": of_model(
        "Calls to gpt-4o use 12.1k tokens on average (limit 10,000)",
        input_tokens=12_000,
        output_tokens=100,
        over=25 * MINUTE,
    ),
    "QualityLow": of_model(
        "Quality of gpt-4o is 0.5 on average (limit 0.75)",
        20 * MINUTE,
        score=0.5,
        fires=20 * MINUTE,
        over=90 * MINUTE,
    ),
    "BudgetNearlySpent": Story(
        "85% of the budget everything for this month is spent",
        reading=told("budget_use", 0.85, **BUDGET),
        labels=BUDGET,
    ),
    "BudgetExceeded": Story(
        "110% of the budget everything for this month is spent (limit 100%)",
        reading=told("budget_use", 1.1, **BUDGET),
        labels=BUDGET,
    ),
    "BudgetBurnsFast": Story(
        "The budget everything is being spent 20 times too fast, over an hour and over 5 minutes",
        reading=told("budget_burn", 20, **BUDGET, speed="fast"),
    ),
    "BudgetBurnsMedium": Story(
        "The budget everything is being spent 7 times too fast, over 6 hours and over 30 minutes",
        reading=told("budget_burn", 7, **BUDGET, speed="medium"),
    ),
    "BudgetBurnsSlow": Story(
        "The budget everything is being spent 2 times too fast, over 3 days and over 6 hours",
        reading=ReadingSeries("budget_burn", {"0s": 2, "2h": 0}, {**BUDGET, "speed": "slow"}),
        fires=70 * MINUTE,
        over=3 * HOUR,
        interval=MINUTE,
    ),
    "BudgetWillNotLast": Story(
        "By the end of this month 130% of the budget everything will be spent",
        reading=ReadingSeries("budget_forecast", {"0s": 1.3, "2h": 0.9}, BUDGET),
        fires=70 * MINUTE,
        over=3 * HOUR,
        interval=MINUTE,
    ),
    "BudgetSpike": Story(
        "The last hour cost 2.5 times an eighth of the daily budget each-day",
        reading=told("budget_hourly", 2.5, budget="each-day", period="day"),
    ),
    "Runaway": Story(
        "The session s-1 is 3 times over its limit calls_per_minute",
        reading=told("runaway", 3, scope="session", id="s-1", limit="calls_per_minute"),
    ),
    "UnusualHour": Story(
        "cost of gpt-4o was unusual in the last hour (6.2 standard deviations)",
        reading=told("anomaly", 6.2, signal="cost", **WHO),
    ),
    "Drifted": Story(
        "refusal_rate of gpt-4o moved 2 times as far as it may within a day",
        reading=told("drift", 2, kind="refusal_rate", model="gpt-4o"),
    ),
    "ServedModelChanged": Story(
        "gpt-4o is answered by gpt-5, which it was not before",
        reading=told("drift", 1, kind="served_model", model="gpt-5", request_model="gpt-4o"),
    ),
    "SpansLost": Story(
        "7 items for otlp/jaeger were given up within 15 minutes"
        " (in the dead letter, if there is one)",
        reading=ReadingSeries("lost_spans", {"0s": 0, "2m": 7}, {"exporter": "otlp/jaeger"}),
        over=30 * MINUTE,
    ),
    "QueueOld": Story(
        "otlp/tempo has not taken data for 6m 40s",
        reading=told("queue_age", 400, exporter="otlp/tempo"),
        fires=8 * MINUTE,
    ),
    "PricesOld": Story(
        "The price table is 45d 0h 0m 0s old", reading=told("price_table_age", 45 * DAY)
    ),
    "NotificationsUndelivered": Story(
        "2 notifications to slack were not delivered",
        reading=told("undelivered_notifications", 2, notifier="slack"),
        fires=8 * MINUTE,
    ),
}


def test_every_built_in_rule_has_its_story():
    assert {rule.name for rule in RULES} == set(STORIES)


@pytest.mark.parametrize("name", STORIES)
def test_a_built_in_rule_fires_with_its_words_and_is_over_later(name: str):
    story = STORIES[name]
    labels = dict(story.reading.labels) if story.reading else story.labels
    (rule,) = (rule for rule in RULES if rule.name == name)
    alert = ExpectedAlert({**labels, **rule.labels}, {"summary": story.says})
    test = RuleTest(
        (AlertRuleTest(story.fires, name, (alert,)), AlertRuleTest(story.over, name)),
        calls=story.calls,
        readings=(story.reading,) if story.reading else (),
    )

    assert [str(failure) for failure in run_test(test, [rule], interval_s=story.interval)] == []


@pytest.mark.parametrize("name", [*DIMENSIONS, "tag.region"])
def test_what_is_spent_of_one_budget_says_nothing_of_its_neighbours(name: str):
    exceeded = _budget("BudgetExceeded", "critical", {name: "one"})
    same = _budget("BudgetNearlySpent", "warning", {name: "one"})
    other = _budget("BudgetNearlySpent", "warning", {name: "other"})

    inhibitor = Inhibitor(default_rules().inhibit, [exceeded, same, other])

    assert (inhibitor.holds(same), inhibitor.holds(other)) == (True, False)


def _budget(rule: str, severity: Severity, labels: dict[str, str]) -> Alert:
    named = {"about": "budget", "budget": "each", "alertname": rule, "severity": severity}
    return Alert(rule, rule, severity, "firing", {**labels, **named})
