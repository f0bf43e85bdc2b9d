"""The built-in rules in the real promtool, over series as ``/metrics`` writes them: each fires with
words for people, none fires over what is usual, and each ends."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_llm.alerting.config import default_rules
from otel_llm.alerting.prometheus import export
from tests.docs.dashboards import DEPLOY

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not on PATH"),
]

OF = {"service": "shop", "model": "gpt-4o"}
CALLS = 'service="shop",provider="openai",model="gpt-4o",operation="chat"'
SCRAPED = {"instance": "collector:4319", "job": "otel-llm"}
AT = 'instance="collector:4319",job="otel-llm"'

COST, PRICED = f"otel_llm_cost_usd_total{{{CALLS}}}", f"otel_llm_priced_calls_total{{{CALLS}}}"
COUNTED = f"otel_llm_counted_calls_total{{{CALLS}}}"
ALL, FAILED = f"otel_llm_calls_total{{{CALLS}}}", f'otel_llm_errors_total{{{CALLS},error_type="t"}}'


def _durations(*times: tuple[int, float]) -> dict[str, str]:
    """Ten calls at each of a number of times, that took so many seconds."""
    name = "otel_llm_call_duration_seconds"
    series: dict[str, str] = {}
    for bound in (1.28, 2.56, 5.12, 10.24, 20.48, float("inf")):
        total, values = 0, list[str]()
        for count, took_s in times:
            step = 10 if took_s <= bound else 0
            values.append(f"{total}+{step}x{count - 1}")
            total += step * count
        le = "+Inf" if bound == float("inf") else f"{bound:g}"
        series[f'{name}_bucket{{{CALLS},le="{le}"}}'] = " ".join(values)
    series[f"{name}_count{{{CALLS}}}"] = series[f'{name}_bucket{{{CALLS},le="+Inf"}}']
    return series


class Case:
    """Series, and when which alert of them fires with which summary; nothing at other times."""

    def __init__(
        self,
        rule: str,
        series: Mapping[str, str],
        fires: Mapping[str, str],
        quiet: Sequence[str],
        labels: Mapping[str, str],
        *,
        interval: str = "15s",
    ) -> None:
        self.rule, self.series, self.fires, self.quiet = rule, series, fires, quiet
        self.labels, self.interval = labels, interval

    def tests(self, rule: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        expected = [(at, [self._alert(rule, summary)]) for at, summary in self.fires.items()]
        nothing: list[tuple[str, list[Any]]] = [(at, []) for at in self.quiet]
        for at, alerts in (*expected, *nothing):
            yield {"eval_time": at, "alertname": self.rule, "exp_alerts": alerts}

    def _alert(self, rule: Mapping[str, Any], summary: str) -> dict[str, Any]:
        labels = {**rule["labels"], **self.labels}
        return {"exp_labels": labels, "exp_annotations": {"summary": summary}}


CASES = (
    Case(
        "LatencyCritical",
        _durations((40, 1), (40, 6), (40, 12), (80, 1)),
        {"29m": "99 % of calls to gpt-4o took up to 20.38s (limit 10s)"},
        ("9m", "19m", "45m"),
        OF,
    ),
    Case(
        "LatencyAboveBaseline",
        _durations((24 * 15 + 20, 1), (24, 4), (60, 1)),
        {"26h4m": "p95 duration of gpt-4o is 4.025 times that of the day before"},
        ("1h", "2h", "12h", "25h", "29h"),
        OF,
        interval="4m",
    ),
    Case(
        "LatencyAboveBaseline",  # young: half a day of before is not known
        _durations((60, 1), (60, 4)),
        {},
        ("1h", "4h4m", "4h20m", "5h"),
        OF,
        interval="4m",
    ),
    Case(
        "CostAboveBaseline",  # nothing changes, while Prometheus gets to know the week
        {COST: "0+1x3000", PRICED: "0+10x3000"},
        {},
        ("2h", "20h", "25h", "26h", "30h", "2d", "3d", "4d", "108h", "109h", "5d", "6d", "8d"),
        {},
        interval="4m",
    ),
    Case(
        "CostAboveBaseline",
        {COST: "0+1x2519 2520+2x360 3240+1x800", PRICED: "0+10x3679"},
        {"190h": "The last day cost 1.92 times the mean of the 7 days before"},
        ("7d", "9d12h"),
        {},
        interval="4m",
    ),
    Case(
        "CostAboveBaseline",  # what is not a share of anything is unknown
        {COST: "5x2700 5+1x20", PRICED: "5x2700 5+1x20"},
        {},
        ("179h", "181h", "181h16m"),
        {},
        interval="4m",
    ),
    Case(
        "UnpricedCalls",
        {
            f"otel_llm_unpriced_calls_total{{{CALLS}}}": "0x40 0+1x40 40x400",
            PRICED: "0+9x480",
            ALL: "0+10x480",
        },
        {"20m": "5.138% of calls have no known price: costs are too low"},
        ("9m", "100m"),
        {},
    ),
    Case(
        "TokensHigh",
        {
            f'otel_llm_tokens_total{{{CALLS},type="input"}}': "0+4500x80 360000+100x160",
            f'otel_llm_tokens_total{{{CALLS},type="cache_read"}}': "0+4500x240",
            COUNTED: "0+1x240",
        },
        {"20m": "Calls to gpt-4o use 4.5k tokens on average (limit 4,000)"},
        ("1m", "55m"),
        OF,
    ),
    Case(
        "QualityLow",
        {
            f"otel_llm_quality_score_sum{{{CALLS}}}": "0+0.9x80 72+0.3x240 144+0.9x480",
            f"otel_llm_quality_score_count{{{CALLS}}}": "0+1x800",
        },
        {"79m": "Quality of gpt-4o is 0.3088 on average (limit 0.75)"},
        ("20m", "3h"),
        OF,
    ),
    Case(
        "BudgetExceeded",
        {f'otel_llm_budget_use_ratio{{{AT},user="ann",budget="b",period="day"}}': "0+0.05x30 0x9"},
        {"6m": "120% of the budget b for this day is spent (limit 100%)"},
        ("4m", "9m"),
        {**SCRAPED, "user": "ann", "budget": "b", "period": "day"},
    ),
    Case(
        "BudgetBurnsSlow",
        {f'otel_llm_budget_burn_ratio{{{AT},budget="b",period="month",speed="slow"}}': "2x300 0x9"},
        {"61m": "The budget b is being spent 2 times too fast, over 3 days and over 6 hours"},
        ("59m", "76m"),
        {**SCRAPED, "budget": "b", "period": "month", "speed": "slow"},
    ),
    Case(
        "BudgetWillNotLast",
        {f'otel_llm_budget_forecast_ratio{{{AT},budget="b",period="month"}}': "1.25x300 1x9"},
        {"61m": "By the end of this month 125% of the budget b will be spent"},
        ("59m", "76m"),
        {**SCRAPED, "budget": "b", "period": "month"},
    ),
    Case(
        "BudgetSpike",
        {f'otel_llm_budget_hourly_ratio{{{AT},budget="b",period="day"}}': "0x9 2x9 1x9"},
        {"4m": "The last hour cost 2 times an eighth of the daily budget b"},
        ("2m", "6m"),
        {**SCRAPED, "budget": "b", "period": "day"},
    ),
    Case(
        "SpansLost",
        {
            "otelcol_exporter_send_failed_spans_total"
            f'{{{AT},exporter="otlp/tempo",data_type="traces"}}': "0x40 7x100",
            "otelcol_exporter_send_failed_log_records_total"
            f'{{{AT},exporter="otlp/tempo",data_type="logs"}}': "0x140",
        },
        {
            "15m": "7 items for otlp/tempo were given up within 15 minutes"
            " (in the dead letter, if there is one)"
        },
        ("9m", "26m"),
        {**SCRAPED, "exporter": "otlp/tempo", "data_type": "traces"},
    ),
    Case(
        "QueueOld",
        {
            "otel_llm_exporter_queue_oldest_seconds"
            f'{{{AT},exporter="otlp/tempo",data_type="traces"}}': "0+15x60 0x9",
        },
        {"12m": "otlp/tempo has not taken data for 12m 0s"},
        ("4m", "9m", "16m"),
        {**SCRAPED, "exporter": "otlp/tempo", "data_type": "traces"},
    ),
    Case(
        "PricesOld",
        {f"otel_llm_price_table_age_seconds{{{AT}}}": "2591000+15x200 3600x9"},
        {"30m": "The price table is 30d 0h 13m 20s old"},
        ("10m", "51m"),
        SCRAPED,
    ),
    Case(
        "NotificationsUndelivered",
        {f'otel_llm_notifications_undelivered{{{AT},notifier="email"}}': "0x9 2x30 0x9"},
        {"8m": "2 notifications to email were not delivered"},
        ("2m", "7m", "11m"),
        {**SCRAPED, "notifier": "email"},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c.rule}" for i, c in enumerate(CASES)])
def test_a_built_in_rule_fires_says_why_and_ends(tmp_path: Path, case: Case):
    rules = yaml.safe_load(export(default_rules().rules).text)
    (group,) = rules["groups"]
    group["rules"] = [r for r in group["rules"] if case.rule == _name(r)]
    (shipped,) = [rule for rule in group["rules"] if rule.get("alert") == case.rule]
    _promtool(tmp_path, rules, case, shipped)


@pytest.mark.parametrize(
    ("series", "labels", "says"),
    [
        ({f"up{{{AT}}}": "1x20 0x20 1x20"}, SCRAPED, "otel-llm at collector:4319 does not answer"),
        ({f"up{{{AT}}}": "1x20 stale _x40 1x20"}, {"job": "otel-llm"}, "otel-llm does not answer"),
    ],
    ids=["down", "gone"],
)
def test_a_collector_that_is_not_there_is_told(
    tmp_path: Path, series: dict[str, str], labels: dict[str, str], says: str
):
    rules = yaml.safe_load((DEPLOY / "prometheus/collector.rules.yml").read_text("utf-8"))
    fires = {"10m": f"{says}: no alert but this one is to be trusted"}
    end = "16m" if "0x20" in series[f"up{{{AT}}}"] else "19m"
    case = Case("CollectorDown", series, fires, ("4m", end), labels)

    _promtool(tmp_path, rules, case, rules["groups"][0]["rules"][0])


def _promtool(
    folder: Path, rules: Mapping[str, Any], case: Case, shipped: Mapping[str, Any]
) -> None:
    """Have promtool expect what the case says."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    test = {
        "interval": case.interval,
        "input_series": [{"series": name, "values": v} for name, v in case.series.items()],
        "alert_rule_test": list(case.tests(shipped)),
    }
    whole = {"rule_files": ["rules.yaml"], "evaluation_interval": case.interval, "tests": [test]}
    (folder / "test.yaml").write_text(yaml.safe_dump(whole))

    done = subprocess.run(
        ["promtool", "test", "rules", str(folder / "test.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]


def _name(rule: Mapping[str, Any]) -> str:
    return rule.get("alert") or rule["record"].removeprefix("otel_llm:")
