"""Exported rules in the real promtool: they are accepted, and fire when ours fire."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_llm.alerting import AlertingConfig, AlertService
from otel_llm.alerting.alert import Alert
from otel_llm.alerting.budgets import BudgetConfig
from otel_llm.alerting.config import default_rules
from otel_llm.alerting.prometheus import export
from otel_llm.alerting.rule import Rule
from otel_llm.collector.measures.alerts import alert_measures
from otel_llm.collector.measures.samples import Family
from otel_llm.collector.observers.totals import Totals
from otel_llm.genai import Call
from tests.stats.calls import call

from .world import START, Clock, World

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not on PATH"),
]

STEP = 15.0
PHASE = 10 * 60.0
SETTLING = 75.0
"""Prometheus sees a change a scrape and an extrapolation later; so close to it nothing is said."""

RULES = (
    Rule("Errors", "error_rate", 0.1, group_by=("model",), for_=60, min_calls=10),
    Rule("ErrorsOfOne", "error_rate", 0.1, filters={"model": "gpt-*"}, keep_firing=120),
    Rule("Slow", "duration_p95", 5, group_by=("model",), min_calls=10),
    Rule("SlowStart", "time_to_first_chunk_p50", 2, group_by=("service", "model")),
    Rule("MeanSlow", "mean_duration", 4, group_by=("model",)),
    Rule("Dear", "cost", 4, severity="critical"),
    Rule("DearCalls", "mean_cost", 0.05, group_by=("model",)),
    Rule("Talkative", "mean_tokens", 4000, group_by=("model",)),
    Rule("Writing", "mean_output_tokens", 2500),
    Rule("Busy", "calls", 70, group_by=("model",)),
    Rule("Quiet", "calls", 170, condition="lt"),
    Rule("Unpriced", "unpriced_share", 0.3, group_by=("model",)),
    Rule("Refusing", "refusal_rate", 0.3),
    Rule("Truncating", "flag_rate.truncated", 0.3, group_by=("model",)),
    Rule("Sticky", "error_rate", 0.3, group_by=("model",), resolve_threshold=0.1),
    Rule("Worse", "duration_p95", 3, window=300, baseline=600, group_by=("model",)),
    Rule("MoreThanUsual", "tokens", 2, window=300, baseline=600),
)

WHEN_CALLS_STOP = (
    Rule("GroupQuiet", "calls", 30, condition="lt", group_by=("model",)),
    Rule("NoErrors", "errors", 1, condition="lt"),
    Rule("Cheap", "cost", 0.5, condition="lt"),
    Rule("CheapModel", "cost", 0.5, condition="lt", group_by=("model",)),
    Rule("Failing", "error_rate", 0, condition="ne", group_by=("model",)),
    Rule("NoCosts", "cost", 1000, no_data="alert"),
    Rule("NoCalls", "calls", 1e6, no_data="alert"),
    Rule("NoTimes", "duration_p95", 1e6, no_data="alert"),
    Rule("NoMean", "mean_duration", 1e6, no_data="alert", for_=60),
    Rule("NoFlags", "flag_rate.truncated", 2, no_data="alert"),
    Rule("Elsewhere", "error_rate", 0.1, filters={"model": "nothing"}, no_data="alert"),
    Rule("Other", "error_rate", 0.1, filters={"model": "!gpt-4o|x"}),
    Rule("Few", "calls", 40, condition="lt", resolve_threshold=80, group_by=("model",)),
)
HOSTILE = [
    *('a"b', "a\\b", "a\nb", "a\tb", "café→*", "😀*", "a→b|*", "(a*", "[a]?", "a.b+c*", "^a$|*"),
    *("{{ $value }}", "{{", "{{ evil", "}}", "$x*", "\u202e*", "", "!", "|", "!a||b*", "%s", "`*`"),
]


def _promtool(*arguments: object) -> None:
    done = subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]


def test_the_default_rules_are_accepted(tmp_path: Path):
    file = tmp_path / "rules.yaml"
    file.write_text(export(default_rules().rules).text)

    _promtool("check", "rules", file)


def test_whatever_stands_in_filters_labels_and_texts_is_accepted(tmp_path: Path):
    rules = [
        Rule(
            f"R{n}",
            "error_rate",
            0.1,
            filters={"model": text},
            labels={"team": text},
            annotations={"summary": text.replace("{{", "{ {")},
        )
        for n, text in enumerate(HOSTILE)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(export(rules).text)

    _promtool("check", "rules", file)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_both_fire_at_the_same_times_when_calls_stop(tmp_path: Path, seed: int):
    series, states = _live(random.Random(seed), WHEN_CALLS_STOP, counts=(5, 2, 0, 0))

    checked = _compared(tmp_path, WHEN_CALLS_STOP, series, states)

    fired = {name for at in states for name, _ in at}
    assert checked > 400
    assert len(fired) >= len(WHEN_CALLS_STOP) - 2


@pytest.mark.parametrize("seed", range(4))
def test_both_fire_at_the_same_times_over_the_same_calls(tmp_path: Path, seed: int):
    series, states = _live(random.Random(seed))

    checked = _compared(tmp_path, RULES, series, states)

    fired = {name for at in states for name, _ in at}
    assert checked > 500
    assert len(fired) >= len(RULES) // 2


def test_both_fire_at_the_same_times_over_the_same_budgets(tmp_path: Path):
    ours = [rule for rule in default_rules().rules if rule.signal.startswith("budget_")]
    rules = [replace(rule, annotations={}) for rule in ours]  # when they fire is compared
    series, states = _spend(random.Random(1))

    checked = _compared(tmp_path, rules, series, states)

    fired = {name for at in states for name, _ in at}
    assert checked > 500
    assert fired >= {"BudgetNearlySpent", "BudgetExceeded", "BudgetSpike", "BudgetBurnsFast"}


Firing = frozenset[tuple[str, tuple[tuple[str, str], ...]]]


def _compared(
    tmp_path: Path, rules: Sequence[Rule], series: dict[str, list[str]], states: list[Firing]
) -> int:
    """Have promtool evaluate ``rules`` over ``series``; return at how many times it agreed."""
    exported = export(rules)
    assert not exported.left_out
    (tmp_path / "rules.yaml").write_text(exported.text)
    test = {
        "interval": f"{STEP:.0f}s",
        "input_series": [
            {"series": name, "values": " ".join(values)} for name, values in series.items()
        ],
        "alert_rule_test": list(_expectations(rules, states)),
    }
    (tmp_path / "test.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]})
    )
    _promtool("test", "rules", tmp_path / "test.yaml")
    return len(test["alert_rule_test"])


def _spend(chance: random.Random) -> tuple[dict[str, list[str]], list[Firing]]:
    """Spend more and less for some hours; return what a scraper and what our engine saw."""
    clock = Clock()
    budgets = (
        BudgetConfig("day", 60, "day", group_by=("team",)),
        BudgetConfig("month", 31 * 24),
    )
    service = AlertService(AlertingConfig(budgets=budgets, notifiers={}), clock=clock)
    measure = alert_measures(service)
    series: dict[str, list[str]] = defaultdict(list)
    states: list[Firing] = []
    per_step = 0.0
    for step in range(int(18 * PHASE / STEP)):
        if step % int(PHASE / STEP) == 0:
            per_step = chance.choice([0.0, 0.01, 0.5])
        clock.now += STEP
        teams = ("search", "ads") if step % 2 else ("search",)
        service.observe([call(clock(), cost=per_step, team=team) for team in teams])
        found = [a for a in service.evaluate() if a.rule.startswith("Budget")]
        states.append(_firing(found))
        _scrape(measure(), series, step, only="otel_llm_budget")
    service.stop()
    return series, states


def _firing(alerts: Iterable[Alert]) -> Firing:
    return frozenset(
        (a.rule, tuple(sorted(a.labels.items()))) for a in alerts if a.state == "firing"
    )


def _live(
    chance: random.Random, rules: Sequence[Rule] = RULES, counts: Sequence[int] = ()
) -> tuple[dict[str, list[str]], list[Firing]]:
    """Live through phases of good and bad times, with one of ``counts`` of calls at a time; return
    what a scraper and what our engine saw."""
    world, totals = World(*rules), Totals()
    series: dict[str, list[str]] = defaultdict(list)
    states: list[Firing] = []
    moods: dict[str, dict[str, Any]] = {}
    for step in range(int(6 * PHASE / STEP)):
        if step % int(PHASE / STEP) == 0:
            moods = {model: _mood(chance) for model in ("gpt-4o", "claude")}
            for mood in moods.values() if counts else ():
                mood["count"] = chance.choice(counts)
        world.after(STEP)
        calls = [c for model, mood in moods.items() for c in _calls(model, mood, world.clock())]
        world.engine.observe(calls)
        totals.observe(calls)
        states.append(_firing(world.engine.evaluate()))
        _scrape(totals.families(), series, step)
    return series, states


def _mood(chance: random.Random) -> dict[str, Any]:
    """How a model does for a while: every third thing is far off, never close to a limit."""

    def off(usual: Any, bad: Any) -> Any:
        return bad if chance.random() < 0.33 else usual

    return {
        "count": off(5, 2),
        "failing": chance.choice([0, 0, 1, 2]),
        "took_s": off(1.0, 12.0),
        "first": off(0.1, 5.0),
        "cost": off(0.01, 0.2),
        "priced": off(True, False),
        "tokens": off((100, 50), (9000, 6000)),
        "refused": off(False, True),
        "flags": off((), ("truncated",)),
    }


def _calls(model: str, mood: dict[str, Any], now: float) -> Iterator[Call]:
    for i in range(mood["count"]):
        yield call(
            now,
            took_s=mood["took_s"],
            tokens=mood["tokens"],
            cost=mood["cost"] if mood["priced"] else None,
            response_model=model,
            service="search",
            time_to_first_chunk_s=mood["first"],
            error_type="timeout" if i < mood["failing"] else None,
            finish_reasons=("content_filter" if mood["refused"] else "stop",),
            flags=mood["flags"],
        )


def _scrape(
    families: Iterable[Family], series: dict[str, list[str]], step: int, only: str = ""
) -> None:
    for family in families:
        for sample in family.samples if family.name.startswith(only) else ():
            labels = ",".join(f'{k}="{v}"' for k, v in sample.labels.items() if v)
            values = series[f"{family.name}{sample.suffix}{{{labels}}}"]
            values += ["_"] * (step + 1 - len(values))
            values[step:] = [repr(sample.value)]


def _expectations(rules: Sequence[Rule], states: list[Firing]) -> Iterator[dict[str, Any]]:
    """What promtool is to find, wherever our own state of a rule has been the same for a while."""
    around = int(SETTLING / STEP)
    begin = int(16 * 60 / STEP)  # the longest rule looks back so far
    for rule in rules:
        mine = [frozenset(one for one in at if one[0] == rule.name) for at in states]
        for step in range(begin, len(states) - around, 4):
            if len(set(mine[step - around : step + around + 1])) == 1:
                yield {
                    "eval_time": f"{int(step * STEP)}s",
                    "alertname": rule.name,
                    "exp_alerts": [
                        {"exp_labels": {k: v for k, v in labels if k != "alertname"}}
                        for _, labels in sorted(mine[step])
                    ],
                }


def test_start_is_a_scrape():
    assert START % STEP == 0
