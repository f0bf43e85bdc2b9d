"""Unit tests of rules: stories on a virtual clock, in files beside the rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_llm.alerting.rule_tests import run
from otel_llm.config import ConfigError

RULES = """
rules:
  - name: Slow
    signal: duration_p95
    threshold: 5
    window: 2m
    for: 1m
    group_by: [model]
    severity: critical
    annotations: {summary: "{{ $labels.model }} takes {{ $value | humanizeDuration }}"}
  - {name: Lost, signal: lost_spans, threshold: 0}
"""

STORY = """
rule_files: [rules.yaml]
tests:
  - name: slow answers page
    calls:
      - {from: 0s, to: 5m, every: 15s, model: fast, duration: 1s}
      - {from: 1m, to: 3m, every: 15s, model: slow, duration: 10s}
    readings:
      - {signal: lost_spans, labels: {exporter: jaeger}, values: {0s: 0, 2m: 7}}
    alert_rule_test:
      - {eval_time: 90s, alertname: Slow}
      - eval_time: 2m
        alertname: Slow
        exp_alerts:
          - exp_labels: {model: slow}
            exp_annotations: {summary: "slow takes 10s"}
      - {eval_time: 1m, alertname: Lost}
      - {eval_time: 2m, alertname: Lost, exp_alerts: [{exp_labels: {exporter: jaeger}}]}
      - {eval_time: 6m, alertname: Slow}
"""


def _file(folder: Path, story: str = STORY) -> Path:
    (folder / "rules.yaml").write_text(RULES)
    (folder / "story.yaml").write_text(story)
    return folder / "story.yaml"


def test_a_story_that_holds_has_no_failures(tmp_path: Path):
    assert run(_file(tmp_path)) == (5, [])


def test_what_does_not_hold_is_told_with_what_was_found(tmp_path: Path):
    story = STORY.replace("exp_labels: {model: slow}", "exp_labels: {model: fast}")

    count, failures = run(_file(tmp_path, story))

    assert count == 5
    assert [str(failure) for failure in failures] == [
        "slow answers page: Slow at 120s\n"
        "  expected: {model=fast} {'summary': 'slow takes 10s'}\n"
        "  got:      {model=slow} {'summary': 'slow takes 10s'}"
    ]


def test_an_alert_that_nobody_expected_is_a_failure(tmp_path: Path):
    story = STORY.replace("{eval_time: 6m, alertname: Slow}", "{eval_time: 3m, alertname: Slow}")

    _, (failure,) = run(_file(tmp_path, story))

    assert (failure.expected, failure.got) == ((), ("{model=slow}",))


def test_without_rule_files_the_built_in_rules_are_tested(tmp_path: Path):
    story = """
    tests:
      - calls: [{to: 5m, count: 3, model: gpt-4o, error_type: timeout}]
        alert_rule_test:
          - {eval_time: 5m, alertname: ErrorsCritical, exp_alerts: [{exp_labels: {model: gpt-4o,
             about: errors}}]}
    """

    assert run(_file(tmp_path, story)) == (1, [])


def test_mistakes_in_a_story_are_named(tmp_path: Path):
    story = STORY.replace("alertname", "alert").replace("every: 15s", "every: 0s")

    with pytest.raises(ConfigError) as raised:
        run(_file(tmp_path, story))

    problems = [str(problem) for problem in raised.value.problems]
    assert "tests[0].calls[0].every: must be more than 0s" in problems
    assert "tests[0].alert_rule_test[0].alertname: required and missing" in problems
