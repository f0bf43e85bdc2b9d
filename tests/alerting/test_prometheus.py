"""Rules for Prometheus: what can be said there is said, and what cannot is named."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from otel_llm.alerting.config import default_rules
from otel_llm.alerting.prometheus import export
from otel_llm.alerting.rule import Rule


def _exported(**more: Any) -> list[dict[str, Any]]:
    rule = Rule(**{"name": "R", "signal": "error_rate", "threshold": 0.1, **more})
    (group,) = yaml.safe_load(export([rule]).text)["groups"]
    return group["rules"]


def test_a_rule_becomes_a_recorded_value_and_an_alert_over_it():
    assert _exported(
        group_by=("model",),
        filters={"service": "search|ads-*", "model": "!gpt-3.5"},
        window=600,
        for_=90,
        keep_firing=60,
        min_calls=10,
        severity="error",
        labels={"about": "errors"},
        annotations={"summary": "{{ $value | humanizePercentage }} of {{ $labels.model }}"},
    ) == [
        {
            "record": "otel_llm:R",
            "expr": "(sum by (model) (increase(otel_llm_errors_total"
            '{model!="gpt-3.5",service=~"search|ads-.*"}[10m])) or '
            "sum by (model) (increase(otel_llm_calls_total"
            '{model!="gpt-3.5",service=~"search|ads-.*"}[10m])) * 0) / '
            "sum by (model) (increase(otel_llm_calls_total"
            '{model!="gpt-3.5",service=~"search|ads-.*"}[10m]))',
        },
        {
            "alert": "R",
            "expr": "otel_llm:R > 0.1 and on (model) sum by (model) (increase("
            'otel_llm_calls_total{model!="gpt-3.5",service=~"search|ads-.*"}[10m])) > 9.5',
            "for": "1m30s",
            "keep_firing_for": "1m",
            "labels": {"about": "errors", "severity": "error"},
            "annotations": {"summary": "{{ $value | humanizePercentage }} of {{ $labels.model }}"},
        },
    ]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"group_by": ("user",)}, "/metrics does not tell apart user"),
        ({"filters": {"tag.tier": "free"}}, "/metrics does not tell apart tag.tier"),
        ({"filters": {"operation": "execute_tool"}}, "/metrics counts model calls alone"),
        ({"group_by": ("operation",)}, "/metrics counts model calls alone"),
        ({"signal": "mean_output_chars"}, "/metrics does not show mean_output_chars"),
        ({"signal": "suite_pass_rate"}, "/metrics does not show suite_pass_rate"),
        ({"no_data": "keep"}, "no_data: keep has no counterpart"),
        (
            {"no_data": "alert", "group_by": ("model",)},
            "no_data: alert of groups has no counterpart",
        ),
        ({"cooldown": 60}, "cooldown has no counterpart"),
    ],
)
def test_what_prometheus_cannot_say_is_left_out_and_named(more: dict[str, Any], reason: str):
    rule = Rule(**{"name": "R", "signal": "error_rate", "threshold": 0.1, **more})

    exported = export([rule])

    assert exported.left_out == {"R": reason}
    assert exported.text.startswith(f"# Not exported: R: {reason}\n")


def test_of_the_default_rules_only_what_is_no_metric_is_left_out():
    left_out = set(export(default_rules().rules).left_out)

    assert left_out == {
        "Runaway",
        "UnusualHour",
        "Drifted",
        "ServedModelChanged",
    }


def test_the_mean_score_is_that_of_the_calls_that_were_scored():
    (record, alert) = _exported(
        signal="quality_mean", condition="lt", threshold=0.75, min_calls=20, window=3600
    )

    assert record["expr"] == (
        "(sum (increase(otel_llm_quality_score_sum[1h])) or "
        "sum (increase(otel_llm_quality_score_count[1h])) * 0) / "
        "sum (increase(otel_llm_quality_score_count[1h]))"
    )
    assert alert["expr"] == (
        "otel_llm:R < 0.75 and sum (increase(otel_llm_quality_score_count[1h])) > 19.5"
    )


def test_what_is_lost_is_what_the_counters_of_all_signals_grew_by():
    (record, _) = _exported(
        signal="lost_spans",
        threshold=0,
        window=900,
        filters={"exporter": "jaeger", "signal": "logs"},
    )

    assert record["expr"] == (
        'increase({exporter="jaeger",data_type="logs",'
        '__name__=~"otelcol_exporter_send_failed_(spans|metric_points|log_records)_total"}[15m])'
    )


def test_budgets_are_compared_as_they_are_shown():
    (record, alert) = _exported(
        signal="budget_burn", filters={"speed": "fast", "team": "!hr"}, threshold=14.4
    )

    assert record["expr"] == 'otel_llm_budget_burn_ratio{speed="fast",team!="hr"}'
    assert alert["expr"] == "otel_llm:R > 14.4"


def test_a_label_that_looks_like_a_template_stays_what_it_is():
    (_, alert) = _exported(labels={"team": "{{ $value }} {{"})

    assert alert["labels"]["team"] == '{{ "{{" }} $value }} {{ "{{" }}'


def test_a_label_value_cannot_end_its_string():
    (record, _) = _exported(filters={"service": 'a"} or vector(1) #\\'})

    assert 'service="a\\"} or vector(1) #\\\\"' in record["expr"]


def test_a_baseline_counts_once_half_of_it_was_seen_and_only_what_was_seen():
    (record, alert) = _exported(
        signal="cost", threshold=1.5, window=86_400, baseline=7 * 86_400, group_by=("model",)
    )

    seen = "count_over_time((sum by (model) (otel_llm_priced_calls_total))[7d:1h45m] offset 1d)"
    assert record["expr"] == (
        "(sum by (model) (increase(otel_llm_cost_usd_total[1d]))) / "
        "((sum by (model) (increase(otel_llm_cost_usd_total[7d] offset 1d))) > 0) "
        f"* {seen} * 0.0729166666667"
    )
    assert alert["expr"] == f"otel_llm:R > 1.5 and on (model) {seen} >= 48"


@pytest.mark.parametrize(
    ("threshold", "compared"), [(5, "5.12"), (10, "10.24"), (3, "3"), (0, "0"), (0.3, "0.3")]
)
def test_a_limit_close_to_a_buckets_bound_is_that_bound(threshold: float, compared: str):
    (_, alert) = _exported(signal="duration_p95", threshold=threshold)

    assert alert["expr"] == f"otel_llm:R > {compared}"


@pytest.mark.parametrize(
    ("more", "written"),
    [
        ({"signal": "tokens", "threshold": 5}, "{{$value | humanize }}"),
        (
            {"signal": "mean_cost", "threshold": 0.05},
            '{{ if lt $value 1.0 }}{{ $value | printf "%.4g" }}'
            "{{ else }}{{ $value | humanize }}{{ end }}",
        ),
    ],
)
def test_small_numbers_are_written_without_a_prefix(more: dict[str, Any], written: str):
    words = {"summary": "{{$value | humanize }} or {{ $value }} of {{ $labels.model }}"}
    (_, alert) = _exported(**more, annotations=words)

    said = f'{written} or {{{{ $value | printf "%.6g" }}}} of {{{{ $labels.model }}}}'
    assert alert["annotations"] == {"summary": said}


def test_rules_without_a_runbook_of_their_own_are_given_one():
    own = {"runbook_url": "https://wiki.example.com/mine"}
    rules = [Rule("A", "cost", 1), Rule("B", "cost", 1, annotations=own)]

    text = export(rules, runbook_url="https://wiki.example.com/alerts#{rule}").text

    (group,) = yaml.safe_load(text)["groups"]
    told = {r["alert"]: r["annotations"] for r in group["rules"] if "alert" in r}
    assert told == {"A": {"runbook_url": "https://wiki.example.com/alerts#A"}, "B": own}
