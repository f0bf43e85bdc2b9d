"""Secrets planted everywhere a collector gets them, and none in what it says."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import httpx2
import yaml
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from otel_llm.testing.provider import Answer, FakeProvider
from tests.collector.certificates import certificates
from tests.e2e.running import Running, collector
from tests.e2e.test_collector import send

PATIENCE_S = 120
PROTOBUF = {"content-type": "application/x-protobuf"}
KEY, TOKEN, GUESS, PROMPT, HOOK = (
    f"planted-{name}-8c1f" for name in ("key", "token", "guess", "prompt", "hook")
)


def test_no_secret_is_in_a_log_an_error_or_a_page(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTED_KEY", KEY)
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN} team\n")
    made = certificates(tmp_path)
    # A destination that quotes what it was sent, as some do, and a hook that refuses.
    with (
        FakeProvider(
            {"": lambda r: Answer((str(r.headers).encode() + r.body,), status=400)}
        ) as far,
        collector(
            tmp_path,
            {"otlphttp": {"endpoint": far.url, "headers": {"api-key": "${env:PLANTED_KEY}"}}},
            alerting={
                "default_rules": False,
                "evaluation_interval": "1s",
                "rules": [{"name": "Any", "signal": "calls", "threshold": 0, "window": "1h"}],
                "notifiers": {"webhook": {"url": f"{far.url}/{HOOK}"}},
                "group_wait": "0s",
            },
            service={
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlphttp"]}},
                "telemetry": {"logs": {"level": "debug"}},
            },
        ) as running,
    ):
        _ask_for_tokens(running, tmp_path, tokens)
        said = _provoke(running)
        _reload_a_bad_file(running, tmp_path, made.server_key)
        running.wait_for(lambda r: "webhook" in r.log.read_text(), PATIENCE_S)
        said += [
            running.text(path)
            for path in ("/status", "/metrics", "/ready", "/v1/alerts", "/v1/notifiers", "/config")
        ]
        said.append(running.log.read_text())

    everything = "\n".join(said)
    assert "the configuration stays as it was" in everything
    assert '"headers":"(hidden)"' in everything
    for secret in (KEY, TOKEN, GUESS, PROMPT, HOOK, made.server_key.read_text()[40:80]):
        assert secret not in everything


def _ask_for_tokens(running: Running, directory: Path, tokens: Path) -> None:
    _rewrite(
        running,
        directory,
        lambda s: s["receivers"]["otlp"].update(auth={"token_file": str(tokens)}),
        "the configuration was read again",
    )


def _provoke(running: Running) -> list[str]:
    """Send with the right token, a wrong one, and garbage; return what was answered."""
    url = running.http_endpoint + "/v1/traces"
    send(
        OTLPSpanExporter(url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE_S),
        **{"gen_ai.input.messages": PROMPT},
    )
    answers = [
        httpx2.post(
            url,
            content=body,
            headers={**PROTOBUF, "authorization": f"Bearer {token}"},
            timeout=PATIENCE_S,
        )
        for body, token in ((b"", GUESS), (PROMPT.encode(), TOKEN), (b"\x0a\xff", TOKEN))
    ]
    assert [answer.status_code for answer in answers] == [401, 400, 400]
    running.wait_for(lambda r: "exporter_send_failed_spans_total{" in _metrics(r), PATIENCE_S)
    return [answer.text + str(answer.headers) for answer in answers]


def _metrics(running: Running) -> str:
    return running.text("/metrics")


def _reload_a_bad_file(running: Running, directory: Path, key: Path) -> None:
    """Mistakes next to secrets: a header that cannot be one, a token file that is a key."""
    _rewrite(
        running,
        directory,
        lambda s: s["exporters"]["otlphttp"]["headers"].update({"x": KEY + "\n"}),
        "the configuration stays as it was",
    )


def _rewrite(running: Running, directory: Path, change, answer: str) -> None:
    file = directory / "collector.yaml"
    settings = yaml.safe_load(file.read_text())
    change(settings)
    before = running.log.read_text().count(answer)
    file.write_text(yaml.safe_dump(settings))
    running.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + PATIENCE_S
    while running.log.read_text().count(answer) == before:
        assert time.monotonic() < until, running.log.read_text()
        time.sleep(0.02)
