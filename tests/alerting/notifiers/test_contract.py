"""What every notifier must hold, whatever its target: errors by kind, nothing secret told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from otel_llm.alerting.errors import Rejected, TryLater
from otel_llm.alerting.notifiers import TABLE, settings, try_out

from ..world import START, Target, alert, notification, serving

SECRET = "s3cr3t" * 5 + "xx"

BY_HTTP: dict[str, Callable[[str], dict[str, Any]]] = {
    "webhook": lambda url: {"url": f"{url}/{SECRET}", "secret": SECRET},
    "slack": lambda url: {"url": f"{url}/services/{SECRET}"},
    "slack_bot": lambda url: {"url": f"{url}/api", "token": SECRET, "channel": "C1"},
    "teams": lambda url: {"url": f"{url}/workflows/{SECRET}"},
    "pagerduty": lambda url: {"url": f"{url}/v2/enqueue", "routing_key": SECRET},
    "pagerduty_changes": lambda url: {
        "url": f"{url}/v2/change/enqueue",
        "routing_key": SECRET,
    },
    "alertmanager": lambda url: {"urls": [url], "headers": {"Authorization": SECRET}},
}
each = pytest.mark.parametrize("kind", BY_HTTP)


def _notifier(kind: str, url: str):
    return TABLE[kind].notifier(settings(kind, BY_HTTP[kind](url)))


def _welcome(kind: str) -> list[tuple[int, dict[str, str], bytes]]:
    """What the target says when it accepts, where that is not ``ok``."""
    return [(200, {}, b'{"ok":true,"channel":"C1","ts":"1"}')] if kind == "slack_bot" else []


def test_every_kind_of_the_table_is_under_test():
    assert set(TABLE) - set(BY_HTTP) == {"console", "email", "apprise"}


@each
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_target_that_is_busy_is_to_be_tried_again_when_it_says(kind: str, status: int):
    with serving(Target(answers=[(status, {"Retry-After": "17"}, b"")])) as target:
        notifier = _notifier(kind, target.url)
        with pytest.raises(TryLater) as raised:
            notifier.send(notification())
        notifier.close()

    assert (str(raised.value), raised.value.after_s) == (f"answered {status}", 17.0)


@each
@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 413])
def test_a_target_that_refuses_is_not_to_be_tried_again(kind: str, status: int):
    with serving(Target(answers=[(status, {"Location": "/elsewhere"}, SECRET.encode())])) as target:
        notifier = _notifier(kind, target.url)
        with pytest.raises(Rejected, match=f"^answered {status}$"):
            notifier.send(notification())
        notifier.close()

    assert len(target.received) == 1


@each
def test_a_target_that_is_away_is_to_be_tried_again_and_no_secret_is_told(kind: str, caplog):
    with serving(Target()) as target:
        gone = target.url
    notifier = _notifier(kind, gone)

    with pytest.raises(TryLater) as raised:
        notifier.send(notification())
    notifier.close()

    assert str(raised.value) == "cannot connect: Connection refused"
    assert SECRET not in caplog.text


@each
def test_settings_do_not_show_their_secrets(kind: str):
    assert SECRET not in repr(settings(kind, BY_HTTP[kind]("http://127.0.0.1")))


@each
def test_a_retry_date_is_understood(kind: str):
    dates = {
        "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "Retry-After": "Thu, 01 Jan 2026 00:01:30 GMT",
    }
    with serving(Target(answers=[(429, dates, b"")])) as target:
        notifier = _notifier(kind, target.url)
        with pytest.raises(TryLater) as raised:
            notifier.send(notification())
        notifier.close()

    assert raised.value.after_s == 90.0


@each
def test_odd_labels_arrive_as_they_are_and_the_body_is_json(kind: str):
    odd = '<!channel> *bold* "quoted" \u202e & 🔥 |'
    with serving(Target(answers=_welcome(kind))) as target:
        notifier = _notifier(kind, target.url)
        notifier.send(notification(alert(labels={"user": odd}), labels={"user": odd}))
        notifier.close()

    body = json.loads(target.received[0].body)
    text = json.dumps(body, ensure_ascii=False)
    assert "🔥" in text
    assert target.received[0].headers["Content-Type"] == "application/json"
    assert target.received[0].headers["Host"] == target.url.removeprefix("http://")


@each
def test_a_trial_is_an_alert_and_its_end(kind: str):
    with serving(Target(answers=_welcome(kind) * 3)) as target:
        try_out(f"{kind}/mine", BY_HTTP[kind](target.url))

    assert len(target.received) >= (1 if kind == "pagerduty_changes" else 2)
    assert "trial" in target.received[0].body.decode()


@each
def test_five_thousand_alerts_fit(kind: str):
    alerts = [alert(labels={"user": f"u{i}" * 40}, at=START + i) for i in range(5000)]
    with serving(Target(answers=_welcome(kind))) as target:
        notifier = _notifier(kind, target.url)
        notifier.send(notification(*alerts))
        notifier.close()

    assert max(len(request.body) for request in target.received) < 512_000
