"""The command line: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

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


def test_prices_check_says_where_the_rates_are_from_and_what_is_in_doubt(capsys):
    asked = ["gpt-4o", "--input", "1000", "--tier", "flex", "--provider", "openai"]

    assert main(["prices", "check", *asked]) == 0
    assert re.fullmatch(
        r"genai-prices, openai/gpt-4o, as of \d{4}-\d\d-\d\d, standard \(unpriced_tier\)\n",
        capsys.readouterr().err,
    )


def test_every_kind_of_token_can_be_billed(capsys):
    asked = ["claude-sonnet-4-5", "--provider", "anthropic", "--input", "10_000"]
    split = ["--cache-write", "8,000", "--cache-write-1h", "3000", "--reasoning", "5"]

    assert main(["prices", "check", *asked, *split, "--output", "10"]) == 0
    assert "cache_write  $0.03675000" in capsys.readouterr().out


def test_own_prices_go_before_the_list(tmp_path, capsys):
    file = tmp_path / "collector.yaml"
    file.write_text(
        "receivers: {otlp: {}}\nexporters: {debug: {}}\n"
        "processors: {cost: {prices: [{model: gpt-4o, input: 1, output: 2}]}}\n"
        "service:\n"
        "  pipelines:\n"
        "    traces: {receivers: [otlp], processors: [cost], exporters: [debug]}\n"
    )

    assert main(["prices", "show", "gpt-4o", "--config", str(file)]) == 0
    assert "input $1  output $2\n    custom, gpt-4o\n" in capsys.readouterr().out
    assert main(["prices", "check", "gpt-4o", "--input", "9", "--config", "/none.yaml"]) == 2
    assert "/none.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "gpt-4o", "--day", "2024-13-01"], "invalid day value: '2024-13-01'"),
        (["check", "gpt-4o", "--input", "-3"], "invalid count value: '-3'"),
        (["check", "gpt-4o"], "--input"),
    ],
)
def test_what_prices_cannot_read_is_said(words: list[str], said: str, capsys):
    with pytest.raises(SystemExit) as left:
        main(["prices", *words])

    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_a_search_that_finds_nothing_says_so(capsys):
    assert main(["prices", "search", "no-such-model"]) == 1
    assert "no listed model has 'no-such-model' in its name" in capsys.readouterr().err


OPENAI = ["--provider", "openai"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["show", "gpt-99", "--provider", "openai"], "the provider and no such model"),
        (["show", "gpt-4o", "--provider", "acme"], "no such provider"),
        (["show", "whisper-1", "--provider", "openai"], "by something else than tokens"),
        (
            ["check", "text-embedding-3-small", "--input=1", "--output=1", *OPENAI],
            "no rate for out",
        ),
        (["show", "our-own-7b"], "where none is named, the model tells none"),
    ],
)
def test_why_there_is_no_price_is_said_in_words(words: list[str], reason: str, capsys):
    assert main(["prices", *words]) == 1
    assert reason in capsys.readouterr().err


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


def test_exported_rules_lead_to_the_runbook_that_is_named(capsys):
    assert main(["rules", "export", "--runbook-url", "https://wiki.example.com/a#{rule}"]) == 0

    (group,) = yaml.safe_load(capsys.readouterr().out)["groups"]
    led_to = {r["alert"]: r["annotations"]["runbook_url"] for r in group["rules"] if "alert" in r}
    assert led_to == {name: f"https://wiki.example.com/a#{name}" for name in led_to}
    assert "QueueOld" in led_to


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


def test_the_doctor_says_why_opentelemetry_itself_cannot_be_imported():
    done = subprocess.run(
        [Path(sys.executable).with_name("otel-llm"), "doctor"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OTEL_PROPAGATORS": "pigeon"},
    )

    assert (done.returncode, done.stderr) == (1, "")
    assert "Propagator pigeon not found" in done.stdout
    assert "OTEL_PROPAGATORS" in done.stdout.splitlines()[1]
