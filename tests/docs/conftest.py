"""What an operator would have set before starting from a configuration that names secrets."""

from __future__ import annotations

import pytest

SECRETS = {
    "ALERTS_WEBHOOK_SECRET": "a secret",
    "ALERTS_WEBHOOK_URL": "https://hooks.example/alerts",
    "DD_API_KEY": "a key",
    "GRAFANA_CLOUD_AUTHORIZATION": "Basic dXNlcjp0b2tlbg==",
    "GRAFANA_CLOUD_ENDPOINT": "https://otlp-gateway.example/otlp",
    "LANGFUSE_AUTHORIZATION": "Basic cHVibGljOnNlY3JldA==",
    "PAGERDUTY_ROUTING_KEY": "R0" * 16,
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/x",
    "SMTP_HOST": "smtp.example",
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
