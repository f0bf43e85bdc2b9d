"""The command line: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from otel_llm.cli import main
from otel_llm.testing import OtlpSink

SPAN = {
    "resourceSpans": [
        {
            "scopeSpans": [
                {"spans": [{"traceId": "0a" * 16, "spanId": "0b" * 8, "name": "chat gpt-4o"}]}
            ]
        }
    ]
}


def test_asking_nothing_shows_what_can_be_asked(capsys):
    assert main([]) == 2
    assert "collector" in capsys.readouterr().out


def test_the_version_loads_nothing_of_the_collector():
    code = (
        "import sys; from otel_llm.cli import parser; parser(); "
        "print([m for m in ('yaml', 'pydantic', 'duckdb', 'grpc', 'fastapi') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_missing_package_says_which_extra_to_install():
    code = (
        "import sys; sys.modules['genai_prices'] = None; "
        "from otel_llm.cli import main; exit(main(['prices', 'show', 'gpt-4o']))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "pip install 'otel-llm[collector]'" in done.stderr


def test_prices_show_names_rates_and_their_source(capsys):
    assert main(["prices", "show", "gpt-4o", "--provider", "openai"]) == 0

    out = capsys.readouterr().out
    assert "openai/gpt-4o  standard  input $2.5  output $10  cache_read $1.25" in out
    assert "genai-prices" in out


def test_a_model_without_a_price_is_no_success(capsys):
    assert main(["prices", "show", "no-such-model", "--provider", "openai"]) == 1
    assert "no price" in capsys.readouterr().err


def test_prices_check_adds_up(capsys):
    asked = ["gpt-4o", "--input", "1000", "--output", "100", "--cache-read", "500"]

    assert main(["prices", "check", *asked, "--provider", "openai"]) == 0
    assert capsys.readouterr().out.split() == [
        *("input", "$0.00125000"),
        *("output", "$0.00100000"),
        *("cache_read", "$0.00062500"),
        *("total", "$0.00287500"),
    ]


def test_rules_are_checked_with_every_mistake(tmp_path, capsys):
    file = tmp_path / "rules.yaml"
    file.write_text("rules: [{name: A, signal: cots, threshold: 1, windw: 5m}]")

    assert main(["rules", "check", str(file)]) == 2
    assert f"{file}: rules[0].windw: unknown setting; did you mean 'window'?" in (
        capsys.readouterr().err.splitlines()
    )


def test_rules_test_fails_when_an_expectation_does(tmp_path, capsys):
    file = tmp_path / "tests.yaml"
    call = {"from": "0s", "to": "5m", "model": "m", "duration": "12s"}
    expected = {"eval_time": "5m", "alertname": "LatencyCritical", "exp_alerts": []}
    file.write_text(yaml.safe_dump({"tests": [{"calls": [call], "alert_rule_test": [expected]}]}))

    assert main(["rules", "test", str(file)]) == 1
    assert "0 of 1 hold" in capsys.readouterr().out


def test_the_built_in_rules_are_exported_for_prometheus(capsys):
    assert main(["rules", "export"]) == 0

    groups = yaml.safe_load(capsys.readouterr().out)["groups"]
    assert {"LatencyHigh", "ErrorsCritical"} <= {r.get("alert") for r in groups[0]["rules"]}


@pytest.mark.parametrize(("named", "code"), [("otlphttp", 0), ("jaeger", 2)])
def test_a_dead_letter_is_sent_again_to_the_named_exporter(tmp_path, capsys, named, code):
    file, config = tmp_path / "dead.jsonl", tmp_path / "c.yaml"
    file.write_text(json.dumps(SPAN) + "\n")
    with OtlpSink() as sink:
        pipeline = {"receivers": ["otlp"], "exporters": ["otlphttp"]}
        config.write_text(
            yaml.safe_dump(
                {
                    "receivers": {"otlp": None},
                    "exporters": {"otlphttp": {"endpoint": sink.http_endpoint}},
                    "service": {"pipelines": {"traces": pipeline}},
                }
            )
        )

        assert main(["replay", str(file), "--to", named, "--config", str(config)]) == code
        assert [span.name for span in sink.spans()] == (["chat gpt-4o"] if code == 0 else [])
    shown = capsys.readouterr()
    assert "1 items sent to otlphttp" in shown.out or "no exporter" in shown.err
