"""``otel-llm notify test``: a trial alert to a target of the configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otel_llm.cli import main
from tests.alerting.world import Target, serving


def _file(tmp_path: Path, url: str) -> str:
    file = tmp_path / "collector.yaml"
    file.write_text(
        "receivers: {otlp: }\n"
        "service: {pipelines: {traces: {receivers: [otlp]}}}\n"
        f"alerting: {{notifiers: {{webhook/team: {{url: '{url}/s3cret'}}, console: }}}}\n"
    )
    return str(file)


def test_a_target_gets_a_trial_alert_and_its_end(tmp_path: Path, capsys):
    with serving(Target()) as target:
        file = _file(tmp_path, target.url)
        code = main(["notify", "test", "webhook/team", "--config", file])

    assert (code, capsys.readouterr().out) == (0, "webhook/team: delivered\n")
    assert [json.loads(r.body)["event"] for r in target.received] == ["firing", "resolved"]


@pytest.mark.parametrize(("status", "reason"), [(403, "answered 403"), (503, "answered 503")])
def test_why_it_was_not_delivered_is_said_without_a_secret(
    tmp_path: Path, capsys, status: int, reason: str
):
    with serving(Target(answers=[(status, {}, b"s3cret")])) as target:
        file = _file(tmp_path, target.url)
        code = main(["notify", "test", "webhook/team", "--config", file])

    assert (code, capsys.readouterr().err) == (1, f"webhook/team: not delivered: {reason}\n")


def test_a_target_that_is_not_configured_is_named_with_those_that_are(tmp_path: Path, capsys):
    code = main(["notify", "test", "slack", "--config", _file(tmp_path, "http://h")])

    assert (code, capsys.readouterr().err) == (
        2,
        "no notifier 'slack'; there are: webhook/team, console\n",
    )


def test_a_file_with_mistakes_is_told_as_such(tmp_path: Path, capsys):
    file = tmp_path / "collector.yaml"
    file.write_text("alertin: {}\n")

    assert main(["notify", "test", "console", "--config", str(file)]) == 2
    assert "alertin: unknown setting" in capsys.readouterr().err
