"""What an operator writes about alerts, and how mistakes are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otel_llm.alerting.config import AlertingConfig, default_rules, read
from otel_llm.alerting.routing import Inhibition, Route
from otel_llm.alerting.rule import Rule
from otel_llm.config import ConfigError, build, load


def _problems(given: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        build(AlertingConfig, given, "alerting").all_rules()
    return [str(problem) for problem in raised.value.problems]


def test_a_whole_section_is_read_as_it_is_written():
    given = load(
        """
        default_rules: false
        evaluation_interval: 5s
        notifiers:
          console:
          slack/oncall: {url: "https://hooks.slack.com/services/x"}
        rules:
          - name: Dear
            signal: cost
            threshold: 5
            condition: gt
            window: 1h
            for: 2m
            filters: {team: search|ads}
            group_by: [model, tag.tier]
            severity: error
            labels: {about: cost}
            annotations: {summary: "{{ $value }} USD for {{ $labels.model }}"}
        inhibit:
          - {source: {severity: critical}, target: {severity: warning}, equal: [model]}
        routes:
          - {notifiers: [slack/oncall], severities: [critical], continue: true}
        """
    )

    config = build(AlertingConfig, given, "alerting")

    assert config == AlertingConfig(
        default_rules=False,
        evaluation_interval=5.0,
        notifiers={
            "console": None,
            "slack/oncall": {"url": "https://hooks.slack.com/services/x"},
        },
        rules=(
            Rule(
                "Dear",
                "cost",
                5.0,
                window=3600.0,
                for_=120.0,
                filters={"team": "search|ads"},
                group_by=("model", "tag.tier"),
                severity="error",
                labels={"about": "cost"},
                annotations={"summary": "{{ $value }} USD for {{ $labels.model }}"},
            ),
        ),
        inhibit=(Inhibition({"severity": "critical"}, {"severity": "warning"}, ("model",)),),
        routes=(Route(("slack/oncall",), severities=("critical",), continue_=True),),
    )


def test_every_mistake_is_named_with_its_path():
    assert _problems(
        {
            "evaluation_interval": "0s",
            "notifiers": {"slak": {}, "slack": {"url": "hooks"}, "email": {"host": "h"}},
            "routes": [{"notifiers": ["slack/oncal"], "mute": ["night"]}],
        }
    ) == [
        "alerting.notifiers.slak: unknown notifier 'slak'; did you mean 'slack'?",
        "alerting.notifiers.slack.url: must be http:// or https:// with a host",
        "alerting.notifiers.email.to: required and missing",
        "alerting.notifiers.email.sender: required and missing",
        "alerting.routes[0].notifiers: 'slack/oncal' is not defined; did you mean 'slack'?",
        "alerting.routes[0].mute: 'night' is not defined",
        "alerting.evaluation_interval: must be more than 0s",
    ]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"signal": "error_rat"}, "signal: unknown signal 'error_rat'; did you mean 'error_rate'?"),
        ({"signal": "duration_p5"}, "unknown signal 'duration_p5'; did you mean 'duration_pNN'?"),
        ({"signal": "happiness"}, "unknown signal 'happiness'; known: anomaly, budget_burn"),
        ({"group_by": ["modle"]}, "group_by: unknown: modle; did you mean 'model'?"),
        ({"group_by": ["model", "model"]}, "group_by: names a dimension twice"),
        ({"group_by": ["tag."]}, "group_by: unknown: tag."),
        ({"filters": {"colour": "red"}}, "filters: unknown: colour; known: agent, environment"),
        ({"condition": "above"}, "'above' is not allowed; known: eq, gt, lt, ne"),
        ({"severity": "fatal"}, "'fatal' is not allowed"),
        ({"for": "-1m"}, "expected a duration"),
        ({"window": "0s"}, "window: must be at least 1s"),
        ({"window": float("inf")}, "window: must be at least 1s and at most 366d"),
        ({"window": "400d"}, "window: must be at least 1s and at most 366d"),
        ({"baseline": "400d"}, "baseline: must be at most 366d"),
        ({"limit": 0}, "limit: must be at least 1"),
        ({"min_calls": -1}, "min_calls: must not be negative"),
        ({"name": "my rule"}, "write letters, digits and _"),
        ({"labels": {"severity": "x"}}, "labels: severity"),
        ({"labels": {"a b": "x"}}, "labels: a b"),
        ({"labels": {"__name__": "x"}}, "labels: __name__"),
        ({"labels": {"model": "x"}, "group_by": ["model"]}, "labels: model: already told by"),
        ({"labels": {"team": "\ud800"}}, "labels: holds half of a character"),
        ({"filters": {"team": "\ud800"}}, "filters: holds half of a character"),
        ({"annotations": {"summary": "\udfff"}}, "annotations: holds half of a character"),
        ({"annotations": {"run-book": "x"}}, "annotations.run-book: write letters"),
        ({"annotations": {"summary": "at {{ $value"}}, "summary: {{ $value is not closed with }}"),
        ({"annotations": {"summary": "{{ .Values }}"}}, "{{ .Values }} is not known"),
        ({"annotations": {"summary": "{{ $value | evil }}"}}, "is not known"),
        ({"resolve_threshold": 9}, "wrong side of threshold"),
        ({"resolve_threshold": float("nan")}, "resolve_threshold: must be a number"),
        ({"resolve_threshold": float("-inf")}, "resolve_threshold: must be a number"),
        ({"condition": "eq", "resolve_threshold": 0}, "goes with gt and lt"),
        ({"baseline": "1m"}, "baseline: must be at least as long as window"),
        ({"signal": "lost_spans", "baseline": "1d"}, "has no baseline"),
        ({"signal": "lost_spans", "group_by": ["model"]}, "its reporter groups it"),
        ({"threshold": float("nan")}, "threshold: must be a number"),
        ({"treshold": 1}, "unknown setting; did you mean 'threshold'?"),
    ],
)
def test_a_rule_with_a_mistake_is_refused(more: dict[str, Any], problem: str):
    rule = {"name": "R", "signal": "error_rate", "threshold": 0.1, **more}

    (found,) = _problems({"rules": [rule]})

    assert problem in found


def test_all_mistakes_of_a_rule_are_named_at_once():
    rule = {
        "name": "R-1",
        "signal": "error_rate",
        "threshold": float("inf"),
        "group_by": ["modle"],
        "limit": -1,
    }

    assert _problems({"rules": [{"name": "A", "signal": "calls", "threshold": 1}, rule]}) == [
        "alerting.rules[1].name: 'R-1': write letters, digits and _",
        "alerting.rules[1].group_by: unknown: modle; did you mean 'model'?",
        "alerting.rules[1].threshold: must be a number",
        "alerting.rules[1].limit: must be at least 1",
    ]


def test_an_alerts_page_is_an_address_with_its_id():
    assert _problems({"alert_url": "https://ui/alerts"}) == [
        "alerting.alert_url: must begin with http:// or https:// and contain {alert_id}"
    ]


@pytest.mark.parametrize("url", ["/traces/{trace_id}", "javascript:{trace_id}", "http://ui/traces"])
def test_a_link_that_leads_to_no_trace_is_a_mistake(url: str):
    assert _problems({"trace_url": url}) == [
        "alerting.trace_url: must begin with http:// or https:// and contain {trace_id}"
    ]


def test_the_default_rules_are_those_that_are_documented():
    rules = {
        rule.name: (rule.signal, rule.threshold, rule.severity) for rule in default_rules().rules
    }

    assert rules == {
        "LatencyHigh": ("duration_p95", 5.0, "warning"),
        "LatencyCritical": ("duration_p99", 10.0, "critical"),
        "LatencyAboveBaseline": ("duration_p95", 2.0, "warning"),
        "ErrorsWarning": ("error_rate", 0.02, "warning"),
        "ErrorsHigh": ("error_rate", 0.05, "error"),
        "ErrorsCritical": ("error_rate", 0.1, "critical"),
        "CostHigh": ("cost", 100.0, "error"),
        "CostAboveBaseline": ("cost", 1.5, "warning"),
        "UnpricedCalls": ("unpriced_share", 0.05, "warning"),
        "TokensHigh": ("mean_tokens", 4000.0, "info"),
        "TokensVeryHigh": ("mean_tokens", 10_000.0, "warning"),
        "BudgetNearlySpent": ("budget_use", 0.8, "warning"),
        "BudgetBurnsFast": ("budget_burn", 14.4, "critical"),
        "BudgetBurnsMedium": ("budget_burn", 6.0, "error"),
        "BudgetBurnsSlow": ("budget_burn", 1.0, "warning"),
        "BudgetWillNotLast": ("budget_forecast", 1.0, "warning"),
        "BudgetExceeded": ("budget_use", 1.0, "critical"),
        "BudgetSpike": ("budget_hourly", 1.0, "warning"),
        "QualityLow": ("quality_mean", 0.75, "warning"),
        "QueueOld": ("queue_age", 300.0, "warning"),
        "PricesOld": ("price_table_age", 2_592_000.0, "info"),
        "UnusualHour": ("anomaly", 5.0, "warning"),
        "Drifted": ("drift", 1.0, "warning"),
        "ServedModelChanged": ("drift", 0.0, "info"),
        "Runaway": ("runaway", 1.0, "error"),
        "SpansLost": ("lost_spans", 0.0, "critical"),
        "NotificationsUndelivered": ("undelivered_notifications", 0.0, "error"),
    }


def test_a_rule_of_the_same_name_replaces_a_default_and_others_can_be_left_out():
    own = Rule("CostHigh", "cost", 7.0)
    config = AlertingConfig(rules=(own,), disabled_rules=("TokensHigh",))

    rules = {rule.name: rule for rule in config.all_rules()[0]}

    assert rules["CostHigh"] is own
    assert "TokensHigh" not in rules
    assert len(rules) == len(default_rules().rules) - 1


def test_files_are_read_in_order_and_their_mistakes_carry_their_name(tmp_path: Path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("rules: [{name: A, signal: calls, threshold: 1}]")
    bad.write_text("rules: [{name: A, signal: calls}, {name: B}]")

    assert read(good).rules == (Rule("A", "calls", 1.0),)
    assert _problems({"rule_files": [str(good), str(bad)]}) == [
        f"{bad}: rules[0].threshold: required and missing",
        f"{bad}: rules[1].signal: required and missing",
        f"{bad}: rules[1].threshold: required and missing",
    ]


def test_a_name_used_twice_in_a_file_or_disabled_in_vain_is_a_mistake(tmp_path: Path):
    file = tmp_path / "twice.yaml"
    one = "{name: A, signal: calls, threshold: 1}"
    same = {"name": "A", "signal": "calls", "threshold": 1}
    file.write_text(f"rules: [{one}, {one}]")

    assert _problems({"rule_files": [str(file)]}) == [
        f"{file}: rules: A: more than one rule so called"
    ]
    assert _problems({"rules": [same, same]}) == ["rules: A: more than one rule so called"]
    assert _problems({"disabled_rules": ["CostHig"]}) == [
        "disabled_rules: no rule 'CostHig'; did you mean 'CostHigh'?"
    ]


def test_without_routes_critical_pages_warning_chats_and_everything_is_logged():
    config = AlertingConfig(
        notifiers={
            "console": None,
            "slack": {"url": "http://127.0.0.1/x"},
            "pagerduty": {"routing_key": "k" * 32},
        }
    )

    assert {r.notifiers[0]: r.severities for r in config.all_routes()} == {
        "console": ("info", "warning", "error", "critical"),
        "slack": ("warning", "error", "critical"),
        "pagerduty": ("critical",),
    }
